"""Which tests of Go and Rust a change affects: by packages that the go command knows, and by crates."""

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import beginning
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.paths import Files
from tools.programs import output_text, run_program
from tools.test_frameworks.compiled_tests import CompiledTests
from tools.test_frameworks.tree import upwards, within
from tools.test_selection.kinds import SHOWN, Family, Kind
from tools.test_selection.parts import Part, reached
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=60, output_bytes=16 * 1024**2)
LISTED = '{{.ImportPath}}\t{{.Dir}}\t{{join .Deps "|"}}'
VARIANT = re.compile(r" \[.*?\]")
DEPENDENCIES = ("dependencies", "dev-dependencies", "build-dependencies")
LARGEST_MANIFEST = 1024**2


async def compiled_part(
    context: ToolContext, family: Family, folder: str, tests: Sequence[str], kinds: Mapping[str, Kind]
) -> Part:
    """The tests below one module or Cargo workspace that a change affects."""
    name = SHOWN[family] + ("" if folder == "." else f" in {folder}")
    inside = {path: kind for path, kind in kinds.items() if folder == "." or path.startswith(f"{folder}/")}
    settings = [path for path, kind in inside.items() if kind is Kind.SETTINGS]
    root = within(folder, "Cargo.toml")
    settings += [root] if family == "cargo" and root in inside else []
    if settings:
        return Part(name, tests, f"{settings[0]} changed, which every test may depend on")
    changed = [path for path, kind in inside.items() if kind in {Kind.SOURCE, Kind.DATA}]
    if not changed:
        return Part(name, tests)
    if family == "go":
        return await _go(context, folder, Part(name, tests), changed)
    return _cargo(context.copy.files, Part(name, tests), changed)


async def _go(context: ToolContext, folder: str, none: Part, changed: Sequence[str]) -> Part:
    program = CompiledTests(context.copy.files, context.toolchain)
    finished = await run_program(
        context,
        program.go_list(["-test", "-f", LISTED, "./..."]),
        view=View.SCRATCH,
        limits=LIMITS,
        working_directory=folder,
    )
    said = output_text(finished)
    rows = [line.split("\t") for line in said.splitlines()]
    if finished.exit_code != 0 or any(len(row) != 3 for row in rows):
        last = beginning(said.strip().rpartition("\n")[2], 200).rstrip(".")
        return Part(none.name, none.files, f"`go list` could not say what imports what: {last}")
    folders = {VARIANT.sub("", path): _outside(place) for path, place, _ in rows}
    edges: dict[str, set[str]] = {}
    for path, place, dependencies in rows:
        if path.endswith(".test"):
            uses = {folders[each] for each in VARIANT.sub("", dependencies).split("|") if each in folders}
            edges.setdefault(_outside(place), set()).update(uses)
    return _by_folder(none, edges, {path: _nearest(path, set(folders.values())) for path in changed})


def _cargo(files: Files, none: Part, changed: Sequence[str]) -> Part:
    manifests: dict[str, dict[str, Any]] = {}
    for path in (*none.files, *changed):
        for folder in upwards(path):
            if folder not in manifests and files.exists(within(folder, "Cargo.toml")):
                manifests[folder] = _manifest(files, folder)
    if not all(manifests.values()):
        broken = next(folder for folder, content in manifests.items() if not content)
        return Part(none.name, none.files, f"{within(broken, 'Cargo.toml')} cannot be read")
    edges = {crate: set(_crates_used(crate, content, manifests)) for crate, content in manifests.items()}
    return _by_folder(none, edges, {path: _nearest(path, set(manifests)) for path in changed})


def _by_folder(none: Part, edges: dict[str, set[str]], homes: Mapping[str, str]) -> Part:
    """The tests in packages that lead to the package of a changed file."""
    # A changed folder that no package is in belongs to none that is known: everything runs.
    lost = next((path for path, home in homes.items() if not home), "")
    if lost:
        return Part(none.name, none.files, f"{lost} is in no package that is known")
    known = {*edges, *(used for uses in edges.values() for used in uses)}
    of_test = {path: _nearest(path, known) for path in none.files}
    first: dict[str, str] = {}
    for path, home in homes.items():
        first.setdefault(home, path)
    ways = reached(edges, sorted(first), sorted(set(of_test.values())))
    chosen: dict[str, list[str]] = {}
    for path, package in of_test.items():
        if path in homes:
            chosen[path] = [path]
        elif package in ways:
            way = ways[package]
            chosen[path] = [path, *way[1:-1], first[way[-1]]]
    return Part(none.name, none.files, chosen=chosen)


def _nearest(path: str, folders: set[str]) -> str:
    return next((folder for folder in upwards(path) if folder in folders), "")


def _outside(place: str) -> str:
    return posixpath.normpath(posixpath.relpath(place, WORKSPACE))


def _manifest(files: Files, folder: str) -> dict[str, Any]:
    text = files.read(within(folder, "Cargo.toml"), limit_bytes=LARGEST_MANIFEST).decode("utf-8", "replace")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _crates_used(
    crate: str, content: dict[str, Any], manifests: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    """Folders of the crates that a manifest depends on by path, or by its workspace's table."""
    targets = [content, *_tables(_table(content, "target"))]
    for table in (_table(target, kind) for target in targets for kind in DEPENDENCIES):
        for name, wanted in table.items():
            if not isinstance(wanted, dict):
                continue
            given = cast("dict[str, Any]", wanted)
            if isinstance(given.get("path"), str):
                yield posixpath.normpath(posixpath.join(crate, given["path"]))
            elif given.get("workspace") is True:
                for folder, other in manifests.items():
                    found: Any = _table(_table(other, "workspace"), "dependencies").get(name)
                    if isinstance(found, dict) and isinstance(cast("dict[str, Any]", found).get("path"), str):
                        yield posixpath.normpath(
                            posixpath.join(folder, cast("dict[str, Any]", found)["path"])
                        )


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    found: Any = content.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _tables(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", each) for each in content.values() if isinstance(each, dict)]
