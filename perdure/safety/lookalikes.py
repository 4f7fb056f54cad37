"""Characters that people take for others: letters of other scripts that look like Latin ones, and signs like ASCII's.

In running text a word is suspicious where it mixes scripts, or consists of nothing but such letters; in a command every
character beyond ASCII that could be taken for one of ASCII's is.
"""

import re
import unicodedata

_LIKE = {
    "a": "аɑαа", "b": "Ьƅ", "c": "сϲᴄⲥ", "d": "ԁɗ", "e": "еҽ℮", "g": "ɡց", "h": "һհ", "i": "іıɩι", "j": "јϳ",
    "k": "κк", "l": "ӏƖǀ", "n": "ոп", "o": "оοօᴏⲟסه", "p": "рρⲣ", "q": "ԛզ", "r": "гᴦ", "s": "ѕꜱ", "t": "τт",
    "u": "υսʋᴜ", "v": "νѵᴠ", "w": "ԝѡᴡա", "x": "хχ", "y": "уγүʏ", "z": "ᴢ",
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СϹᏟ", "D": "Ꭰ", "E": "ЕΕᎬ", "F": "Ϝ", "G": "Ԍ", "H": "НΗᎻ", "I": "ІΙӀ", "J": "ЈᎫ",
    "K": "КΚᏦ", "L": "Ꮮ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕ", "P": "РΡᏢ", "Q": "Ԛ", "R": "Ꭱ", "S": "ЅՏᏚ", "T": "ТΤᎢ",
    "U": "Ս", "V": "ѴᏙ", "W": "ԜᎳ", "X": "ХΧ", "Y": "ΥҮ", "Z": "ΖᏃ",
}  # fmt: skip
"""Letter of ASCII → those of other scripts that look like it."""
_TWINS = {other: letter for letter, others in _LIKE.items() for other in others}

_WORD = re.compile(r"[^\W_]*[^\W_\x00-\x7f][^\W_]*")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_SCRIPTS = re.compile(r"^(\w+)")
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


def scripts_of(word: str) -> tuple[str, ...]:
    """The scripts of the word's letters, by their names in Unicode."""
    names = (_script(character) for character in word if character.isalpha())
    return tuple(dict.fromkeys(name for name in names if name))


def ascii_twin(word: str) -> str:
    """What people may read in the word, in ASCII; empty where they read nothing but itself."""
    read = "".join(_TWINS.get(c) or unicodedata.normalize("NFKC", c) for c in word)
    return read if read != word and read.isascii() else ""


def _spelled(word: str) -> str:
    """The word with its foreign letters escaped where it mixes scripts, or all of it passes for ASCII."""
    mixed = len(scripts_of(word)) > 1
    passes = all(character.isascii() or character in _TWINS for character in word)
    if not mixed and not passes:
        return word
    return "".join(
        c if c.isascii() or (_script(c) == "LATIN" and c not in _TWINS) else _escape(c) for c in word
    )


def _imitates(character: str) -> bool:
    """Whether its compatible form is one of ASCII, as of wide and mathematical letters."""
    form = unicodedata.normalize("NFKC", character)
    return form.isascii() and len(form) == 1


def _passes_in_command(character: str) -> bool:
    return (
        character in _FORGING or _imitates(character) or unicodedata.category(character) in _SIGN_CATEGORIES
    )


def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    found = _SCRIPTS.match(name)
    first = found[1] if found else ""
    if first in ("FULLWIDTH", "MATHEMATICAL", "MODIFIER", "SMALL"):
        return "LATIN"
    # Japanese mixes these by its nature.
    return "CJK" if first in ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC") else first


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
