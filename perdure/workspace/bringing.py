"""Makes a task's folder on this host from stored checkpoints, where it is missing or lacks some of them."""

import asyncio
import secrets
from pathlib import Path

from perdure.contracts.errors import InvalidInput, ToolRejected, WorkspaceLost
from perdure.contracts.repositories import is_path, strip_credentials
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.clone import fetch_objects
from perdure.workspace.packs import Beginning, Packs
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.restore import HALF_MADE, make_git_folder, make_shadow
from perdure.workspace.source import RefuseFolder, examine, push_address
from perdure.workspace.storage import make_folder, put, remove_tree
from perdure.workspace.working_copy import Origin

ORIGIN = "workspace.json"


async def bring(
    program: GitProgram,
    packs: Packs,
    folder: Path,
    task_id: str,
    checkpoint: Checkpoint,
    *,
    refuse_folder: RefuseFolder,
) -> None:
    """Make sure that the task's folder has the checkpoint's objects; WorkspaceLost says what is missing.

    A folder that is there is only added to, so generations in use are not touched.
    """
    chain = await packs.chain(task_id, checkpoint)
    beginning = chain[0].header.beginning
    if beginning is None or beginning.origin.task_id != task_id:
        raise WorkspaceLost(
            f"The first stored checkpoint of task {task_id!r} does not say what the workspace began with."
        )
    if not (folder / ORIGIN).is_file():
        await _make(program, folder, beginning, refuse_folder)
    await packs.index(chain, task_id, Folders(folder / "shadow", folder / "objects"), folder)
    await add_references(program, folder, beginning)


async def _make(program: GitProgram, folder: Path, beginning: Beginning, refuse_folder: RefuseFolder) -> None:
    """The folder as it was before checkpoint 0, under another name until it is complete."""
    half_made = folder.with_name(f"{HALF_MADE}{secrets.token_hex(6)}")
    try:
        await begin_folder(program, half_made, beginning, refuse_folder)
        origin = await with_credentials(program, beginning.origin, refuse_folder)
        put(half_made / ORIGIN, origin.model_dump_json().encode(), mode=0o600)
        try:
            half_made.rename(folder)
        except OSError:
            # A damaged folder without its origin stands there; whatever it is, nobody can open it.
            if (folder / ORIGIN).is_file():
                return
            await asyncio.to_thread(remove_tree, folder)
            half_made.rename(folder)
    finally:
        await asyncio.to_thread(remove_tree, half_made)


async def begin_folder(
    program: GitProgram, half_made: Path, beginning: Beginning, refuse_folder: RefuseFolder
) -> None:
    """A task's folder before any checkpoint: places for objects, and what lies below the history that is kept."""
    make_folder(half_made / "objects")
    make_shadow(half_made / "shadow", exclude=beginning.origin.exclude)
    shallow = beginning.shallow
    if beginning.cut and not await _fetched(program, half_made, beginning, refuse_folder):
        shallow += f"{beginning.origin.base_commit}\n"
    if shallow:
        put(half_made / "shallow", shallow.encode("latin-1"))
        put(half_made / "shadow" / "shallow", shallow.encode("latin-1"))


async def with_credentials(program: GitProgram, origin: Origin, refuse_folder: RefuseFolder) -> Origin:
    """The origin with the push URL as the repository itself has it, where that is here and still names the same place."""
    if origin.remote is None or origin.remote_is_repository or not is_path(origin.repository):
        return origin
    try:
        address = await push_address(program, origin.repository, refuse_folder)
    except (InvalidInput, ToolRejected):
        return origin
    same = address is not None and strip_credentials(address) == origin.remote
    return origin.model_copy(update={"remote": address}) if same else origin


async def _fetched(
    program: GitProgram, half_made: Path, beginning: Beginning, refuse_folder: RefuseFolder
) -> bool:
    """Get the history that was too large to store from where the task's repository came from."""
    origin = beginning.origin
    try:
        source = await examine(program, origin.repository, None, refuse_folder=refuse_folder)
        git = half_made / "fetching"
        make_git_folder(git, head="refs/heads/none")
        folders = Folders(git, half_made / "objects")
        await fetch_objects(program, source, half_made, folders)
        await program.run("cat-file", "-e", f"{origin.base_commit}^{{commit}}", folders=folders)
    except (InvalidInput, ToolRejected):
        return False
    finally:
        await asyncio.to_thread(remove_tree, half_made / "fetching")
    return True


async def add_references(program: GitProgram, folder: Path, beginning: Beginning) -> None:
    """The references of the remote and the tags, as far as their objects are here."""
    if (folder / "packed-refs").is_file() or not beginning.packed_refs:
        return
    lines = [line for line in beginning.packed_refs.splitlines() if line and line[0] not in "#^"]
    folders = Folders(folder / "shadow", folder / "objects")
    asked = "".join(f"{line.split(' ', 1)[0]}\n" for line in lines)
    try:
        answered = await program.run("cat-file", "--batch-check", folders=folders, stdin=asked.encode())
    except GitFailed as error:
        raise WorkspaceLost(f"The stored references cannot be checked: {error.message}") from error
    present = [
        line
        for line, said in zip(lines, answered.text.splitlines(), strict=True)
        if not said.endswith(" missing")
    ]
    # Without the peeled objects of tags, which Git then looks up itself.
    text = "".join(f"{line}\n" for line in sorted(present, key=_name))
    put(folder / "packed-refs", text.encode("latin-1"))


def _name(line: str) -> str:
    return line.split(" ", 1)[1]
