"""Repositories by path or URL: which are allowed, how credentials stay out of sight, how they are asked and fed."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from perdure.contracts.errors import EffectUnknown, InvalidInput, ToolRejected
from perdure.contracts.repositories import SCHEME, is_ambiguous, is_path, strip_credentials
from perdure.safety.secrets.cutting import ending
from perdure.workspace.credentials import SETTING, Login, Means, Place, means_for
from perdure.workspace.program import Finished, Folders, GitFailed, GitProgram

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_ALLOWED = {"https", "ssh", "git"}
_LETS_NOBODY_IN = (
    "could not read Username",
    "could not read Password",
    "Authentication failed",
    "The requested URL returned error: 401",
    "The requested URL returned error: 403",
    "Permission denied (",
    "Host key verification failed",
)

# A path repository is read by a git of its own, which obeys that repository's settings: these keep it from running
# anything. Settings on its command line count more than the repository's, and the variable more than both.
_VARIABLES = "GIT_ALLOW_PROTOCOL=none GIT_NO_LAZY_FETCH=1"
_GUARD = "-c core.fsmonitor=false -c core.alternateRefsCommand=true -c gc.auto=0 -c maintenance.auto=false"
_NO_HOOKS = "-c core.hooksPath=/dev/null"
_ONLY_REFERENCES = "-c receive.autogc=false -c receive.denyCurrentBranch=refuse"


def path_of(repository: str) -> Path:
    """The folder that a path or file URL names."""
    if SCHEME.match(repository) is not None:
        return Path(unquote(urlsplit(repository).path))
    return Path(os.path.abspath(repository))  # noqa: PTH100 - resolve() would follow links before they are judged


def refuse_bad_repository(repository: str) -> None:
    """InvalidInput for URLs that are not allowed to be contacted, and for what looks like an option."""
    hint = "give a path on the worker's host, or an https, ssh or git URL."
    scheme = SCHEME.match(repository)
    if (
        repository.startswith("-")
        or _HELPER.match(repository)
        or any(ord(letter) < 32 for letter in repository)
    ):
        raise InvalidInput(
            f"The repository {strip_credentials(repository)!r} is not a path or a Git URL.", hint
        )
    if is_ambiguous(repository):
        raise InvalidInput(
            f"The repository {strip_credentials(repository)!r} can be read in more than one way: it holds '..', a backslash, or "
            "an escape in its host.",
            "write the address that it leads to.",
        )
    if scheme is not None and scheme.group(1).lower() not in _ALLOWED | {"file"}:
        raise InvalidInput(
            f"The repository {strip_credentials(repository)!r} uses the protocol {scheme.group(1)!r}, which is not allowed.",
            hint,
        )


@dataclass(frozen=True)
class Remote:
    """One repository that is fetched from or pushed to. ``url`` may hold credentials; it is never on a command line."""

    url: str = field(repr=False)
    is_repository: bool = False
    """True for the task's own path repository: its hooks are never run, as it is input and not a server."""

    @property
    def shown(self) -> str:
        """The URL without credentials, for people."""
        return strip_credentials(self.url)

    @property
    def host(self) -> str:
        """Host and port of a URL, also of the short ``user@host:path`` form; empty for a path."""
        if is_path(self.url):
            return ""
        if SCHEME.match(self.url):
            return urlsplit(self.url).netloc.rpartition("@")[2]
        return self.url.partition(":")[0].rpartition("@")[2]

    @property
    def address(self) -> str:
        """What git is given."""
        return str(path_of(self.url)) if is_path(self.url) else strip_credentials(self.url)

    @property
    def place(self) -> Place:
        """Where Git goes; the short form is ssh's."""
        scheme = SCHEME.match(self.url)
        return Place(scheme.group(1).lower() if scheme else "ssh", self.host)

    @property
    def login(self) -> Login | None:
        """Who the address itself says to be, which counts before what the operator names for the host."""
        parts = urlsplit(self.url) if SCHEME.match(self.url) else None
        if parts is None or parts.scheme.lower() != "https" or parts.username is None:
            return None
        return Login(unquote(parts.username), unquote(parts.password or ""))

    @property
    def reading(self) -> list[str]:
        """The option that keeps a path repository from running anything while it is read."""
        return (
            [f"--upload-pack={_VARIABLES} git {_GUARD} {_NO_HOOKS} upload-pack"] if is_path(self.url) else []
        )

    @property
    def writing(self) -> list[str]:
        """The same while it is pushed to; a server-side repository of our own user runs its hooks."""
        if not is_path(self.url):
            return []
        if self.is_repository:
            return [f"--receive-pack={_VARIABLES} git {_GUARD} {_ONLY_REFERENCES} {_NO_HOOKS} receive-pack"]
        # Our settings switch hooks off, so this one command does without them.
        return [
            f"--receive-pack={_VARIABLES} GIT_CONFIG_GLOBAL=/dev/null git {_GUARD} {_ONLY_REFERENCES} receive-pack"
        ]

    def refuse_foreign_hooks(self) -> None:
        """ToolRejected for a path that another user owns: its hooks would run with our permissions."""
        if self.is_repository or not is_path(self.url):
            return
        path = path_of(self.url)
        try:
            owner = path.stat().st_uid
        except OSError as error:
            raise ToolRejected(f"The remote {self.shown!r} cannot be reached: {error.strerror}.") from error
        if owner != os.geteuid():
            raise ToolRejected(
                f"The remote {self.shown!r} belongs to another user of this machine, so its hooks can neither be run "
                "nor left out.",
                "ask the operator for an https or ssh address of it.",
            )


class CredentialsRefused(GitFailed):
    """A host let nobody in: it was told nobody's name, or one that it does not accept. Trying again changes nothing."""


async def talk(
    program: GitProgram,
    remote: Remote,
    *arguments: str,
    folders: Folders | None = None,
    accept: Sequence[int] = (0,),
    limit_s: float,
) -> Finished:
    """Run a Git command that talks to the remote, as whoever the operator lets it be there.

    CredentialsRefused where the host lets nobody in, ConfigurationError where what the operator names cannot be used.
    """
    means = means_for(
        program.credentials, remote.place, remote.login, answerer=program.answerer, ssh=program.ssh
    )
    async with means if not is_path(remote.url) else contextlib.nullcontext(Means()) as given:
        finished = await program.run(
            *arguments, folders=folders, environment=given.environment, files=given.files, accept=range(256),
            limit_s=limit_s, online=True,
        )  # fmt: skip
    if finished.code and not is_path(remote.url) and _lets_nobody_in(finished.said):
        raise CredentialsRefused(
            f"The host {remote.host!r} asks for credentials for the repository {remote.shown!r}, and this worker has "
            "none that it accepts.",
            f"name a token or a key for this host in the file of {SETTING}; a repository that does not exist may be told "
            "in this way too.",
        )
    return program.accepted(arguments, finished, accept)


def _lets_nobody_in(said: str) -> bool:
    """Whether these are Git's or ssh's own words for it; what the remote itself says proves nothing."""
    lines = [line for line in said.splitlines() if not line.startswith("remote:")]
    return any(words in line for words in _LETS_NOBODY_IN for line in lines)


async def references_of(
    program: GitProgram, remote: Remote, *patterns: str, limit_s: float = 60.0
) -> tuple[dict[str, str], str | None]:
    """References of a remote with their commits, and what its HEAD names. GitFailed where it cannot be asked."""
    finished = await talk(
        program, remote, "ls-remote", "--quiet", "--symref", *remote.reading, "--", remote.address, *patterns,
        limit_s=limit_s,
    )  # fmt: skip
    found: dict[str, str] = {}
    head: str | None = None
    for line in finished.text.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: ") if name == "HEAD" else head
        else:
            found[name] = value
    return found, head


async def push_commit(
    program: GitProgram, remote: Remote, folders: Folders, *, branch: str, commit: str
) -> None:
    """Push one commit to a new branch, or as a fast-forward. Returns only when the remote has it.

    There is no way to push by force: a branch that moved, or that somebody else made, is refused by the remote itself.
    """
    remote.refuse_foreign_hooks()
    reference = f"refs/heads/{branch}"
    try:
        finished = await talk(
            program, remote, "push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-recurse-submodules",
            *remote.writing, "--", remote.address, f"{commit}:{reference}",
            folders=folders, accept=range(256), limit_s=600.0,
        )  # fmt: skip
        words = finished.said
    except CredentialsRefused as refusal:
        # It was let in nowhere, so nothing of it can have arrived.
        raise CredentialsRefused(refusal.message, f"nothing was pushed. {refusal.hint}") from refusal
    except GitFailed as error:
        finished, words = None, str(error)
    if finished is not None:
        if finished.code == 0:
            return
        program.refuse_full_disk("push", finished)
        _refuse_if_refused(finished, remote, branch)
    await _judge(program, remote, branch, commit, words)


def _refuse_if_refused(finished: Finished, remote: Remote, branch: str) -> None:
    """ToolRejected where the remote itself answered that it does not take the push."""
    refused = [line for line in finished.text.splitlines() if line.startswith("!")]
    if not refused or "[remote failure]" in refused[0]:
        return
    reason = refused[0].split("\t")[-1]
    said = "\n".join(line for line in finished.said.splitlines() if line.startswith("remote:"))
    raise ToolRejected(
        f"The remote {remote.shown!r} refused the push to {branch!r}: {reason}"
        + (f"\n{said}" if said else ""),
        "nothing was pushed. If the branch moved, push to a new branch name.",
    )


async def _judge(program: GitProgram, remote: Remote, branch: str, commit: str, words: str) -> None:
    """The push broke off: look at the remote to find out what happened."""
    reference = f"refs/heads/{branch}"
    try:
        found, _ = await references_of(program, remote, reference, limit_s=60.0)
    except GitFailed as error:
        raise EffectUnknown(
            f"The push of {commit} to {branch!r} of {remote.shown!r} broke off ({ending(words, 600)}), and the remote cannot "
            f"be asked whether it has it ({ending(error.message, 600)})",
            "look at the branch at the remote.",
        ) from error
    if found.get(reference) == commit:
        return
    there = found.get(reference)
    raise ToolRejected(
        f"The push to {branch!r} of {remote.shown!r} failed: {ending(words, 1500)}",
        f"nothing was pushed: the branch is {f'at {there}' if there else 'not'} there.",
    )
