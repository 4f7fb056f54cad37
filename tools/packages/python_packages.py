"""A Python project's requirements: read here, so that none of its lines is an option or an address for pip."""

import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from perdure.workspace.paths import Files

TEST_NAMES = ("test", "tests", "testing", "dev")
"""Extras and dependency groups that hold what tests need."""
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
DEFAULT_BUILD = ("setuptools>=64", "wheel")
ASKING_BUILDS = ("hatchling", "pdm-backend")
"""Builds that ask for one more package when they are asked for an editable install, which they cannot get offline."""
EDITABLES = "editables>=0.5"
SETUPTOOLS = "setuptools"
WHEEL = "wheel"
"""What a setuptools before 70.1 asks for when it is asked for metadata; the one that .venv begins with is older."""
PYTEST_SIGNS = ("pytest.ini", "conftest.py", "tests/conftest.py", "test/conftest.py", "testing/conftest.py")
REQUIREMENT = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)", re.DOTALL
)
VERSIONS = re.compile(
    r"\s*\(?\s*(?:(?:===|~=|[=!<>]=|[<>])\s*[A-Za-z0-9_.*+!-]+\s*(?:,\s*)?)*\)?\s*(?:;(?!.* -).*)?", re.DOTALL
)
"""What may follow a name: versions and a condition. A path is neither, and pip would build what lies there."""
ARCHIVE = re.compile(
    r"\.(?:zip|whl|tar|tgz|tbz|txz|tlz|gz|bz2|xz|lz|lzma)[\s)]*(?:\[[^\]]*\]\s*)?\Z", re.IGNORECASE
)
"""Ends what pip would take for a file of the folder instead of a package of an index."""
HASHES = re.compile(r"(?:\s--hash=[a-z0-9]+:[0-9a-fA-F]+)+\s*\Z")
REQUIREMENT_FILE = re.compile(r"requirements[\w.-]*\.txt\Z")
MOST_FILES = 20

Table = dict[str, Any]


@dataclass
class PythonPlan:
    """What will be installed, and what will not."""

    groups: list[list[str]] = field(default_factory=list[list[str]])
    """Requirements that pip resolves together: those of the project, then each file's with pinned hashes."""
    sources: list[str] = field(default_factory=list[str])
    """Where they stand."""
    left_out: list[str] = field(default_factory=list[str])
    is_project: bool = False
    """Whether the folder itself can be installed."""
    build: list[str] = field(default_factory=list[str])
    """What its build needs."""


def python_plan(files: Files, folder: str) -> PythonPlan:
    """Everything that the project's own files ask for, tests included."""
    plan = PythonPlan(is_project=any(files.exists(f"{folder}/{name}") for name in PROJECT_FILES))
    wanted: list[str] = []
    settings = _toml(files, f"{folder}/pyproject.toml")
    if settings and "project" not in settings and "build-system" not in settings:
        plan.is_project = any(files.exists(f"{folder}/{name}") for name in PROJECT_FILES[1:])
    if plan.is_project:
        plan.build = _of_build(_table(settings, "build-system"), plan)
    wanted += _of_project(_table(settings, "project"), plan)
    plan.left_out += _declared_elsewhere(files, folder, _table(settings, "project"))
    groups = _table(settings, "dependency-groups")
    for name in TEST_NAMES:
        if name in groups:
            plan.sources.append(f"dependency group {name!r}")
            wanted += _of_group(groups, name, set())
    for name in sorted(entry.name for entry in files.list(folder) if REQUIREMENT_FILE.match(entry.name)):
        plan.sources.append(repr(name))
        lines = list(_of_file(files, posixpath.join(folder, name), plan, set()))
        if lines and all(HASHES.search(line) for line in lines):
            plan.groups.append(lines)
        else:
            wanted += lines
    if _runs_by_pytest(files, folder, settings) and not any(
        _names(line, "pytest") for line in _all(plan, wanted)
    ):
        plan.sources.append("pytest, by which its tests run and which it names nowhere that is read")
        wanted.append("pytest")
    together = [*dict.fromkeys([*plan.build, *_checked(wanted, plan)])]
    if together:
        plan.groups.insert(0, together)
    return plan


def _of_build(build_system: Table, plan: PythonPlan) -> list[str]:
    """What the build names, and what it will ask for by itself where nothing can be fetched any more."""
    build = _checked(_texts(build_system.get("requires")) or list(DEFAULT_BUILD), plan)
    if any(_plain_name(line).startswith(ASKING_BUILDS) for line in build):
        build.append(EDITABLES)
    if any(_names(line, SETUPTOOLS) for line in build) and not any(_names(line, WHEEL) for line in build):
        build.append(WHEEL)
    return build


def _runs_by_pytest(files: Files, folder: str, settings: Table) -> bool:
    if "pytest" in _table(settings, "tool"):
        return True
    if any(files.exists(f"{folder}/{name}") for name in PYTEST_SIGNS):
        return True
    for tests in (f"{folder}/tests", f"{folder}/test", f"{folder}/testing", folder):
        if files.exists(tests) and files.stat(tests).kind == "folder":
            named = (entry.name for entry in files.list(tests) if entry.name.startswith("test_"))
            found = next((name for name in named if name.endswith(".py")), None)
            if found is not None:
                return b"import pytest" in files.read(f"{tests}/{found}")
    return False


def _all(plan: PythonPlan, wanted: list[str]) -> list[str]:
    return [*wanted, *(line for group in plan.groups for line in group)]


def _names(line: str, package: str) -> bool:
    match = REQUIREMENT.match(line.strip())
    return match is not None and _plain_name(match[1]) == package


def _of_project(project: Table, plan: PythonPlan) -> list[str]:
    """Dependencies and test extras; an extra that names the project itself stands for its other extras."""
    own = _plain_name(str(project.get("name", "")))
    wanted = _texts(project.get("dependencies"))
    if wanted:
        plan.sources.append("the project's dependencies")
    extras = _table(project, "optional-dependencies")
    waiting = [name for name in TEST_NAMES if name in extras]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in extras:
            continue
        seen.add(name)
        plan.sources.append(f"extra {name!r}")
        for line in _texts(extras[name]):
            match = REQUIREMENT.fullmatch(line.strip())
            if match and own and _plain_name(match[1]) == own:
                waiting += [each.strip() for each in (match[2] or "").split(",")]
            else:
                wanted.append(line)
    return wanted


def _declared_elsewhere(files: Files, folder: str, project: Table) -> list[str]:
    """Dependencies that only the project's build could tell, which is not asked since that would run its code."""
    left_out: list[str] = []
    if "dependencies" in _texts(project.get("dynamic")):
        left_out.append(
            "dependencies that 'pyproject.toml' calls dynamic: only the project's build knows them"
        )
    elif not project:
        for name in ("setup.py", "setup.cfg"):
            path = f"{folder}/{name}"
            if files.exists(path) and b"install_requires" in files.read(path):
                left_out.append(f"install_requires of {name!r}: it is not read")
    return left_out


def _of_group(groups: Table, name: str, seen: set[str]) -> list[str]:
    """The lines of a dependency group and of those that it includes."""
    if name in seen:
        return []
    seen.add(name)
    found: list[str] = []
    listed: object = groups.get(name)
    for line in cast("list[object]", listed) if isinstance(listed, list) else ():
        if isinstance(line, str):
            found.append(line)
        elif isinstance(line, dict):
            found += _of_group(groups, str(cast("Table", line).get("include-group", "")), seen)
    return found


def _of_file(files: Files, path: str, plan: PythonPlan, seen: set[str]) -> Iterator[str]:
    """The requirements of a file and of those that it includes; its options are left out and said."""
    path = posixpath.normpath(path)
    if path in seen or len(seen) >= MOST_FILES or not files.exists(path):
        return
    seen.add(path)
    text = files.read(path).decode("utf-8", "replace").replace("\\\n", " ")
    for raw in text.splitlines():
        line = re.sub(r"(?:^|\s)#.*", "", raw).strip()
        included = re.fullmatch(r"(?:-r|--requirement)[\s=]+(\S+)", line)
        if included:
            yield from _of_file(files, posixpath.join(posixpath.dirname(path), included[1]), plan, seen)
        elif line.startswith("-"):
            plan.left_out.append(
                f"{beginning(line, 200)!r} of {path!r}: options of a requirements file are not followed"
            )
        elif line:
            hashes = HASHES.search(line)
            bare = line[: hashes.start()] if hashes else line
            yield from (each + (hashes[0].rstrip() if hashes else "") for each in _checked([bare], plan))


def _checked(lines: list[str], plan: PythonPlan) -> list[str]:
    """The lines that name a package of an index; the others are said to be left out."""
    good: list[str] = []
    for each in lines:
        line = " ".join(each.split())
        hashes = HASHES.search(line)
        if _is_of_an_index(line[: hashes.start()] if hashes else line):
            good.append(line)
        else:
            why = "packages are never taken from Git" if "git" in line else "it names no package of an index"
            plan.left_out.append(f"{beginning(line, 200)!r}: {why}")
    return good


def _is_of_an_index(line: str) -> bool:
    match = REQUIREMENT.fullmatch(line)
    if match is None or not VERSIONS.fullmatch(match[3]) or "://" in line:
        return False
    return not ARCHIVE.search(line.partition(";")[0])


def _plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _toml(files: Files, path: str) -> Table:
    if not files.exists(path):
        return {}
    try:
        return tomllib.loads(files.read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ToolRejected(f"{path!r} is not valid TOML: {error}.", "Mend it first.") from error


def _table(settings: Table, name: str) -> Table:
    found: object = settings.get(name)
    return cast("Table", found) if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    return (
        [each for each in cast("list[object]", value) if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )
