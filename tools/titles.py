"""Titles: one line about a call, for people."""

from perdure.safety.display import escape_hidden
from perdure.safety.lookalikes import escape_lookalikes
from perdure.safety.secrets.cutting import beginning

TITLE_CHARACTERS = 120


def shown_path(path: str) -> str:
    """The path as it is, or escaped where a character in it would hide or break the line."""
    return path if path.isprintable() else ascii(path)


def one_line(text: str, limit: int = TITLE_CHARACTERS) -> str:
    """The text in one line of at most ``limit`` characters, with every character escaped that hides or passes for another."""
    shown = escape_hidden(escape_lookalikes(beginning(text, limit)).replace("\n", "\\n").replace("\t", "\\t"))
    return shown if len(text) <= limit and len(shown) <= limit else beginning(shown, limit - 1) + "…"
