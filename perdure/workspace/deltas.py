"""What a program changed in a throw-away view of the workspace, byte by byte, in a form that has one digest.

The form is a first line, one line of canonical JSON, the contents of the changed files in the order of their SHA-256, and
the program's output. Its digest is that of all these bytes, so nothing of it can be another and have the same.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from perdure.contracts.digests import canonical_json
from perdure.contracts.errors import InvalidInput
from perdure.safety.views import Finished

FIRST_LINE = b"perdure delta 1\n"
"""By which whoever shows artifacts knows that this one is not shown: it holds files as they are, secrets included."""
VERSION = 1

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class State:
    """What is at a path. ``other`` is a pipe, socket or device, or whatever lies behind a link."""

    kind: Kind
    mode: int = 0
    """Permission bits of a file or folder."""
    bytes: int = 0
    sha256: str = ""
    """Of a file's content."""
    target: str = ""
    """Where a link leads, as it is written in it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs; ``before`` or ``after`` is None where nothing is there."""

    path: str
    """From the workspace root; names that are not UTF-8 hold surrogate escapes."""
    before: State | None
    after: State | None
    mtime_ns: int = 0
    """When the program wrote the file, which builds compare."""


@dataclass(frozen=True)
class Delta:
    """What a program changed, and what it said."""

    errand: str
    """Digest of what was run."""
    tree: str
    """The raw tree of the files that it was run on."""
    finished: Finished
    changes: tuple[Change, ...]
    """By path, in the order of their bytes."""
    contents: Mapping[str, bytes]
    """Of the files after it, by SHA-256."""

    def encoded(self) -> bytes:
        """All of it."""
        order = sorted(self.contents)
        finished = {**asdict(self.finished), "output": len(self.finished.output)}
        head = {
            "v": VERSION,
            "errand": self.errand,
            "tree": self.tree,
            "finished": finished,
            "changes": [asdict(change) for change in self.changes],
            "contents": [[sha256, len(self.contents[sha256])] for sha256 in order],
        }
        parts = (self.contents[sha256] for sha256 in order)
        return b"".join((FIRST_LINE, canonical_json(head), b"\n", *parts, self.finished.output))

    @classmethod
    def decoded(cls, data: bytes) -> "Delta":
        """What ``encoded`` gave; InvalidInput for anything else."""
        try:
            return cls._decoded(data)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"The recorded changes of a program cannot be read: {error}.",
                "ask for the call again, so that it is run ahead anew",
            ) from error

    @classmethod
    def _decoded(cls, data: bytes) -> "Delta":
        if not data.startswith(FIRST_LINE):
            raise ValueError("they do not begin as such")
        line, _, rest = data.removeprefix(FIRST_LINE).partition(b"\n")
        head: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
        if head["v"] != VERSION:
            raise ValueError(f"their version is {head['v']!r}")
        contents: dict[str, bytes] = {}
        at = 0
        for sha256, size in head["contents"]:
            content, at = rest[at : at + size], at + size
            if sha256_of(content) != sha256:
                raise ValueError(f"a content is not the one with the SHA-256 {sha256!r}")
            contents[sha256] = content
        for each in head["changes"]:
            _refuse_way_out(each["path"])
        output = rest[at:]
        if len(output) != head["finished"]["output"]:
            raise ValueError("their end is missing, or is not theirs")
        changes = tuple(
            Change(
                each["path"],
                State(**each["before"]) if each["before"] else None,
                State(**each["after"]) if each["after"] else None,
                each["mtime_ns"],
            )
            for each in head["changes"]
        )
        said: dict[str, Any] = {**head["finished"], "output": output}
        finished = Finished(**said)
        return cls(head["errand"], head["tree"], finished, changes, contents)

    @property
    def created(self) -> Sequence[Change]:
        """What was not there before."""
        return [change for change in self.changes if change.before is None]

    @property
    def deleted(self) -> Sequence[Change]:
        """What is not there afterwards."""
        return [change for change in self.changes if change.after is None]

    @property
    def changed(self) -> Sequence[Change]:
        """What is there before and after."""
        return [change for change in self.changes if change.before and change.after]


def _refuse_way_out(path: str) -> None:
    parts = path.split("/")
    if path != "." and (parts[0] == ".git" or "\0" in path or not {"", ".", ".."}.isdisjoint(parts)):
        raise ValueError(f"the path {path!r} leads out of the files")


def digest_of_delta(data: bytes) -> str:
    """Of the bytes that ``Delta.encoded`` gives, 64 hex digits."""
    return sha256_of(data)


def sha256_of(data: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def in_order(changes: Mapping[str, Change]) -> tuple[Change, ...]:
    """By the bytes of their paths, so that a folder comes before what it holds."""
    return tuple(changes[path] for path in sorted(changes, key=os.fsencode))
