"""Characters that people take for others: letters of other scripts that look like Latin ones, and signs like ASCII's.

In running text a word is suspicious where it mixes scripts, or consists of nothing but such letters; in a command every
character beyond ASCII that could be taken for one of ASCII's is.
"""

import re
import unicodedata

from perdure.contracts.twins import TWINS, script_of, scripts_of

_WORD = re.compile(r"[^\W_]*[^\W_\x00-\x7f][^\W_]*")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_SIGN_CATEGORIES = frozenset(
    {"Pd", "Pc", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sk", "Zs", "Lm", "Me", "Mn", "Mc"}
)
"""In a command: dashes, quotes, brackets, points, blanks and marks that pass for those that a shell knows."""
_FORGING = frozenset("│⟨⟩…↩")
"""What our own notes are written with, so that no command can look like one of them."""


def escape_lookalikes(text: str) -> str:
    """The text with letters and signs escaped that stand in a word to be taken for others."""
    if text.isascii():
        return text
    spelled = _WORD.sub(lambda found: _spelled(found[0]), text)
    return _BEYOND_ASCII.sub(lambda found: _escape(found[0]) if _imitates(found[0]) else found[0], spelled)


def escape_signs(text: str) -> str:
    """The text with everything beyond ASCII escaped but letters that pass for none of ASCII's."""
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(
        lambda found: _escape(found[0]) if _passes_in_command(found[0]) else found[0], escape_lookalikes(text)
    )


def ascii_twin(word: str) -> str:
    """What people may read in the word, in ASCII; empty where they read nothing but itself."""
    read = "".join(TWINS.get(c) or unicodedata.normalize("NFKC", c) for c in word)
    return read if read != word and read.isascii() else ""


def _spelled(word: str) -> str:
    """The word with its foreign letters escaped where it mixes scripts, or all of it passes for ASCII."""
    mixed = len(scripts_of(word)) > 1
    passes = all(character.isascii() or character in TWINS for character in word)
    if not mixed and not passes:
        return word
    return "".join(
        c if c.isascii() or (script_of(c) == "LATIN" and c not in TWINS) else _escape(c) for c in word
    )


def _imitates(character: str) -> bool:
    """Whether its compatible form is one of ASCII, as of wide and mathematical letters."""
    form = unicodedata.normalize("NFKC", character)
    return form.isascii() and len(form) == 1


def _passes_in_command(character: str) -> bool:
    return (
        character in _FORGING or _imitates(character) or unicodedata.category(character) in _SIGN_CATEGORIES
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
