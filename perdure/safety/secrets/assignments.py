"""Credentials that only their surroundings tell: a name before the value, a header, a URL, an option of a command."""

import re
from collections.abc import Iterator

from perdure.safety.secrets.command_lines import COMMANDS
from perdure.safety.secrets.folding import in_ascii, vocabulary, words_of
from perdure.safety.secrets.passphrases import is_passphrase
from perdure.safety.secrets.surroundings import SURROUNDINGS
from perdure.safety.secrets.values import looks_random, looks_secret

_CUT = r"(?=\s*\Z|…|\.\.\.|\[…)"
"""Where a text was cut off, so that what would have come never comes."""
_BARE = r"[^\s\"'`,;<>(){}\[\]\\&|]"
_AFTER_NAME = re.compile(
    r"(?P<more>[\w-]{0,40})\\{0,3}[\"'`]?\]?(?:\s*:\s*[A-Za-z]{3,8}(?=\s*=))?\s{0,4}(?:=>|:=|==|[:=]|>)\s{0,4}"
    r"(?:[|>][+-]?[ \t]{0,4}\n[ \t]{1,12})?"
    r"(?:[bBrRuU]{0,2}(?:"
    rf"\"(?P<double>(?:[^\"\n\\]|\\[^\n\"]){{6,512}})(?:\"|{_CUT})"
    rf"|'(?P<single>(?:[^'\n\\]|\\[^\n']){{6,512}})(?:'|{_CUT})"
    r"|(?P<quote>\\{1,3}[\"'`]|`)(?P<inner>[^\"'`\n\\]{6,512})(?P=quote))"
    # A sign that ends other values is part of this one where nothing but letters and digits comes behind it.
    rf"|(?P<bare>(?:{_BARE}|(?<=\w)[,;&|](?=[\w!#$%*+.-]{{3,64}}[ \t]*$)){{8,512}}))",
    re.MULTILINE,
)
_SAYS_MORE = re.compile(
    r"(?i)(?:^|[_-]|(?<=[a-z])(?=[A-Z]))(?:re|regexp?|pattern|format|placeholder|hint|help|label)$"
)
"""What ends names of things that are about credentials, and hold none."""
_WHOLE_LINE = re.compile(
    r"[\w-]{0,40}[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?P<words>[a-z]{3,12}(?: (?:[a-z]{3,12}|\d{1,4})){3,23})[ \t]*$",
    re.MULTILINE,
)
"""Words without quotes behind a name, up to the end of the line."""
_VALUES = ("double", "single", "inner", "bare")
_IN_A_CALL = re.compile(
    r"[\w-]{0,40}[\"'`]?[\])]?\s{0,4}(?:,|\|\||\?\?|\?:|\(|(?<=\s)(?=[\"']))\s{0,4}"
    r"(?P<quote>[\"'])(?P<quoted>[^\"'\n\\]{12,512})(?P=quote)"
)
"""The second word of a call, the word that stands in for a variable, the word behind a keyword of SQL."""
_NAMED_BESIDE = re.compile(
    r"[\w.-]{0,40}[\"']?\s{0,4}(?:,|\{|>)?\s{0,40}(?:(?:type|sensitive|nullable|description)\s{0,40}=[^\n]{0,200}\n\s{0,40}){0,4}"
    r"[\"'<]?(?:value|default|content)[\"']?\s{0,4}[:=>]\s{0,4}[\"']?(?P<value>[^\s\"'<>(){}\[\],]{8,512}+)(?![(\[{])"
)
"""A pair whose name stands as a value itself."""
_ANY = re.compile("")
_APART = re.compile(r"(?:^|[^a-z])$")
_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    *(
        (name, _ANY)
        for name in ("passw", "passphrase", "passcode", "secret", "token", "credential", "apikey")
    ),
    *((name, _APART) for name in ("pwd", "psk", "auth")),
    ("pass", re.compile(r"(?:^|[^a-z]|ssh|user|db)$")),
    (
        "key",
        re.compile(
            r"(?:api|access|private|signing|encryption|master|account|auth|license|app|[a-z0-9]_)[_-]?$"
        ),
    ),
    ("webhook_url", _ANY),
    ("_pat", re.compile(r"[a-z0-9]$")),
    ("mnemonic", _ANY),
    ("phrase", re.compile(r"(?:seed|recovery|backup)[_ -]?$")),
)
"""A part of a name that tells a credential, and what must stand before it; all in lower case."""
_ONLY_WORDS = {"mnemonic", "phrase"}
_MAY_BE_WORDS = {"passw", "passphrase", "passcode", *_ONLY_WORDS}


def _is_meant(name: str, match: re.Match[str], group: str) -> bool:
    """Whether what stands in this group behind the name is its value, and a credential."""
    value = match[group]
    if _SAYS_MORE.search(match["more"]):
        return False
    if name in _MAY_BE_WORDS and is_passphrase(value):
        return True
    return name not in _ONLY_WORDS and looks_secret(value, quoted=group != "bare")


def _value_of(name: str, text: str, end: int) -> tuple[int, int] | None:
    """Where the value stands of a name that ends here."""
    if name in {"pass", "auth"} and text[end : end + 1].isalpha():
        return None
    if name in _MAY_BE_WORDS and (match := _WHOLE_LINE.match(text, end)) and is_passphrase(match["words"]):
        return match.span("words")
    if match := _AFTER_NAME.match(text, end):
        group = next(group for group in _VALUES if match[group] is not None)
        return match.span(group) if _is_meant(name, match, group) else None
    if name in _ONLY_WORDS:
        return None
    if (match := _IN_A_CALL.match(text, end)) and looks_random(match["quoted"]):
        return match.span("quoted")
    if (match := _NAMED_BESIDE.match(text, end)) and looks_secret(match["value"], quoted=True):
        return match.span("value")
    return None


def _of_assignments(text: str, small: str, words: str) -> Iterator[tuple[int, int]]:
    for name, before in _NAMES:
        at = small.find(name) if all(word in words for word in words_of(name)) else -1
        while at >= 0:
            end = at + len(name)
            if before.search(small, max(0, at - 12), at) and (found := _value_of(name, text, end)):
                yield found
            at = small.find(name, end)


_KUBERNETES = re.compile(r"(?m)^kind:\s*Secret\b")
_DATA = re.compile(r"(?m)^\s+[\w.-]{1,80}:\s*[\"']?([A-Za-z0-9+/]{8,4000}={0,2})[\"']?\s*$")


def found_in(text: str, small: str = "", words: str = "") -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each value that its surroundings call a credential.

    ``small`` and ``words`` are the text in lower-case ASCII and its vocabulary, where they are there already.
    """
    # One character stays one, so that places in both are the same.
    small = small or in_ascii(text).lower()
    words = words or vocabulary(small)
    for start, end in _of_assignments(text, small, words):
        yield start, end, "named-secret"
    for one in (*SURROUNDINGS, *COMMANDS):
        yield from ((start, end, one.kind) for start, end in one.found_in(text, small, words))
    if "kind:" in text and _KUBERNETES.search(text):
        for match in _DATA.finditer(text):
            if len(match[1]) % 4 == 0:
                yield *match.span(1), "kubernetes-secret"
