"""Starts Vitest, Jest and Mocha as the project's script does, or the script itself; always by the project's programs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perdure.safety.environment import WORKSPACE
from perdure.workspace.paths import Files
from tools.test_frameworks import jest_report, lines
from tools.test_frameworks.cases import TestCase
from tools.test_frameworks.commands import NO_HELPER, REPORT, Command, Helper, Selection, Unable
from tools.test_frameworks.invocations import Invocation, invocation_of
from tools.test_frameworks.packages import Package
from tools.test_frameworks.tree import file_of, seen_from, upwards, within

MOCHA_REPORTER_AT = "/tmp/reporter.cjs"
MOCHA_REPORTER = Path(__file__).with_name("mocha_reporter.cjs")
NONE_RELATED = {"vitest": "No test files found", "jest": "No tests found"}
"""What a framework says where no test loads the files that it was asked about."""
NUMBER = re.compile(r" #\d+\Z")


@dataclass(frozen=True)
class Group:
    """The tests of one framework below one folder."""

    framework: str
    folder: str
    files: tuple[str, ...] = ()
    """What was found; given to the framework only where something was chosen."""
    package: Package | None = None
    why: str = ""


def framework_command(
    group: Group, selection: Selection, files: Files, related: Sequence[str] = ()
) -> Command | Unable:
    """Vitest, Jest or Mocha on the group's tests; Vitest and Jest also on those that load the ``related`` files."""
    program = _program(files, group.folder, group.framework)
    if program is None:
        return Unable(group.framework, group.folder, _missing(files, group))
    found = invocation_of(group.package.test_script if group.package else "", group.framework)
    if selection.paths or selection.ids:
        places = [seen_from(group.folder, path) for path in group.files]
        if group.framework == "jest":
            # Expressions choose among the project's tests; paths would make a test of whatever file they name.
            places = [f"(^|/){re.escape(place)}$" for place in places]
        found = replace(found, places=tuple(places))
    if related:
        found = replace(found, places=tuple(f"{WORKSPACE}/{path}" for path in related))
    ids = ids_in(selection, group)
    make = {"vitest": _vitest, "jest": _jest, "mocha": _mocha}[group.framework]
    argv = [*found.prefix, program, *make(found, _name_pattern(selection, ids), bool(related))]
    reader = lines.cases_of if group.framework == "mocha" else jest_report.cases_of
    helper = (
        Helper(MOCHA_REPORTER_AT, MOCHA_REPORTER.read_text()) if group.framework == "mocha" else NO_HELPER
    )
    return Command(
        group.framework,
        group.folder,
        tuple(argv),
        partial(reader, folder=group.folder),
        group.why,
        helper,
        ids,
        NONE_RELATED.get(group.framework, "") if related else "",
    )


def _vitest(found: Invocation, pattern: str, is_related: bool) -> list[str]:
    argv = ["related", "--run", "--passWithNoTests"] if is_related else ["run"]
    argv += [*found.options, "--coverage.enabled=false"]
    argv += ["--reporter=default", "--reporter=json", f"--outputFile.json={REPORT}"]
    argv += [f"--testNamePattern={pattern}"] if pattern else []
    return [*argv, *found.places]


def _jest(found: Invocation, pattern: str, is_related: bool) -> list[str]:
    argv = ["--ci", "--watchAll=false", "--watchman=false", "--coverage=false", *found.options]
    argv += ["--findRelatedTests", "--passWithNoTests"] if is_related else []
    argv += ["--json", f"--outputFile={REPORT}"]
    argv += [f"--testNamePattern={pattern}"] if pattern else []
    return [*argv, *found.places]


def _mocha(found: Invocation, pattern: str, _: bool) -> list[str]:
    argv = [*found.options, "--reporter", MOCHA_REPORTER_AT, "--reporter-option", f"output={REPORT}"]
    argv += ["--grep", pattern] if pattern else []
    return [*argv, *found.places]


def script_command(group: Group, node: Path, files: Files) -> Command | Unable:
    """The package's test script as a whole: its exit code is all that is known."""
    npm = node.with_name("npm")
    if not npm.exists():
        return Unable(
            "script", group.folder, "npm is not installed on this worker, so the test script cannot run."
        )
    needs = group.package.dependencies if group.package else frozenset[str]()
    if needs and not _has_modules(files, group.folder):
        return Unable("script", group.folder, _missing(files, group))
    # The exit code becomes the report.
    argv = ("/bin/sh", "-c", f'"$1" run test; code=$?; echo $code >{REPORT}; exit $code', "sh", str(npm))
    case = f"{within(group.folder, 'package.json')}::test"
    why = f"{group.why}; single tests are not seen, only the script's exit code".lstrip("; ")
    return Command("script", group.folder, argv, partial(_script_case, case), why)


def _script_case(case: str, report: bytes) -> list[TestCase]:
    code = report.strip()
    return [
        TestCase(case, "passed" if code == b"0" else "failed", f"exit code {code.decode('ascii', 'replace')}")
    ]


def _program(files: Files, folder: str, name: str) -> str | None:
    """The project's own program, from the nearest folder of dependencies."""
    for above in upwards(within(folder, "x")):
        path = within(above, f"node_modules/.bin/{name}")
        if files.exists(path):
            return f"{WORKSPACE}/{path}"
    return None


def _has_modules(files: Files, folder: str) -> bool:
    return any(files.exists(within(above, "node_modules")) for above in upwards(within(folder, "x")))


def _missing(files: Files, group: Group) -> str:
    where = within(group.folder, "package.json")
    if group.package is not None and group.framework not in {*group.package.dependencies, "script"}:
        return (
            f"Tests here are for {group.framework}, but {where} does not depend on it; add it and install it."
        )
    named = where if group.framework == "script" else f"{group.framework} is in {where}"
    if not _has_modules(files, group.folder):
        return f"{named}, but node_modules is missing; install the dependencies first."
    return f"{named}, but node_modules has no program {group.framework!r}; install the dependencies again."


def ids_in(selection: Selection, group: Group) -> tuple[str, ...]:
    """The ids of the group's files, and whole files that were named beside them."""
    ids = [one for one in selection.ids if file_of(one) in group.files]
    return (*ids, *(path for path in group.files if ids and path in selection.paths))


def _name_pattern(selection: Selection, ids: Sequence[str]) -> str:
    """A regular expression over full names, which all three join by spaces."""
    if selection.pattern or not ids or any("::" not in one for one in ids):
        return selection.pattern
    names = [NUMBER.sub("", one.partition("::")[2]).replace(lines.BETWEEN_NAMES, " ") for one in ids]
    # A name that was made readable or shortened matches no test any more, so all of the file's tests run.
    if any("…" in name or "\\x" in name for name in names):
        return ""
    # Ids have no colours, which may stand between words of the name itself. What runs too much is left out afterwards.
    return "|".join(".*".join(map(re.escape, name.split())) for name in sorted(set(names)))
