"""What the steps that run tools are handed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from activities.heartbeat import Beat
from perdure.contracts.calls import CallKey, ToolCall
from perdure.contracts.outcomes import Operation, RanCall

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
    ) -> RanCall:
        """Run one call; ToolRejected when it refuses to do anything."""
        ...

    async def operation(
        self, call: ToolCall, *, copy: CopyIn, key: CallKey, requested_at: datetime, rule: str, tree: str
    ) -> Operation:
        """Exactly what the call would do now."""
        ...
