"""Every linter and type checker that there is for some paths of a project, one after the other."""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from perdure.contracts.errors import ToolRejected
from tools.checking.python_checks import Findings, checks_types, ruff_findings, type_checks
from tools.checking.script_checks import compiler_findings, eslint_findings
from tools.diagnostics import Diagnostic
from tools.node.selection import belongs
from tools.symbols.grammars import language_of_path
from tools.symbols.listing import source_files
from tools.test_frameworks.packages import Packages
from tools.test_frameworks.tree import upwards
from tools.tool_schemas import ToolContext

SCRIPTS = ("javascript", "typescript", "tsx")
Types = Literal["always", "where set up", "never"]
"""Whether types are checked: also by defaults, or only where the project is set up for a type checker."""


@dataclass(frozen=True)
class Checked:
    """What the programs found, and which of them did not run."""

    results: Sequence[Findings]
    not_run: Sequence[str]
    """A sentence for each program that could not run."""

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All findings, each once."""
        return list(dict.fromkeys(each for result in self.results for each in result.diagnostics))


async def project_checks(context: ToolContext, paths: Sequence[str], *, types: Types) -> Checked | None:
    """What is found at and below the paths, or everywhere; None where no language is there that is checked."""
    present = await _languages(context, paths)
    if not present:
        return None
    results: list[Findings] = []
    refusals: list[str] = []
    for each in _checks(context, paths, present, types=types):
        try:
            found = await each
        except ToolRejected as refusal:
            # One program that cannot run must not hide what the others find.
            refusals.append(f"Not run: {refusal.message} {refusal.hint or ''}".strip())
        else:
            results += found
    return Checked(results, refusals)


async def _languages(context: ToolContext, paths: Sequence[str]) -> dict[str, list[str]]:
    """Files of each family at and below the paths; a path that is a file belongs to its own, ignored by Git or not."""
    known = await source_files(context, ("python", *SCRIPTS))
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys([*known, *paths]):
        inside = not paths or any(each in {".", path} or path.startswith(f"{each}/") for each in paths)
        language = language_of_path(path)
        if inside and language is not None and language.name in {"python", *SCRIPTS}:
            family = "python" if language.name == "python" else "script"
            found.setdefault(family, []).append(path)
    return found


def _checks(
    context: ToolContext, paths: Sequence[str], present: dict[str, list[str]], *, types: Types
) -> Iterator[Awaitable[Sequence[Findings]]]:
    """One after the other, since each of them fills a machine by itself."""
    python = _named(paths, present.get("python", []))
    if python:
        yield _one(ruff_findings(context, python))
        if types == "always" or (types == "where set up" and checks_types(context.copy.files)):
            for check in type_checks(context, python):
                yield _one(check())
    scripts = _named(paths, present.get("script", []))
    for wanted in _by_project(context, scripts, present.get("script", [])):
        yield _one(eslint_findings(context, wanted))
        if types != "never":
            yield _one(compiler_findings(context, wanted))


def _by_project(context: ToolContext, paths: Sequence[str], files: Sequence[str]) -> list[list[str]]:
    """The paths of each JavaScript project; no path stands for all of the root's."""
    packages = Packages(context.copy.files)
    if not paths or packages.of(".") is not None:
        return [[] if paths == ["."] else list(paths)] if paths else []
    inside = [file for file in files if belongs(file, paths)]
    nearest = {next((each for each in upwards(file) if packages.of(each)), ".") for file in inside}
    tops = [each for each in sorted(nearest) if not any(each.startswith(f"{other}/") for other in nearest)]
    # A folder above several projects stands for each of them.
    return [[path for path in paths if path != "." and belongs(path, [top])] or [top] for top in tops]


async def _one(asked: Awaitable[Findings | None]) -> Sequence[Findings]:
    found = await asked
    return [found] if found is not None else []


def _named(paths: Sequence[str], files: Sequence[str]) -> list[str]:
    """Of the paths those with files of a family at or below them; the whole workspace where none are named."""
    if not files:
        return []
    if not paths:
        return ["."]
    return [
        path for path in paths if path == "." or any(f == path or f.startswith(f"{path}/") for f in files)
    ]
