"""Who agreed to an operation and how sure that is: names, signatures, and what a signature covers.

Checking a signature is arithmetic over what is given, so that a replay and every worker come to the same answer.
"""

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.calls import Assurance
from perdure.contracts.digests import canonical_json, digest_of
from perdure.contracts.durable import Durable
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.hidden import hides
from perdure.contracts.twins import TWINS, scripts_of

PURPOSE = b"perdure: the decision of a person on one operation, version 1\n"
"""Begins all that is signed, so that nothing signed for something else can ever stand for a decision."""
RESERVED_NAMES = frozenset({"deadline", "unattended", "perdure", "your name"})
"""Names that the record uses where nobody decided, and what stands in the place of a name on a card."""
_READ_AS = {"i": "l", "1": "l", "|": "l", "0": "o"}
"""Of ASCII's own letters and digits those that many typefaces draw alike."""
MAX_NAME = 128
KEY_BYTES = 32


class Approver(Durable):
    """Somebody whom the administrator registered, with the public keys (base64 of 32 bytes) that sign for them."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    keys: tuple[str, ...] = Field(min_length=1, max_length=8)


class Consent(BaseModel):
    """One person's yes to one operation."""

    model_config = ConfigDict(frozen=True)

    by: str
    assurance: Assurance = Assurance.CLAIMED
    at: str
    """ISO 8601 in UTC."""
    key: str = ""
    """Fingerprint of the key that signed; empty where nothing was signed."""
    signature: str = ""
    remember: str = "once"
    """How long it was given for; part of what was signed."""


@dataclass(frozen=True)
class SignedWords:
    """All that a signature on a decision covers."""

    task_id: str
    run_id: str
    approval_id: str
    operation_digest: str
    verdict: str
    remember: str
    arguments_digest: str
    """Of the new arguments of an edit; empty where there are none."""
    by: str

    def message(self) -> bytes:
        """The bytes that are signed."""
        return PURPOSE + canonical_json(asdict(self))


def arguments_digest(arguments: dict[str, object] | None) -> str:
    """What stands for an edit's arguments in a signature."""
    return "" if arguments is None else digest_of({"v": 1, "arguments": arguments})


def _as_read(text: str) -> str:
    return "".join(TWINS.get(each, each) for each in text)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def same_person(name: str) -> str:
    """A name in the form in which names are compared, so that no other way to write it makes another person.

    Neither case, blanks and signs, nor letters that look like others tell people apart.
    """
    read = _as_read(unicodedata.normalize("NFKC", name))
    folded = _as_read(unicodedata.normalize("NFKC", read.casefold())).lower()
    alike = "".join(_READ_AS.get(each, each) for each in folded)
    return " ".join("".join(each if each.isalnum() or _is_mark(each) else " " for each in alike).split())


_RESERVED = frozenset(map(same_person, RESERVED_NAMES))


def unusable_name(name: str) -> str:
    """Why nobody can decide under this name; empty where it is one."""
    if not name.strip():
        return "A decision needs the name of who decides, in the field 'by'."
    if not name.isprintable() or any(hides(each) for each in name):
        return "The name in the field 'by' holds a character that people cannot see."
    scripts = scripts_of(name)
    if len(scripts) > 1 and any(each in TWINS for each in name):
        mixed = " and ".join(script.capitalize() for script in scripts)
        return f"The name in the field 'by' mixes letters that look alike, of {mixed}."
    if not same_person(name):
        return "The name in the field 'by' has neither letters nor digits."
    if same_person(name) in _RESERVED:
        return f"The name {name.strip()!r} stands for nobody in particular, so no person can use it."
    return ""


def fingerprint(key: str) -> str:
    """A public key's name: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(raw_key(key)).hexdigest()[:16]


def raw_key(key: str) -> bytes:
    """The 32 bytes of a public key in base64; ValueError where it is none."""
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the key {key!r} is no base64") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"the key {key!r} has {len(raw)} bytes; an Ed25519 key has {KEY_BYTES}")
    return raw


def signing_key(words: SignedWords, signature: str, approvers: Iterable[Approver]) -> str:
    """Fingerprint of the registered key of ``words.by`` that made the signature; empty where none of them did."""
    try:
        made = base64.b64decode(signature, validate=True)
    except ValueError:
        # Beyond ASCII it is not even base64's own error.
        return ""
    person = same_person(words.by)
    keys = (key for each in approvers if same_person(each.name) == person for key in each.keys)
    return next((fingerprint(key) for key in keys if _signed(raw_key(key), made, words.message())), "")


def _signed(key: bytes, signature: bytes, message: bytes) -> bool:
    # The client needs two libraries alone; this one is for those who sign, and for workers.
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise ConfigurationError(
            "Signatures cannot be checked: the library 'cryptography' is not installed.",
            "install perdure with the extra 'worker' or 'cli'.",
        ) from error
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def counted_people(consents: Iterable[Consent], *, least: Assurance, requester: str, people: int) -> int:
    """How many different people agreed with enough assurance.

    Two names with one key are one person. Where more than one must agree, who asked for the task is none of them.
    """
    asked = same_person(requester)
    names, keys, count = set[str](), set[str](), 0
    for each in consents:
        person = same_person(each.by)
        enough = not each.assurance.is_below(least)
        if not enough or person in names or (each.key and each.key in keys):
            continue
        if people > 1 and asked and person == asked:
            continue
        names.add(person)
        keys.add(each.key)
        count += 1
    return count
