"""The languages whose syntax is known: their grammars, and what in their trees is a definition or a use of a name.

Nothing of ours but this package is imported here, since these modules also run inside the sandbox.
"""

import functools
import hashlib
import importlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import tree_sitter

from tools.symbols import data_queries, queries


@dataclass(frozen=True)
class Language:
    """One language: how people call it, its grammar, and the query that finds definitions and references."""

    name: str
    shown: str
    suffixes: tuple[str, ...]
    module: str
    query: str
    function: str = "language"
    is_code: bool = True
    """False where definitions are keys, elements and rules: they are shown, but are no symbols to look up."""
    names: tuple[str, ...] = ()
    """Whole names of files without a suffix."""


_LANGUAGES = (
    Language("python", "Python", (".py", ".pyi", ".pyw"), "tree_sitter_python", queries.PYTHON),
    Language(
        "javascript",
        "JavaScript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "tree_sitter_javascript",
        queries.JAVASCRIPT,
    ),
    Language(
        "typescript",
        "TypeScript",
        (".ts", ".mts", ".cts"),
        "tree_sitter_typescript",
        queries.TYPESCRIPT,
        function="language_typescript",
    ),
    Language("tsx", "TSX", (".tsx",), "tree_sitter_typescript", queries.TSX, function="language_tsx"),
    Language("go", "Go", (".go",), "tree_sitter_go", queries.GO),
    Language("rust", "Rust", (".rs",), "tree_sitter_rust", queries.RUST),
    Language("java", "Java", (".java",), "tree_sitter_java", queries.JAVA),
    Language("c", "C", (".c", ".h"), "tree_sitter_c", queries.C),
    Language("cpp", "C++", (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"), "tree_sitter_cpp", queries.CPP),
    Language(
        "bash", "Bash", (".sh", ".bash"), "tree_sitter_bash", queries.BASH, names=(".bashrc", ".profile")
    ),
    Language("json", "JSON", (".json", ".jsonc"), "tree_sitter_json", data_queries.JSON, is_code=False),
    Language("yaml", "YAML", (".yaml", ".yml"), "tree_sitter_yaml", data_queries.YAML, is_code=False),
    Language("toml", "TOML", (".toml",), "tree_sitter_toml", data_queries.TOML, is_code=False),
    Language("html", "HTML", (".html", ".htm"), "tree_sitter_html", data_queries.HTML, is_code=False),
    Language("css", "CSS", (".css",), "tree_sitter_css", data_queries.CSS, is_code=False),
)
LANGUAGES: Mapping[str, Language] = {language.name: language for language in _LANGUAGES}
_BY_SUFFIX = {suffix: language for language in _LANGUAGES for suffix in language.suffixes}
_BY_NAME = {name: language for language in _LANGUAGES for name in language.names}


def language_of_path(path: str) -> Language | None:
    """The language of a file by its name; None where none is known."""
    name = PurePosixPath(path)
    return _BY_NAME.get(name.name) or _BY_SUFFIX.get(name.suffix.lower())


@functools.cache
def grammar_of(name: str) -> tree_sitter.Language:
    """The grammar of a language by its name, such as ``python`` or ``tsx``."""
    language = LANGUAGES[name]
    capsule: object = getattr(importlib.import_module(language.module), language.function)()
    return tree_sitter.Language(capsule)


@functools.cache
def query_of(name: str) -> tree_sitter.Query:
    """The query of a language: ``@name`` in each match, and ``@definition.<kind>`` or ``@reference.<kind>`` around it."""
    return tree_sitter.Query(grammar_of(name), LANGUAGES[name].query)


def parsed(name: str, data: bytes) -> tree_sitter.Tree:
    """The tree of a text in a language."""
    return tree_sitter.Parser(grammar_of(name)).parse(data)


@functools.cache
def edition_of(name: str) -> str:
    """Changes whenever what is found in an unchanged file may: with the grammar's version and with the query."""
    language = LANGUAGES[name]
    version = importlib.metadata.version(language.module.replace("_", "-"))
    written = f"{FORM}\0{version}\0{language.query}"
    return f"{name}-{hashlib.sha256(written.encode()).hexdigest()[:12]}"


FORM = 2
"""Of the lines that :mod:`tools.symbols.tags` writes."""
