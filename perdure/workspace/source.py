"""Finds out what a repository is, before anything of it is copied: branches, base, where a push goes, what to warn of.

The user's repository is only ever read; nothing of its settings, hooks or index is used.
"""

import asyncio
import errno
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perdure.contracts.errors import InvalidInput
from perdure.contracts.repositories import is_path
from perdure.safety.secrets.cutting import ending
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.references import is_oid
from perdure.workspace.remotes import (
    CredentialsRefused,
    Remote,
    path_of,
    references_of,
    refuse_bad_repository,
)
from perdure.workspace.storage import in_thread, make_folder, put

_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_HINT = "give the top folder of a Git repository on the worker's host, or a Git URL."
RefuseFolder = Callable[[str], None]
"""Raises InvalidInput for a folder that no task may read."""


@dataclass(frozen=True)
class Source:
    """A repository as it was found, before anything is copied."""

    remote: Remote
    heads: dict[str, str]
    """Branch → commit."""
    base_branch: str
    """``HEAD`` where a detached commit is the base."""
    base_commit: str
    push_url: str | None = field(repr=False)
    push_is_repository: bool
    exclude: str = ""
    warnings: tuple[str, ...] = ()


async def examine(
    program: GitProgram, repository: str, base_branch: str | None, *, refuse_folder: RefuseFolder
) -> Source:
    """Find out what the repository is and where the task starts; InvalidInput says why it cannot be used."""
    remote = Remote(repository, is_repository=True)
    git_folder = common = None
    if is_path(repository):
        git_folder, common = await _git_folder_of(program, path_of(repository))
        _refuse_folders(path_of(repository), (git_folder, common, *_borrowed(common)), refuse_folder)
    try:
        found, head = await references_of(program, remote)
    except GitFailed as error:
        raise _unreadable(remote, error) from error
    heads = {
        name.removeprefix("refs/heads/"): oid for name, oid in found.items() if name.startswith("refs/heads/")
    }
    name, commit = _base_of(remote.shown, heads, found.get("HEAD"), head, base_branch)
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        raise InvalidInput(
            f"The base branch {name!r} is not UTF-8.", "rename the branch, or name another one."
        )
    if not is_oid(commit):
        raise InvalidInput(
            f"The repository {remote.shown!r} uses SHA-256 object ids, which are not supported yet."
        )
    push_url: str | None = repository
    own = False
    warnings: list[str] = []
    exclude = ""
    if git_folder is not None and common is not None:
        push_url, own, remarks = await _push_url(program, path_of(repository), common)
        warnings += remarks
        exclude = _own_exclude(common)
        warnings += await _uncommitted(program, path_of(repository), git_folder, common, found.get("HEAD"))
    if name == "HEAD":
        warnings.append(
            f"The repository has no branch checked out; the task starts from its commit {commit[:12]}."
        )
    return Source(
        remote=remote, heads=heads, base_branch=name, base_commit=commit, push_url=push_url,
        push_is_repository=own, exclude=exclude, warnings=tuple(warnings),
    )  # fmt: skip


async def push_address(program: GitProgram, repository: str, refuse_folder: RefuseFolder) -> str | None:
    """Where a push from this path repository goes, credentials included; InvalidInput where it may not be read."""
    path = path_of(repository)
    git_folder, common = await _git_folder_of(program, path)
    _refuse_folders(path, (git_folder, common), refuse_folder)
    address, _, _ = await _push_url(program, path, common)
    return address


def _unreadable(remote: Remote, error: GitFailed) -> InvalidInput:
    """Why the repository's branches could not be listed; for a URL the host is named."""
    if is_path(remote.url):
        return InvalidInput(
            f"The repository {remote.shown!r} cannot be read: {ending(error.message, 1000)}",
            "check that it is complete ('git fsck') and that the worker may read it.",
        )
    if isinstance(error, CredentialsRefused):
        return InvalidInput(error.message, error.hint)
    hint = "check the address and the worker's network, then start the task again."
    if "The requested URL returned error: 30" in error.message:
        hint = "name the address that it sends to: redirects are not followed."
    return InvalidInput(
        f"The repository {remote.shown!r} cannot be reached at the host {remote.host!r}: {ending(error.message, 1000)}",
        hint,
    )


async def _git_folder_of(program: GitProgram, path: Path) -> tuple[Path, Path]:
    """The repository's Git folder and the one it shares with its other work trees."""
    git = _look_at(path)
    try:
        found = await program.run(
            "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir",
            environment={"GIT_DIR": str(git)}, settings=[("core.fsmonitor", "false")],
        )  # fmt: skip
    except GitFailed as error:
        raise InvalidInput(f"The repository {str(path)!r} is not a Git repository.", _HINT) from error
    git_folder, common = found.text.split("\n")
    return Path(git_folder), Path(common)


def _look_at(path: Path) -> Path:
    """Where the repository keeps its Git folder; InvalidInput where that cannot be looked at."""
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise InvalidInput(f"The repository {str(path)!r} is not a folder.", _HINT)
        real = path.resolve()
        git = real / ".git" if os.path.lexists(real / ".git") else real
        for needed in (real, git, git / "HEAD"):
            wanted = os.R_OK | os.X_OK if needed.is_dir() else os.R_OK
            if needed.exists() and not os.access(needed, wanted):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(needed))
        return git
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput(
            f"The repository {str(path)!r} does not exist on this worker's host.", _HINT
        ) from error
    except PermissionError as error:
        raise InvalidInput(
            f"The repository {str(path)!r} may not be read by the worker's user {_user()!r}.",
            "give that user permission to read the repository and to enter every folder above it.",
        ) from error
    except OSError as error:
        raise InvalidInput(
            f"The repository {str(path)!r} cannot be looked at: {error.strerror}.", _HINT
        ) from error


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _refuse_folders(path: Path, folders: tuple[Path, ...], refuse_folder: RefuseFolder) -> None:
    """InvalidInput where a repository that may be read has its content in a folder that may not."""
    refuse_folder(str(path))
    for folder in folders:
        try:
            refuse_folder(str(folder))
        except InvalidInput as refusal:
            raise InvalidInput(
                f"The repository {str(path)!r} keeps its content in {str(folder)!r}. {refusal.message}",
                refusal.hint,
            ) from refusal


def _borrowed(common: Path) -> Iterator[Path]:
    """The object folders of other repositories that this one uses as its own."""
    waiting, seen = [common / "objects"], set[Path]()
    while waiting:
        objects = waiting.pop()
        try:
            lines = (objects / "info" / "alternates").read_bytes().splitlines()
        except OSError:
            continue
        for line in lines:
            other = (objects / os.fsdecode(line)).resolve()
            if line and not line.startswith(b"#") and other not in seen:
                seen.add(other)
                waiting.append(other)
                yield other


def _base_of(
    shown: str, heads: dict[str, str], head_commit: str | None, head: str | None, wanted: str | None
) -> tuple[str, str]:
    if wanted is not None:
        name = wanted.removeprefix("refs/heads/")
        if name in heads:
            return name, heads[name]
        there = ", ".join(map(repr, sorted(heads)[:20])) or "no branch"
        raise InvalidInput(
            f"The base branch {wanted!r} does not exist in the repository {shown!r}.", f"there is {there}."
        )
    if head is not None and head.removeprefix("refs/heads/") in heads:
        name = head.removeprefix("refs/heads/")
        return name, heads[name]
    if head is None and head_commit is not None:
        return "HEAD", head_commit
    if heads:
        there = ", ".join(map(repr, sorted(heads)[:20]))
        raise InvalidInput(
            f"The repository {shown!r} has no commit on its current branch.",
            f"name a base branch; there is {there}.",
        )
    raise InvalidInput(f"The repository {shown!r} has no commits.", "commit something in it first.")


async def _push_url(program: GitProgram, path: Path, common: Path) -> tuple[str | None, bool, list[str]]:
    """Origin's address as the settings file has it, whether it is the repository's own ground, and warnings."""
    arguments = (
        "config",
        "--file",
        str(common / "config"),
        "--no-includes",
        "--type=bool",
        "--get",
        "core.bare",
    )
    bare = (await program.run(*arguments, accept=(0, 1))).text == "true"
    if bare and not os.path.lexists(path / ".git"):
        # Nobody works in a bare repository: it is where others push to, whatever it was once cloned from.
        return (
            str(path),
            True,
            ["The repository is bare: what the task pushes goes to it, and none of its hooks is run."],
        )
    url = ""
    for key in ("remote.origin.pushurl", "remote.origin.url"):
        arguments = ("config", "--file", str(common / "config"), "--no-includes", "--get", key)
        url = url or (await program.run(*arguments, accept=(0, 1))).text
    if not url:
        return str(path), True, []
    try:
        refuse_bad_repository(url)
    except InvalidInput as refusal:
        return None, False, [f"Nothing can be pushed, because origin cannot be used: {refusal.message}"]
    if not is_path(url):
        return url, False, []
    target = (path / path_of(url) if "://" in url else path / url).resolve()
    # Below the repository's own folder a remote is as little a server as the repository itself.
    return str(target), target.is_relative_to(path.resolve()), []


def _own_exclude(common: Path) -> str:
    """The repository's own ignore rules that no commit holds; bytes are kept as Latin-1."""
    try:
        with (common / "info" / "exclude").open("rb") as stream:
            return stream.read(64 * 1024).decode("latin-1")
    except OSError:
        return ""


async def _uncommitted(
    program: GitProgram, path: Path, git_folder: Path, common: Path, head: str | None
) -> list[str]:
    """A warning where the user's work tree holds what no commit does. Works on a copy of the index, with our settings."""
    index = git_folder / "index"
    if git_folder == path.resolve() or not index.is_file():
        return []
    work = program.home / f".look-{os.urandom(6).hex()}"
    try:
        await in_thread(_make_look, work, index)
        folders = Folders(work, common / "objects", work / "index", path.resolve())
        settings = [("core.excludesFile", str(common / "info" / "exclude"))]
        tracked, untracked, staged = await asyncio.gather(
            program.run("diff-files", "--quiet", "--ignore-submodules=all", folders=folders, accept=(0, 1)),
            program.run(
                "ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory",
                folders=folders, settings=settings,
            ),
            program.run(
                "diff-index", "--cached", "--quiet", "--ignore-submodules=all", head or _EMPTY_TREE,
                folders=folders, accept=(0, 1),
            ),
        )  # fmt: skip
    except (GitFailed, OSError):
        return [
            "Whether the repository holds uncommitted work could not be found out; such work is not copied."
        ]
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
    nested = [
        name for name in untracked.names if name.endswith("/") and os.path.lexists(path / name / ".git")
    ]
    warnings: list[str] = []
    if tracked.code or staged.code or len(untracked.names) > len(nested):
        warnings.append(
            "The repository holds uncommitted work; the task starts from its last commit, without that work."
        )
    if nested:
        warnings.append(
            f"The repository's folder holds other repositories ({some_of(nested)}), which are no part of it and are not "
            "copied."
        )
    return warnings


def _make_look(work: Path, index: Path) -> None:
    """A Git folder to look from, with a copy of the user's index; nobody misses it after a power cut."""
    make_folder(work / "refs")
    put(work / "HEAD", b"ref: refs/heads/none\n", durable=False)
    put(work / "config", b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n", durable=False)
    shutil.copy2(index, work / "index")


def some_of(names: Sequence[str]) -> str:
    """The first names, quoted, and how many there are beside them."""
    listed = ", ".join(repr(name.rstrip("/")) for name in names[:3])
    return listed + (f" and {len(names) - 3} more" if len(names) > 3 else "")
