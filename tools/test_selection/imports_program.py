"""What each Python file depends on, inside the sandbox: by its imports, and by modules and files that its strings name.

Nothing is imported and nothing needs to be importable. A name leads to every file that it could mean, wherever the
project's import path begins, so that no test is missed; computed names are not seen. The request, one JSON object:
``files`` (every Python file, deleted ones that changed among them), ``tests``, ``named`` (other files whose name in a
string counts), ``plugins`` (modules that every test depends on). The answer: a list of what it depends on, by file.
"""

import ast
import itertools
import json
import posixpath
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
IMPORT_LINE = re.compile(r"^\s*(?:from|import)\s+(?P<names>.+)$", re.MULTILINE)
LARGEST_BYTES = 4 * 1024**2
LONGEST_STRING = 400


class Modules:
    """Every file of the project by the names that it can be imported under."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = set(files)
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in files:
            parts = tuple(path.removesuffix("i").removesuffix(".py").split("/"))
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts:
                self._by_last.setdefault(parts[-1], []).append((parts, path))

    def named(self, name: str) -> list[str]:
        """The files that a dotted name can mean, with the packages that are loaded on the way to them."""
        wanted = tuple(name.split("."))
        found: list[str] = []
        for parts, path in self._by_last.get(wanted[-1], ()):
            root = parts[: len(parts) - len(wanted)]
            # The import path does not begin inside of a package.
            if parts[len(root) :] == wanted and "/".join([*root, "__init__.py"]) not in self._files:
                found += [path, *self.packages(path)]
        return found

    def packages(self, path: str) -> list[str]:
        """The ``__init__.py`` of every folder above a file that has one."""
        folders = path.split("/")[:-1]
        inits = ("/".join([*folders[:length], "__init__.py"]) for length in range(1, len(folders) + 1))
        return [each for each in inits if each in self._files]

    def nearest(self, name: str) -> list[str]:
        """What the longest beginning of a dotted name means, such as the module of ``app.money.total``."""
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            if found := self.named(".".join(parts[:length])):
                return found
        return []

    def called(self, word: str) -> list[str]:
        """Every file whose own name as a module is this one."""
        return [path for _, path in self._by_last.get(word, ())]

    def relative(self, path: str, level: int, name: str) -> list[str]:
        """What a relative import in a file means."""
        folder = posixpath.dirname(path)
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        place = posixpath.normpath(posixpath.join(folder, name.replace(".", "/"))) if name else folder
        candidates = (f"{place}.py", f"{place}.pyi", posixpath.join(place, "__init__.py"))
        found = [each for each in candidates if each in self._files]
        return [*found, *(each for one in found for each in self.packages(one))]

    def at(self, ending: str) -> list[str]:
        """The files whose path ends so."""
        ending = ending.removeprefix("./").lstrip("/")
        return [path for path in self._files if path == ending or path.endswith(f"/{ending}")]


def uses_of(path: str, text: str, modules: Modules, named: Mapping[str, str]) -> set[str]:
    """What one file depends on."""
    found = set(modules.packages(path))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Perhaps of a newer Python than this one: whatever has a name that its imports mention counts.
        for line in IMPORT_LINE.finditer(text):
            found.update(*map(modules.called, re.findall(r"\w+", line["names"])))
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                found.update(modules.nearest(each.name))
        elif isinstance(node, ast.ImportFrom):
            found.update(_imported_from(path, node, modules))
        elif isinstance(node, ast.List | ast.Tuple | ast.Call):
            found.update(_run_as_module(node, modules))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(_in_string(node.value, modules, named))
    return found


def _imported_from(path: str, node: ast.ImportFrom, modules: Modules) -> Iterator[str]:
    module = node.module or ""
    for name in ["", *(each.name for each in node.names)]:
        full = ".".join(filter(None, (module, name)))
        if node.level:
            yield from modules.relative(path, node.level, full)
        elif full:
            yield from modules.named(full)


def _run_as_module(node: ast.List | ast.Tuple | ast.Call, modules: Modules) -> Iterator[str]:
    """What stands behind ``-m`` in the words of a command."""
    words = node.args if isinstance(node, ast.Call) else node.elts
    texts = [each.value if isinstance(each, ast.Constant) else None for each in words]
    for word, following in itertools.pairwise(texts):
        if word == "-m" and isinstance(following, str):
            yield from modules.named(following)
            yield from modules.named(f"{following}.__main__")


def _in_string(text: str, modules: Modules, named: Mapping[str, str]) -> Iterator[str]:
    for name, path in named.items():
        if name in text:
            yield path
    if len(text) > LONGEST_STRING:
        return
    if text.endswith(".py"):
        yield from modules.at(text)
    elif DOTTED.fullmatch(text.replace(":", ".")):
        yield from modules.nearest(text.replace(":", "."))


def graph_of(request: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What each file depends on."""
    modules = Modules(request["files"])
    named = {posixpath.basename(path): path for path in request["named"]}
    edges: dict[str, set[str]] = {}
    for path in request["files"]:
        place = Path(path)
        if place.is_file() and not place.is_symlink() and place.stat().st_size <= LARGEST_BYTES:
            text = place.read_text("utf-8-sig", "replace")
            edges[path] = uses_of(path, text, modules, named)
    plugins = [each for name in request["plugins"] for each in modules.named(name)]
    conftests = {path for path in request["files"] if posixpath.basename(path) == "conftest.py"}
    for test in request["tests"]:
        folders = test.split("/")[:-1]
        above = ("/".join([*folders[:length], "conftest.py"]) for length in range(len(folders) + 1))
        edges.setdefault(test, set()).update(plugins, (each for each in above if each in conftests))
    return {path: sorted(uses - {path}) for path, uses in edges.items()}


def main() -> None:
    """Answer the request."""
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(graph_of(json.loads(sys.stdin.buffer.read()))))
