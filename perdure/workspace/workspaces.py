"""All workspaces of this host: created, opened, checkpointed, rebuilt and removed by task id."""

import asyncio
import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from perdure.contracts.digests import short_hash
from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.lookups import Form
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.bringing import ORIGIN, bring
from perdure.workspace.checkpoints import Checkpoints
from perdure.workspace.comparison import compare
from perdure.workspace.credentials import Credentials
from perdure.workspace.forking import Forking
from perdure.workspace.packs import KeepsArtifacts, Packs
from perdure.workspace.program import SEARCH_PATH, GitProgram
from perdure.workspace.records import Record, load_record
from perdure.workspace.references import refuse_bad_branch_name
from perdure.workspace.refusals import refusal_of
from perdure.workspace.remotes import refuse_bad_repository
from perdure.workspace.restore import (
    HALF_MADE,
    finish_generation,
    restore,
)
from perdure.workspace.setting_aside import Leaving
from perdure.workspace.source import RefuseFolder, examine
from perdure.workspace.storage import (
    REMOVED,
    empty_trash,
    put,
    remove_tree,
    rename_away,
)
from perdure.workspace.verification import difference
from perdure.workspace.working_copy import Created, Origin, WorkingCopy

KEPT_GENERATIONS = 10_000
_ONE_DAY_S = 24 * 3600.0


class Workspaces(Forking, Leaving):
    """Workspaces below ``home``, one folder a task.

    With ``owner`` (uid, gid), files of the work trees belong to that user. ``author`` is the name and address in
    commits. ``network`` is the environment of git commands that talk to a remote, and ``git_credentials`` the operator's
    file of who they are at which host.
    ``refuse_folder`` raises InvalidInput for folders that no repository's content may lie in. Checkpoints are saved to
    ``store``, from which any host can bring them back; without one they lie on this host alone.
    """

    def __init__(
        self,
        home: Path,
        *,
        owner: tuple[int, int] | None = None,
        author: tuple[str, str] = ("Perdure", "perdure@localhost"),
        network: Mapping[str, str] | None = None,
        git_credentials: Path | None = None,
        on_git_token: Callable[[str], None] = lambda token: None,
        search_path: str = SEARCH_PATH,
        refuse_folder: RefuseFolder = lambda _: None,
        store: KeepsArtifacts | None = None,
    ) -> None:
        self._home = Path(os.path.abspath(home))  # noqa: PTH100 - resolve() would follow links
        # Giving files to oneself changes nothing.
        self._owner = None if owner == (os.geteuid(), os.getegid()) else owner
        self._author = author
        self._refuse_folder = refuse_folder
        network = network or {}
        environment = {**network, "PATH": search_path}
        credentials = Credentials(git_credentials, environment=environment, on_token=on_git_token)
        # A worker that starts with a file that it cannot use would fail its first private clone.
        credentials.hosts()
        self._program = GitProgram(self._home, network, search_path, credentials=credentials)
        self._checkpoints = Checkpoints(self._program)
        self._known: OrderedDict[tuple[str, int], None] = OrderedDict()
        """Generations that this object made or compared with their checkpoint."""
        self._packs = None if store is None else Packs(self._program, store)

    async def create(
        self, *, task_id: str, repository: str, base_branch: str | None, branch: str, generation: int
    ) -> Created:
        """Copy the repository, make the feature branch and take checkpoint 0.

        After a finished earlier attempt, the generation is rebuilt from that attempt's checkpoint 0. A half-made one
        has left nothing but a folder that nobody opens.
        """
        refuse_bad_repository(repository)
        refuse_bad_branch_name(branch)
        folder = self._folder(task_id)
        try:
            await self._program.require_version()
            await asyncio.to_thread(self._sweep)
            ours = await self._make_once(task_id, repository, base_branch, branch, generation)
            origin = self._origin(task_id)
            if not ours:
                await self.materialise(task_id, generation=generation, checkpoint=origin.checkpoint)
            copy = await self.open(task_id, generation)
            self._remember(task_id, generation)
        except OSError as error:
            raise refusal_of(error, str(folder)) from error
        return Created.of(copy)

    async def head_of(self, repository: str, base_branch: str | None) -> tuple[str, str]:
        """The branch a task would start from and its commit now; nothing is copied."""
        refuse_bad_repository(repository)
        await self._program.require_version()
        source = await examine(self._program, repository, base_branch, refuse_folder=self._refuse_folder)
        return source.base_branch, source.base_commit

    async def open(
        self, task_id: str, generation: int, *, checkpoint: Checkpoint | None = None
    ) -> WorkingCopy:
        """The working copy of one generation; WorkspaceLost where it is not on this host.

        With the checkpoint that it should equal, it is compared with that once in the life of this object, since
        somebody may have changed files while no worker ran; what was found then is kept as a checkpoint of its own.
        """
        copy = self._opened(task_id, generation)
        if checkpoint is not None and (task_id, generation) not in self._known:
            await self._verify(copy, checkpoint)
            self._remember(task_id, generation)
        return copy

    async def _verify(self, copy: WorkingCopy, checkpoint: Checkpoint) -> None:
        different = await difference(self._program, copy, checkpoint)
        if different is None:
            return
        kept = different.found
        if self._packs is not None:
            kept = await self._packs.save(copy, kept, checkpoint, name="found in the workspace")
        raise WorkspaceLost(
            f"The files of task {copy.origin.task_id!r} are not as they were recorded: {different.what} differ. "
            f"What was found is kept as checkpoint {kept.commit[:12]!r}.",
            "the workspace is rebuilt as it was recorded.",
        )

    def _remember(self, task_id: str, generation: int) -> None:
        self._known[task_id, generation] = None
        if len(self._known) > KEPT_GENERATIONS:
            self._known.popitem(last=False)

    def _opened(self, task_id: str, generation: int) -> WorkingCopy:
        origin = self._origin(task_id)
        folder = self._folder(task_id) / str(generation)
        unrestored = folder / "unrestored"
        try:
            # A tree without its files would look like one whose files were deleted on purpose.
            for path in (folder / "tree" / ".git", folder / "git" / "HEAD"):
                path.stat()
            names = tuple(name for name in os.fsdecode(unrestored.read_bytes()).split("\0") if name)
        except FileNotFoundError as error:
            raise WorkspaceLost(
                f"Generation {generation} of the workspace of task {task_id!r} is not on this host."
            ) from error
        return self._copy(task_id, generation, origin, names)

    async def require(self, task_id: str, generation: int) -> None:
        """WorkspaceLost where a generation that was opened is no longer there."""
        await self.open(task_id, generation)

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> WorkingCopy:
        """A new folder for the generation, made from the checkpoint and compared with it byte for byte.

        What this host lacks is brought from the store; WorkspaceLost says what is missing there as well.
        """
        folder = self._folder(task_id)
        try:
            half_made, record = await self._restored(task_id, generation, checkpoint)
            origin = self._origin(task_id)
            put(half_made / "unrestored", os.fsencode("\0".join(record.unrestored)))
            await asyncio.to_thread(finish_generation, half_made, folder / str(generation))
        except OSError as error:
            raise refusal_of(error, str(folder)) from error
        self._remember(task_id, generation)
        return self._copy(task_id, generation, origin, record.unrestored, record.lost)

    async def checkpoint(
        self, copy: WorkingCopy, *, previous: Checkpoint, label: str, at: datetime
    ) -> Checkpoint:
        """Record files, branches and index; ``previous`` itself where nothing differs from it.

        The same content, ``previous``, ``label`` and ``at`` give the same checkpoint.
        """
        taken = await self._checkpoints.take(copy, previous=previous, label=label, at=at)
        if taken.checkpoint is previous or self._packs is None:
            return taken.checkpoint
        return await self._packs.save(copy, taken.checkpoint, previous, pack=taken.pack)

    async def change(
        self, task_id: str, *, checkpoint: Checkpoint, form: Form, since: Checkpoint | None = None
    ) -> bytes:
        """What differs between checkpoint 0 (or ``since``) and this one; what this host lacks is brought from the store.

        WorkspaceLost says what is missing there as well.
        """
        try:
            return await self._change(task_id, checkpoint, form, since)
        except WorkspaceLost:
            if self._packs is None or not checkpoint.pack:
                raise
        await self._bring(self._packs, task_id, checkpoint)
        return await self._change(task_id, checkpoint, form, since)

    async def _change(
        self, task_id: str, checkpoint: Checkpoint, form: Form, since: Checkpoint | None
    ) -> bytes:
        origin, folder = self._origin(task_id), self._folder(task_id)
        before, after = (since or origin.checkpoint).tree, checkpoint.tree
        return await compare(self._program, folder, before=before, after=after, form=form)

    async def discard_before(self, task_id: str, generation: int) -> None:
        """Remove the folders of older generations, and what was left half-made or half-removed."""
        with contextlib.suppress(FileNotFoundError):
            for path in list(self._folder(task_id).iterdir()):
                number = path.name.removeprefix(HALF_MADE).partition("-")[0]
                if number.isdigit() and int(number) < generation:
                    await asyncio.to_thread(remove_tree, path)
                elif path.name.startswith(REMOVED):
                    await asyncio.to_thread(empty_trash, path)

    async def remove(self, task_id: str) -> None:
        """Remove everything of the task from this host."""
        await asyncio.to_thread(remove_tree, self._folder(task_id))

    async def tasks(self) -> list[str]:
        """Ids of the tasks that have files on this host."""
        return await asyncio.to_thread(self._tasks)

    def set_aside(self, task_id: str) -> Path | None:
        """Rename the task's folder away, which is done at once; None where there is none."""
        return rename_away(self._folder(task_id))

    async def empty(self, folder: Path) -> None:
        """Remove a folder that was set aside."""
        await asyncio.to_thread(empty_trash, folder)

    def _tasks(self) -> list[str]:
        found: list[str] = []
        for path in sorted(self._home.glob(f"*/{ORIGIN}")):
            # A folder that cannot be read, or that goes while it is looked at, is nobody's.
            with contextlib.suppress(OSError, ValidationError):
                found.append(Origin.model_validate_json(path.read_bytes()).task_id)
        return [task_id for task_id in found if self._folder(task_id).is_dir()]

    def _sweep(self) -> None:
        """Remove what killed workers left half-made or half-removed more than a day ago."""
        for path in list(self._home.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if (
                    path.name.startswith((HALF_MADE, REMOVED))
                    and time.time() - path.stat().st_mtime > _ONE_DAY_S
                ):
                    empty_trash(path)

    def _folder(self, task_id: str) -> Path:
        return self._home / short_hash(task_id)

    def _origin(self, task_id: str) -> Origin:
        try:
            origin = Origin.model_validate_json((self._folder(task_id) / ORIGIN).read_bytes())
        except (OSError, ValidationError) as error:
            raise WorkspaceLost(f"The workspace of task {task_id!r} is not on this host.") from error
        if origin.task_id != task_id:
            raise WorkspaceLost(f"The folder of task {task_id!r} belongs to task {origin.task_id!r}.")
        return origin

    def _copy(
        self,
        task_id: str,
        generation: int,
        origin: Origin,
        unrestored: tuple[str, ...],
        lost: tuple[str, ...] = (),
    ) -> WorkingCopy:
        return WorkingCopy(
            self._folder(task_id), generation, origin, self._program, self._author, self._owner,
            unrestored=unrestored, lost=lost,
        )  # fmt: skip

    async def _restored(self, task_id: str, generation: int, checkpoint: Checkpoint) -> tuple[Path, Record]:
        """The checkpoint in a half-made folder: from what is here, else from the store."""
        try:
            return await self._restore(task_id, generation, checkpoint)
        except WorkspaceLost:
            if self._packs is None or not checkpoint.pack:
                raise
        folder = self._folder(task_id)
        try:
            await self._bring(self._packs, task_id, checkpoint)
            return await self._restore(task_id, generation, checkpoint)
        except WorkspaceLost:
            # What is here is damaged, or the store is: nothing goes from here before all of it is known to be there.
            await self._packs.require(task_id, checkpoint)
            await asyncio.to_thread(remove_tree, folder)
        await self._bring(self._packs, task_id, checkpoint)
        return await self._restore(task_id, generation, checkpoint)

    async def _bring(self, packs: Packs, task_id: str, checkpoint: Checkpoint) -> None:
        await bring(
            self._program,
            packs,
            self._folder(task_id),
            task_id,
            checkpoint,
            refuse_folder=self._refuse_folder,
        )

    async def _have(self, task_id: str, checkpoint: Checkpoint) -> None:
        """Make sure that the checkpoint can be compared with; WorkspaceLost where it is nowhere."""
        folder = self._folder(task_id)
        try:
            await load_record(self._program, folder / "shadow", folder / "objects", checkpoint.commit)
        except WorkspaceLost:
            if self._packs is None or not checkpoint.pack:
                raise
            await self._bring(self._packs, task_id, checkpoint)

    async def _restore(self, task_id: str, generation: int, checkpoint: Checkpoint) -> tuple[Path, Record]:
        origin = self._origin(task_id)
        return await restore(
            self._program,
            self._folder(task_id),
            generation=generation,
            checkpoint=checkpoint,
            exclude=origin.exclude,
            owner=self._owner,
        )
