"""What a client that reaches nothing but Temporal can look up: a task's change and its stored bytes, in pages."""

import base64
import hashlib
import zlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from perdure.contracts.errors import InvalidInput
from perdure.contracts.workspace import Checkpoint

PAGE_BYTES = 1024 * 1024
"""Of one page before it is packed; packed, even bytes that cannot be made smaller stay below the server's 2 MiB."""

Form = Literal["patch", "stat", "names"]


class LookUp(BaseModel):
    """Input of the workflow ``TaskLookup`` and of its activities: one page of something that a task has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = 1
    task_id: str = Field(min_length=1, max_length=200)
    """For runs, also a workflow's id."""
    what: Literal["diff", "artifact", "runs"]
    host_queue: str = Field(default="", max_length=400)
    """For a diff: the queue of the host that keeps the task's files; empty: any host makes it from what is stored."""
    checkpoint: Checkpoint | None = None
    """For a diff: the task's files up to here."""
    since: Checkpoint | None = None
    """For a diff: where it begins; None: what the task began with."""
    form: Form = "patch"
    artifact_id: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    offset: int = Field(default=0, ge=0)
    page_bytes: int = Field(default=PAGE_BYTES, ge=1, le=PAGE_BYTES)

    @model_serializer(mode="wrap")
    def _without_new_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Workers of an older version refuse fields that they do not know, so one that says nothing is left out."""
        fields: dict[str, Any] = serialize(self)
        if self.since is None:
            fields.pop("since", None)
        return fields


class Page(BaseModel):
    """Result of ``TaskLookup``: bytes from ``offset`` on, packed."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    offset: int
    packed: str
    """Base64 of zlib."""
    total_bytes: int
    """Of the whole, of which this is a page."""
    sha256: str
    """Of the whole: who puts the pages together compares it."""

    @classmethod
    def of(cls, whole: bytes, *, offset: int, page_bytes: int, by_line: bool) -> "Page":
        """The page that begins at ``offset``; by line, it ends with a whole line where one fits."""
        if offset > len(whole):
            raise InvalidInput(
                f"The page begins at byte {offset:,}, and there are {len(whole):,}.",
                "begin at 0 and go on where the page before ended.",
            )
        part = whole[offset : offset + page_bytes]
        line_end = part.rfind(b"\n") + 1
        if by_line and line_end and offset + len(part) < len(whole):
            part = part[:line_end]
        return cls(
            offset=offset,
            packed=base64.b64encode(zlib.compress(part)).decode(),
            total_bytes=len(whole),
            sha256=hashlib.sha256(whole).hexdigest(),
        )

    def data(self) -> bytes:
        """The bytes; never more than a page has."""
        packed = zlib.decompressobj()
        found = packed.decompress(base64.b64decode(self.packed), PAGE_BYTES)
        if packed.unconsumed_tail:
            raise InvalidInput(
                f"A page holds more than {PAGE_BYTES:,} bytes.", "let the same version answer that asks."
            )
        return found
