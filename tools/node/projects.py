"""A JavaScript project: its folder, its package.json, and whose TypeScript, ESLint or Prettier runs on it."""

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.workspace.paths import Files
from tools.paths import existing_folder
from tools.test_frameworks.packages import Package, Packages
from tools.test_frameworks.tree import upwards, within
from tools.tool_schemas import ToolContext

LARGEST_MANIFEST = 1024**2
PROGRAMS = {
    "typescript": ("TypeScript", "tsc"),
    "eslint": ("ESLint", "eslint"),
    "prettier": ("Prettier", "prettier"),
}
"""Packages that bring a program: what people call it, and its name."""
FLAT_CONFIGURATION = re.compile(r"eslint\.config\.[cm]?[jt]s")
OLD_CONFIGURATION = re.compile(r"\.eslintrc(\.(c?js|ya?ml|json))?")
PRETTIER_CONFIGURATION = re.compile(r"\.prettierrc(\..+)?|prettier\.config\.[cm]?[jt]s")


@dataclass(frozen=True)
class NodeProgram:
    """A program that Node runs, as the sandbox sees it."""

    argv: tuple[str, ...]
    name: str
    version: str
    is_own: bool
    """Whether it is the project's, not ours."""

    @property
    def shown(self) -> str:
        """Such as ``ESLint 9.39.1 of the project``."""
        return f"{self.name} {self.version} of {'the project' if self.is_own else 'Perdure'}"

    @property
    def major(self) -> int:
        """The first number of its version."""
        number = re.match(r"\d+", self.version)
        return int(number[0]) if number else 0


@dataclass(frozen=True)
class Project:
    """One package.json with what lies around it."""

    context: ToolContext
    package: Package

    @property
    def folder(self) -> str:
        """From the workspace root."""
        return self.package.folder

    @property
    def files(self) -> Files:
        """The workspace's files."""
        return self.context.copy.files

    @property
    def inside(self) -> str:
        """The folder as the sandbox sees it."""
        return seen_inside(self.folder)

    @cached_property
    def dependencies(self) -> frozenset[str]:
        """What it and, in a workspace, the packages above it depend on."""
        packages = Packages(self.files)
        above = [packages.of(folder) for folder in upwards(within(self.folder, "package.json"))]
        return frozenset(name for each in above if each for name in each.dependencies)

    def installed(self, name: str) -> dict[str, Any] | None:
        """The manifest of an installed package, looked for as Node does; None where it is not installed."""
        found = self._place_of(name)
        return _manifest(self.files, f"{found}/package.json") if found else None

    def version_of(self, name: str) -> tuple[int, ...]:
        """The installed version, else the one that package.json asks for; empty where neither says."""
        manifest = self.installed(name) or {}
        text = str(manifest.get("version", ""))
        for kind in ("dependencies", "devDependencies", "peerDependencies"):
            wanted = self.package.content.get(kind)
            if not text and isinstance(wanted, dict):
                text = str(cast("dict[str, object]", wanted).get(name, ""))
        number = re.search(r"(\d+)(?:\.(\d+))?", text)
        return tuple(int(part) for part in number.groups("0")) if number else ()

    def program(self, package: str) -> NodeProgram:
        """The project's own program of a package, else ours; ToolRejected where there is neither."""
        name, program = PROGRAMS[package]
        node = node_of(self.context)
        found = self._place_of(package)
        manifest = _manifest(self.files, f"{found}/package.json") if found else None
        script = _bin_of(manifest, program) if manifest else None
        if found and manifest and script:
            path = f"{WORKSPACE}/{posixpath.normpath(posixpath.join(found, script))}"
            return NodeProgram((node, path), name, str(manifest.get("version", "")), True)
        return our_program(self.context, package)

    def nearest(self, pattern: re.Pattern[str], *, start: str = "") -> str | None:
        """The path of the nearest file of such a name, from a folder up to the workspace root."""
        for folder in upwards(within(start or self.folder, "x")):
            if self.files.exists(folder) and self.files.stat(folder).kind == "folder":
                names = (each.name for each in self.files.list(folder) if each.kind in {"file", "link"})
                found = next((name for name in names if pattern.fullmatch(name)), None)
                if found:
                    return within(folder, found)
        return None

    def _place_of(self, name: str) -> str | None:
        for folder in upwards(within(self.folder, "package.json")):
            place = within(folder, f"node_modules/{name}")
            if self.files.exists(f"{place}/package.json"):
                return place
        return None


def node_of(context: ToolContext) -> str:
    """Node's path; ToolRejected where this installation has none."""
    if context.toolchain.node is None:
        raise ToolRejected(
            "Node is not installed here, so nothing of JavaScript or TypeScript can be run.",
            "The operator runs `make setup`, which installs it. Go on without.",
        )
    return str(context.toolchain.node)


def our_modules(context: ToolContext) -> Path:
    """The folder of our own JavaScript tools; ToolRejected where set-up has not installed them."""
    if context.toolchain.node_modules is None:
        raise ToolRejected(
            "The project has not installed this program, and this installation has no JavaScript tools of its own.",
            "Send install_dependencies if the project depends on it; else the operator runs `make setup`.",
        )
    return context.toolchain.node_modules


def our_program(context: ToolContext, package: str) -> NodeProgram:
    """Our own program of a package."""
    name, program = PROGRAMS[package]
    folder = our_modules(context) / package
    manifest = cast("dict[str, Any]", json.loads((folder / "package.json").read_text()))
    script = _bin_of(manifest, program) or ""
    return NodeProgram((node_of(context), str(folder / script)), name, str(manifest["version"]), False)


def project_of(context: ToolContext, path: str) -> Project:
    """The project that a folder belongs to; ToolRejected where no folder above it has a package.json."""
    folder = existing_folder(context.copy, path)
    packages = Packages(context.copy.files)
    for above in upwards(within(folder, "package.json")):
        package = packages.of(above)
        if package is not None:
            return Project(context, package)
    raise ToolRejected(
        f"Neither {folder!r} nor a folder above it has a package.json that can be read.",
        "Name the folder of a JavaScript project.",
    )


def folder_of_paths(context: ToolContext, folder: str, paths: Sequence[str]) -> Project:
    """The project of ``folder``, or, where that is the root and paths are named, of what they have in common."""
    if folder != "." or not paths:
        return project_of(context, folder)
    common = posixpath.commonpath([posixpath.join(".", path) for path in paths])
    files = context.copy.files
    while common not in {"", "."} and not (files.exists(common) and files.stat(common).kind == "folder"):
        common = posixpath.dirname(common)
    return project_of(context, common or ".")


def seen_inside(path: str) -> str:
    """A path from the workspace root as programs in the sandbox see it."""
    return WORKSPACE if path in {"", "."} else f"{WORKSPACE}/{path}"


def seen_outside(path: str) -> str:
    """The path from the workspace root of what a program in the sandbox names by its whole path."""
    return path.removeprefix(f"{WORKSPACE}/") if path != WORKSPACE else "."


def _manifest(files: Files, path: str) -> dict[str, Any] | None:
    try:
        content: object = json.loads(files.read(path, limit_bytes=LARGEST_MANIFEST))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


def _bin_of(manifest: dict[str, Any], program: str) -> str | None:
    given = manifest.get("bin")
    script: object = cast("dict[str, object]", given).get(program) if isinstance(given, dict) else given
    return script if isinstance(script, str) else None
