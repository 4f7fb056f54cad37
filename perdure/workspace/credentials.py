"""Who the operator lets Git be at which host: a token from a file or a program, or a key for ssh, each for one host.

A token is read when a remote asks for it, and handed to Git by ``GIT_ASKPASS``: it lies in memory behind an open file, so it
is in no command line, no environment and no file of ours. The program that answers knows one host's question, word for
word, so that a host that Git was sent on to learns nothing.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import stat
import tomllib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from perdure.contracts.errors import ConfigurationError

SETTING = "PERDURE_GIT_CREDENTIALS"
COMMAND_LIMIT_S = 30.0
MOST_TOKEN_BYTES = 16 * 1024
_DEFAULT_PORTS = {"https": "443", "ssh": "22"}

ANSWERER = """\
#!/bin/sh
# Written by Perdure. Git asks it who it is at a host: it answers the questions of one host, and nobody else's.
case "$1" in
"$PERDURE_GIT_ASKS_NAME") printf '%s\\n' "$PERDURE_GIT_NAME" ;;
"$PERDURE_GIT_ASKS_TOKEN" | "$PERDURE_GIT_ASKS_TOKEN_QUOTED") exec cat "$PERDURE_GIT_TOKEN_AT" ;;
*) exit 1 ;;
esac
"""
"""The program that ``GIT_ASKPASS`` names."""


@dataclass(frozen=True)
class Login:
    """A name and its token for one host."""

    name: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """Where Git goes: the protocol, and host and port as the address has them."""

    scheme: str
    host: str

    @property
    def key(self) -> str:
        """The host as the operator's file names it: in small letters, without the protocol's own port."""
        name, colon, port = self.host.lower().rpartition(":")
        return name if colon and port == _DEFAULT_PORTS.get(self.scheme) else self.host.lower()


@dataclass(frozen=True)
class Means:
    """What one Git command is given so that it can say who it is: variables, and open files."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: tuple[int, ...] = ()


class HostEntry(BaseModel):
    """One host of the operator's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f:]*$")
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    ssh_key_file: Path | None = None
    ssh_known_hosts_file: Path | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "HostEntry":
        ways = (self.token_file is not None) + bool(self.token_command)
        if ways > 1:
            raise ValueError("it names a token_file and a token_command, and only one of them can count")
        if bool(ways) != bool(self.username):
            raise ValueError("username and token_file or token_command belong together")
        if not ways and self.ssh_key_file is None:
            raise ValueError("it names neither a token (token_file, token_command) nor an ssh_key_file")
        paths = (self.token_file, self.ssh_key_file, self.ssh_known_hosts_file)
        if any(path is not None and not path.is_absolute() for path in paths):
            raise ValueError("its files must be named by absolute paths")
        return self


class CredentialsFile(BaseModel):
    """The operator's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: dict[str, HostEntry]


class Credentials:
    """The operator's file, read anew each time, so that a new token needs no restart. Without a file nobody is anybody."""

    def __init__(
        self,
        file: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        on_token: Callable[[str], None] = lambda token: None,
    ) -> None:
        """``environment`` is what the operator's programs get; ``on_token`` is told of every token before it is used."""
        self._file = file
        self._on_token = on_token
        self._environment = environment or {}

    def hosts(self) -> tuple[str, ...]:
        """Every host that is named; ConfigurationError where the file or what it names cannot be used."""
        entries = self._entries()
        for host, entry in entries.items():
            for path in (entry.token_file, entry.ssh_key_file):
                if path is not None:
                    _read_own(path, f"the credentials of the host {host!r}", limit=1024 * 1024)
        return tuple(sorted(entries))

    async def login(self, place: Place) -> Login | None:
        """Name and token for a host; None where the operator names none."""
        entry = self._entry(place)
        if entry is None or not entry.username:
            return None
        if entry.token_file is not None:
            what = f"the token of the host {place.key!r}"
            said = await asyncio.to_thread(_read_own, entry.token_file, what, limit=MOST_TOKEN_BYTES)
            source = f"the file {str(entry.token_file)!r}"
        else:
            said = await self._answer_of(entry.token_command, place.key)
            source = f"the program {entry.token_command[0]!r}"
        token = said.decode("utf-8", "replace").strip()
        if not token or len(token.splitlines()) != 1 or "\0" in token or "\ufffd" in token:
            raise ConfigurationError(
                f"The token of the Git host {place.key!r} cannot be used: {source} does not give exactly one line of text.",
                f"mend what {SETTING} names for this host.",
            )
        self._on_token(token)
        return Login(entry.username, token)

    def ssh_options(self, place: Place) -> tuple[str, ...]:
        """Options that make ssh use the operator's key for a host and no other; empty where there is none."""
        entry = self._entry(place)
        if entry is None or entry.ssh_key_file is None:
            return ()
        _read_own(entry.ssh_key_file, f"the ssh key of the host {place.key!r}", limit=1024 * 1024)
        known = entry.ssh_known_hosts_file
        own = ("-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null") if known else ()
        return ("-i", str(entry.ssh_key_file), "-o", "IdentitiesOnly=yes", *own)

    def _entry(self, place: Place) -> HostEntry | None:
        return self._entries().get(place.key)

    def _entries(self) -> dict[str, HostEntry]:
        if self._file is None:
            return {}
        text = _read_own(self._file, SETTING, limit=1024 * 1024)
        hint = f"see docs/git-credentials.md for the form of the file that {SETTING} names."
        try:
            entries = CredentialsFile.model_validate(tomllib.loads(text.decode("utf-8"))).hosts
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The file {str(self._file)!r} is no TOML: {error}.", hint) from error
        except ValidationError as error:
            # Without the values: whoever wrote a token where a file's name belongs shall not find it in a log.
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            told = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'hosts'}: {each['msg'].removeprefix('Value error, ')}"
                for each in problems
            )
            raise ConfigurationError(f"The file {str(self._file)!r} cannot be used: {told}.", hint) from None
        return {host.lower(): entry for host, entry in entries.items()}

    async def _answer_of(self, command: Sequence[str], host: str) -> bytes:
        """What the operator's program writes; what it says besides is not shown, as it may hold a secret."""
        hint = f"run it by hand as the worker's user, or mend what {SETTING} names for this host."
        told = f"The program {command[0]!r}, which gives the token of the Git host {host!r},"
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env=dict(self._environment), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ConfigurationError(f"{told} cannot be run: {error.strerror}.", hint) from error
        assert process.stdout is not None
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S):
                said = await process.stdout.read(MOST_TOKEN_BYTES)
                code = await process.wait()
        except TimeoutError as error:
            raise ConfigurationError(f"{told} did not end within {COMMAND_LIMIT_S:g} s.", hint) from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        if code:
            raise ConfigurationError(f"{told} failed with exit code {code}.", hint)
        return said


@asynccontextmanager
async def means_for(
    credentials: Credentials, place: Place, own: Login | None, *, answerer: Path, ssh: str
) -> AsyncGenerator[Means]:
    """What Git needs to be somebody at one host, for as long as this lasts; ``own`` is what the address itself says."""
    if place.scheme == "ssh":
        options = credentials.ssh_options(place)
        yield Means({"GIT_SSH_COMMAND": f"{ssh} {shlex.join(options)}"} if options else {})
        return
    login = None
    if place.scheme == "https":
        login = own or await credentials.login(place)
    if login is None:
        yield Means()
        return
    handle = os.memfd_create("perdure-git-token", os.MFD_CLOEXEC)
    try:
        os.write(handle, f"{login.token}\n".encode())
        yield Means(_questions(place, login, handle) | {"GIT_ASKPASS": str(answerer)}, (handle,))
    finally:
        os.close(handle)


def _questions(place: Place, login: Login, handle: int) -> dict[str, str]:
    """Git's questions for one host, word for word; newer versions quote the name in them."""
    plain = f"{login.name}@" if login.name else ""
    quoted = f"{quote(login.name, safe='')}@" if login.name else ""
    return {
        "PERDURE_GIT_ASKS_NAME": f"Username for 'https://{place.host}': ",
        "PERDURE_GIT_ASKS_TOKEN": f"Password for 'https://{plain}{place.host}': ",
        "PERDURE_GIT_ASKS_TOKEN_QUOTED": f"Password for 'https://{quoted}{place.host}': ",
        "PERDURE_GIT_NAME": login.name,
        "PERDURE_GIT_TOKEN_AT": f"/proc/self/fd/{handle}",
    }


def _read_own(path: Path, what: str, *, limit: int) -> bytes:
    """A file that its owner alone may read; ConfigurationError where others may, or where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigurationError(
            f"The file {str(path)!r} for {what} cannot be read: {error.strerror}.",
            "make it readable for the worker's user, with mode 0600.",
        ) from error
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid not in {0, os.geteuid()} or facts.st_mode & 0o077:
            raise ConfigurationError(
                f"The file {str(path)!r} for {what} can be read or changed by others than the worker's user.",
                f"make it a plain file of that user: chmod 600 {shlex.quote(str(path))}",
            )
        return stream.read(limit)
