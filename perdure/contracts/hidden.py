"""Characters that nobody sees, or that move others: written as escapes, so that a text shows what it holds."""

import re
import unicodedata

_SHOWN_AS_IS = frozenset("\n\t")

_HIDING_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional, zero-width, tags), private use, surrogates, unassigned, and line separators."""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Characters of other categories that are drawn as nothing: fillers, joiners, blanks and variation selectors."""

_MAY_HIDE = re.compile(r"[^\n\t\x20-\x7e]")
"""Everything that is looked at one by one; what is left hides in no text."""

_BREAK = re.compile(r"\r\n|[^\n\t\x20-\x7e]")
_PICTURES = frozenset({"So", "Sm", "Po", "Nd"})
"""What a variation selector may stand behind in ordinary writing: a picture, a sign, or the digit of a key."""
_JOINED = frozenset({"So", "Sk", "Mn"})
_FIRST_JOINING_SCRIPT = 0x590
"""Below it no script joins its letters by hidden characters."""


def hides(character: str) -> bool:
    """Whether the character is not drawn, or changes how others are."""
    code = ord(character)
    return (
        unicodedata.category(character) in _HIDING_CATEGORIES
        or character in _INVISIBLE
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def escaped(character: str) -> str:
    """The character as people see it: itself, or its escape, where it hides and is no line feed or tab."""
    if character in _SHOWN_AS_IS or not hides(character):
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def escape_hidden(text: str) -> str:
    """The text with every character that is not drawn, or that moves others, written as an escape."""
    return _MAY_HIDE.sub(lambda found: escaped(found[0]), text)


def escape_in_json(text: str) -> str:
    """JSON that means the same, in which such characters stand as JSON's own escapes."""
    return _MAY_HIDE.sub(lambda found: _in_json(found[0]) if hides(found[0]) else found[0], text)


def shown_to_model(text: str) -> tuple[str, int]:
    """The text with hidden characters as JSON's escapes, so that what is copied into an argument means the character.

    The number says how many were escaped. What ordinary writing needs stays: the end of a line, one selector behind a
    picture, and the joiners inside of pictures and of scripts that join letters. Halves of surrogate pairs stay too.
    """
    count = 0

    def shown(found: re.Match[str]) -> str:
        nonlocal count
        character = found[0]
        if character == "\r\n" or not hides(character) or "\ud800" <= character <= "\udfff":
            return character
        if _is_writing(
            character, text[max(found.start() - 1, 0) : found.start()], text[found.end() : found.end() + 1]
        ):
            return character
        count += 1
        return _in_json(character)

    return _BREAK.sub(shown, text), count


def _in_json(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _is_writing(character: str, before: str, after: str) -> bool:
    """Whether ordinary writing has the character between these two."""
    if not before or (not after and character in "\u200c\u200d"):
        return False
    if character in "\ufe0e\ufe0f":
        return unicodedata.category(before) in _PICTURES
    if character not in "\u200c\u200d":
        return False
    if character == "\u200d" and unicodedata.category(after) == "So":
        return unicodedata.category(before) in _JOINED or before == "\ufe0f"
    return min(ord(before), ord(after)) >= _FIRST_JOINING_SCRIPT and all(
        unicodedata.category(each)[0] in "LM" for each in (before, after)
    )
