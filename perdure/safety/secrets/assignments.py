"""Credentials that only their surroundings tell: a name before the value, a header, a URL, an option of a command."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_AFTER_NAME = re.compile(
    r"[\w-]{0,40}[\"'`]?\]?(?:\s*:\s*[A-Za-z]{3,8}(?=\s*=))?\s{0,4}(?:=>|:=|==|[:=]|>)\s{0,4}"
    r"(?:[bBrRuU]{0,2}(?P<quote>\\?[\"'`])(?P<quoted>[^\"'`\n\\]{6,512})(?P=quote)"
    r"|(?P<bare>[^\s\"'`,;<>(){}\[\]\\&|]{8,512}))"
)
_ANY = re.compile("")
_APART = re.compile(r"(?:^|[^a-z])$")
_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    *(
        (name, _ANY)
        for name in ("passw", "passphrase", "passcode", "secret", "token", "credential", "apikey")
    ),
    *((name, _APART) for name in ("pwd", "psk", "auth")),
    (
        "key",
        re.compile(
            r"(?:api|access|private|signing|encryption|master|account|auth|license|app|[a-z0-9]_)[_-]?$"
        ),
    ),
    ("webhook_url", _ANY),
    ("_pat", re.compile(r"[a-z0-9]$")),
)
"""A part of a name that tells a credential, and what must stand before it; all in lower case."""
_PLACEHOLDER = re.compile(
    r"(?i)^(?:\$|%[({a-z]|\{|\\|\[|<|\[\[|@|#\{|process\.env|os\.environ|env[.(\[]|import\.meta|secrets?\.|vault:|arn:|ref\+|!)"
    r"|\$\{|\{\{|%[sd]|\.\.\.|…|x{6,}|\*{3,}|_{4,}|example|placeholder|change[_-]?me|dummy|redacted|your[_-]|_here$|<[a-z]"
    r"|^(?:none|null|true|false|undefined|required|optional|string|boolean|number)\b"
    r"|^(?:pass(?:word|wd)?|pwd|secret|token|user(?:name)?|key)$"
)
_PATH_OR_ADDRESS = re.compile(r"^(?:\.{0,2}/|~/|[a-z][a-z0-9+.-]*://|[A-Za-z]:\\)")
_WORDS = re.compile(r"[A-Za-z]?[a-z]+\d{0,2}|[A-Z]+\d{0,2}|\d{1,2}")
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
    return "".join(words) == part and (len(words) < 3 or len(part) >= 3.5 * len(words))


def stands_for_a_value(value: str) -> bool:
    """Whether it is a placeholder, an expression that gives the value, or a path."""
    return _PLACEHOLDER.search(value) is not None or _PATH_OR_ADDRESS.match(value) is not None


def looks_secret(value: str, *, quoted: bool) -> bool:
    """Whether a value that stands where a credential may stand is one, and no name, path, placeholder or call."""
    if stands_for_a_value(value) or len(set(value)) < 5:
        return False
    if not quoted and (_DOTTED.fullmatch(value) or "=" in value.rstrip("=")):
        return False
    if not quoted and re.fullmatch(r"[\w$]+", value) and not re.search(r"\d", value) and len(value) < 16:
        return False
    if " " in value and re.search(r"[(){}<>\[\]$=]", value):
        return False
    return not is_of_words(value) and _entropy(value) >= (2.5 if quoted else 2.8)


def _of_assignments(text: str, small: str) -> Iterator[tuple[int, int]]:
    for name, before in _NAMES:
        at = small.find(name)
        while at >= 0:
            end = at + len(name)
            if before.search(small, max(0, at - 12), at) and (match := _AFTER_NAME.match(text, end)):
                group = "quoted" if match["quoted"] is not None else "bare"
                if looks_secret(match[group], quoted=group == "quoted"):
                    yield match.span(group)
            at = small.find(name, end)


def _decodes_to_user_and_password(value: str) -> bool:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and all(0x20 <= byte < 0x7F for byte in decoded)


@dataclass(frozen=True)
class Surrounding:
    """``literals`` as in a shape, in lower case; ``accepts`` decides on what group 1 holds."""

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]


def _anything(value: str) -> bool:
    return _PLACEHOLDER.search(value) is None


def _dense(value: str) -> bool:
    return looks_secret(value, quoted=False)


def _long_user(value: str) -> bool:
    return len(value) >= 20 and looks_secret(value, quoted=True)


_SURROUNDINGS: tuple[Surrounding, ...] = (
    Surrounding(
        "url-password", ("://",), re.compile(r"://[^\s/:@\"'<>]{0,200}:([^\s/@\"'<>]{3,300})@"), _anything
    ),
    Surrounding(
        "url-password", ("://",), re.compile(r"://([^\s/:@\"'<>]{20,300})(?::x-oauth-basic)?@"), _long_user
    ),
    Surrounding(
        "authorization",
        ("authorization",),
        re.compile(r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(?:[A-Za-z][\w-]{1,20}\s+)?([^\s\"',;]{8,4000})"),
        _dense,
    ),
    Surrounding("bearer-token", ("bearer",), re.compile(r"(?i)\bbearer\s+([\w.~+/=-]{16,4000})"), _dense),
    Surrounding(
        "basic-auth",
        ("basic ",),
        re.compile(r"(?i)\bbasic\s+([A-Za-z0-9+/]{8,1000}={0,2})(?![\w-])"),
        _decodes_to_user_and_password,
    ),
    Surrounding(
        "basic-auth",
        ("auth",),
        re.compile(r"(?i)\bauth[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9+/]{8,1000}={0,2})(?![\w-])"),
        _decodes_to_user_and_password,
    ),
    Surrounding(
        "header-credential",
        ("-token", "-key", "-secret"),
        re.compile(r"(?i)\b(?:x-)?[a-z-]{0,30}-(?:token|key|secret)[\"']?\s*:\s*[\"']?([^\s\"',;]{8,2000})"),
        _dense,
    ),
    Surrounding(
        "cookie",
        ("cookie",),
        re.compile(r"(?i)cookie[\"']?\s*[:=]\s*[\"']?[^\n=]{0,200}?=([^\s;\"',]{16,4000})"),
        _dense,
    ),
    Surrounding(
        "query-credential",
        ("=",),
        re.compile(
            r"(?i)[?&](?:access_token|token|sig|signature|key|api_?key|apikey|client_secret|code|password|secret|x-amz-signature|x-amz-security-token|x-goog-signature)=([^&\s\"'<>]{12,2000})"
        ),
        _dense,
    ),
    Surrounding(
        "command-password",
        ("mysql", "mariadb"),
        re.compile(r"(?:mysql|mariadb)\w*\s(?:[^\n|;&]{0,200}\s)?-p([^\s\"'-][^\s\"']{3,200})"),
        _anything,
    ),
    Surrounding(
        "command-password", ("sshpass",), re.compile(r"sshpass\s+-p\s*[\"']?([^\s\"']{3,200})"), _anything
    ),
    Surrounding(
        "command-password",
        ("redis-cli",),
        re.compile(r"redis-cli\s(?:[^\n|;&]{0,200}\s)?-a\s+[\"']?([^\s\"']{4,200})"),
        _anything,
    ),
    Surrounding(
        "command-password",
        ("login",),
        re.compile(r"login\s(?:[^\n|;&]{0,200}\s)?-p\s+[\"']?([^\s\"']{4,200})"),
        _dense,
    ),
    Surrounding(
        "command-password",
        ("curl", "wget", "http"),
        re.compile(
            r"(?:curl|http)\s(?:[^\n|;&]{0,300}\s)?(?:-u|--user|-a|--auth)[ =]?[\"']?[^\s:\"']{1,100}:([^\s\"'@]{3,200})"
        ),
        _anything,
    ),
    Surrounding(
        "command-password",
        ("htpasswd",),
        re.compile(r"htpasswd\s+-\w*b\w*\s+(?:\S+\s+){1,2}([^\s\"']{4,200})\s*$", re.MULTILINE),
        _anything,
    ),
    Surrounding(
        "command-password",
        ("pass:",),
        re.compile(r"(?i)-pass(?:in|out)?\s+pass:([^\s\"']{3,200})"),
        _anything,
    ),
    Surrounding(
        "command-password",
        ("--",),
        re.compile(
            r"(?i)--[\w-]{0,20}(?:password|passwd|passphrase|token|secret|api-?key|access-key)[= ][\"']?([^\s\"']{6,500})"
        ),
        _dense,
    ),
    Surrounding(
        "netrc-password",
        ("machine", "default"),
        re.compile(
            r"(?:machine\s+\S+|default)\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(\S{3,300})"
        ),
        _anything,
    ),
    Surrounding(
        "pgpass-password",
        (":",),
        re.compile(
            r"^[ \t]*[\w.*-]{1,200}:(?:\d{2,5}|\*):[^:\s]{1,64}:[^:\s]{1,64}:(\S{4,200})$", re.MULTILINE
        ),
        _anything,
    ),
    Surrounding(
        "otp-secret",
        ("otpauth:",),
        re.compile(r"(?i)otpauth://[^\s\"']{0,300}?[?&]secret=([A-Z2-7=]{8,})"),
        _anything,
    ),
    Surrounding(
        "registry-credential",
        ("_authtoken", "_password", "_auth"),
        re.compile(r"(?im)(?:^|:)_(?:authToken|password|auth)\s*=\s*[\"']?([^\s\"']{6,2000})"),
        _anything,
    ),
    Surrounding(
        "wireguard-key",
        ("privatekey", "presharedkey"),
        re.compile(r"(?i)(?:PrivateKey|PresharedKey)\s*=\s*([A-Za-z0-9+/]{42,43}=)"),
        _anything,
    ),
    Surrounding("jwk", ('"kty"',), re.compile(r"\"(?:d|k|p|q|dp|dq|qi)\"\s*:\s*\"([\w-]{20,})\""), _anything),
    Surrounding(
        "connection-string",
        ("password=", "pwd="),
        re.compile(r"(?i)(?:^|[;\"'\s])(?:password|pwd)=([^;\"'\s]{3,200})(?=;)"),
        _anything,
    ),
    Surrounding(
        "cloudinary-url", ("cloudinary://",), re.compile(r"cloudinary://\d+:([\w-]{10,})@"), _anything
    ),
    Surrounding(
        "laravel-key", ("base64:",), re.compile(r"APP_KEY\s*=\s*(base64:[A-Za-z0-9+/=]{30,})"), _anything
    ),
    Surrounding(
        "named-secret",
        (
            "twilio",
            "heroku",
            "datadog",
            "snyk",
            "cloudflare",
            "mailgun",
            "wandb",
            "algolia",
            "fastly",
            "discord",
            "okta",
            "cohere",
            "mistral",
        ),
        re.compile(
            r"(?i)(?:twilio|heroku|datadog|snyk|cloudflare|mailgun|wandb|algolia|fastly|discord|okta|cohere|mistral)[\w .-]{0,30}?[\"']?\s*(?:[:=]|=>)\s*[\"']?([\w.-]{20,120})"
        ),
        _dense,
    ),
)
_KUBERNETES = re.compile(r"(?m)^kind:\s*Secret\b")
_DATA = re.compile(r"(?m)^\s+[\w.-]{1,80}:\s*[\"']?([A-Za-z0-9+/]{8,4000}={0,2})[\"']?\s*$")


def found_in(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each value that its surroundings call a credential."""
    # One character stays one, so that places in both are the same.
    small = text.lower()
    if len(small) != len(text):
        small = "".join(one.lower() if one.isascii() else one for one in text)
    for start, end in _of_assignments(text, small):
        yield start, end, "named-secret"
    for one in _SURROUNDINGS:
        if any(literal in small for literal in one.literals):
            for match in one.pattern.finditer(text):
                if one.accepts(match[1]):
                    yield *match.span(1), one.kind
    if "kind:" in text and _KUBERNETES.search(text):
        for match in _DATA.finditer(text):
            if len(match[1]) % 4 == 0:
                yield *match.span(1), "kubernetes-secret"
