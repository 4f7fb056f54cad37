"""The files of a repository with their lines and languages, as every part of a summary reads them."""

import json
import posixpath
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.paths import Files
from tools.gathering.test_files import TestFiles
from tools.programs import run_program
from tools.searching.code_index import is_wanted
from tools.searching.file_list import LISTED, listed_files
from tools.symbols.grammars import language_of_path
from tools.text_files import decoded
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=60, output_bytes=64 * 1024**2)
LARGEST_READ = 256 * 1024
SHOWN_AS = {"tsx": "TypeScript", "bash": "Shell"}
#: Languages that are known by their names alone.
OTHER_CODE = {
    ".vue": "Vue", ".svelte": "Svelte", ".astro": "Astro", ".rb": "Ruby", ".php": "PHP", ".cs": "C#", ".kt": "Kotlin",
    ".kts": "Kotlin", ".swift": "Swift", ".scala": "Scala", ".ex": "Elixir", ".exs": "Elixir", ".erl": "Erlang",
    ".hs": "Haskell", ".clj": "Clojure", ".lua": "Lua", ".pl": "Perl", ".r": "R", ".jl": "Julia", ".dart": "Dart",
    ".m": "Objective-C", ".zig": "Zig", ".sql": "SQL", ".graphql": "GraphQL", ".proto": "Protocol Buffers",
    ".tf": "Terraform", ".sol": "Solidity", ".scss": "Sass", ".less": "Less", ".pyx": "Cython", ".ps1": "PowerShell",
}  # fmt: skip

ASIDE = {
    "example",
    "examples",
    "demo",
    "demos",
    "docs",
    "doc",
    "fixtures",
    "benchmark",
    "benchmarks",
    "samples",
    "vendor",
}
"""Folders of code that nothing is built on."""


@dataclass(frozen=True)
class Section:
    """One part of the summary."""

    title: str
    lines: Sequence[str]
    is_told: bool = True
    """False where it holds only why there is nothing to tell."""

    @property
    def text(self) -> str:
        """As it is shown."""
        return "\n".join([f"## {self.title}", *self.lines])


@dataclass(frozen=True)
class Tree:
    """All files below one folder that Git does not ignore."""

    files: Files
    folder: str
    paths: Sequence[str]
    """From the workspace root, sorted."""
    lines: Mapping[str, int]
    tests: TestFiles
    complete: bool = True
    """False where a limit ended the counting."""

    @classmethod
    async def of(cls, context: ToolContext, folder: str) -> "Tree":
        """The files as they are now."""
        context.beat("listing files")
        prefix = "" if folder == "." else f"{folder}/"
        paths = sorted(f"{prefix}{path}" for path in await listed_files(context, folder))
        context.beat("counting lines")
        argv = [str(context.toolchain.ripgrep), *LISTED, "--count", "--null", "--color=never"]
        finished = await run_program(
            context,
            [*argv, "--regexp=", "--", "./"],
            view=View.READ_ONLY,
            limits=LIMITS,
            working_directory=folder,
        )
        lines: dict[str, int] = {}
        fragment = ""
        for shown in finished.output.decode("utf-8", "surrogateescape").split("\n"):
            name, end, count = f"{fragment}{shown}".rpartition("\0")
            fragment = "" if end else f"{fragment}{shown}\n"
            if end and count.isdecimal():
                lines[prefix + name.removeprefix("./")] = int(count)
        return cls(
            context.copy.files, folder, paths, lines, TestFiles(context.copy.files), not finished.killed_for
        )

    @cached_property
    def code(self) -> Mapping[str, str]:
        """The language of each file of code."""
        found = {path: language_shown(path) for path in self.paths if is_wanted(path)}
        return {path: language for path, language in found.items() if language}

    @cached_property
    def of_tests(self) -> frozenset[str]:
        """The files of code that belong to tests."""
        return frozenset(path for path in self.code if self.tests.holds(path))

    def named(self, *names: str) -> list[str]:
        """Files of such a name, the outermost first."""
        found = [path for path in self.paths if posixpath.basename(path) in names]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def manifests(self, name: str) -> list[str]:
        """Files of such a name that speak of the repository itself, not of what its tests are tried on."""
        return [path for path in self.named(name) if not self.tests.holds(path)]

    def at(self, name: str) -> str:
        """The path of a name in the folder that is looked at."""
        return name if self.folder == "." else f"{self.folder}/{name}"

    def shown(self, path: str) -> str:
        """The path from the folder that is looked at."""
        return path if self.folder == "." else path.removeprefix(f"{self.folder}/")

    def text(self, path: str) -> str:
        """The text of a file; empty where it is none, is not there or is too large to be written by hand."""
        if path not in self._known:
            return ""
        try:
            data = self.files.read(path, limit_bytes=LARGEST_READ)
            return decoded(path, data).text if len(data) < LARGEST_READ else ""
        except ToolRejected:
            # A link, a pipe or a binary under a usual name says nothing.
            return ""

    def toml(self, path: str) -> dict[str, Any]:
        """The table in a file; empty where it is none."""
        try:
            return tomllib.loads(self.text(path))
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def json(self, path: str) -> dict[str, Any]:
        """The object in a file; empty where it is none."""
        try:
            content: object = json.loads(self.text(path) or "{}")
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", content) if isinstance(content, dict) else {}

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.paths)


def table_of(value: object, *keys: str) -> dict[str, Any]:
    """The table that keys lead to; empty where there is none."""
    for key in keys:
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def texts_of(value: object) -> list[str]:
    """The texts of a list; none where it is no list."""
    return (
        [each for each in cast("list[Any]", value) if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def listed(names: Iterable[str], most: int) -> str:
    """Names in one line, with how many more there are."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def language_shown(path: str) -> str:
    """The language of a file of code; empty for others."""
    language = language_of_path(path)
    if language is not None:
        return (
            SHOWN_AS.get(language.name, language.shown)
            if language.is_code or language.name in {"html", "css"}
            else ""
        )
    return OTHER_CODE.get(posixpath.splitext(path)[1].lower(), "")


MOST_LANGUAGES, MOST_FOLDERS = 8, 14


def languages_of(tree: Tree) -> Section:
    """Files and lines of each language, the largest first."""
    files: Counter[str] = Counter(tree.code.values())
    lines: Counter[str] = Counter()
    in_tests: Counter[str] = Counter()
    for path, language in tree.code.items():
        lines[language] += tree.lines.get(path, 0)
        in_tests[language] += tree.lines.get(path, 0) if path in tree.of_tests else 0
    total = max(1, lines.total())
    ordered = sorted(files, key=lambda name: (-lines[name], name))
    shown = [
        f"{name}: {_files(files[name])}, {lines[name]:,} lines ({100 * lines[name] / total:.0f} %)"
        + (f", {in_tests[name]:,} of them in tests" if in_tests[name] else "")
        for name in ordered[:MOST_LANGUAGES]
    ]
    rest = ordered[MOST_LANGUAGES:]
    shown += [f"[{len(rest)} more: {listed(rest, 12)}]"] if rest else []
    others = len(tree.paths) - len(tree.code)
    return Section("Languages", [*(shown or ["No code."]), f"Other files (text, data, images): {others:,}"])


def folders_of(tree: Tree) -> Section | None:
    """The folders that hold the code; of one that holds most of it, those in it."""
    split: set[str] = set()
    for _ in range(3):
        counts = _by_folder(tree, split)
        total = sum(counts.values())
        largest = max(counts, key=lambda name: (counts[name], name), default="")
        divisible = largest.endswith("/") and any(
            path.count("/") > largest.count("/") for path in tree.code if tree.shown(path).startswith(largest)
        )
        if not divisible or counts[largest] * 2 < total:
            break
        split.add(largest)
    counts = _by_folder(tree, split)
    if len(counts) < 2:
        return None
    files: Counter[str] = Counter(_folder_of(tree.shown(path), split) for path in tree.code)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    lines = [f"{name}: {_files(files[name])}, {counts[name]:,} lines" for name in ordered[:MOST_FOLDERS]]
    rest = ordered[MOST_FOLDERS:]
    return Section(
        "Where the code is", [*lines, *([f"[{len(rest)} more: {listed(rest, 12)}]"] if rest else [])]
    )


def _by_folder(tree: Tree, split: set[str]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for path in tree.code:
        counts[_folder_of(tree.shown(path), split)] += tree.lines.get(path, 0)
    return counts


def _folder_of(path: str, split: set[str]) -> str:
    """The outermost folder that is not split; what lies in one that is, by its file's folder."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth]) + "/"
        if folder not in split:
            return folder
    return "/".join(parts[:-1]) + "/" if len(parts) > 1 else "(top)"


def _files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"
