"""What a checkpoint's commit message holds: everything that its tree cannot."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pydantic import BaseModel, ConfigDict, ValidationError

from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.objects import commit_content, read_loose_object, write_object
from perdure.workspace.program import Folders, GitFailed, GitProgram

# Fixed, so that an unchanged index gives the same commit at every checkpoint.
_START = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_NAME, _EMAIL = "Perdure", "perdure@localhost"


class Record(BaseModel):
    """State of a work tree beside its tree. Paths are relative and percent-encoded, so that any bytes fit."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    tree: str
    head_ref: str
    staged_tree: str
    refs: dict[str, str]
    """Every branch with its commit."""
    empty_folders: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Path in the tree → path in the work tree, for files whose name Git refuses (a nested ``.git``)."""
    unsupported: tuple[str, ...] = ()
    """Pipes, sockets and devices: they are not restored."""
    ignored: tuple[str, ...] = ()
    """What Git ignores, folders whole and with a '/' at the end: it is not restored either."""
    label: str = ""
    """Why it was taken, in words."""

    @property
    def branch_commit(self) -> str:
        """The commit that HEAD names."""
        return self.refs[self.head_ref]

    @property
    def kept(self) -> "Record":
        """What a folder holds that was made from it: two folders with equal parts are the same for everybody."""
        return self.model_copy(update={"unsupported": (), "ignored": (), "label": ""})

    @property
    def unkept(self) -> tuple[str, ...]:
        """What a folder made from it lacks."""
        return (*self.ignored, *self.unsupported)

    @property
    def lost(self) -> tuple[str, ...]:
        """The same for people; bytes that are not UTF-8 are replaced."""
        return tuple(decoded(path).decode("utf-8", "replace") for path in self.unkept)

    @property
    def unrestored(self) -> tuple[str, ...]:
        """The unsupported paths; bytes that are not UTF-8 are surrogate escapes."""
        return tuple(os.fsdecode(decoded(path)) for path in self.unsupported)


def store_record(
    objects: Path, record: Record, *, previous: str | None, label: str, at: datetime
) -> Checkpoint:
    """Write the checkpoint's commit. Its parents keep everything reachable: previous, branches and staged tree."""
    staged = commit_content(
        tree=record.staged_tree, parents=(), name=_NAME, email=_EMAIL, at=_START, message="staged tree"
    )
    parents = [
        *([previous] if previous else []),
        *record.refs.values(),
        write_object(objects, "commit", staged),
    ]
    body: dict[str, Any] = record.model_dump(mode="json") | {"label": label}
    message = json.dumps(body, sort_keys=True, ensure_ascii=True)
    content = commit_content(
        tree=record.tree,
        parents=list(dict.fromkeys(parents)),
        name=_NAME,
        email=_EMAIL,
        at=at,
        message=message,
    )
    return Checkpoint(
        commit=write_object(objects, "commit", content),
        tree=record.tree,
        head_ref=record.head_ref,
        branch_commit=record.branch_commit,
        staged_tree=record.staged_tree,
    )


async def load_record(program: GitProgram, shadow: Path, objects: Path, commit: str) -> Record:
    """The record of a checkpoint; WorkspaceLost where its commit is not here or is no checkpoint."""
    content = read_loose_object(objects, commit)
    if content is None:
        try:
            found = await program.run("cat-file", "commit", commit, folders=Folders(shadow, objects))
        except GitFailed as error:
            raise WorkspaceLost(f"The checkpoint {commit!r} is not on this host: {error}") from error
        content = found.output
    try:
        return Record.model_validate(json.loads(content.partition(b"\n\n")[2]))
    except (ValueError, ValidationError) as error:
        raise WorkspaceLost(
            f"The commit {commit!r} is not a checkpoint that this version can read."
        ) from error


def encoded(path: bytes) -> str:
    """A path for a record."""
    return quote_from_bytes(path)


def decoded(path: str) -> bytes:
    """The bytes of a path in a record."""
    return unquote_to_bytes(path)
