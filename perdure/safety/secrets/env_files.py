"""Values of ``.env`` files: those of a repository's tree are secrets of its task, whatever they look like."""

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from perdure.safety.secrets.known import KnownValue
from perdure.safety.secrets.values import is_of_words, looks_secret, stands_for_a_value

PUBLIC = {"example", "sample", "template", "dist", "defaults", "schema"}
"""Endings of files that show how a ``.env`` file looks, which hold no values of anybody."""
OTHERS_CODE = {".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "target", "site-packages"}
MOST_FOLDERS = 5_000
MOST_FILES = 100
MOST_BYTES = 256 * 1024
_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_.])(?:[a-z0-9]*(?:password|passwd|passphrase|passcode|secret|token|apikey|credential)|pass|pwd|pw|key|auth|dsn"
    r"|salt|(?:access|secret|private|signing|master|license)key)s?(?:[_.]|$)"
)
_TELLS_OF_IT = re.compile(
    r"(?i)_(?:type|name|method|file|path|dir|url|uri|algorithm|alg|host|port|ttl|expiry|expires|expiration|header|prefix"
    r"|mode|provider|issuer|audience|domain|length|size|enabled|version|user|username|email|region|scope|realm)$"
)
SHORTEST_WHOLE = 8


def is_dotenv(path: str) -> bool:
    """Whether a file of this name holds credentials: ``.env``, ``.env.local``, ``secrets.env`` and such."""
    name = PurePosixPath(path).name.casefold()
    if name.rpartition(".")[2] in PUBLIC:
        return False
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def secrets_among(
    variables: Mapping[str, str | None], *, kind: str, named_only: bool = False
) -> Iterator[KnownValue]:
    """Those of the variables that are secrets, by name and form, and passwords in addresses; plain settings are none.

    ``named_only``: a name that says nothing of a secret has none, whatever its value looks like.
    """
    for name, value in variables.items():
        if not value:
            continue
        if "://" in value:
            yield from _of_address(value, kind=kind)
        elif _SECRET_NAME.search(name) and not _TELLS_OF_IT.search(name):
            yield from secret_of(value, kind=kind)
        elif (
            not named_only
            and len(value) >= 20
            and looks_secret(value, quoted=False)
            and not is_of_words(value)
        ):
            yield KnownValue(kind, value, whole=True)


def secret_of(value: str, *, kind: str) -> Iterator[KnownValue]:
    """A value that stands where a credential stands; nothing for a placeholder or an ordinary word."""
    if "://" in value:
        yield from _of_address(value, kind=kind)
    elif looks_secret(value, quoted=True):
        yield KnownValue(kind, value)
    elif len(value) >= SHORTEST_WHOLE and not stands_for_a_value(value) and not _is_a_word(value):
        yield KnownValue(kind, value, whole=True)


def _is_a_word(value: str) -> bool:
    """Whether taking it out wherever it stands would take out ordinary words, numbers or paths."""
    plain = re.fullmatch(r"[a-z]{1,12}\d{0,3}|[A-Z][a-z]{1,12}\d{0,3}|[A-Z_]{1,20}|[\d.:-]{1,12}", value)
    return plain is not None or value.startswith(("/", "./", "~/"))


def _of_address(value: str, *, kind: str) -> Iterator[KnownValue]:
    try:
        parts = urlsplit(value)
        password, user = parts.password, parts.username
    except ValueError:
        return
    for part in (password, user if not password else None):
        if part and "://" not in unquote(part):
            yield from secret_of(unquote(part), kind=kind)


def values_in(text: str, *, kind: str) -> list[KnownValue]:
    """The secrets of one ``.env`` file."""
    # The client takes credentials out of words as well, and is installed without this library.
    from dotenv import dotenv_values

    return list(secrets_among(dotenv_values(stream=io.StringIO(text), interpolate=False), kind=kind))


@dataclass
class EnvFiles:
    """The ``.env`` files of one tree. Looked for once; after that only folders and files that changed are read again."""

    root: Path
    _folders: dict[str, int] = field(default_factory=dict[str, int])
    _files: dict[str, tuple[tuple[int, int, int], list[KnownValue]]] = field(
        default_factory=dict[str, tuple[tuple[int, int, int], list[KnownValue]]]
    )

    def refresh(self) -> list[KnownValue]:
        """The secrets that are in them now."""
        for folder in [each for each in self._folders if self._changed(each)] or (
            [] if self._folders else [""]
        ):
            self._look_into(folder)
        for name in list(self._files):
            self._read(name)
        return [value for _, values in self._files.values() for value in values]

    def _changed(self, folder: str) -> bool:
        try:
            return (self.root / folder).stat().st_mtime_ns != self._folders[folder]
        except OSError:
            del self._folders[folder]
            return False

    def _look_into(self, folder: str) -> None:
        waiting = [folder]
        while waiting and len(self._folders) < MOST_FOLDERS:
            looked = waiting.pop()
            try:
                self._folders[looked] = (self.root / looked).stat(follow_symlinks=False).st_mtime_ns
                with os.scandir(self.root / looked) as found:
                    entries = list(found)
            except OSError:
                continue
            for entry in entries:
                path = f"{looked}/{entry.name}" if looked else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in OTHERS_CODE and path not in self._folders:
                        waiting.append(path)
                elif is_dotenv(entry.name) and len(self._files) < MOST_FILES:
                    self._files.setdefault(path, ((0, 0, 0), []))

    def _read(self, name: str) -> None:
        try:
            # A link leads who knows where, and opening a pipe would wait for ever.
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            del self._files[name]
            return
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            look = (status.st_ino, status.st_size, status.st_mtime_ns)
            if look == self._files[name][0]:
                return
            content = file.read(MOST_BYTES) if stat.S_ISREG(status.st_mode) else b""
        self._files[name] = (look, values_in(content.decode("utf-8", "replace"), kind="env-value"))
