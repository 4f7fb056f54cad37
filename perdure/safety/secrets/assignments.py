"""Credentials that only their surroundings tell: a name before the value, a header, a URL, an option of a command."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from perdure.safety.secrets.folding import in_ascii
from perdure.safety.secrets.values import PLACEHOLDER, looks_random, looks_secret

_AFTER_NAME = re.compile(
    r"[\w-]{0,40}\\{0,3}[\"'`]?\]?(?:\s*:\s*[A-Za-z]{3,8}(?=\s*=))?\s{0,4}(?:=>|:=|==|[:=]|>)\s{0,4}"
    r"(?:[bBrRuU]{0,2}(?P<quote>\\{0,3}[\"'`])(?P<quoted>[^\"'`\n\\]{6,512})(?P=quote)"
    r"|(?P<bare>[^\s\"'`,;<>(){}\[\]\\&|]{8,512}))"
)
_IN_A_CALL = re.compile(
    r"[\w-]{0,40}[\"'`]?[\])]?\s{0,4}(?:,|\|\||\?\?|\?:|\(|(?<=\s)(?=[\"']))\s{0,4}"
    r"(?P<quote>[\"'])(?P<quoted>[^\"'\n\\]{12,512})(?P=quote)"
)
"""The second word of a call, the word that stands in for a variable, the word behind a keyword of SQL."""
_NAMED_BESIDE = re.compile(
    r"[\w.-]{0,40}[\"']?\s{0,4}(?:,|\{|>)?\s{0,40}[\"'<]?(?:value|default|content)[\"']?\s{0,4}[:=>]\s{0,4}[\"']?(?P<value>[^\s\"'<>(){}\[\],]{8,512}+)(?![(\[{])"
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
)
"""A part of a name that tells a credential, and what must stand before it; all in lower case."""


def _value_of(name: str, text: str, end: int) -> tuple[int, int] | None:
    """Where the value stands of a name that ends here."""
    if name == "pass" and text[end : end + 1].isalpha():
        return None
    if match := _AFTER_NAME.match(text, end):
        group = "quoted" if match["quoted"] is not None else "bare"
        return match.span(group) if looks_secret(match[group], quoted=group == "quoted") else None
    if (match := _IN_A_CALL.match(text, end)) and looks_random(match["quoted"]):
        return match.span("quoted")
    if (match := _NAMED_BESIDE.match(text, end)) and looks_secret(match["value"], quoted=True):
        return match.span("value")
    return None


def _of_assignments(text: str, small: str) -> Iterator[tuple[int, int]]:
    for name, before in _NAMES:
        at = small.find(name)
        while at >= 0:
            end = at + len(name)
            if before.search(small, max(0, at - 12), at) and (found := _value_of(name, text, end)):
                yield found
            at = small.find(name, end)


def _decodes_to_user_and_password(value: str) -> bool:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and all(0x20 <= byte < 0x7F for byte in decoded)


@dataclass(frozen=True)
class Surrounding:
    """``literals`` as in a shape. Both are for the text in lower case; ``accepts`` decides on what it holds at group 1.

    A pattern that begins with plain characters is searched for ten times as fast as one that begins with a choice.
    """

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]
    before: re.Pattern[str] | None = None
    """What else stands on the line before it, where that must be something."""

    def found_in(self, text: str, small: str) -> Iterator[tuple[int, int]]:
        """Where the credentials begin and end that have these surroundings."""
        if not any(literal in small for literal in self.literals):
            return
        for match in self.pattern.finditer(small):
            start, end = match.span(1)
            line = small.rfind("\n", 0, match.start()) + 1
            if self.before is not None and not self.before.fullmatch(small, line, match.start()):
                continue
            if self.accepts(text[start:end]):
                yield start, end


def _anything(value: str) -> bool:
    return PLACEHOLDER.search(value) is None


def _quoted(value: str) -> bool:
    return looks_secret(value, quoted=True)


def _plain(value: str) -> bool:
    """As it stands in an address of a database: code has brackets."""
    return _anything(value) and not re.search(r"[(){}\[\]]", value)


def _dense(value: str) -> bool:
    return looks_secret(value, quoted=False)


def _long_user(value: str) -> bool:
    return len(value) >= 20 and looks_secret(value, quoted=True)


_NETRC = r"\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(\S{3,300})"
_SERVICES = (
    "twilio", "heroku", "datadog", "snyk", "cloudflare", "mailgun", "wandb", "algolia", "fastly", "discord", "okta", "cohere",
    "mistral",
)  # fmt: skip
"""Whose keys have no form of their own, and are named after them."""

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
        re.compile(
            r"authorization\\{0,3}[\"']?\s*[:=]\s*\\{0,3}[\"']?(?:[a-z][\w-]{1,20}\s+)?([^\s\"',;\\]{8,4000})"
        ),
        _dense,
    ),
    Surrounding(
        "bearer-token", ("bearer",), re.compile(r"bearer(?<!\wbearer)\s+([\w.~+/=-]{16,4000})"), _dense
    ),
    Surrounding(
        "basic-auth",
        ("basic ",),
        re.compile(r"basic(?<!\wbasic)\s+([a-z0-9+/]{8,1000}={0,2})(?![\w-])"),
        _decodes_to_user_and_password,
    ),
    Surrounding(
        "basic-auth",
        ("auth",),
        re.compile(r"auth(?<!\wauth)\\{0,3}[\"']?\s*[:=]\s*\\{0,3}[\"']?([a-z0-9+/]{8,1000}={0,2})(?![\w-])"),
        _decodes_to_user_and_password,
    ),
    Surrounding(
        "header-credential",
        ("-token", "-key", "-secret"),
        re.compile(r"-(?:token|key|secret)\\{0,3}[\"']?\s*:\s*\\{0,3}[\"']?([^\s\"',;\\]{8,2000})"),
        _dense,
    ),
    Surrounding(
        "cookie",
        ("cookie",),
        re.compile(r"cookie[\"']?\s*[:=]\s*[\"']?[^\n=]{0,200}?=([^\s;\"',]{16,4000})"),
        _dense,
    ),
    Surrounding(
        "query-credential",
        ("=",),
        re.compile(
            r"[?&](?:(?:access_|refresh_|id_)?token|sig|signature|key|api_?key|client_secret|code|password|secret|x-amz-signature"
            r"|x-amz-security-token|x-goog-signature)=([^&\s\"'<>]{12,2000})"
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
        ("sqlcmd", "mongo", "ldap"),
        re.compile(
            r"(?:sqlcmd|mongo|ldap)\w*\s(?:[^\n|;&]{0,200}\s)?(?:-p|-w)\s*[\"']?([^\s\"'-][^\s\"']{5,200})"
        ),
        _dense,
    ),
    Surrounding(
        "command-password",
        ("password-stdin", "sudo -s"),
        re.compile(
            r"echo\s+(?:-n\s+)?[\"']?([^\s\"'|]{6,500})[\"']?\s*\|[^\n|]{0,200}(?:--password-stdin|sudo\s+-s)"
        ),
        _anything,
    ),
    Surrounding("command-password", ("wandb login",), re.compile(r"wandb login\s+(\w{20,100})"), _dense),
    Surrounding(
        "configured-password",
        ("requirepass", "masterauth", "bindpw", "rootpw", "bind_password", "auth_pass"),
        re.compile(
            r"(?:requirepass|masterauth|bindpw|rootpw|bind_password|auth_pass)[ \t]+[\"']?([^\s\"']{6,300})"
        ),
        _quoted,
    ),
    Surrounding(
        "configured-password",
        ("env ",),
        re.compile(r"(?m)^\s*env\s+\w*(?:passw|secret|token|_key)\w*[ \t]+([^\s=][^\s]{7,300})$"),
        _dense,
    ),
    Surrounding(
        "sql-password",
        ("identified",),
        re.compile(r"identified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?[\"']([^\"'\n]{4,200})[\"']"),
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
        re.compile(r"-pass(?:in|out)?\s+pass:([^\s\"']{3,200})"),
        _anything,
    ),
    Surrounding(
        "command-password",
        ("--",),
        re.compile(
            r"--[\w-]{0,20}(?:password|passwd|passphrase|token|secret|api-?key|access-key)[= ][\"']?([^\s\"']{6,500})"
        ),
        _dense,
    ),
    Surrounding("netrc-password", ("machine",), re.compile(rf"machine\s+\S+{_NETRC}"), _anything),
    Surrounding("netrc-password", ("default",), re.compile(rf"default{_NETRC}"), _anything),
    Surrounding(
        "pgpass-password",
        (":",),
        re.compile(r":(?:\d{2,5}|\*):[^:\s]{1,64}:[^:\s]{1,64}:(\S{4,200})$", re.MULTILINE),
        _anything,
        before=re.compile(r"[ \t]*[\w.*-]{1,200}"),
    ),
    Surrounding(
        "otp-secret",
        ("otpauth:",),
        re.compile(r"otpauth://[^\s\"']{0,300}?[?&]secret=([a-z2-7=]{8,})"),
        _anything,
    ),
    Surrounding(
        "registry-credential",
        ("_authtoken", "_password", "_auth"),
        re.compile(
            r"(?m)_(?:(?<=^_)|(?<=:_))(?:authtoken|password|auth)(?:\s*=\s*|[ \t]+)[\"']?([^\s\"']{6,2000})"
        ),
        _anything,
    ),
    Surrounding(
        "wireguard-key",
        ("privatekey", "presharedkey"),
        re.compile(r"(?:privatekey|presharedkey)\s*=\s*([a-z0-9+/]{42,43}=)"),
        _anything,
    ),
    Surrounding("jwk", ('"kty"',), re.compile(r"\"(?:d|k|p|q|dp|dq|qi)\"\s*:\s*\"([\w-]{20,})\""), _anything),
    Surrounding(
        "connection-string",
        ("password=", "pwd="),
        re.compile(r"(?:password|pwd)(?<![\w-]password)(?<![\w-]pwd)=([^;\"'\s]{3,200})(?=;|$|[\"'])"),
        _plain,
    ),
    Surrounding(
        "cloudinary-url", ("cloudinary://",), re.compile(r"cloudinary://\d+:([\w-]{10,})@"), _anything
    ),
    Surrounding(
        "laravel-key", ("base64:",), re.compile(r"app_key\s*=\s*(base64:[a-z0-9+/=]{30,})"), _anything
    ),
    Surrounding(
        "named-secret",
        _SERVICES,
        re.compile(
            rf"(?:{'|'.join(_SERVICES)})[\w .-]{{0,30}}?[\"']?\s*(?:[:=]|=>)\s*[\"']?([\w.-]{{20,120}})"
        ),
        _dense,
    ),
)
_KUBERNETES = re.compile(r"(?m)^kind:\s*Secret\b")
_DATA = re.compile(r"(?m)^\s+[\w.-]{1,80}:\s*[\"']?([A-Za-z0-9+/]{8,4000}={0,2})[\"']?\s*$")


def found_in(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each value that its surroundings call a credential."""
    # One character stays one, so that places in both are the same.
    small = in_ascii(text).lower()
    for start, end in _of_assignments(text, small):
        yield start, end, "named-secret"
    for one in _SURROUNDINGS:
        yield from ((start, end, one.kind) for start, end in one.found_in(text, small))
    if "kind:" in text and _KUBERNETES.search(text):
        for match in _DATA.finditer(text):
            if len(match[1]) % 4 == 0:
                yield *match.span(1), "kubernetes-secret"
