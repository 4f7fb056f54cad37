"""Makes a task's workspace from a checkpoint of another task: the same bytes, a branch and a chain of its own."""

from datetime import UTC, datetime
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.repositories import strip_credentials
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.bringing import add_references, begin_folder, with_credentials
from perdure.workspace.checkpoints import take_checkpoint
from perdure.workspace.making import Making
from perdure.workspace.program import Folders
from perdure.workspace.references import move_branch
from perdure.workspace.restore import restore
from perdure.workspace.storage import put
from perdure.workspace.working_copy import Created, Origin, WorkingCopy


class Forking(Making):
    """The part of the workspaces that makes one task's from another's."""

    async def open(self, task_id: str, generation: int) -> WorkingCopy:
        """The working copy of one generation."""
        raise NotImplementedError

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> WorkingCopy:
        """A new folder for the generation, made from the checkpoint."""
        raise NotImplementedError

    async def fork(
        self,
        *,
        task_id: str,
        source: str,
        checkpoint: Checkpoint,
        repository: str,
        branch: str,
        generation: int,
    ) -> Created:
        """The files of the source's checkpoint as the new task's checkpoint 0, on a branch of its own.

        They come from the store, so the source's own folder is neither needed nor touched; WorkspaceLost says what is
        missing. After a finished earlier attempt, the generation is rebuilt from that attempt's checkpoint 0.
        """
        ours = False
        if not await self._is_usable(task_id):
            ours = await self._take_place(
                task_id,
                lambda folder: self._forked(
                    folder, task_id, source, checkpoint, repository, branch, generation
                ),
            )
        origin = self._origin(task_id)
        if not ours:
            await self.materialise(task_id, generation=generation, checkpoint=origin.checkpoint)
        copy = await self.open(task_id, generation)
        return Created.of(copy)

    async def _forked(
        self,
        half_made: Path,
        task_id: str,
        source: str,
        checkpoint: Checkpoint,
        repository: str,
        branch: str,
        generation: int,
    ) -> Origin:
        program, packs = self._program, self._packs
        if packs is None:
            raise WorkspaceLost("Checkpoints are not stored here, so no task can begin with another's files.")
        chain = await packs.chain(source, checkpoint)
        beginning = chain[0].header.beginning
        if beginning is None:
            raise WorkspaceLost(
                f"The first stored checkpoint of task {source!r} does not say what the workspace began with."
            )
        await begin_folder(program, half_made, beginning, self._refuse_folder)
        await packs.index(chain, source, Folders(half_made / "shadow", half_made / "objects"), half_made)
        await add_references(program, half_made, beginning)
        folder, record = await restore(
            program,
            half_made,
            generation=generation,
            checkpoint=checkpoint,
            exclude=beginning.origin.exclude,
            owner=self._owner,
        )
        put(folder / "unrestored", "\0".join(record.unrestored).encode("utf-8", "surrogateescape"))
        folder.rename(half_made / str(generation))
        origin = await self._origin_of(beginning.origin, task_id, repository, branch)
        copy = WorkingCopy(half_made, generation, origin, program, self._author, self._owner)
        move_branch(copy.git_folder, branch)
        moment = datetime(1970, 1, 1, tzinfo=UTC)
        first = await take_checkpoint(program, copy, previous=None, label=f"fork of {source}", at=moment)
        if first.tree != checkpoint.tree:
            raise WorkspaceLost(
                f"The files made from checkpoint {checkpoint.commit[:12]!r} of task {source!r} are not those of it."
            )
        return origin.model_copy(update={"checkpoint": await packs.save_first(copy, first)})

    async def _origin_of(self, source: Origin, task_id: str, repository: str, branch: str) -> Origin:
        """The source's origin under the new task; credentials are those of the new task's own request."""
        origin = source.model_copy(
            update={"task_id": task_id, "repository": repository, "branch": branch, "warnings": ()}
        )
        if origin.remote is not None and strip_credentials(repository) == origin.remote:
            return origin.model_copy(update={"remote": repository})
        return await with_credentials(self._program, origin, self._refuse_folder)
