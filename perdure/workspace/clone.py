"""Makes a task's workspace from a repository: objects, feature branch, first files, checkpoint 0.

The user's repository is only ever read by ``git upload-pack``; nothing of its settings, hooks or index is used.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from perdure.contracts.errors import InvalidInput
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.references import is_oid
from perdure.workspace.remotes import Remote, is_path, path_of, references_of, refuse_bad_repository
from perdure.workspace.storage import make_folder, put

_HEAD = "refs/perdure/head"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


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


async def examine(program: GitProgram, repository: str, base_branch: str | None) -> Source:
    """Find out what the repository is and where the task starts; InvalidInput says why it cannot be used."""
    remote = Remote(repository, is_repository=True)
    git_folder = common = None
    if is_path(repository):
        git_folder, common = await _git_folder_of(program, path_of(repository))
    try:
        found, head = await references_of(program, remote)
    except GitFailed as error:
        raise InvalidInput(
            f"repository {remote.shown!r} cannot be read: {error.message[-1000:]}",
            "check the address, the network and the worker's credentials.",
        ) from error
    heads = {
        name.removeprefix("refs/heads/"): oid for name, oid in found.items() if name.startswith("refs/heads/")
    }
    name, commit = _base_of(remote.shown, heads, found.get("HEAD"), head, base_branch)
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        raise InvalidInput(f"base_branch {name!r} is not UTF-8.", "rename the branch, or name another one.")
    if not is_oid(commit):
        raise InvalidInput(
            f"repository {remote.shown!r} uses SHA-256 object ids, which are not supported yet."
        )
    push_url: str | None = repository
    own = False
    warnings: list[str] = []
    exclude = ""
    if git_folder is not None and common is not None:
        push_url, own, refusals = await _push_url(program, path_of(repository), common)
        warnings += refusals
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


async def _git_folder_of(program: GitProgram, path: Path) -> tuple[Path, Path]:
    """The repository's Git folder and the one it shares with its other work trees."""
    hint = "give the top folder of a Git repository on the worker's host, or a Git URL."
    if not path.exists():
        raise InvalidInput(f"repository {str(path)!r} does not exist on this worker's host.", hint)
    if not path.is_dir():
        raise InvalidInput(f"repository {str(path)!r} is not a folder.", hint)
    real = path.resolve()
    git = real / ".git" if os.path.lexists(real / ".git") else real
    try:
        found = await program.run(
            "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir",
            environment={"GIT_DIR": str(git)}, settings=[("core.fsmonitor", "false")],
        )  # fmt: skip
    except GitFailed as error:
        raise InvalidInput(f"repository {str(path)!r} is not a Git repository.", hint) from error
    git_folder, common = found.text.split("\n")
    return Path(git_folder), Path(common)


def _base_of(
    shown: str, heads: dict[str, str], head_commit: str | None, head: str | None, wanted: str | None
) -> tuple[str, str]:
    if wanted is not None:
        name = wanted.removeprefix("refs/heads/")
        if name in heads:
            return name, heads[name]
        there = ", ".join(map(repr, sorted(heads)[:20])) or "no branch"
        raise InvalidInput(f"base_branch {wanted!r} does not exist in {shown!r}.", f"there is {there}.")
    if head is not None and head.removeprefix("refs/heads/") in heads:
        name = head.removeprefix("refs/heads/")
        return name, heads[name]
    if head is None and head_commit is not None:
        return "HEAD", head_commit
    if heads:
        there = ", ".join(map(repr, sorted(heads)[:20]))
        raise InvalidInput(
            f"repository {shown!r} has no commit on its current branch.",
            f"name a base_branch; there is {there}.",
        )
    raise InvalidInput(f"repository {shown!r} has no commits.", "make a first commit in it.")


async def _push_url(program: GitProgram, path: Path, common: Path) -> tuple[str | None, bool, list[str]]:
    """Origin's address as the settings file has it, whether it is the repository's own ground, and warnings."""
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
        make_folder(work / "refs")
        put(work / "HEAD", b"ref: refs/heads/none\n")
        put(work / "config", b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        shutil.copy2(index, work / "index")
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
        shutil.rmtree(work, ignore_errors=True)
    if tracked.code or untracked.output or staged.code:
        return [
            "The repository holds uncommitted work; the task starts from its last commit, without that work."
        ]
    return []


async def fetch_objects(program: GitProgram, source: Source, task_folder: Path, folders: Folders) -> None:
    """Copy every reachable object, branches as ``refs/remotes/origin/*`` and tags; then keep the references packed."""
    head = [f"+HEAD:{_HEAD}"] if source.base_branch == "HEAD" else []
    try:
        await program.run(
            "fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules",
            "--update-shallow", "--no-tags", *source.remote.reading, "--", source.remote.address,
            "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", *head,
            folders=folders, settings=source.remote.settings, limit_s=3600.0, online=True,
        )  # fmt: skip
        await program.run("cat-file", "-e", f"{source.base_commit}^{{commit}}", folders=folders)
    except GitFailed as error:
        raise InvalidInput(
            f"repository {source.remote.shown!r} cannot be copied: {error.message[-1000:]}",
            "check that the repository is complete ('git fsck') and that the worker may read it.",
        ) from error
    await program.run("pack-refs", "--all", folders=folders)
    for name in ("packed-refs", "shallow"):
        if (folders.git / name).is_file():
            put(task_folder / name, (folders.git / name).read_bytes())


async def free_branch_name(program: GitProgram, source: Source, wanted: str) -> tuple[str, list[str]]:
    """The wanted name, or with a numeric suffix where the repository or the remote has it; and warnings."""
    warnings: list[str] = []
    taken = set(source.heads)
    remote = Remote(source.push_url or source.remote.url, is_repository=source.push_is_repository)
    if remote.address != source.remote.address:
        try:
            found, _ = await references_of(program, remote, "refs/heads/*", limit_s=20.0)
            taken |= {name.removeprefix("refs/heads/") for name in found}
        except GitFailed as error:
            warnings.append(
                f"The remote {remote.shown!r} cannot be asked for its branches now, so a later "
                f"push may be refused: {error.message[-300:]}"
            )
    if any(wanted.startswith(name + "/") or name.startswith(wanted + "/") for name in taken):
        # A branch name cannot also be a folder of branch names, whatever its suffix.
        wanted = wanted.replace("/", "-")
    name, number = wanted, 2
    while name in taken or any(other.startswith(name + "/") for other in taken):
        name, number = f"{wanted}-{number}", number + 1
    return name, warnings


async def check_out(program: GitProgram, folders: Folders, commit: str) -> None:
    """Write the commit's files with the repository's own line ends and encodings, and without any program."""
    try:
        await program.run("read-tree", "--reset", "-u", commit, folders=folders)
    except GitFailed as error:
        raise InvalidInput(
            f"The files of commit {commit!r} cannot be written here: {error.message[-1000:]}",
            "choose another base_branch.",
        ) from error
