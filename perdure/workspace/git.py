"""The user's branch of a working copy: status, differences, commits, pushes. Runs no program of the repository."""

import asyncio
import io
import os
import posixpath
import secrets
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from perdure.contracts.errors import ToolRejected, WorkspaceLost
from perdure.safety.secrets import Redactor
from perdure.workspace.added_lines import Looks, refuse_secrets, secrets_added
from perdure.workspace.objects import commit_content, write_object
from perdure.workspace.paths import Files
from perdure.workspace.program import Finished, Folders, GitProgram, OutputTooLarge
from perdure.workspace.references import (
    head_of,
    point_head_at,
    read_branches,
    refuse_bad_branch_name,
    write_reference,
)
from perdure.workspace.refusals import shown
from perdure.workspace.remotes import Remote, push_commit, references_of

_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "--no-renames")
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path. ``status`` is Git's two letters: index, then work tree (``" M"``, ``"A "``, ``"??"``)."""

    path: str
    status: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the branch."""

    oid: str
    subject: str


class Git:
    """Git of one working copy. Refusals are ToolRejected with git's words."""

    def __init__(
        self,
        program: GitProgram,
        folders: Folders,
        files: Files,
        *,
        author: tuple[str, str],
        remote: Remote | None,
    ) -> None:
        self._program = program
        self._folders = folders
        self._files = files
        self._author = author
        self._remote = remote

    async def status(self) -> list[Change]:
        """Every changed, deleted and untracked (not ignored) path; a nested repository ends in '/'."""
        arguments = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        finished = await self._run(*arguments, "--ignore-submodules=all")
        return [Change(name[3:], name[:2]) for name in finished.names]

    async def diff(
        self, *, staged: bool = False, against: str | None = None, paths: Sequence[str] = ()
    ) -> str:
        """The work tree (or with ``staged`` the index) against HEAD or a commit, as a patch with new files in it."""
        commit = await self.resolve("HEAD" if against is None else against)
        wanted = ["--", *(":(top,literal)" + self._tidy(path) for path in paths)]
        if staged:
            finished = await self._run("diff", "--cached", *_DIFF, commit, *wanted)
            return finished.output.decode("utf-8", "replace")
        with self._private_index() as folders:
            new = [path for path in await self.untracked() if not path.endswith("/")]
            if new:
                # An index that knows the names makes new files part of the difference.
                names = "\0".join(new).encode("utf-8", "surrogateescape")
                await self._run(
                    "--literal-pathspecs", "add", "--intent-to-add", "--ignore-errors", "--pathspec-from-file=-",
                    "--pathspec-file-nul", folders=folders, stdin=names,
                )  # fmt: skip
            finished = await self._run("diff", *_DIFF, commit, *wanted, folders=folders)
            return finished.output.decode("utf-8", "replace")

    async def diff_names(self, against: str) -> list[str]:
        """Paths that differ between the work tree and a commit, deleted and new ones among them, sorted."""
        commit = await self.resolve(against)
        finished = await self._run("diff", "--name-only", "-z", *_DIFF, commit, "--")
        return sorted({*finished.names, *await self.untracked()})

    async def contents_at(self, commit: str, paths: Sequence[str], *, largest_bytes: int) -> dict[str, bytes]:
        """The bytes of those of the paths that are files in a commit and no larger than that."""
        wanted = [path for path in paths if "\n" not in path]
        if not wanted:
            return {}
        asked = b"".join(os.fsencode(f"{commit}:{path}\n") for path in wanted)
        kinds = (await self._run("cat-file", "--batch-check", stdin=asked)).output.splitlines()
        found = {
            path: words[0]
            for path, words in zip(wanted, map(bytes.split, kinds), strict=True)
            if words[-1].isdigit() and words[-2] == b"blob" and int(words[-1]) <= largest_bytes
        }
        oids = b"".join(oid + b"\n" for oid in found.values())
        answer = (await self._run("cat-file", "--batch", stdin=oids)).output if found else b""
        stream = io.BytesIO(answer)
        contents: dict[str, bytes] = {}
        for path in found:
            size = int(stream.readline().split()[-1])
            contents[path] = stream.read(size)
            # A line end follows the content.
            stream.read(1)
        return contents

    async def head(self) -> str:
        """The commit that is checked out."""
        name = head_of(self._folders.git)
        try:
            return self._branches()[name]
        except KeyError as error:
            raise WorkspaceLost(f"The branch {name!r} of the workspace has no commit any more.") from error

    async def branch(self) -> str:
        """The branch that is checked out."""
        return head_of(self._folders.git).removeprefix("refs/heads/")

    async def resolve(self, revision: str) -> str:
        """The full id of the commit that a branch (of ours, else of the repository), tag or id names."""
        if revision and "\0" not in revision and not revision.startswith(("-", "^")):
            for name in (revision, f"refs/remotes/origin/{revision}"):
                found = await self._program.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
                    folders=self._folders, accept=(0, 1, 128),
                )  # fmt: skip
                if found.code == 0:
                    return found.text
        raise ToolRejected(f"{shown(revision)} names no commit here.", "send a branch, a tag or a commit id.")

    async def log(self, since: str) -> list[Commit]:
        """Commits of the branch after ``since``, oldest first."""
        start = await self.resolve(since)
        finished = await self._run(
            "log", "-z", "--reverse", "--no-show-signature", "--format=%H %s", f"{start}..HEAD", "--"
        )
        lines = [part.decode("utf-8", "replace") for part in finished.output.split(b"\0") if part]
        return [Commit(line[:40], line[41:]) for line in lines]

    async def commit(
        self, message: str, *, at: datetime, paths: Sequence[str] = (), look: Looks | None = None
    ) -> str:
        """Commit all changes, or those at or below ``paths``; the same call again gives the same commit.

        ToolRejected where it would add a credential, by ``look``; without it those are found that are known by their form.
        Line ends and encodings follow the repository's own attributes; filter programs are never run.
        """
        message = message.replace("\0", "").strip()
        if not message:
            raise ToolRejected("The commit message is empty.", "say in a line what the commit changes.")
        changed = self._chosen([change.path for change in await self.status()], paths)
        head = await self.head()
        with self._private_index() as folders:
            if changed:
                await self._refuse_large_files(changed)
                await self._stage(changed, folders)
            tree = (await self._run("write-tree", folders=folders)).text
            before = (await self._run("rev-parse", f"{head}^{{tree}}", "HEAD^@")).text.split()
            if tree == before[0]:
                if self._commit_object(tree, before[1:], message, at) == head:
                    return head
                raise ToolRejected("There is nothing to commit: no file differs from the last commit.")
            await self._refuse_secrets(before[0], tree, message, look or Redactor().findings)
            commit = self._commit_object(tree, [head], message, at)
            write_reference(self._folders.git, head_of(self._folders.git), commit)
            assert folders.index is not None
            assert self._folders.index is not None
            folders.index.replace(self._folders.index)
        return commit

    async def _refuse_secrets(self, before: str, after: str, message: str, look: Looks) -> None:
        patching = ("diff-tree", "-r", "-p", "--unified=0", *_DIFF)
        try:
            # What Git calls binary holds texts as well, and a patch names neither it nor an empty file.
            finished = await self._run(*patching, "--text", before, after, "--")
        except OutputTooLarge:
            # Huge files are seldom text: what Git calls binary is left out then.
            finished = await self._run(*patching, before, after, "--")
        patch = finished.output.decode("utf-8", "replace")
        added = await self._run(
            "diff-tree", "-r", "--name-only", "-z", "--diff-filter=A", *_DIFF, before, after
        )
        found = await asyncio.to_thread(secrets_added, patch, look, message=message, names=added.names)
        refuse_secrets(found, shown)

    async def create_branch(self, name: str) -> None:
        """Make a branch at HEAD and switch to it; files and index stay as they are."""
        refuse_bad_branch_name(name)
        if Redactor().findings(name):
            raise ToolRejected(
                "The name of the branch would hold what looks like a credential.", "choose another name."
            )
        if f"refs/heads/{name}" in self._branches():
            raise ToolRejected(f"The branch {name!r} exists already.", "choose another name.")
        write_reference(self._folders.git, f"refs/heads/{name}", await self.head())
        point_head_at(self._folders.git, f"refs/heads/{name}")

    async def remote_head(self, branch: str) -> str | None:
        """The commit of a branch at the remote, None where it has no such branch. Asks the remote each time."""
        refuse_bad_branch_name(branch)
        reference = f"refs/heads/{branch}"
        found, _ = await references_of(self._program, self._needed_remote(), reference)
        return found.get(reference)

    async def push(self, branch: str, commit: str) -> None:
        """Push a commit to a new branch of the remote, or as a fast-forward.

        ToolRejected where it did not happen, EffectUnknown where that cannot be found out.
        """
        refuse_bad_branch_name(branch)
        oid = await self.resolve(commit)
        await push_commit(self._program, self._needed_remote(), self._folders, branch=branch, commit=oid)

    async def tracks(self, path: str) -> bool:
        """Whether the index holds the path or anything below it."""
        return bool((await self._run("ls-files", "-z", "--", f":(top,literal){path}")).output)

    async def untracked(self) -> list[str]:
        """Every untracked, not ignored path; a nested repository ends in '/'."""
        return (await self._run("ls-files", "-z", "--others", "--exclude-standard")).names

    async def _stage(self, changed: Sequence[str], folders: Folders) -> None:
        names = "\0".join(changed).encode("utf-8", "surrogateescape")
        # In a commit that leaves this machine no name may harm other systems.
        settings = [("core.protectNTFS", "true"), ("core.protectHFS", "true")]
        finished = await self._run(
            "update-index", "--add", "--remove", "--replace", "-z", "--stdin",
            folders=folders, stdin=names, settings=settings,
        )  # fmt: skip
        # Git leaves such a path out and still calls that a success.
        ignored = [
            line.removeprefix("Ignoring path ")
            for line in finished.said.splitlines()
            if "Ignoring path" in line
        ]
        if ignored:
            raise ToolRejected(
                f"{', '.join(map(shown, ignored[:10]))} cannot be committed: on other systems the name means something "
                "else, such as Git's own folder.",
                "rename it, or commit the other paths by name.",
            )

    async def _refuse_large_files(self, changed: Sequence[str]) -> None:
        """Without its filter program a Git LFS file would be committed whole instead of as a pointer."""
        names = "\0".join(changed).encode("utf-8", "surrogateescape")
        found = (await self._run("check-attr", "-z", "--stdin", "filter", stdin=names)).names
        for path, value in zip(found[::3], found[2::3], strict=True):
            if value != "lfs" or not self._files.exists(path) or self._files.stat(path).kind != "file":
                continue
            if not self._files.read(path, limit_bytes=len(_POINTER)).startswith(_POINTER):
                raise ToolRejected(
                    f"{shown(path)} is kept by Git LFS, and files of Git LFS cannot be committed here.",
                    "undo the change to it, or commit the other paths by name.",
                )

    def _chosen(self, changed: Sequence[str], paths: Sequence[str]) -> list[str]:
        # A nested repository ends in '/': the user's branch does not take it in.
        files = [path for path in changed if not path.endswith("/")]
        if not paths:
            return files
        chosen: set[str] = set()
        for path in paths:
            tidy = self._tidy(path)
            below = {name for name in files if tidy == "." or name == tidy or name.startswith(tidy + "/")}
            if not below:
                raise ToolRejected(
                    f"{shown(path)} holds no change to commit.", "ask for the status to see what changed."
                )
            chosen |= below
        return sorted(chosen)

    @staticmethod
    def _tidy(path: str) -> str:
        tidy = posixpath.normpath(path) if path and "\0" not in path else ""
        if not tidy or tidy.startswith(("/", "../")) or tidy == "..":
            raise ToolRejected(
                f"{shown(path)} is not a path in the workspace.", "send a path relative to the root."
            )
        return tidy

    def _commit_object(self, tree: str, parents: Sequence[str], message: str, at: datetime) -> str:
        name, email = self._author
        content = commit_content(tree=tree, parents=parents, name=name, email=email, at=at, message=message)
        return write_object(self._folders.objects, "commit", content)

    def _branches(self) -> dict[str, str]:
        return read_branches(self._folders.git)

    def _needed_remote(self) -> Remote:
        if self._remote is None:
            raise ToolRejected("The repository has no remote, so nothing can be pushed.")
        return self._remote

    @contextmanager
    def _private_index(self) -> Generator[Folders]:
        """A copy of the index that is thrown away unless it is moved into place."""
        assert self._folders.index is not None
        copy = Path(f"{self._folders.index}.{secrets.token_hex(6)}")
        try:
            shutil.copyfile(self._folders.index, copy)
            copy.chmod(0o644)
            yield replace(self._folders, index=copy)
        finally:
            copy.unlink(missing_ok=True)
            copy.with_name(copy.name + ".lock").unlink(missing_ok=True)

    async def _run(
        self,
        *arguments: str,
        folders: Folders | None = None,
        stdin: bytes = b"",
        settings: Sequence[tuple[str, str]] = (),
    ) -> Finished:
        return await self._program.run(
            *arguments, folders=folders or self._folders, stdin=stdin, settings=settings
        )
