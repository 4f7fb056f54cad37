"""Which test frameworks a workspace uses, and where Node's tests are."""

import posixpath
import re
from collections.abc import Iterator, Sequence

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.paths import missing

SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "__pycache__", "dist", "build"}
WALKED_ENTRIES = 50_000
PYTHON_TEST = re.compile(r"(?:test_.*|.*_test)\.py\Z|conftest\.py\Z")
# Node's own rule: such a name anywhere, or any script below a folder named test.
NODE_TEST = re.compile(r"(?:test|test-.+|.+[.\-_]test)\.[cm]?js\Z")
NODE_SCRIPT = re.compile(r".*\.[cm]?js\Z")


def present(files: Files, path: str) -> str:
    """The path, which must exist; a pytest id (``file.py::name``) is judged by its file."""
    if not files.exists(path.partition("::")[0]):
        raise missing(files, path.partition("::")[0])
    return path


def detected(files: Files, paths: Sequence[str]) -> list[str]:
    """The frameworks that have tests here: ``pytest``, ``node`` or both."""
    found = {
        framework
        for path in _walk(files, [path.partition("::")[0] for path in paths] or ["."])
        if (framework := _framework(path))
    }
    if not found:
        where = ", ".join(map(repr, paths)) or "the workspace"
        raise ToolRejected(
            f"No tests for pytest or node --test are in {where}.",
            "Name the framework, or run another test program by execute_command.",
        )
    return sorted(found, reverse=True)


def node_files(files: Files, paths: Sequence[str]) -> list[str]:
    """The test files that Node runs, for the paths or for the whole workspace."""
    chosen = [path.partition("::")[0] for path in paths]
    named = [path for path in chosen if files.stat(path).kind == "file"]
    folders = [path for path in chosen if path not in named] or ([] if named else ["."])
    walked = [path for path in _walk(files, folders) if _framework(path) == "node"]
    if not named and not walked:
        raise ToolRejected("No test files for node --test are there.", "Name the files in paths.")
    return sorted({*named, *walked})


def _framework(path: str) -> str:
    folder, name = posixpath.split(path)
    if PYTHON_TEST.match(name):
        return "pytest"
    in_test_folder = "test" in folder.split("/") and NODE_SCRIPT.match(name)
    return "node" if in_test_folder or NODE_TEST.match(name) else ""


def _walk(files: Files, starts: Sequence[str]) -> Iterator[str]:
    """Files at and below the starts, without folders of dependencies and built things."""
    waiting = list(starts)
    left = WALKED_ENTRIES
    while waiting and left > 0:
        path = waiting.pop()
        if files.stat(path).kind == "file":
            yield posixpath.normpath(path)
            continue
        for entry in files.list(path):
            left -= 1
            inner = posixpath.normpath(posixpath.join(path, entry.name))
            if entry.kind == "file":
                yield inner
            elif entry.kind == "folder" and entry.name not in SKIPPED_FOLDERS:
                waiting.append(inner)
