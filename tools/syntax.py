"""Whether a file parses, for the languages with a parser at hand: Python, JavaScript, TypeScript, JSON, TOML."""

import ast
import json
import threading
import tomllib
import warnings
from pathlib import PurePosixPath

import tree_sitter

from tools.symbols.grammars import grammar_of, parsed

PARSED_BYTES = 4 * 1024 * 1024
TREES = {
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".cts": "typescript",
    ".mts": "typescript",
    ".tsx": "tsx",
}
# catch_warnings changes the whole process, so two threads must not overlap in it.
_quiet = threading.Lock()


def has_grammar(path: str) -> bool:
    """Whether a file of this name is parsed here at all."""
    return PurePosixPath(path).suffix.lower() in {".py", ".pyi", ".json", ".toml", *TREES}


def syntax_error(path: str, data: bytes) -> str:
    """``line 3: '(' was never closed``, or an empty text where the file parses or has no parser here."""
    suffix = PurePosixPath(path).suffix.lower()
    if len(data) > PARSED_BYTES:
        return ""
    if suffix in {".py", ".pyi"}:
        return _python(data)
    if suffix in TREES:
        return _tree(TREES[suffix], data)
    if suffix == ".json":
        return _json(data)
    return _toml(data) if suffix == ".toml" else ""


def _python(data: bytes) -> str:
    tree: ast.Module | None = None
    try:
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
            # The parser alone takes a return outside of a function, or a break outside of a loop.
            compile(tree, "checked", "exec", dont_inherit=True)
    except IndentationError as error:
        return f"line {error.lineno or 1}: {error.msg}"
    except SyntaxError as error:
        # The project may be written for a newer Python than the one that runs this; the grammar knows both.
        newer = tree is None and not _tree("python", data)
        return "" if newer else f"line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"line 1: {error or 'nested too deeply'}"
    return ""


def language_of(name: str) -> tree_sitter.Language:
    """The grammar of this name, such as ``python`` or ``tsx``."""
    return grammar_of(name)


def _tree(name: str, data: bytes) -> str:
    root = parsed(name, data).root_node
    if not root.has_error:
        return "" if name == "python" else _unmatched_tag(root)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_missing:
            return f"line {node.start_point.row + 1}: {node.type!r} is missing"
        if node.is_error:
            return f"line {node.start_point.row + 1}: cannot be parsed from here"
        waiting.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)
    return "line 1: cannot be parsed"


def _unmatched_tag(root: tree_sitter.Node) -> str:
    """The first JSX element whose closing tag has another name, which the grammar lets pass."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "jsx_element":
            names = [
                tag.child_by_field_name("name") if tag is not None else None
                for tag in (node.child_by_field_name("open_tag"), node.child_by_field_name("close_tag"))
            ]
            opened, closed = (name.text if name is not None else b"" for name in names)
            if opened != closed:
                shown = (closed or b"").decode("utf-8", "replace")
                return f"line {node.end_point.row + 1}: </{shown}> closes another element"
        waiting.extend(reversed(node.named_children))
    return ""


def _json(data: bytes) -> str:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError):
        return "line 1: is not JSON"
    return ""


def _toml(data: bytes) -> str:
    try:
        tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return str(error) or "line 1: nested too deeply"
    return ""
