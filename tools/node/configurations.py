"""TypeScript's configuration files: JSON with comments, which of them compiles a file, and what they say."""

import json
import posixpath
import re
from fnmatch import fnmatchcase
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.node.projects import Project
from tools.test_frameworks.tree import within

LARGEST_BYTES = 1024**2
TSCONFIG = re.compile(r"tsconfig\.json")
JSCONFIG = re.compile(r"jsconfig\.json")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)


def read_commented_json(files: Files, path: str) -> dict[str, Any]:
    """The object in a file of JSON with comments and trailing commas; ToolRejected where it is none."""
    text = files.read(path, limit_bytes=LARGEST_BYTES).decode("utf-8-sig", "replace")
    text = TOKEN.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    try:
        content: object = json.loads(TRAILING.sub(lambda found: found[1] or "", text))
    except (ValueError, RecursionError) as error:
        raise ToolRejected(f"{path!r} cannot be read as JSON: {error}.", "Mend it first.") from error
    if not isinstance(content, dict):
        raise ToolRejected(f"{path!r} holds no JSON object.", "Mend it first.")
    return cast("dict[str, Any]", content)


def configuration_of(project: Project) -> str | None:
    """The path of the nearest tsconfig.json, else of the nearest jsconfig.json."""
    return project.nearest(TSCONFIG) or project.nearest(JSCONFIG)


def compiled_by(files: Files, path: str) -> list[str]:
    """The configurations that compile files: the one at ``path``, or those that it only refers to."""
    content = read_commented_json(files, path)
    references = content.get("references")
    has_files = content.get("files") != [] or "include" in content
    if has_files or not isinstance(references, list):
        return [path]
    found: list[str] = []
    for reference in cast("list[Any]", references):
        wanted: Any = cast("dict[str, Any]", reference).get("path") if isinstance(reference, dict) else None
        if isinstance(wanted, str):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), wanted))
            place = place if place.endswith(".json") else within(place, "tsconfig.json")
            if not place.startswith("..") and files.exists(place):
                found.append(place)
    return found or [path]


def compiler_of(files: Files, path: str, file: str) -> str:
    """Of the configurations that ``path`` stands for the one that includes the file, else the first."""
    candidates = compiled_by(files, path)
    if len(candidates) == 1:
        return candidates[0]
    return next((each for each in candidates if _includes(files, each, file)), candidates[0])


def option_of(files: Files, path: str, name: str) -> object:
    """A compiler option, also where a configuration of the project that it extends says it; None where none does."""
    for _ in range(8):
        content = read_commented_json(files, path)
        options: Any = content.get("compilerOptions")
        if isinstance(options, dict) and name in options:
            return cast("dict[str, object]", options)[name]
        base: Any = content.get("extends")
        if not isinstance(base, str) or not base.startswith("."):
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), base))
        path = path if path.endswith(".json") else f"{path}.json"
        if path.startswith("..") or not files.exists(path):
            return None
    return None


def _includes(files: Files, configuration: str, file: str) -> bool:
    content = read_commented_json(files, configuration)
    patterns = [
        *cast("list[Any]", content.get("include") or []),
        *cast("list[Any]", content.get("files") or []),
    ]
    relative = posixpath.relpath(file, posixpath.dirname(configuration) or ".")
    for pattern in filter(None, map(str, patterns)):
        plain = pattern.removeprefix("./").rstrip("/")
        if (
            relative == plain
            or relative.startswith(f"{plain}/")
            or fnmatchcase(relative, plain.replace("**/", "*"))
        ):
            return True
    return False
