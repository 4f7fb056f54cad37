"""Credentials that stand in an address, a header, or a file whose form says what they are."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from perdure.safety.secrets.folding import words_of
from perdure.safety.secrets.values import PLACEHOLDER, looks_secret


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

    @cached_property
    def _gates(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((literal, words_of(literal)) for literal in self.literals)

    def found_in(self, text: str, small: str, words: str) -> Iterator[tuple[int, int]]:
        """Where the credentials begin and end that have these surroundings; ``words`` are the ``vocabulary`` of the text."""
        if not any(all(word in words for word in gate) and literal in small for literal, gate in self._gates):
            return
        for match in self.pattern.finditer(small):
            start, end = match.span(1)
            line = small.rfind("\n", 0, match.start()) + 1
            if self.before is not None and not self.before.fullmatch(small, line, match.start()):
                continue
            if self.accepts(text[start:end]):
                yield start, end


def anything(value: str) -> bool:
    return PLACEHOLDER.search(value) is None


def longer(value: str) -> bool:
    """Anything that is long enough to be one."""
    return len(value) >= 3 and anything(value)


def anything_at_all(_: str) -> bool:
    """Its form is enough."""
    return True


def quoted(value: str) -> bool:
    return looks_secret(value, quoted=True)


def with_digit(value: str) -> bool:
    """Behind words of a sentence, where other words of it may stand as well."""
    return re.search(r"\d", value) is not None and dense(value)


def _plain(value: str) -> bool:
    """As it stands in an address of a database: code has brackets."""
    return anything(value) and not re.search(r"[(){}\[\]]", value)


def dense(value: str) -> bool:
    return looks_secret(value, quoted=False)


def _long_user(value: str) -> bool:
    return len(value) >= 20 and looks_secret(value, quoted=True)


_NETRC = r"\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(\S{3,300})"
_SERVICES = (
    "twilio", "heroku", "datadog", "snyk", "cloudflare", "mailgun", "wandb", "algolia", "fastly", "discord", "okta", "cohere",
    "mistral",
)  # fmt: skip
"""Whose keys have no form of their own, and are named after them."""

SURROUNDINGS: tuple[Surrounding, ...] = (
    Surrounding(
        # Where nobody encoded an at sign, the last one before the host is the border.
        "url-password",
        ("://",),
        re.compile(r"://[^\s/:@\"'<>]{0,200}:([^\s/@\"'<>]{1,300}(?:@[^\s/@\"'<>]{1,300})*)@"),
        longer,
    ),
    Surrounding(
        # The rest was cut off, and the host with it.
        "url-password",
        ("://",),
        re.compile(r"://[^\s/:@\"'<>]{1,200}:((?!\d{1,5}\b)[^\s/@\"'<>?]{5,300}?)(?=\.\.\.|\?|[\"']?\s*\Z)"),
        dense,
    ),
    Surrounding(
        # A number before the slash is a port.
        "url-password",
        ("://",),
        re.compile(r"://[^\s/:@\"'<>]{0,200}:((?!\d{0,5}/)[^\s/@\"'<>]{1,100}/[^\s@\"'<>]{1,200})@[\w-]"),
        quoted,
    ),
    Surrounding(
        "url-password",
        ("jdbc:oracle",),
        re.compile(r"jdbc:oracle:\w+:[^\s/@\"']{1,60}/([^\s@\"']{3,200})@"),
        anything,
    ),
    Surrounding(
        "password-hash",
        (":$",),
        re.compile(r"(?m)^[\w.-]{1,64}:(\$(?:apr1|[1256y]|2[aby])\$[\w./$=-]{20,200})"),
        anything_at_all,
    ),
    Surrounding(
        "jenkins-secret", ("{aqaaab",), re.compile(r"(\{aqaaab[a-z0-9+/=]{20,4000}\})"), anything_at_all
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
        dense,
    ),
    Surrounding(
        "bearer-token", ("bearer",), re.compile(r"bearer(?<!\wbearer)\s+([\w.~+/=-]{16,4000})"), dense
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
        dense,
    ),
    Surrounding(
        "cookie",
        ("cookie",),
        re.compile(r"cookie[\"']?\s*[:=]\s*[\"']?[^\n=]{0,200}?=([^\s;\"',]{16,4000})"),
        dense,
    ),
    Surrounding(
        "query-credential",
        ("?",),
        re.compile(
            r"\?(?:(?:access_|refresh_|id_)?token|sig|signature|key|api_?key|client_secret|code|password|secret|x-amz-signature"
            r"|x-amz-security-token|x-goog-signature)=([^&\s\"'<>]{12,2000})"
        ),
        dense,
    ),
    Surrounding(
        "query-credential",
        ("&",),
        re.compile(
            r"&(?:(?:access_|refresh_|id_)?token|sig|signature|key|api_?key|client_secret|code|password|secret|x-amz-signature"
            r"|x-amz-security-token|x-goog-signature)=([^&\s\"'<>]{12,2000})"
        ),
        dense,
    ),
    Surrounding(
        "configured-password",
        ("requirepass", "masterauth", "bindpw", "rootpw", "bind_password", "auth_pass"),
        re.compile(
            r"(?:requirepass|masterauth|bindpw|rootpw|bind_password|auth_pass)[ \t]+[\"']?([^\s\"']{6,300})"
        ),
        quoted,
    ),
    Surrounding(
        "configured-password",
        ("env ",),
        re.compile(r"(?m)env\s+\w*(?:passw|secret|token|_key)\w*[ \t]+([^\s=][^\s]{7,300})$"),
        dense,
        before=re.compile(r"[ \t]*"),
    ),
    Surrounding(
        "sql-password",
        ("identified",),
        re.compile(
            r"(?:user|role)\s[^\n;]{0,120}identified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?[\"']([^\"'\n]{4,200})[\"']"
        ),
        anything,
    ),
    Surrounding("netrc-password", ("machine",), re.compile(rf"machine\s+\S+{_NETRC}"), anything),
    Surrounding("netrc-password", ("default",), re.compile(rf"default{_NETRC}"), anything),
    Surrounding(
        "pgpass-password",
        (":",),
        re.compile(r":(?:\d{2,5}|\*):[^:\s]{1,64}:[^:\s]{1,64}:(\S{4,200})$", re.MULTILINE),
        anything,
        before=re.compile(r"[ \t]*[\w.*-]{1,200}"),
    ),
    Surrounding(
        "otp-secret",
        ("otpauth:",),
        re.compile(r"otpauth://[^\s\"']{0,300}?[?&]secret=([a-z2-7=]{8,})"),
        anything,
    ),
    Surrounding(
        "registry-credential",
        ("_authtoken", "_password", "_auth"),
        re.compile(
            r"(?m)_(?:(?<=^_)|(?<=:_))(?:authtoken|password|auth)(?:\s*=\s*|[ \t]+)[\"']?([^\s\"']{6,2000})"
        ),
        anything,
    ),
    Surrounding(
        "wireguard-key",
        ("privatekey", "presharedkey"),
        re.compile(r"(?:privatekey|presharedkey)\s*=\s*([a-z0-9+/]{42,43}=)"),
        anything,
    ),
    Surrounding("jwk", ('"kty"',), re.compile(r"\"(?:d|k|p|q|dp|dq|qi)\"\s*:\s*\"([\w-]{20,})\""), anything),
    Surrounding(
        "connection-string",
        ("password=", "pwd="),
        re.compile(r"(?:password|pwd)(?<![\w-]password)(?<![\w-]pwd)=([^;\"'\s]{3,200})(?=;|$|[\"'])"),
        _plain,
    ),
    Surrounding(
        "cloudinary-url", ("cloudinary://",), re.compile(r"cloudinary://\d+:([\w-]{10,})@"), anything
    ),
    Surrounding(
        "laravel-key", ("base64:",), re.compile(r"app_key\s*=\s*(base64:[a-z0-9+/=]{30,})"), anything
    ),
    Surrounding(
        "named-secret",
        _SERVICES,
        re.compile(
            rf"(?:{'|'.join(_SERVICES)})[\w .-]{{0,30}}?[\"']?\s*(?:[:=]|=>)\s*[\"']?([\w.-]{{20,120}})"
        ),
        dense,
    ),
)
