"""How a task ended: as the event ``Ended``, and as an error for who waits for the result."""

from typing import Any

from temporalio.exceptions import CancelledError, TerminatedError

from perdure.client.decoding import Decoder, Result, result_in, telling_message
from perdure.client.errors import TaskCanceled, TaskEnded, TaskFailed
from perdure.client.events import Ended
from perdure.client.results import Where
from perdure.contracts.task import TaskStatus


async def completed(decoder: Decoder, where: Where, attributes: Any, kind: type[Result]) -> Ended:
    """The workflow returned its result."""
    result = await decoder.model(attributes.result.payloads, kind)
    if result is None:
        summary = "It ended, but its result was written by another version of Perdure."
        return Ended(**where.fields(), status=TaskStatus.COMPLETED, summary=summary)
    return Ended(**where.fields(), status=result.status, summary=result.summary, result=result)


async def failed(decoder: Decoder, where: Where, attributes: Any, _: type[Result]) -> Ended:
    """The workflow failed; what it got done stands in the failure's details."""
    result = await decoder.failed_result(attributes.failure)
    summary = await decoder.failure(attributes.failure)
    return Ended(**where.fields(), status=TaskStatus.FAILED, summary=summary, result=result)


async def canceled(decoder: Decoder, where: Where, attributes: Any, kind: type[Result]) -> Ended:
    """Somebody cancelled it."""
    result = await decoder.model(attributes.details.payloads, kind)
    summary = result.summary if result is not None else "The task was cancelled."
    return Ended(**where.fields(), status=TaskStatus.CANCELED, summary=summary, result=result)


async def terminated(_: Decoder, where: Where, attributes: Any, kind: type[Result]) -> Ended:
    """Somebody terminated it, or a reset replaced it."""
    summary = f"The task was terminated: {attributes.reason or 'no reason was given'}."
    return Ended(**where.fields(), status=TaskStatus.FAILED, summary=summary)


async def timed_out(_: Decoder, where: Where, attributes: Any, kind: type[Result]) -> Ended:
    """Its workflow time limit passed."""
    return Ended(**where.fields(), status=TaskStatus.FAILED, summary="The task's time limit passed.")


def ended_badly(id: str, cause: BaseException) -> TaskEnded:
    """The error for a task whose workflow did not complete; holds the result that the task reported."""
    result = result_in(cause)
    hint = f"`python starter.py show {id}` shows what it did."
    if isinstance(cause, CancelledError):
        return TaskCanceled(f"Task {id!r} was cancelled.", hint, result)
    if isinstance(cause, TerminatedError):
        return TaskFailed(f"Task {id!r} was terminated: {telling_message(cause)}.", hint, result)
    return TaskFailed(f"Task {id!r} failed: {telling_message(cause)}", hint, result)
