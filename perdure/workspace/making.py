"""Makes the folder of a new task: objects, feature branch, files and checkpoint 0, under another name until complete."""

import asyncio
import errno
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.bringing import ORIGIN
from perdure.workspace.checkpoints import take_checkpoint
from perdure.workspace.clone import absent_content, check_out, fetch_objects, free_branch_name
from perdure.workspace.packs import Packs
from perdure.workspace.program import GitProgram
from perdure.workspace.records import load_record
from perdure.workspace.restore import HALF_MADE, make_git_folder, make_shadow, new_generation
from perdure.workspace.source import RefuseFolder, Source, examine
from perdure.workspace.storage import give_to, in_thread, make_folder, put, remove_tree
from perdure.workspace.working_copy import Origin, WorkingCopy


class Making:
    """The part of the workspaces that begins new ones."""

    _home: Path
    _owner: tuple[int, int] | None
    _author: tuple[str, str]
    _refuse_folder: RefuseFolder
    _program: GitProgram
    _packs: Packs | None

    def _folder(self, task_id: str) -> Path:
        raise NotImplementedError

    def _origin(self, task_id: str) -> Origin:
        raise NotImplementedError

    async def _make_once(
        self, task_id: str, repository: str, base_branch: str | None, branch: str, generation: int
    ) -> bool:
        """Make the task's folder unless a usable one is there; whether this call's own generation is in it."""
        if await self._is_usable(task_id):
            return False
        return await self._make(task_id, repository, base_branch, branch, generation)

    async def _is_usable(self, task_id: str) -> bool:
        """Whether an earlier attempt finished the task's folder; what cannot be used, which nobody did, is removed."""
        folder = self._folder(task_id)
        if not folder.exists():
            return False
        try:
            commit = self._origin(task_id).checkpoint.commit
            await load_record(self._program, folder / "shadow", folder / "objects", commit)
        except WorkspaceLost:
            # A power failure can leave an empty file behind. Nothing was built on it yet.
            await asyncio.to_thread(remove_tree, folder)
            return False
        return True

    async def _make(
        self, task_id: str, repository: str, base_branch: str | None, branch: str, generation: int
    ) -> bool:
        """Build the whole folder of the task under another name, then give it its own; False where one is there."""
        source = await examine(self._program, repository, base_branch, refuse_folder=self._refuse_folder)
        name, warnings = await free_branch_name(self._program, source, branch)
        return await self._take_place(
            task_id,
            lambda folder: self._fill(folder, task_id, repository, source, name, generation, warnings),
        )

    async def _take_place(self, task_id: str, fill: Callable[[Path], Awaitable[Origin]]) -> bool:
        """Fill a folder under another name, then give it the task's own; False where another attempt was first."""
        folder = self._home / f"{HALF_MADE}{secrets.token_hex(6)}"
        try:
            origin = await fill(folder)
            put(folder / ORIGIN, origin.model_dump_json().encode("utf-8"), mode=0o600)
            try:
                folder.rename(self._folder(task_id))
            except OSError as error:
                # Another attempt was ready first: its folder counts, this one goes.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                return False
            return True
        finally:
            await asyncio.to_thread(remove_tree, folder)

    async def _fill(
        self, folder: Path, task_id: str, repository: str, source: Source, branch: str, generation: int,
        warnings: list[str],
    ) -> Origin:  # fmt: skip
        origin = Origin(
            task_id=task_id, repository=repository, branch=branch, base_branch=source.base_branch,
            base_commit=source.base_commit, remote=source.push_url, remote_is_repository=source.push_is_repository,
            exclude=source.exclude, warnings=(*source.warnings, *warnings),
            checkpoint=Checkpoint(commit="", tree="", head_ref="", branch_commit="", staged_tree=""),
        )  # fmt: skip
        copy = WorkingCopy(folder, generation, origin, self._program, self._author, self._owner)
        await in_thread(_make_folders, copy, branch, source.exclude)
        await fetch_objects(self._program, source, folder, copy.folders)
        reference = copy.git_folder / "refs" / "heads" / branch
        make_folder(reference.parent)
        put(reference, f"{source.base_commit}\n".encode())
        await check_out(self._program, copy.folders, source.base_commit)
        if self._owner is not None:
            await asyncio.to_thread(give_to, copy.root, self._owner)
            await self._program.run("update-index", "-q", "--refresh", folders=copy.folders, accept=(0, 1))
        if (folder / "shallow").is_file():
            put(copy.shadow / "shallow", (folder / "shallow").read_bytes())
        checkpoint = await self._first_checkpoint(copy, source)
        absent = await absent_content(self._program, copy.folders)
        if self._packs is not None:
            checkpoint = await self._packs.save_first(copy, checkpoint)
        put(copy.folder / "unrestored", b"")
        return origin.model_copy(update={"checkpoint": checkpoint, "warnings": (*origin.warnings, *absent)})

    async def _first_checkpoint(self, copy: WorkingCopy, source: Source) -> Checkpoint:
        """Checkpoint 0: begun with the base's own paths, so that files stay that are tracked and ignored at once."""
        await self._program.run("read-tree", source.base_commit, folders=copy.shadow_folders)
        await self._drop_submodules(copy)
        moment = datetime(1970, 1, 1, tzinfo=UTC)
        return await take_checkpoint(self._program, copy, previous=None, label="start", at=moment)

    async def _drop_submodules(self, copy: WorkingCopy) -> None:
        """A submodule's folder is recorded like any other: for a link to a commit Git would look into the folder."""
        listed = await self._program.run("ls-files", "-z", "--stage", folders=copy.shadow_folders)
        paths = [
            entry.partition(b"\t")[2] for entry in listed.output.split(b"\0") if entry.startswith(b"160000")
        ]
        lines = b"".join(b"0 " + b"0" * 40 + b"\t" + path + b"\0" for path in paths)
        if lines:
            await self._program.run(
                "update-index", "-z", "--index-info", folders=copy.shadow_folders, stdin=lines
            )


def _make_folders(copy: WorkingCopy, branch: str, exclude: str) -> None:
    """Everything that is there before the first object: each of these files waits for the disk."""
    make_folder(copy.objects_folder)
    make_shadow(copy.shadow, exclude=exclude)
    new_generation(copy.task_folder, copy.generation).rename(copy.folder)
    make_git_folder(copy.git_folder, head=f"refs/heads/{branch}")
    make_folder(copy.git_folder / "info")
    put(copy.git_folder / "info" / "exclude", exclude.encode("latin-1"))
