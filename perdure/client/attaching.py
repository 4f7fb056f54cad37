"""Starts a run or finds the one that has its id; callers that race start one run."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Generic, Literal

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from perdure.client.asking import first_answer
from perdure.client.decoding import Decoder, telling_message
from perdure.client.errors import Refused, TaskFailed, TaskNotFound
from perdure.client.handle import Outcome, TaskHandle, handle_of
from perdure.client.listing import state_of
from perdure.client.server import Server
from perdure.client.starting import Launch
from perdure.client.state import TaskState
from perdure.contracts.decisions import Attached

IfClosed = Literal["attach", "start", "start_if_failed", "refuse"]
"""What happens where the last run of the id is over; see ``PerdureClient.start_or_attach``."""

STARTED_AS = "perdure_started_as"
"""Memo: which request to the server started the run, so that who asked knows whether it was this one."""

_REUSE: dict[IfClosed, WorkflowIDReusePolicy] = {
    "attach": WorkflowIDReusePolicy.REJECT_DUPLICATE,
    "refuse": WorkflowIDReusePolicy.REJECT_DUPLICATE,
    "start": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    "start_if_failed": WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
}


@dataclass(frozen=True)
class Attachment(Generic[Outcome]):
    """What ``start_or_attach`` gives."""

    handle: TaskHandle[Outcome]
    started: bool
    """Whether this call started the run; false where it was there."""
    closed: bool
    """Whether the run is over already."""
    status: str
    """As ``PerdureStatus`` has it; the server's word where the run is over."""


async def start_or_attach(
    server: Server, launch: Launch, *, id: str, task_queue: str, if_closed: IfClosed
) -> Attachment[Any]:
    """See ``PerdureClient.start_or_attach``."""
    there = await _open_already(server, launch, id)
    if there is not None:
        return there
    token = secrets.token_hex(16)
    operation = WithStartWorkflowOperation[Any, Any](
        launch.kind,
        launch.request,
        id=id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=_REUSE[if_closed],
        memo={STARTED_AS: token},
        static_summary=launch.summary,
        static_details=launch.details,
        priority=launch.priority,
    )
    try:
        attached = await server.ask_worker(
            "the start", _sent(server, operation), task=id, afterwards=_kept(id)
        )
    except WorkflowAlreadyStartedError as error:
        if if_closed == "refuse":
            raise Refused(
                f"A run with the id {id!r} is over, so no second one was started under this id.",
                "use another id, or if_closed='attach', 'start' or 'start_if_failed'.",
            ) from error
        return await _found(server, launch, id, token, status=None)
    except WorkflowUpdateFailedError as error:
        raise _not_opened(id, error) from error
    return await _found(server, launch, id, token, status=attached.status)


async def _open_already(server: Server, launch: Launch, id: str) -> Attachment[Any] | None:
    """The run where it is open; None where the request must be sent.

    It is asked by a query. Updates wait until the run is open, but a run takes only 2,000 of them in all, and whoever
    sent one each second would soon leave none for decisions.
    """
    try:
        description = await server.describe(id)
    except TaskNotFound:
        return None
    if state_of(description.status) != "running":
        return None
    handle = handle_of(server, description)
    await _check_same(server, launch, handle)
    workflow = server.client.get_workflow_handle(id, run_id=description.run_id)
    limit = 2 * server.limit
    asking = first_answer(lambda: workflow.query("status", result_type=TaskState, rpc_timeout=limit))
    try:
        state = await server.ask_worker("the start", asking, task=id, afterwards=_kept(id))
    except (WorkflowQueryFailedError, TaskNotFound):
        # It cannot go on with its history, or is gone by now.
        return None
    if not state.steps:
        # It is being opened, and may yet turn out to be impossible.
        return None
    now = await handle.describe()
    if not now.open:
        return None
    return Attachment(handle=handle, started=False, closed=False, status=state.status)


async def _sent(server: Server, operation: WithStartWorkflowOperation[Any, Any]) -> Attached:
    try:
        # The SDK leaves the arguments of one overload untyped, and so the whole method is partially unknown.
        update = await server.client.start_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType]
            "attach",
            start_workflow_operation=operation,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=Attached,
            rpc_timeout=2 * server.limit,
        )
    except (RPCError, WorkflowAlreadyStartedError, WorkflowUpdateRPCTimeoutOrCancelledError):
        # The operation holds the same failure, and asyncio complains about one that nobody looks at.
        await asyncio.gather(operation.workflow_handle(), return_exceptions=True)
        raise
    return await update.result()


async def _found(
    server: Server, launch: Launch, id: str, token: str, *, status: str | None
) -> Attachment[Any]:
    description = await server.describe(id)
    handle = handle_of(server, description)
    memo = await description.memo()
    started = memo.get(STARTED_AS) == token
    if not started:
        await _check_same(server, launch, handle)
    summary = await handle.describe()
    return Attachment(
        handle=handle,
        started=started,
        closed=not summary.open,
        status=status if status is not None and summary.open else summary.state,
    )


async def _check_same(server: Server, launch: Launch, handle: TaskHandle[Any]) -> None:
    """Raise Refused where the run under this id is about something else."""
    decoder = Decoder(server.client.data_converter)
    request = None
    workflow = server.client.get_workflow_handle(handle.id, run_id=handle.task_id)
    with server.explained(handle.id):
        async for first in workflow.fetch_history_events(page_size=1, rpc_timeout=server.limit):
            given = first.workflow_execution_started_event_attributes.input.payloads
            request = await decoder.model(given, type(launch.request)) if handle.kind == launch.kind else None
            break
    if request != launch.request:
        raise Refused(
            f"A run with the id {handle.id!r} is there, but it was started with another request "
            f"({(await handle.describe()).summary!r}).",
            "use an id of its own for each request.",
        )


def _not_opened(id: str, error: WorkflowUpdateFailedError) -> TaskFailed:
    cause = error.cause
    message = cause.message if isinstance(cause, ApplicationError) else telling_message(cause)
    sentence, _, hint = message.partition(" hint: ")
    return TaskFailed(f"Task {id!r} could not be started: {sentence}", hint)


def _kept(id: str) -> str:
    return f"The server may have kept {id!r}: it then runs once a worker is there, and sending the same again finds it."
