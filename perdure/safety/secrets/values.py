"""Whether a value that stands where a credential may stand is one."""

import math
import re
from collections import Counter

PLACEHOLDER = re.compile(
    r"(?i)^(?:\$|%[({a-z]|\{|\\|\[|<|\[\[|@|#\{|process\.env|os\.environ|env[.(\[]|import\.meta|secrets?\.|vault:|arn:|ref\+|!)"
    r"|\$\{|\{\{|%[sd]|\.\.\.|…|x{6,}|\*{3,}|_{4,}|example|placeholder|change[_-]?me|dummy|redacted|your[_-]|_here$|<[a-z]"
    r"|^(?:none|null|true|false|undefined|required|optional|string|boolean|number)\b"
    r"|^(?:pass(?:word|wd)?|pwd|secret|token|user(?:name)?|key)$"
)
_PATH_OR_ADDRESS = re.compile(r"^(?:\.{0,2}/|~/|[a-z][a-z0-9+.-]*://|[A-Za-z]:\\)")
_WORDS = re.compile(r"[A-Za-z]?[a-z]+\d{0,2}|[A-Z]+\d{0,2}|\d{1,2}")
_UNSPEAKABLE = re.compile(r"(?i)(?:(?![aeiouy])[a-z]){7,}")
_USUAL_PASSWORD = re.compile(r"[A-Za-z]+\d{1,6}[!@#$%^&*?]+")
_LONG_PART = re.compile(r"(?<![\w$])(?=[A-Za-z]*\d[A-Za-z]*\d)[A-Za-z0-9]{20,}(?![\w$])")
_RANDOM_WITHIN = re.compile(
    r"(?:[!@](?=\S)|[\[{])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])[A-Za-z0-9]{8,64}[\]}]?"
)
"""Begins like an expression, but no name that a person gives stands in it."""
_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+!?")


def _entropy(value: str) -> float:
    """Bits for each character, by how often each stands in the value."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def is_of_words(value: str) -> bool:
    """Whether it is put together of words in a usual way, as names in programs, labels and sentences are."""
    parts = re.split(r"[-_ ./:,!?@#+*]+", value)
    return all(_spells_words(part) for part in parts if part)


def _spells_words(part: str) -> bool:
    words = _WORDS.findall(part)
    if "".join(words) != part or _UNSPEAKABLE.search(part):
        return False
    with_digits = sum(word[-1].isdigit() for word in words)
    # Names such as utf8ToBase64 have digits behind words; random letters fall into shorter ones.
    usual_length = 4 if with_digits == 2 else 3.5
    return len(words) < 3 or (with_digits < 3 and len(part) >= usual_length * len(words))


def stands_for_a_value(value: str) -> bool:
    """Whether it is a placeholder, an expression that gives the value, or a path."""
    if _RANDOM_WITHIN.fullmatch(value) and not is_of_words(value.strip("!@[]{}")):
        return False
    return PLACEHOLDER.search(value) is not None or _PATH_OR_ADDRESS.match(value) is not None


def looks_secret(value: str, *, quoted: bool) -> bool:
    """Whether a value that stands where a credential may stand is one, and no name, path, placeholder or call."""
    if stands_for_a_value(value) or len(set(value)) < 5:
        return False
    if not quoted and (
        "=" in value.rstrip("=") or (_DOTTED.fullmatch(value) and not _LONG_PART.search(value))
    ):
        return False
    if not quoted and re.fullmatch(r"[\w$]+", value) and not re.search(r"\d", value) and len(value) < 16:
        return False
    if " " in value and re.search(r"[(){}<>\[\]$=]", value):
        return False
    if _USUAL_PASSWORD.fullmatch(value):
        return True
    return not is_of_words(value) and _entropy(value) >= (2.5 if quoted else 2.8)


def looks_random(value: str) -> bool:
    """Whether it is none of the words that stand beside a name in a call as well."""
    return (
        len(value) >= 12
        and " " not in value
        and re.search(r"\d", value) is not None
        and looks_secret(value, quoted=True)
        and _entropy(value) >= 3
    )
