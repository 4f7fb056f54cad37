"""Runs the ``git`` program: explicit folders, an environment built from nothing, our own settings, a time limit.

Git reads settings, hooks, filters and helpers from many places that a repository controls. Here it gets one settings
file of ours, folders by environment variable, and nothing of the caller's environment but what ``network`` holds.
"""

import asyncio
import contextlib
import errno
import os
import re
import resource
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.safety.secrets.cutting import ending
from perdure.workspace.credentials import ANSWERER, Credentials
from perdure.workspace.git_settings import SETTINGS
from perdure.workspace.refusals import disk_full
from perdure.workspace.storage import make_folder, put, spread_below

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"

OLDEST_GIT = (2, 38)

MOST_OUTPUT_BYTES = 64 * 1024 * 1024

BOUNDS = {resource.RLIMIT_DATA: 4 * 1024**3, resource.RLIMIT_NOFILE: 1024, resource.RLIMIT_CORE: 0}
"""Memory and open files of each process, and no memory written out when one breaks."""

_DISK_FULL_WORDS = (b"No space left on device", b"Disk quota exceeded")
_WRITING_FAILED_WORDS = (
    b"unable to write",
    b"failed to write",
    b"write error",
    b"unable to create",
    b"write failure",
)
LITTLE_ROOM_BYTES = 64 * 1024 * 1024
"""Git often says only that it could not write. With less room than this the reason is taken to be the disk."""


class GitFailed(ToolRejected):
    """A git command ended with an error; the message holds git's own words."""


class OutputTooLarge(GitFailed):
    """A git command wrote more than anybody reads."""


@dataclass(frozen=True)
class Folders:
    """Where one git command works; every path is given to git explicitly."""

    git: Path
    objects: Path
    index: Path | None = None
    tree: Path | None = None

    def environment(self) -> dict[str, str]:
        """The variables that make git use these folders and look for no other."""
        variables = {"GIT_DIR": str(self.git), "GIT_OBJECT_DIRECTORY": str(self.objects)}
        if self.index is not None:
            variables["GIT_INDEX_FILE"] = str(self.index)
        if self.tree is not None:
            variables["GIT_WORK_TREE"] = str(self.tree)
        return variables


@dataclass(frozen=True)
class Finished:
    """How a git command ended."""

    code: int
    output: bytes
    words: bytes

    @property
    def text(self) -> str:
        """The output without its last line end; bytes that are not UTF-8 become surrogate escapes."""
        return os.fsdecode(self.output).rstrip("\n")

    @property
    def names(self) -> list[str]:
        """NUL-separated output as a list; bytes that are not UTF-8 become surrogate escapes."""
        return [os.fsdecode(part) for part in self.output.split(b"\0") if part]

    @property
    def said(self) -> str:
        """What git wrote to standard error, for people."""
        return self.words.decode("utf-8", "replace").strip()


@dataclass
class GitProgram:
    """The ``git`` program with settings of ours in ``home``.

    ``network`` is given to commands that talk to a remote, for example SSH_AUTH_SOCK, HOME, GIT_SSH_COMMAND.
    """

    home: Path
    network: Mapping[str, str] = field(default_factory=dict[str, str])
    search_path: str = SEARCH_PATH
    settings: tuple[tuple[str, str], ...] = ()
    """What every command is given before its own settings."""
    credentials: Credentials = field(default_factory=Credentials)
    """Who it may be at which host."""
    at_once: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """Commands that run at once, beside those that talk to a remote: as many as there are processors.

    Fifty at once end no sooner, and what the event loop does for each of them keeps it from beginning other steps
    before the server takes the worker for dead.
    """
    _places: asyncio.Semaphore = field(init=False)
    _prepared: bool = False
    _version_known: bool = False

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.at_once)

    async def run(
        self,
        *arguments: str,
        folders: Folders | None = None,
        stdin: bytes = b"",
        settings: Sequence[tuple[str, str]] = (),
        environment: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        limit_s: float = 120.0,
        online: bool = False,
        read_from: Path | None = None,
        write_to: Path | None = None,
        files: Sequence[int] = (),
    ) -> Finished:
        """Run one command to its end; GitFailed with git's words when its exit code is not in ``accept``.

        It waits for a free place first, which does not count as its time, unless it talks to a remote (``online``).
        ``read_from`` and ``write_to`` are files in the place of standard input and output, for what is too large to hold.
        ``files`` are open ones that it inherits. ``settings`` go by environment variable. Cancelling kills the command
        and everything it started.
        """
        self._prepare()
        variables = self._environment(online)
        if folders is not None:
            variables |= folders.environment()
        variables |= environment or {}
        given = (*self.settings, *settings)
        if given:
            variables["GIT_CONFIG_COUNT"] = str(len(given))
            for number, (key, value) in enumerate(given):
                variables[f"GIT_CONFIG_KEY_{number}"] = key
                variables[f"GIT_CONFIG_VALUE_{number}"] = value
        work = folders.tree if folders is not None and folders.tree is not None else self.home
        with contextlib.ExitStack() as opened:
            source = opened.enter_context(read_from.open("rb")) if read_from is not None else None
            target = opened.enter_context(write_to.open("wb")) if write_to is not None else None
            async with contextlib.nullcontext() if online else self._places:
                finished = await self._run(
                    arguments, source or stdin, target, variables, work, limit_s, files
                )
        return self.accepted(arguments, finished, accept)

    def accepted(self, arguments: Sequence[str], finished: Finished, accept: Sequence[int]) -> Finished:
        """The same, unless its exit code is another: then GitFailed with git's words."""
        if finished.code not in accept:
            raise self._failure(arguments, finished)
        return finished

    async def require_version(self) -> None:
        """DiskFull where git is missing or older than what the safety of these commands was tried with."""
        if self._version_known:
            return
        words = (await self.run("version")).text
        found = re.search(r"(\d+)\.(\d+)", words)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
            raise ConfigurationError(
                f"{words!r} is too old to work safely with repositories.", "install Git 2.38 or newer."
            )
        self._version_known = True

    @property
    def ssh(self) -> str:
        """How Git starts ssh, which never asks anybody: the operator's way, else ours."""
        return self.network.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")

    @property
    def answerer(self) -> Path:
        """The program that tells Git who it is at a host."""
        return self.home / "answer-git"

    def _environment(self, online: bool) -> dict[str, str]:
        variables: dict[str, str] = {"HOME": "/nonexistent"}
        if online:
            variables |= {"GIT_SSH_COMMAND": self.ssh} | dict(self.network)
        return variables | {
            "PATH": self.search_path,
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_ALLOW_PROTOCOL": "file:git:https:ssh",
            "GIT_EDITOR": "false",
            "GIT_PAGER": "cat",
        }

    def _prepare(self) -> None:
        """Write the settings file where it is missing or differs."""
        if self._prepared:
            return
        try:
            make_folder(self.home)
            spread_below(self.home)
            for file, text, mode in (
                (self.home / "gitconfig", SETTINGS, 0o644),
                (self.answerer, ANSWERER, 0o755),
            ):
                if not file.is_file() or file.read_text() != text:
                    put(file, text.encode(), mode=mode)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise disk_full("Git's settings", self.home) from error
            raise ConfigurationError(
                f"Workspaces cannot be kept in {str(self.home)!r}: {error.strerror}.",
                "set PERDURE_HOME to a folder that the worker may write to.",
            ) from error
        self._prepared = True

    async def _run(
        self,
        arguments: Sequence[str],
        source: bytes | BinaryIO,
        target: BinaryIO | None,
        variables: Mapping[str, str],
        work: Path,
        limit_s: float,
        files: Sequence[int],
    ) -> Finished:
        stdin = source if isinstance(source, bytes) else b""
        given = source if not isinstance(source, bytes) else asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                stdin=asyncio.subprocess.PIPE if stdin else given,
                stdout=asyncio.subprocess.PIPE if target is None else target,
                stderr=asyncio.subprocess.PIPE,
                cwd=work,
                env=variables,
                pass_fds=tuple(files),
                # A session of its own: its children die with it, and ssh finds no terminal to ask on.
                start_new_session=True,
                umask=0o022,
            )
        except FileNotFoundError as error:
            if not work.is_dir():
                raise GitFailed(f"The folder {str(work)!r} is gone.") from error
            raise ConfigurationError(
                f"The program 'git' was not found in {self.search_path!r}.", "install Git 2.38 or newer."
            ) from error
        _bound(process.pid)
        try:
            async with asyncio.timeout(limit_s):
                output, words = await _talk(process, stdin)
        except BaseException as error:
            # Whatever ended the wait (cancellation, the time limit, too much output), nothing may run on.
            await _kill(process)
            if isinstance(error, TimeoutError):
                raise GitFailed(
                    f"git {arguments[0]} did not end within {limit_s:.0f} s, so it was stopped."
                ) from error
            raise
        return Finished(process.returncode or 0, output, words)

    def refuse_full_disk(self, command: str, finished: Finished) -> None:
        """ConfigurationError where git's words say that the disk is full."""
        little = shutil.disk_usage(self.home).free < LITTLE_ROOM_BYTES
        telling = (*_DISK_FULL_WORDS, *(_WRITING_FAILED_WORDS if little else ()))
        if any(words in finished.words for words in telling):
            raise disk_full(f"what 'git {command}' made", self.home)

    def _failure(self, arguments: Sequence[str], finished: Finished) -> GitFailed:
        self.refuse_full_disk(arguments[0], finished)
        words = finished.said or finished.output.decode("utf-8", "replace").strip()
        return GitFailed(
            f"git {arguments[0]} failed with exit code {finished.code}: {ending(words, 2000) or 'no message'}"
        )


def _bound(pid: int) -> None:
    """Bound Git and what it starts: a repository decides how much its objects ask for."""
    with contextlib.suppress(ProcessLookupError):
        for kind, most in BOUNDS.items():
            hard = resource.prlimit(pid, kind)[1]
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, kind, (bound, bound))


async def _talk(process: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, bytes]:
    reading = asyncio.ensure_future(_read(process.stdout))
    listening = asyncio.ensure_future(_read(process.stderr))
    feeding = asyncio.ensure_future(_feed(process, stdin))
    try:
        output, words, _ = await asyncio.gather(reading, listening, feeding)
    except BaseException:
        # One that failed leaves the others at the pipes, which whoever ends the process has to empty.
        for each in (reading, listening, feeding):
            each.cancel()
        await asyncio.gather(reading, listening, feeding, return_exceptions=True)
        raise
    await process.wait()
    return output, words


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    if stream is None:
        return b""
    parts: list[bytes] = []
    size = 0
    while part := await stream.read(1024 * 1024):
        size += len(part)
        if size > MOST_OUTPUT_BYTES:
            raise OutputTooLarge(
                f"git wrote more than {MOST_OUTPUT_BYTES} bytes, so it was stopped.",
                "ask for a part, such as a path.",
            )
        parts.append(part)
    return b"".join(parts)


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    # A command that has seen enough closes its input; its exit code says whether that was an error.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(_ended(process))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for its end. asyncio waits for the end of its pipes too, and reads on only where somebody empties them."""
    await asyncio.gather(_empty(process.stdout), _empty(process.stderr))
    await process.wait()


async def _empty(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(1024 * 1024):
        pass
