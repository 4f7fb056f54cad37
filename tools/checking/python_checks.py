"""Ruff, mypy and pyright on a Python project: its own programs and configuration where it has them."""

import json
import posixpath
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.workspace.paths import Files
from tools.diagnostics import Diagnostic, Range, Severity
from tools.programs import how_it_ended, output_text, run_program
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=240, memory_bytes=3 * 1024**3, output_bytes=32 * 1024**2)
ENVIRONMENTS = (".venv", "venv")
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
    own = _own_program(context.copy.files, "ruff")
    argv = [own or str(context.toolchain.ruff), "check", "--no-cache", "--exit-zero", "--output-format=json"]
    finished = await run_program(context, [*argv, "--", *paths], view=View.READ_ONLY, limits=LIMITS)
    text = output_text(finished)
    start = text.find("[")
    if finished.exit_code != 0 or start < 0:
        raise _failed("ruff", finished)
    found = [_ruff_diagnostic(each) for each in json.JSONDecoder().raw_decode(text[start:])[0]]
    return Findings(f"ruff of {'the project' if own else 'Perdure'}", found)


async def type_findings(context: ToolContext, paths: Sequence[str]) -> list[Findings]:
    """Types by what the project is set up for: mypy, pyright or both; mypy's defaults where it is set up for neither."""
    uses_mypy, uses_pyright = _type_checkers(context.copy.files)
    found: list[Findings] = []
    pyright = _pyright(context) if uses_pyright else None
    if pyright is not None:
        found.append(await _pyright_findings(context, pyright, paths))
    if uses_mypy or pyright is None:
        note = ""
        if uses_pyright and not uses_mypy:
            note = "The project is set up for pyright, which is not installed; mypy's defaults were used."
        elif not uses_mypy:
            note = "The project is set up for no type checker; mypy's defaults were used."
        found.append(await _mypy_findings(context, paths, note))
    return found


def checks_types(files: Files) -> bool:
    """Whether the project is set up for a type checker."""
    return any(_type_checkers(files))


def _type_checkers(files: Files) -> tuple[bool, bool]:
    """Whether it is set up for mypy, and for pyright."""
    tables = _tool_tables(files)
    mypy = "mypy" in tables or _has_any(files, "mypy.ini", ".mypy.ini") or _in_setup_file(files, "[mypy]")
    return mypy, bool({"pyright", "basedpyright"} & tables.keys()) or _has_any(files, "pyrightconfig.json")


async def _mypy_findings(context: ToolContext, paths: Sequence[str], note: str) -> Findings:
    own = _own_program(context.copy.files, "mypy")
    argv = [own] if own else [str(context.toolchain.own_python), "-I", "-m", "mypy"]
    argv += MYPY_OPTIONS
    if not own:
        argv.append(f"--python-executable={context.toolchain.python}")
    if note:
        # Packages that are not installed here say nothing about the project.
        argv.append("--ignore-missing-imports")
    finished = await run_program(context, [*argv, "--", *paths], view=View.READ_ONLY, limits=LIMITS)
    if finished.exit_code not in {0, 1} and not _json_lines(finished):
        raise _failed("mypy", finished)
    found = [_mypy_diagnostic(each) for each in _json_lines(finished)]
    return Findings(f"mypy of {'the project' if own else 'Perdure'}", found, note)


async def _pyright_findings(context: ToolContext, program: str, paths: Sequence[str]) -> Findings:
    argv = [program, "--outputjson", *paths]
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    text = output_text(finished)
    start = text.find("{")
    if finished.exit_code not in {0, 1} or start < 0:
        raise _failed("pyright", finished)
    report: dict[str, Any] = json.JSONDecoder().raw_decode(text[start:])[0]
    found = [_pyright_diagnostic(each) for each in report.get("generalDiagnostics", [])]
    whose = "the project" if program.startswith(WORKSPACE) else "Perdure"
    return Findings(f"{posixpath.basename(program)} {report.get('version', '')} of {whose}", found)


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
    said = output_text(finished).strip()[-1_000:]
    return ToolRejected(
        f"{program} could not run: {how_it_ended(finished, LIMITS)}. {said}".strip(),
        "Mend the configuration that it names, or name fewer paths.",
    )


def _own_program(files: Files, name: str) -> str:
    """A program of the project's environment as the sandbox sees it; empty where there is none."""
    places = (f"{environment}/bin/{name}" for environment in ENVIRONMENTS)
    return next((f"{WORKSPACE}/{place}" for place in places if files.exists(place)), "")


def _pyright(context: ToolContext) -> str | None:
    for name in ("basedpyright", "pyright"):
        own = _own_program(context.copy.files, name)
        if own:
            return own
    beside = context.toolchain.own_python.parent / "basedpyright"
    return str(beside) if beside.is_file() else None


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
