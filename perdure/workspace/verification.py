"""Compares a generation with the checkpoint that the record says it equals, and says what differs."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from perdure.contracts.workspace import Checkpoint
from perdure.workspace.checkpoints import take_checkpoint
from perdure.workspace.program import Folders, GitProgram
from perdure.workspace.records import load_record
from perdure.workspace.working_copy import WorkingCopy

MAX_NAMED = 10


@dataclass(frozen=True)
class Difference:
    """What a folder holds instead of what was recorded."""

    found: Checkpoint
    """Everything that is in the folder, as a checkpoint of its own, so that none of it is lost."""
    what: str
    """In words, such as ``2 files (a.py, b.py)``."""


async def difference(program: GitProgram, copy: WorkingCopy, checkpoint: Checkpoint) -> Difference | None:
    """What differs; None where the folder is as recorded. WorkspaceLost where the checkpoint is not on this host."""
    recorded = await load_record(program, copy.shadow, copy.objects_folder, checkpoint.commit)
    found = await take_checkpoint(
        program, copy, previous=checkpoint, label="found in its place", at=datetime.now(UTC)
    )
    there = await load_record(program, copy.shadow, copy.objects_folder, found.commit)
    if there.kept == recorded.kept:
        return None
    what: list[str] = []
    if there.tree != recorded.tree:
        what.append(await _files(program, copy, recorded.tree, there.tree))
    if there.staged_tree != recorded.staged_tree:
        what.append("the index")
    if (there.head_ref, there.refs) != (recorded.head_ref, recorded.refs):
        what.append("branches")
    return Difference(found, ", ".join(what) or "empty folders")


async def _files(program: GitProgram, copy: WorkingCopy, before: str, after: str) -> str:
    folders = Folders(copy.shadow, copy.objects_folder)
    listed = await program.run("diff-tree", "-r", "-z", "--name-only", before, after, folders=folders)
    names = [os.fsdecode(name) for name in listed.output.split(b"\0") if name]
    shown = ", ".join(map(repr, names[:MAX_NAMED]))
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{len(names)} file{'' if len(names) == 1 else 's'} ({shown}{more})"
