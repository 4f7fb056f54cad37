"""Signing decisions: a private key in a file of its owner, and the signature that a decision carries."""

import base64
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.contracts.consents import SignedWords, arguments_digest, fingerprint
from perdure.contracts.decisions import Approval, Decide, Pending
from perdure.contracts.errors import ConfigurationError, InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SigningKey:
    """An Ed25519 key that signs decisions."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private

    @classmethod
    def create(cls, file: Path) -> "SigningKey":
        """A new key in a new file that its owner alone can read; InvalidInput where something is there already."""
        private = _kind_of_keys().generate()
        from cryptography.hazmat.primitives import serialization

        data = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise InvalidInput(
                f"{str(file)!r} is there already and may be a key in use.", "name a new file."
            ) from error
        except OSError as error:
            raise InvalidInput(
                f"No key can be written to {str(file)!r}: {error}.", "name another file."
            ) from error
        with os.fdopen(handle, "wb") as written:
            written.write(data)
        return cls(private)

    @classmethod
    def read(cls, file: Path) -> "SigningKey":
        """The key in a file; ConfigurationError where there is none, or where others may read it."""
        kind = _kind_of_keys()
        from cryptography.hazmat.primitives import serialization

        try:
            mode, data = file.stat().st_mode, file.read_bytes()
        except OSError as error:
            raise _no_key(file, str(error)) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise _no_key(
                file, "others than its owner may read or write it; `chmod 600` takes that from them"
            )
        try:
            private = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError) as error:
            raise _no_key(file, "it holds no private key without a password in PEM") from error
        if not isinstance(private, kind):
            raise _no_key(file, "its key is not of the kind Ed25519")
        return cls(private)

    @property
    def public(self) -> str:
        """The public key as the administrator registers it: base64 of its 32 bytes."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    @property
    def fingerprint(self) -> str:
        """The public key's name in records."""
        return fingerprint(self.public)

    def sign(self, words: SignedWords) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._private.sign(words.message())).decode()

    def signed(self, decision: Decide, approval: Approval, *, task_id: str) -> Decide:
        """The decision with its signature, for exactly this operation in this task."""
        words = SignedWords(
            task_id=task_id,
            run_id=approval.run_id,
            approval_id=approval.id,
            operation_digest=approval.operation_digest,
            verdict=decision.verdict,
            remember=decision.remember,
            arguments_digest=arguments_digest(decision.arguments),
            by=decision.by.strip(),
        )
        return decision.model_copy(
            update={"operation_digest": approval.operation_digest, "signature": self.sign(words)}
        )


def signed_for(decision: Decide, pending: Pending, key: SigningKey, task_id: str) -> Decide:
    """The decision, signed for the operation as the task asks it now.

    What waits no more is sent as it is, to be refused; so is a yes without a digest to a preview that leaves something
    out: a key must not fill in what only they can give who have seen all of it.
    """
    said = decision.operation_digest
    waiting = next((each for each in pending.approvals if each.id == decision.approval_id), None)
    if waiting is None or not waiting.operation_digest.startswith(said):
        return decision
    if waiting.hidden and decision.verdict == "approve" and not said:
        return decision
    return key.signed(decision, waiting, task_id=task_id)


def _kind_of_keys() -> "type[Ed25519PrivateKey]":
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise ConfigurationError(
            "Nothing can be signed: the library 'cryptography' is not installed.",
            "install perdure with the extra 'cli'.",
        ) from error
    return Ed25519PrivateKey


def _no_key(file: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The signing key {str(file)!r} cannot be used: {problem}.",
        "`python starter.py keys create FILE` makes one.",
    )
