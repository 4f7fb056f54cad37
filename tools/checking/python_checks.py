"""Ruff, mypy and pyright on a Python project: its own programs and configuration where it has them."""

import json
import posixpath
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.workspace.paths import Files
from tools.checking.own_programs import Program, interpreter_of, program_of
from tools.diagnostics import Diagnostic, Range, Severity
from tools.programs import how_it_ended, output_text, run_program
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=240, memory_bytes=3 * 1024**3, output_bytes=32 * 1024**2)
LARGEST_CONFIGURATION = 1024**2
MYPY_OPTIONS = (
    "--output=json",
    "--show-error-end",
    "--no-error-summary",
    "--cache-dir=/dev/null",
    "--hide-error-context",
)


@dataclass(frozen=True)
class Findings:
    """What one program found, and what people should know of how it ran."""

    program: str
    diagnostics: Sequence[Diagnostic]
    note: str = ""


async def ruff_findings(context: ToolContext, paths: Sequence[str]) -> Findings:
    """Lint by the project's rules; without any, by ruff's defaults."""
    program = await program_of(context, "ruff") or Program(())
    start = program.argv or (str(context.toolchain.ruff),)
    argv = [*start, "check", "--no-cache", "--exit-zero", "--output-format=json"]
    finished = await run_program(context, [*argv, "--", *paths], view=View.READ_ONLY, limits=LIMITS)
    text = output_text(finished)
    begin = text.find("[")
    if finished.exit_code != 0 or begin < 0:
        raise _failed("ruff", finished)
    found = [_ruff_diagnostic(each) for each in json.JSONDecoder().raw_decode(text[begin:])[0]]
    return Findings(f"ruff of {program.whose}", found, program.note)


def type_checks(context: ToolContext, paths: Sequence[str]) -> list[Callable[[], Awaitable[Findings]]]:
    """Types by what the project is set up for: mypy, pyright or both; mypy's defaults where it is set up for neither."""
    uses_mypy, uses_pyright = _type_checkers(context.copy.files)
    note = "" if uses_mypy else "The project is set up for no type checker; mypy's defaults were used."
    checks: list[Callable[[], Awaitable[Findings]]] = []
    if uses_pyright:
        checks.append(partial(_pyright_findings, context, paths))
    if uses_mypy or not uses_pyright:
        checks.append(partial(_mypy_findings, context, paths, note))
    return checks


def checks_types(files: Files) -> bool:
    """Whether the project is set up for a type checker."""
    return any(_type_checkers(files))


def _type_checkers(files: Files) -> tuple[bool, bool]:
    """Whether it is set up for mypy, and for pyright."""
    tables = _tool_tables(files)
    mypy = "mypy" in tables or _has_any(files, "mypy.ini", ".mypy.ini") or _in_setup_file(files, "[mypy]")
    return mypy, bool({"pyright", "basedpyright"} & tables.keys()) or _has_any(files, "pyrightconfig.json")


async def _mypy_findings(context: ToolContext, paths: Sequence[str], note: str) -> Findings:
    program = await program_of(context, "mypy")
    own = program is not None and program.is_own
    argv = [*program.argv] if program and own else [str(context.toolchain.own_python), "-I", "-m", "mypy"]
    argv += MYPY_OPTIONS
    if not own:
        argv.append(f"--python-executable={await interpreter_of(context)}")
    if note:
        # Packages that are not installed here say nothing about the project.
        argv.append("--ignore-missing-imports")
    finished = await run_program(context, [*argv, "--", *paths], view=View.READ_ONLY, limits=LIMITS)
    if finished.exit_code not in {0, 1} and not _json_lines(finished):
        raise _failed("mypy", finished)
    found = [_mypy_diagnostic(each) for each in _json_lines(finished)]
    notes = filter(None, (program.note if program else "", note))
    return Findings(f"mypy of {'the project' if own else 'Perdure'}", found, " ".join(notes))


async def _pyright_findings(context: ToolContext, paths: Sequence[str]) -> Findings:
    """The project's own pyright; Perdure's basedpyright where it has none, or where its own cannot run offline."""
    note = ""
    for name in ("basedpyright", "pyright"):
        program = await program_of(context, name)
        if program is None:
            continue
        note = note or program.note
        if not program.is_own:
            continue
        report, said = await _pyright_report(context, program, paths)
        if report is not None:
            return _pyright_result(report, name, program)
        note = f"The project's own {name} could not run ({said}); Perdure's basedpyright was used."
    beside = context.toolchain.own_python.parent / "basedpyright"
    if not beside.is_file():
        raise ToolRejected(
            f"The project is set up for pyright, and none is installed that runs here. {note}".strip(),
            "Send install_dependencies if the project depends on it.",
        )
    ours = Program((str(context.toolchain.own_python), "-I", "-m", "basedpyright"), note=note)
    report, said = await _pyright_report(context, ours, paths)
    if report is None:
        raise ToolRejected(
            f"pyright could not run: {said}", "Mend the configuration that it names, or name fewer paths."
        )
    return _pyright_result(report, "basedpyright", ours)


async def _pyright_report(
    context: ToolContext, program: Program, paths: Sequence[str]
) -> tuple[dict[str, Any] | None, str]:
    """The report, or the last that it said where there is none."""
    argv = [*program.argv, "--outputjson"]
    tables = _tool_tables(context.copy.files)
    settings = [
        tables.get("pyright"),
        tables.get("basedpyright"),
        _text(context.copy.files, "pyrightconfig.json"),
    ]
    if not any(settled and "venv" in settled for settled in settings):
        argv += ["--pythonpath", await interpreter_of(context)]
    finished = await run_program(context, [*argv, *paths], view=View.READ_ONLY, limits=LIMITS)
    text = output_text(finished)
    start = text.find("{")
    if finished.exit_code not in {0, 1} or start < 0:
        last = ending(text.strip().rpartition("\n")[2], 300)
        return None, f"{how_it_ended(finished, LIMITS)}: {last}".rstrip(": ")
    try:
        return json.JSONDecoder().raw_decode(text[start:])[0], ""
    except ValueError:
        return None, ending(text[start:].strip(), 300)


def _pyright_result(report: dict[str, Any], name: str, program: Program) -> Findings:
    found = [_pyright_diagnostic(each) for each in report.get("generalDiagnostics", [])]
    return Findings(f"{name} {report.get('version', '')} of {program.whose}", found, program.note)


def _ruff_diagnostic(each: dict[str, Any]) -> Diagnostic:
    start, end = each["location"], each["end_location"]
    code = each.get("code") or ""
    return Diagnostic(
        path=_outside(each["filename"]),
        range=Range(start["row"], start["column"], end["row"], end["column"]),
        severity=Severity.ERROR
        if not code or code == "invalid-syntax" or code.startswith("E9")
        else Severity.WARNING,
        message=each["message"],
        rule=code,
        fixable=bool(each.get("fix")),
        source="ruff",
    )


def _mypy_diagnostic(each: dict[str, Any]) -> Diagnostic:
    hint = f" {each['hint']}" if each.get("hint") else ""
    return Diagnostic(
        path=_outside(each["file"]),
        range=Range(max(each["line"], 1), max(each["column"] + 1, 0)),
        severity=Severity.ERROR if each["severity"] == "error" else Severity.INFORMATION,
        message=f"{each['message']}{hint}",
        rule=each.get("code") or "",
        source="mypy",
    )


def _pyright_diagnostic(each: dict[str, Any]) -> Diagnostic:
    place = each.get("range") or {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    start, end = place["start"], place["end"]
    return Diagnostic(
        path=_outside(each["file"]),
        range=Range(start["line"] + 1, start["character"] + 1, end["line"] + 1, end["character"] + 1),
        severity=Severity(each["severity"]),
        message=each["message"],
        rule=each.get("rule", ""),
        source="pyright",
    )


def _json_lines(finished: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in output_text(finished).splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def _failed(program: str, finished: Finished) -> ToolRejected:
    said = ending(output_text(finished).strip(), 1_000)
    return ToolRejected(
        f"{program} could not run: {how_it_ended(finished, LIMITS)}. {said}".strip(),
        "Mend the configuration that it names, or name fewer paths.",
    )


def _tool_tables(files: Files) -> dict[str, Any]:
    text = _text(files, "pyproject.toml")
    try:
        tables: Any = tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return cast("dict[str, Any]", tables) if isinstance(tables, dict) else {}


def _in_setup_file(files: Files, section: str) -> bool:
    return any(line.strip() == section for line in _text(files, "setup.cfg").splitlines())


def _text(files: Files, path: str) -> str:
    if not files.exists(path):
        return ""
    return files.read(path, limit_bytes=LARGEST_CONFIGURATION).decode("utf-8", "replace")


def _has_any(files: Files, *names: str) -> bool:
    return any(files.exists(name) for name in names)


def _outside(path: str) -> str:
    return posixpath.normpath(path.removeprefix(f"{WORKSPACE}/"))
