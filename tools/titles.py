"""Titles: one line about a call, for people."""

from perdure.safety.display import escape_hidden

TITLE_CHARACTERS = 120


def shown_path(path: str) -> str:
    """The path as it is, or escaped where a character in it would hide or break the line."""
    return path if path.isprintable() else ascii(path)


def one_line(text: str, limit: int = TITLE_CHARACTERS) -> str:
    """The text in one line of at most ``limit`` characters, with every hidden character escaped."""
    shown = escape_hidden(text[:limit].replace("\n", "\\n").replace("\t", "\\t"))
    return shown if len(text) <= limit and len(shown) <= limit else shown[: limit - 1] + "…"
