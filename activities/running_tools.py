"""What the steps that run tools are handed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from activities.heartbeat import Beat
from perdure.contracts.calls import CallKey, ToolCall
from perdure.contracts.outcomes import Operation, RanCall
from perdure.contracts.workspace import Checkpoint

Outputs = Callable[[int, int], Awaitable[str | None]]
"""The whole output of an earlier call of the task, by its step and its position; None where there was none."""

Seen = Callable[[str], Awaitable[str]]
"""The SHA-256 of a file as the task saw it last; empty where it never did."""

FilesAt = Callable[[int], Awaitable[Checkpoint | None]]
"""The files at the end of a step of the task; None where no call had run by then."""

CopyIn = TypeVar("CopyIn", contravariant=True)


class RunsTools(Protocol[CopyIn]):
    """The tools, wired to sandbox, toolchain and effects ledger."""

    async def run(
        self,
        call: ToolCall,
        *,
        copy: CopyIn,
        key: CallKey,
        requested_at: datetime,
        beat: Beat,
        approved: Mapping[str, Any],
        approved_by: str,
        outputs: Outputs,
        seen: Seen,
        files_at: FilesAt,
    ) -> RanCall:
        """Run one call; ToolRejected when it refuses to do anything."""
        ...

    async def operation(
        self,
        call: ToolCall,
        *,
        copy: CopyIn,
        key: CallKey,
        requested_at: datetime,
        rule: str,
        tree: str,
        seen: Seen,
        files_at: FilesAt,
    ) -> Operation:
        """Exactly what the call would do now."""
        ...
