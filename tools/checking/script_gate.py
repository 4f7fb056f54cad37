"""What a change brings in by the word of a JavaScript project's own ESLint and tsc: findings that were there before do not count."""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.contracts.task import Check
from perdure.safety.secrets.cutting import beginning
from tools.diagnostics import Diagnostic, Severity
from tools.node.batch import run_batch
from tools.node.checks import Check as ProgramCheck
from tools.node.checks import eslint_check, eslint_result, typescript_check, typescript_result
from tools.node.configurations import compiled_by, configuration_of
from tools.node.findings import listed
from tools.node.projects import FLAT_CONFIGURATION, OLD_CONFIGURATION, Project, project_of, seen_inside
from tools.test_frameworks.packages import Packages
from tools.test_frameworks.tree import SCRIPT, upwards
from tools.tool_schemas import ToolContext

TIME_S = 120.0
"""For one run of one project's programs; there is a second one where the first finds errors."""
MOST_PROJECTS = 3
MOST_FILES = 200
LARGEST_BYTES = 1024**2
SETTINGS = {
    "lint": re.compile(f"{FLAT_CONFIGURATION.pattern}|{OLD_CONFIGURATION.pattern}"),
    "types": re.compile(r"[jt]sconfig.*\.json"),
}


@dataclass(frozen=True)
class _Programs:
    """What runs on one project: ESLint on what changed, and tsc on everything that is compiled."""

    eslint: ProgramCheck | None
    compilers: Sequence[ProgramCheck]
    skipped: Sequence[Check]


async def script_checks(
    context: ToolContext, changed: Sequence[str], *, base_commit: str, texts: list[str]
) -> list[Check]:
    """A check for each program that the projects of the changed files have; none for those that they do not use.

    Files that are gone are among ``changed``: what used them no longer compiles.
    """
    by_folder = _by_project(context, [path for path in changed if SCRIPT.match(path)])
    checks: list[Check] = []
    for number, (folder, paths) in enumerate(sorted(by_folder.items())):
        if number == MOST_PROJECTS:
            left = ", ".join(sorted(by_folder)[number:])[:150]
            checks.append(
                Check(name="lint (other projects)", status="skipped", detail=f"not looked at: {left}")
            )
            break
        try:
            project = project_of(context, folder)
            checks += await _project(project, paths, changed, base_commit, texts)
        except ToolRejected as error:
            name = _named("lint", project_of(context, folder), "ESLint and tsc")
            checks.append(
                Check(name=name, status="skipped", detail=beginning(error.message.partition("\n")[0], 200))
            )
    return checks


def _by_project(context: ToolContext, paths: Sequence[str]) -> dict[str, list[str]]:
    packages = Packages(context.copy.files)
    found: dict[str, list[str]] = {}
    for path in paths:
        # What a program would take for a pattern cannot be handed to it.
        if not path.isprintable() or any(sign in path for sign in "*?{}!"):
            continue
        folder = next((each for each in upwards(path) if packages.of(each) is not None), None)
        if folder is not None:
            found.setdefault(folder, []).append(path)
    return found


async def _project(
    project: Project, paths: Sequence[str], changed: Sequence[str], base_commit: str, texts: list[str]
) -> list[Check]:
    context = project.context
    programs = _programs(project, [path for path in paths if project.files.exists(path)])
    checks = [*programs.skipped]
    if programs.eslint is None and not programs.compilers:
        return checks
    found = await _found(project, programs, {})
    if any(isinstance(each, list) and each for each in found):
        before = await context.copy.git.contents_at(base_commit, paths, largest_bytes=LARGEST_BYTES)
        # What the change brought in is empty there, so that nothing else is its doing.
        empty = {path: b"" for path in paths if path not in before}
        known = await _found(project, programs, {**before, **empty})
        found = [_new(now, old, before, paths) for now, old in zip(found, known, strict=True)]
    for program, result in zip(_named_programs(project, programs), found, strict=True):
        name, shown, count = program
        if isinstance(result, ToolRejected):
            checks.append(_could_not(name, result, changed))
        elif result:
            texts.append(f"{name} failed, by {shown}:\n{listed(result)}")
            checks.append(
                Check(name=name, status="failed", detail=beginning(str(result[0]).partition("\n")[0], 200))
            )
        else:
            checks.append(Check(name=name, status="passed", detail=f"{shown}{count}"))
    return checks


def _programs(project: Project, paths: Sequence[str]) -> _Programs:
    """The project's own programs; a check that is skipped for one that it uses and has not installed."""
    skipped: list[Check] = []
    uses_eslint = (
        project.nearest(FLAT_CONFIGURATION)
        or project.nearest(OLD_CONFIGURATION)
        or "eslintConfig" in project.package.content
    )
    # Without a path it would lint the whole project.
    eslint = eslint_check(project, paths[:MOST_FILES], fix="none") if uses_eslint and paths else None
    if eslint is not None and not eslint.program.is_own:
        skipped.append(_not_installed(_named("lint", project, "ESLint"), "ESLint"))
        eslint = None
    configuration = configuration_of(project)
    compiled = compiled_by(project.files, configuration) if configuration is not None else []
    compilers = [typescript_check(project, each) for each in compiled]
    if compilers and not compilers[0].program.is_own:
        # A jsconfig.json may only be there for editors.
        if "typescript" in project.dependencies:
            skipped.append(_not_installed(_named("types", project, "tsc"), "TypeScript"))
        compilers = []
    return _Programs(eslint, compilers, skipped)


def _named_programs(project: Project, programs: _Programs) -> list[tuple[str, str, str]]:
    """Name of the check, the program, and what it looked at, in the order of the results."""
    named: list[tuple[str, str, str]] = []
    if programs.eslint is not None:
        named.append((_named("lint", project, "ESLint"), programs.eslint.program.shown, " on what changed"))
    if programs.compilers:
        named.append((_named("types", project, "tsc"), programs.compilers[0].program.shown, ""))
    return named


async def _found(
    project: Project, programs: _Programs, before: Mapping[str, bytes]
) -> list[list[Diagnostic] | ToolRejected]:
    """Errors of each program, with these files as they were before; why it could not run where it could not."""
    checks = [*([programs.eslint] if programs.eslint else []), *programs.compilers]
    write = dict(programs.eslint.write) if programs.eslint else {}
    write |= {seen_inside(path): data.decode("utf-8", "replace") for path, data in before.items()}
    batch = await run_batch(
        project.context,
        [each.command for each in checks],
        time_s=TIME_S,
        write=write,
        throw_away=bool(before),
    )
    results = list(batch.results)
    found: list[list[Diagnostic] | ToolRejected] = []
    if programs.eslint is not None:
        ended = results.pop(0)
        try:
            found.append(_errors(eslint_result(ended).diagnostics))
        except ToolRejected as error:
            found.append(error)
    if programs.compilers:
        try:
            every = [each for ended in results for each in typescript_result(ended, folder=project.folder)]
            found.append(_errors(list(dict.fromkeys(every))))
        except ToolRejected as error:
            found.append(error)
    return found


def _errors(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [each for each in found if each.severity is Severity.ERROR]


def _new(
    now: list[Diagnostic] | ToolRejected,
    old: list[Diagnostic] | ToolRejected,
    before: Mapping[str, bytes],
    paths: Sequence[str],
) -> list[Diagnostic] | ToolRejected:
    """What is found now and was not before; a file that the change brought in had nothing before."""
    if isinstance(now, ToolRejected) or isinstance(old, ToolRejected):
        return now
    brought_in = set(paths) - set(before)
    known = Counter(_likeness(each) for each in old if each.path not in brought_in)
    found: list[Diagnostic] = []
    for each in now:
        known[_likeness(each)] -= 1
        if known[_likeness(each)] < 0:
            found.append(each)
    return found


def _likeness(each: Diagnostic) -> tuple[str, str, str]:
    """What stays the same where lines move."""
    return each.path, each.rule, each.message


def _could_not(name: str, error: ToolRejected, changed: Sequence[str]) -> Check:
    """A program that cannot run is no failure of the change, unless the change is of its settings."""
    own = SETTINGS["lint" if name.startswith("lint") else "types"]
    settings = [path for path in changed if own.fullmatch(posixpath.basename(path))]
    detail = f"{settings[0]} changed, and now: {error.message}" if settings else error.message
    first = beginning(detail.partition("\n")[0], 200)
    return Check(name=name, status="failed" if settings else "skipped", detail=first)


def _not_installed(name: str, program: str) -> Check:
    detail = f"the project uses {program}, which is not installed in it; send install_dependencies"
    return Check(name=name, status="skipped", detail=detail)


def _named(what: str, project: Project, program: str) -> str:
    place = "" if project.folder == "." else f" in {project.folder}"
    return f"{what} ({program}{place})"
