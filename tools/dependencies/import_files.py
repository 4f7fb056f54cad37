"""Which files of a workspace import which, by their import statements and the names of the files."""

import asyncio
import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.dependencies.import_lines import ImportLine, import_lines
from tools.node.configurations import option_of
from tools.test_frameworks.packages import Packages
from tools.tool_schemas import ToolContext

PYTHON = (".py", ".pyi", ".pyw")
SCRIPT = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
FOUND_AS = ("", *SCRIPT, ".vue", ".svelte", ".json", *(f"/index{ending}" for ending in SCRIPT))
BUILT = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""What is written beside a compiled file's name."""
MOST_CONFIGURATIONS = 300
"""Of each kind: package.json, tsconfig.json."""


@dataclass(frozen=True)
class FileImports:
    """The import graph of a workspace's files."""

    statements: Mapping[str, Sequence[tuple[ImportLine, str]]]
    """By file, each import of another file of the workspace, with that file."""
    lines: Sequence[ImportLine] = ()
    """Every import, also of what lies outside."""
    complete: bool = True
    importers: Mapping[str, Sequence[ImportLine]] = field(init=False)
    """By file, the imports of it, by path and line."""

    def __post_init__(self) -> None:
        importers: defaultdict[str, list[ImportLine]] = defaultdict(list)
        for path in sorted(self.statements):
            for line, target in self.statements[path]:
                importers[target].append(line)
        object.__setattr__(self, "importers", dict(importers))

    def edges(self, paths: Sequence[str]) -> dict[str, set[str]]:
        """What each of these files imports of the others, without itself."""
        wanted = set(paths)
        return {
            path: {
                target for _, target in self.statements.get(path, ()) if target in wanted and target != path
            }
            for path in paths
        }


async def file_imports(context: ToolContext, paths: Sequence[str]) -> FileImports:
    """The graph; ``paths`` are all files of the workspace."""
    lines = await import_lines(context)

    def resolve() -> FileImports:
        places = _Places(context.copy.files, paths)
        found: defaultdict[str, list[tuple[ImportLine, str]]] = defaultdict(list)
        for line in lines.found:
            for target in places.targets(line):
                found[line.path].append((line, target))
        return FileImports(dict(found), lines.found, complete=lines.complete)

    return await asyncio.to_thread(resolve)


class _Places:
    """Finds the file that an import means; nothing for what lies outside of the workspace."""

    def __init__(self, files: Files, paths: Sequence[str]) -> None:
        self._files = files
        self._paths = frozenset(paths)
        self._modules = _python_modules(self._paths)
        self._options: dict[str, tuple[str, Mapping[str, Sequence[str]]] | None] = {}
        self._configurations = _beside(paths, ("tsconfig.json", "jsconfig.json"))
        self._packages = self._packages_by_name(_beside(paths, ("package.json",)))

    def targets(self, line: ImportLine) -> list[str]:
        """The files, without repeats."""
        if line.path.endswith(PYTHON):
            found = self._python(line)
        else:
            target = self._script(line)
            found = [target] if target else []
        return list(dict.fromkeys(found))

    def _python(self, line: ImportLine) -> list[str]:
        folder = posixpath.dirname(line.path)
        dots = len(line.module) - len(line.module.lstrip("."))
        if dots:
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            place = posixpath.join(folder, line.module[dots:].replace(".", "/")).rstrip("/")
            inner = [self._at(posixpath.join(place, name)) for name in line.names]
            own = self._at(place)
        else:
            # What is no part of a package is started as a script, whose neighbours have their bare names.
            alone = f"{folder}/__init__.py" not in self._paths
            near = posixpath.join(folder, line.module.replace(".", "/"))
            inner = [
                self._modules.get(f"{line.module}.{name}") or (self._at(f"{near}/{name}") if alone else None)
                for name in line.names
            ]
            own = self._of_module(line.module) or (self._at(near) if alone else None)
        found = [each for each in inner if each]
        return [*found, own] if own and (len(found) < len(line.names) or not line.names) else found

    def _of_module(self, name: str) -> str | None:
        while name:
            if name in self._modules:
                return self._modules[name]
            name = name.rpartition(".")[0]
        return None

    def _at(self, place: str) -> str | None:
        tried = (f"{place}.py", f"{place}/__init__.py", f"{place}.pyi", f"{place}/__init__.pyi")
        return next((each for each in tried if each in self._paths), None)

    def _script(self, line: ImportLine) -> str | None:
        module = line.module.partition("?")[0]
        folder = posixpath.dirname(line.path)
        if module.startswith("."):
            return self._script_at(posixpath.normpath(posixpath.join(folder, module)))
        return self._aliased(folder, module) or self._packaged(module)

    def _script_at(self, place: str) -> str | None:
        stem, ending = posixpath.splitext(place)
        tried = [place + ending for ending in FOUND_AS] + [stem + other for other in BUILT.get(ending, ())]
        return next((each for each in tried if each in self._paths), None)

    def _aliased(self, folder: str, module: str) -> str | None:
        """By ``paths`` and ``baseUrl`` of the nearest configuration."""
        options = self._options_of(folder)
        if options is None:
            return None
        base, aliases = options
        for pattern in sorted(aliases, key=len, reverse=True):
            head, star, tail = pattern.partition("*")
            if not (module.startswith(head) and module.endswith(tail)) or (not star and module != pattern):
                continue
            middle = module[len(head) : len(module) - len(tail)] if star else ""
            for place in aliases[pattern]:
                found = self._script_at(posixpath.normpath(posixpath.join(base, place.replace("*", middle))))
                if found:
                    return found
        return self._script_at(posixpath.normpath(posixpath.join(base, module)))

    def _options_of(self, folder: str) -> tuple[str, Mapping[str, Sequence[str]]] | None:
        if folder not in self._options:
            file = self._configurations.get(folder)
            if file is not None:
                self._options[folder] = self._read_options(file)
            else:
                self._options[folder] = self._options_of(posixpath.dirname(folder)) if folder else None
        return self._options[folder]

    def _read_options(self, file: str) -> tuple[str, Mapping[str, Sequence[str]]] | None:
        try:
            base, aliases = option_of(self._files, file, "baseUrl"), option_of(self._files, file, "paths")
        except ToolRejected:
            # A configuration that cannot be read resolves nothing.
            return None
        if not isinstance(base, str) and not isinstance(aliases, dict):
            return None
        folder = posixpath.join(posixpath.dirname(file), base if isinstance(base, str) else "")
        read: dict[str, Sequence[str]] = {}
        for pattern, places in (cast("dict[str, Any]", aliases) if isinstance(aliases, dict) else {}).items():
            if isinstance(places, list):
                read[pattern] = [str(each) for each in cast("list[Any]", places)]
        return folder, read

    def _packages_by_name(self, files: Mapping[str, str]) -> dict[str, tuple[str, dict[str, Any]]]:
        packages = Packages(self._files)
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for folder in sorted(files):
            package = packages.of(folder or ".")
            name: Any = package.content.get("name") if package else None
            if package and isinstance(name, str) and name:
                found.setdefault(name, (folder, package.content))
        return found

    def _packaged(self, module: str) -> str | None:
        """A package of the same workspace, by its source where the built file is not there."""
        parts = module.split("/")
        count = 2 if module.startswith("@") else 1
        package = self._packages.get("/".join(parts[:count]))
        if package is None:
            return None
        folder, content = package
        rest = "/".join(parts[count:])
        if rest:
            places = [rest, f"src/{rest}"]
        else:
            given = [content.get(key) for key in ("source", "types", "module", "main")]
            places = [*(each for each in given if isinstance(each, str)), "src/index", "src/main", "index"]
        found = (self._script_at(posixpath.normpath(posixpath.join(folder, place))) for place in places)
        return next((each for each in found if each), None)


def _beside(paths: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Folder and path of the files of such a name; the first name wins, the outermost folders first."""
    found: dict[str, str] = {}
    for name in names:
        of_name = [path for path in paths if posixpath.basename(path) == name and "node_modules/" not in path]
        for path in sorted(of_name, key=lambda path: (path.count("/"), path))[:MOST_CONFIGURATIONS]:
            found.setdefault(posixpath.dirname(path), path)
    return found


def _python_modules(paths: frozenset[str]) -> dict[str, str]:
    """The files by the dotted names that they can be imported by: from the root, from ``src``, from above their package."""
    found: dict[str, str] = {}
    for path in sorted(
        (path for path in paths if path.endswith(PYTHON)), key=lambda path: (path.count("/"), path)
    ):
        place = posixpath.splitext(path)[0].removesuffix("/__init__")
        top = posixpath.dirname(place)
        while top and f"{top}/__init__.py" in paths:
            top = posixpath.dirname(top)
        names = {place, place.removeprefix("src/"), place.removeprefix(f"{top}/") if top else place}
        for name in sorted(names):
            found.setdefault(name.replace("/", "."), path)
    return found
