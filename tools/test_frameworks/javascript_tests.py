"""Finds the tests of JavaScript and TypeScript, and which framework each belongs to."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.test_frameworks.commands import Command, Selection, Unable
from tools.test_frameworks.invocations import invocation_of
from tools.test_frameworks.javascript_runners import Group, framework_command, script_command
from tools.test_frameworks.node_runner import node_command
from tools.test_frameworks.packages import FRAMEWORKS, Package, Packages
from tools.test_frameworks.tree import SCRIPT, beginning, seen_from, upwards
from tools.tool_schemas import Toolchain

TYPES = re.compile(r".+\.d\.[cm]?ts\Z")
#: A name that says that this is a test.
TEST = re.compile(r"(?:tests?|spec|(?:test|spec)-.+|.+[.\-_](?:tests?|spec))\.[cm]?[jt]sx?\Z")
TEST_FOLDERS = {"test", "tests", "spec", "__tests__"}
#: Node's own rule: such a name anywhere, or any script below a folder named test.
NODE_TEST = re.compile(r"(?:test|test-.+|.+[.\-_]test)\.[cm]?js\Z")
NODE_SCRIPT = re.compile(r".+\.[cm]?js\Z")
IMPORTS = {
    "node": re.compile(r"""(?:from|require\(|import\(|import)\s*['"]node:test['"]"""),
    "vitest": re.compile(r"""(?:from|require\(|import\()\s*['"]vitest['"]"""),
    "jest": re.compile(r"""(?:from|require\(|import\()\s*['"]@jest/globals['"]"""),
}
TYPESCRIPT = re.compile(r".+\.[cm]?tsx?\Z")


class JavaScriptTests:
    """Sorts files into groups of one framework and one folder, and makes their commands."""

    def __init__(self, files: Files, toolchain: Toolchain) -> None:
        self._files = files
        self._packages = Packages(files)
        self._toolchain = toolchain

    def commands(
        self, found: Sequence[str], selection: Selection, framework: str = ""
    ) -> list[Command | Unable]:
        """One for each group; ``framework`` (empty: each file's own) is taken as the caller says."""
        groups = self.groups(found, selection, framework)
        return [self.command(group, selection) for group in groups]

    def command(self, group: Group, selection: Selection, related: Sequence[str] = ()) -> Command | Unable:
        """How a group is started; with ``related`` its framework runs the tests that load these files."""
        node = self._toolchain.node
        if node is None:
            return Unable(group.framework, group.folder, "Node is not installed on this worker.")
        if group.framework == "script":
            return script_command(group, node, self._files)
        if group.framework == "node":
            return node_command(group, selection, node)
        return framework_command(group, selection, self._files, related)

    def groups(self, found: Sequence[str], selection: Selection, framework: str) -> list[Group]:
        """The tests by framework and folder."""
        named = {*selection.paths, *(one.partition("::")[0] for one in selection.ids)} & set(found)
        groups: dict[tuple[str, str], Group] = {}
        for path in found:
            if not (path in named and SCRIPT.match(path)) and not is_test(path):
                continue
            group = self._group(path, framework, is_named=path in named)
            if group is not None:
                known = groups.setdefault((group.folder, group.framework), group)
                groups[group.folder, group.framework] = _with(known, path, path in named)
        if not groups and not selection.paths and not selection.ids:
            groups |= self._root_script(framework)
        for group in list(groups.values()):
            if group.framework == "node":
                groups[group.folder, "node"] = self._listed(group, found, selection)
        chosen = selection.paths or selection.ids
        return [groups[key] for key in sorted(groups) if groups[key].files or not chosen]

    def _group(self, path: str, framework: str, *, is_named: bool) -> Group | None:
        package = self._package(path, framework)
        chosen, why = package.choice if package else ("", "")
        folder = package.folder if package else "."
        imports = self._imports(path, chosen)
        if framework:
            return Group(framework, folder, (), package)
        if imports and imports != chosen and (chosen, imports) != ("script", "node"):
            # What a file imports is what it can run with, whatever its package uses otherwise.
            return Group(imports, folder, (), package, f"its files import {imports}")
        if chosen and package and (is_named or self._packages.belongs(package)):
            return Group(chosen, folder, (), package, why)
        by_name = NODE_TEST.match(posixpath.basename(path)) or "test" in posixpath.dirname(path).split("/")
        if not package and NODE_SCRIPT.match(path) and by_name:
            return Group("node", ".", (), None, "no package.json names a framework")
        return None

    def _package(self, path: str, framework: str) -> Package | None:
        """The package that decides for a file: the nearest with a say of its own, else the nearest that uses any."""
        above = [package for folder in upwards(path) if (package := self._packages.of(folder))]
        using = [package for package in above if package.choice[0]]
        if framework in FRAMEWORKS:
            using = [package for package in above if package.choice[0] == framework] or using or above[-1:]
        return next((package for package in using if package.decides), next(iter(using), None))

    def _imports(self, path: str, chosen: str) -> str:
        """The framework that a file imports: its package's where it imports several."""
        text = beginning(self._files, path)
        names = [name for name, pattern in IMPORTS.items() if pattern.search(text)]
        return chosen if chosen in names else next(iter(names), "")

    def _root_script(self, framework: str) -> dict[tuple[str, str], Group]:
        root = self._packages.of(".")
        chosen, why = root.choice if root else ("", "")
        if root is None or chosen == "node" or framework not in {"", chosen}:
            return {}
        return {(".", chosen): Group(chosen, ".", (), root, why)} if chosen else {}

    def _listed(self, group: Group, found: Sequence[str], selection: Selection) -> Group:
        """Node's group with the files its package's script names, where it names some and nobody chose."""
        script = group.package.test_script if group.package else ""
        places = invocation_of(script, "node").places
        if selection.paths or selection.ids or not places:
            return group
        listed = [
            path
            for path in found
            if SCRIPT.match(path) and any(_is_at(seen_from(group.folder, path), place) for place in places)
        ]
        return replace(group, files=tuple(listed or group.files))


def is_test(path: str) -> bool:
    """Whether a file is a test by its name or folder."""
    folder, name = posixpath.split(path)
    if not SCRIPT.match(name) or TYPES.match(name):
        return False
    return bool(TEST.match(name)) or bool(TEST_FOLDERS & set(folder.split("/")))


def _with(group: Group, path: str, named: bool) -> Group:
    """The group with one more file; Node alone takes every file it is given for a test."""
    folder, name = posixpath.split(path)
    is_nodes = NODE_TEST.match(name) or "test" in folder.split("/") or TYPESCRIPT.match(name)
    if group.framework == "node" and not (named or is_nodes):
        return group
    return replace(group, files=(*group.files, path))


def _is_at(path: str, place: str) -> bool:
    place = place.removeprefix("./").rstrip("/")
    # fnmatch's star crosses folders, so two stars with a slash must also stand for no folder at all.
    patterns = {place, place.replace("**/", "")}
    return (path.startswith(f"{place}/") and is_test(path)) or any(fnmatchcase(path, one) for one in patterns)


def refuse_without_tests(selection: Selection) -> ToolRejected:
    """The refusal where nothing was found."""
    where = ", ".join(map(repr, (*selection.paths, *selection.ids))) or "the workspace"
    return ToolRejected(
        f"No tests for pytest, unittest, node --test, vitest, jest, mocha, go or cargo are in {where}, and no test script.",
        "Name the framework, or run another test program by execute_command.",
    )
