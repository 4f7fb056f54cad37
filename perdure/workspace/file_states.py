"""States of the files as raw trees: now, at a commit, at a checkpoint; how two differ, and a way back to one of them.

A raw tree is what a checkpoint holds: the bytes as they lie on the disk, without any conversion of Git.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.workspace.adding import add_everything
from perdure.workspace.control_names import control_name_in
from perdure.workspace.program import Folders
from perdure.workspace.refusals import shown
from perdure.workspace.restore import make_git_folder, make_shadow
from perdure.workspace.storage import make_folder
from perdure.workspace.working_copy import WorkingCopy

_GITLINK = "160000"
_LINK = "120000"
_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that differs. ``status`` is what leads from before to after: A (added), D (deleted), M or T."""

    path: str
    status: str
    is_link: bool = False
    """Whether it is a symbolic link afterwards."""


@dataclass(frozen=True)
class WayBack:
    """What leads from the files as they are to an earlier state of them."""

    tree: str
    """The raw tree of the earlier state."""
    now: str
    """The raw tree of the files as they are."""
    changes: tuple[Difference, ...]
    kept: tuple[str, ...] = ()
    """Paths that differ and are left as they are, because they belong to Git."""


class FileStates:
    """Of one working copy. Nothing in the workspace changes but by ``restore``."""

    def __init__(self, copy: WorkingCopy) -> None:
        self._copy = copy
        self._program = copy.program

    async def now(self) -> str:
        """The raw tree of every tracked and untracked (not ignored) file as it is."""
        async with self._aside() as aside:
            return await self._now(aside)

    async def has(self, tree: str) -> bool:
        """Whether a tree is on this host."""
        found = await self._program.run(
            "cat-file", "-e", f"{tree}^{{tree}}", folders=await self._comparing(), accept=(0, 1, 128)
        )
        return found.code == 0

    async def at_commit(self, commit: str, now: str) -> str:
        """The raw tree that the files would be with this commit checked out; a nested repository stays as it is now."""
        async with self._aside() as aside:
            changed = await self._changed_since(commit)
            gone = [each.path for each in changed if each.status == "A"]
            wanted = [each.path for each in changed if each.status != "A"]
            # In an empty folder Git takes the attributes of the index, which are the commit's own.
            user = Folders(
                self._copy.git_folder, self._copy.objects_folder, aside / "user-index", aside / "tree"
            )
            make_folder(aside / "tree")
            await self._program.run("read-tree", commit, folders=user)
            await self._program.run(
                "checkout-index", "-q", "-f", "-z", "--stdin", folders=user, stdin=_names(wanted)
            )
            raw = replace(self._copy.shadow_folders, index=aside / "target-index", tree=aside / "tree")
            await self._program.run("read-tree", now, folders=raw)
            await self._program.run(
                "update-index", "--force-remove", "-z", "--stdin", folders=raw, stdin=_names(gone)
            )
            await self._program.run(
                "update-index", "--add", "--replace", "-z", "--stdin", folders=raw, stdin=_names(wanted)
            )
            return (await self._program.run("write-tree", folders=raw)).text

    async def difference(self, before: str, after: str, paths: Sequence[str] = ()) -> str:
        """A unified diff of two raw trees."""
        folders = await self._comparing()
        finished = await self._program.run("diff", *_DIFF, before, after, *_below(paths), folders=folders)
        return finished.output.decode("utf-8", "replace")

    async def changes(self, before: str, after: str, paths: Sequence[str] = ()) -> list[Difference]:
        """Every path that differs between two raw trees."""
        finished = await self._program.run(
            "diff", "--raw", "-z", *_DIFF, before, after, *_below(paths), folders=await self._comparing()
        )
        return _raw(finished.names)

    async def way_back(self, tree: str, *, now: str, paths: Sequence[str] = ()) -> WayBack:
        """What ``restore`` would do; ToolRejected where a path is in neither state, or a folder stands in the way."""
        differing = await self.changes(now, tree, paths)
        kept = [each.path for each in differing if control_name_in(each.path.split("/"))]
        changes = tuple(each for each in differing if each.path not in kept)
        for path in paths:
            await self._require_known(path, (now, tree))
        await asyncio.to_thread(self._refuse_blocked, changes)
        return WayBack(tree, now, changes, tuple(kept))

    async def restore(self, way: WayBack) -> None:
        """Make the files what they were, those of the changes alone; branches and index stay as they are."""
        wanted = [each.path for each in way.changes if each.status != "D"]
        gone = [each.path for each in way.changes if each.status == "D"]
        async with self._aside() as aside:
            folders = replace(self._copy.shadow_folders, index=aside / "index", tree=aside / "tree")
            make_folder(aside / "tree")
            await self._program.run("read-tree", way.tree, folders=folders)
            await self._program.run(
                "checkout-index", "-q", "-f", "-z", "--stdin", folders=folders, stdin=_names(wanted)
            )
            # Everything is there before the first file changes: what fails now fails before anything is lost.
            await asyncio.to_thread(self._exchange, aside / "tree", wanted, gone)

    def _exchange(self, source: Path, wanted: Sequence[str], gone: Sequence[str]) -> None:
        files = self._copy.files
        for path in gone:
            files.delete(path)
        for folder in sorted(
            {above for path in gone for above in _folders_above(path)}, key=len, reverse=True
        ):
            if files.exists(folder) and files.stat(folder).kind == "folder" and not files.list(folder):
                files.delete(folder)
        for path in wanted:
            if files.exists(path) and files.stat(path).kind == "folder":
                self._delete_folders(path)
            files.put(path, source / path)

    def _delete_folders(self, folder: str) -> None:
        """Delete a folder that holds nothing but folders."""
        for entry in self._copy.files.list(folder):
            self._delete_folders(f"{folder}/{entry.name}")
        self._copy.files.delete(folder)

    def _refuse_blocked(self, changes: Sequence[Difference]) -> None:
        """A folder with ignored files cannot become a file."""
        files = self._copy.files
        gone = {each.path for each in changes if each.status == "D"}
        for each in changes:
            # Below a link or file that goes there is nothing yet, and a link might lead anywhere.
            if each.status == "D" or not gone.isdisjoint(_folders_above(each.path)):
                continue
            if not files.exists(each.path) or files.stat(each.path).kind != "folder":
                continue
            left = next((path for path in self._below(each.path) if path not in gone), None)
            if left is not None:
                raise ToolRejected(
                    f"{shown(each.path)} was a file and is a folder now, which holds {shown(left)}; that is in no "
                    "checkpoint, so nothing was restored.",
                    "Move or delete it first, or name the paths to restore.",
                )

    def _below(self, folder: str) -> list[str]:
        found: list[str] = []
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            for entry in self._copy.files.list(current):
                path = f"{current}/{entry.name}"
                (waiting if entry.kind == "folder" else found).append(path)
        return found

    async def _require_known(self, path: str, trees: Sequence[str]) -> None:
        folders = await self._comparing()
        for tree in trees:
            listed = await self._program.run(
                "--literal-pathspecs", "ls-tree", "-z", "--name-only", tree, "--", path, folders=folders
            )
            if listed.output or path == ".":
                return
        raise ToolRejected(
            f"{shown(path)} is neither among the files now nor in the state to restore.",
            "List the folder, or look into the state with git_diff.",
        )

    async def _changed_since(self, commit: str) -> list[Difference]:
        """What differs from a commit in Git's own eyes, new files included."""
        git = self._copy.git
        async with self._aside() as aside:
            index = aside / "index"
            await asyncio.to_thread(shutil.copyfile, self._copy.index, index)
            folders = replace(self._copy.folders, index=index)
            new = [path for path in await git.untracked() if not path.endswith("/")]
            if new:
                await self._program.run(
                    "--literal-pathspecs", "add", "--intent-to-add", "--ignore-errors",
                    "--pathspec-from-file=-", "--pathspec-file-nul", folders=folders, stdin=_names(new),
                )  # fmt: skip
            finished = await self._program.run(
                "diff", "--raw", "-z", *_DIFF, "--ignore-submodules=all", commit, "--", folders=folders
            )
            # From the commit to the files: what is new there has to go.
            return _raw(finished.names)

    async def _now(self, aside: Path) -> str:
        index = aside / "now-index"
        if self._copy.shadow_index.exists():
            await asyncio.to_thread(shutil.copyfile, self._copy.shadow_index, index)
        folders = replace(self._copy.shadow_folders, index=index)
        await add_everything(self._program, folders, self._copy)
        return (await self._program.run("write-tree", folders=folders)).text

    async def _comparing(self) -> Folders:
        """A Git folder without attributes, so that Git looks at the bytes themselves to tell text from other files."""
        folders = Folders(self._copy.task_folder / "comparison", self._copy.objects_folder)
        if not (folders.git / "HEAD").is_file():
            await asyncio.to_thread(make_git_folder, folders.git, head="refs/heads/none")
        return folders

    @asynccontextmanager
    async def _aside(self) -> AsyncGenerator[Path]:
        """A folder of ours beside the work tree, on its file system."""
        folder = self._copy.folder / f"aside-{secrets.token_hex(8)}"
        await asyncio.to_thread(make_folder, folder)
        if not (self._copy.shadow / "HEAD").is_file():
            # A folder that a person works in has had no checkpoint.
            await asyncio.to_thread(make_shadow, self._copy.shadow, exclude=self._copy.origin.exclude)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def counted(changes: Sequence[Difference], words: Mapping[str, str]) -> str:
    """``2 rewritten, 1 deleted``, with a word for each status."""
    counts: dict[str, int] = {}
    for each in changes:
        word = words["M" if each.status == "T" else each.status]
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{counts[word]} {word}" for word in dict.fromkeys(words.values()) if word in counts)


def _raw(fields: Sequence[str]) -> list[Difference]:
    found: list[Difference] = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        before, after, *_, status = facts.removeprefix(":").split()
        if _GITLINK not in {before, after}:
            found.append(Difference(path, status[:1], after == _LINK))
    return found


def _below(paths: Sequence[str]) -> list[str]:
    return ["--", *(f":(top,literal){path}" for path in paths if path != ".")]


def _names(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
