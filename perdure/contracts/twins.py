"""Letters that people take for others, and the scripts that letters are of."""

import re
import unicodedata

_LIKE = {
    "a": "аɑαаᴀ", "b": "Ьƅʙ", "c": "сϲᴄⲥ", "d": "ԁɗᴅ", "e": "еҽ℮ᴇ", "g": "ɡցɢ", "h": "һհʜ", "i": "іıɩιɪ", "j": "јϳᴊ",
    "k": "κкᴋ", "l": "ӏƖǀʟ", "m": "ᴍ", "n": "ոпɴ", "o": "оοօᴏⲟסه", "p": "рρⲣᴘ", "q": "ԛզ", "r": "гᴦʀ", "s": "ѕꜱ", "t": "τтᴛ",
    "u": "υսʋᴜ", "v": "νѵᴠ", "w": "ԝѡᴡա", "x": "хχ", "y": "уγүʏʏ", "z": "ᴢ",
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СϹᏟ", "D": "Ꭰ", "E": "ЕΕᎬ", "F": "Ϝ", "G": "Ԍ", "H": "НΗᎻ", "I": "ІΙӀ", "J": "ЈᎫ",
    "K": "КΚᏦ", "L": "Ꮮ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕ", "P": "РΡᏢ", "Q": "Ԛ", "R": "Ꭱ", "S": "ЅՏᏚ", "T": "ТΤᎢ",
    "U": "Ս", "V": "ѴᏙ", "W": "ԜᎳ", "X": "ХΧ", "Y": "ΥҮ", "Z": "ΖᏃ",
}  # fmt: skip
"""Letter of ASCII → those of other scripts that look like it."""
TWINS = {other: letter for letter, others in _LIKE.items() for other in others}
"""Letter of another script → the one of ASCII that it looks like."""

_FIRST_WORD = re.compile(r"^(\w+)")


def scripts_of(word: str) -> tuple[str, ...]:
    """The scripts of the word's letters, by their names in Unicode."""
    names = (script_of(character) for character in word if character.isalpha())
    return tuple(dict.fromkeys(name for name in names if name))


def script_of(character: str) -> str:
    """The script of a letter, by its name in Unicode."""
    name = unicodedata.name(character, "")
    found = _FIRST_WORD.match(name)
    first = found[1] if found else ""
    if first in ("FULLWIDTH", "MATHEMATICAL", "MODIFIER", "SMALL"):
        return "LATIN"
    # Japanese mixes these by its nature.
    return "CJK" if first in ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC") else first
