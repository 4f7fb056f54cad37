"""What the steps that run tools are handed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from activities.heartbeat import Beat
from perdure.contracts.calls import CallKey, CallSummary, SandboxLevel, ToolCall
from perdure.contracts.judging import Named
from perdure.contracts.outcomes import Operation, RanAhead, RanCall
from perdure.contracts.task import Cost
from perdure.contracts.workspace import Checkpoint

Outputs = Callable[[int, int], Awaitable[str | None]]
"""The whole output of an earlier call of the task, by its step and its position; None where there was none."""

Seen = Callable[[str], Awaitable[str]]
"""The SHA-256 of a file as the task saw it last; empty where it never did."""

FilesAt = Callable[[int], Awaitable[Checkpoint | None]]
"""The files at the end of a step of the task; None where no call had run by then."""

Answered = TypeVar("Answered", bound=BaseModel)
CopyIn = TypeVar("CopyIn", contravariant=True)


class Questions(Protocol):
    """What the tool of one call may ask a model."""

    @property
    def cost(self) -> Cost:
        """What all answers of the call cost, those of earlier attempts included."""
        ...

    @property
    def room_characters(self) -> int:
        """How long a question may be."""
        ...

    async def __call__(self, *, instructions: str, material: str, answer: type[Answered]) -> Answered:
        """The model's answer in the given shape."""
        ...


class AsksForCalls(Protocol):
    """Opens what a call's tool may ask."""

    def __call__(self, task_id: str, step: int, index: int) -> Questions | None:
        """For one call; None where no model can be asked."""
        ...


class RunsTools(Protocol[CopyIn]):
    """The tools, wired to sandbox, toolchain and effects ledger."""

    @property
    def sandbox_level(self) -> SandboxLevel:
        """How much of the sandbox holds on this host."""
        ...

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
        read_only: bool,
        outputs: Outputs,
        seen: Seen,
        files_at: FilesAt,
        questions: Questions | None,
        ahead: RanAhead,
    ) -> RanCall:
        """Run one call; ToolRejected when it refuses to do anything. What was run ahead is done and not run again.

        With ``read_only`` no program that it starts can write to the workspace, whatever its tool asks for.
        """
        ...

    async def worked_out(self, call: ToolCall, copy: CopyIn) -> Named | None:
        """What a call names that the workspace alone knows, such as where it pushes to; None where there is nothing."""
        ...

    async def operation(
        self,
        call: ToolCall,
        *,
        copy: CopyIn,
        key: CallKey,
        requested_at: datetime,
        summary: CallSummary,
        seen: Seen,
        files_at: FilesAt,
        questions: Questions | None,
        ahead: RanAhead,
    ) -> Operation:
        """Exactly what the call would do now; ``summary`` holds what the policy says of it."""
        ...

    async def run_ahead(
        self,
        call: ToolCall,
        *,
        copy: CopyIn,
        key: CallKey,
        requested_at: datetime,
        beat: Beat,
        allowed: bool,
    ) -> RanAhead:
        """What the call changes, found out in a throw-away view where that can be done and the policy has it ``allowed``."""
        ...
