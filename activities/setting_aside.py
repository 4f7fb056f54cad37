"""Before a workspace's folder is replaced: what no step recorded in it is kept, and named."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from activities.record import KeepsArtifacts
from activities.redaction import redaction
from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import ToolRejected
from perdure.contracts.workspace import Checkpoint

logger = logging.getLogger("perdure.activities")

NAMED_FILES = 10
MAX_NOTE = 1_000


class Unrecorded(Protocol):
    """Changes that no step had recorded."""

    @property
    def checkpoint(self) -> Checkpoint:
        """They are kept in it."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def patch(self) -> bytes:
        """What differs, for people."""
        ...

    @property
    def unkept(self) -> tuple[str, ...]:
        """What no checkpoint holds, and the recorded one does not name."""
        ...

    @property
    def left_in(self) -> str:
        """The folder that holds the single files among those; empty where there are none."""
        ...


class KeepsUnrecorded(Protocol):
    """The workspaces of this host."""

    async def keep_unrecorded(self, task_id: str, *, recorded: Checkpoint, at: datetime) -> Unrecorded | None:
        """Keep what the folder in use holds beyond a checkpoint; ToolRejected where it can only be left there."""
        ...


@dataclass
class SetAside:
    """What was found, for people, and where it is kept."""

    notes: list[str] = field(default_factory=list[str])
    artifacts: list[ArtifactRef] = field(default_factory=list[ArtifactRef])
    checkpoint: Checkpoint | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of what an activity reports."""
        return {
            "notes": tuple(self.notes),
            "set_aside": tuple(self.artifacts),
            "set_aside_in": self.checkpoint,
        }


async def set_aside(
    record: KeepsArtifacts, workspaces: KeepsUnrecorded, *, task_id: str, recorded: Checkpoint, at: datetime
) -> SetAside:
    """Keep what a person changed in the folder, or a call that was interrupted, and name it."""
    kept = SetAside()
    try:
        found = await workspaces.keep_unrecorded(task_id, recorded=recorded, at=at)
    except ToolRejected as error:
        kept.notes.append(redaction().text(str(error))[:MAX_NOTE])
    else:
        if found is not None:
            await _name(record, task_id, found, kept)
    for note in kept.notes:
        logger.warning("a workspace was replaced", extra={"task": task_id, "note": note})
    return kept


async def _name(record: KeepsArtifacts, task_id: str, found: Unrecorded, kept: SetAside) -> None:
    commit = found.checkpoint.commit[:12]
    kept.checkpoint = found.checkpoint
    if found.files or not found.unkept:
        name = f"set-aside-{commit}.patch"
        # For people to read; byte by byte the change is in the checkpoint.
        shown = redaction().data(found.patch)
        patch = await record.put_artifact(task_id, name, shown, "text/x-diff; charset=utf-8")
        kept.artifacts.append(patch)
        changed = _listed(found.files) or "branches or the index alone"
        kept.notes.append(
            f"The workspace held changes that no step had recorded ({changed}). They are kept as the checkpoint "
            f"{commit} and as the artifact {name}."[:MAX_NOTE]
        )
    if found.unkept:
        where = f"; the files among it are in {found.left_in!r}" if found.left_in else ""
        kept.notes.append(
            f"The workspace held what no step had recorded and no checkpoint holds ({_listed(found.unkept)})"
            f"{where}."[:MAX_NOTE]
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_FILES} more" if len(names) > NAMED_FILES else ""
    return f"{', '.join(names[:NAMED_FILES])}{more}"
