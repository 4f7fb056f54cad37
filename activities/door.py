"""The door every activity passes: logs with the task id, metrics, and the one translation of our errors to Temporal's."""

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.redaction import RedactsTasks, redacting, redaction
from perdure.contracts.errors import (
    AnnouncementFailed,
    DiskFull,
    LimitReached,
    ModelUnavailable,
    PerdureError,
    StoreUnavailable,
    ToolRejected,
)
from perdure.contracts.lookups import Page

logger = logging.getLogger("perdure.activities")

#: An error that is not ours is a defect; it is tried a few times in case the world heals it, never for ever.
ATTEMPTS_OF_UNKNOWN_ERRORS = 5
#: A store that is back is noticed within this time, however long it was away.
LONGEST_PAUSE = timedelta(seconds=5)
FIRST_PAUSE = timedelta(seconds=0.1)


def to_application_error(
    error: Exception, *, attempt: int, redact: Callable[[str], str] = str
) -> ApplicationError:
    """Our error as Temporal's: the type is the class name; only waiting helps what is retryable."""
    said = redact(str(error))
    if isinstance(error, ModelUnavailable):
        delay = None if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)
        return ApplicationError(said, type="ModelUnavailable", next_retry_delay=delay)
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        delay = timedelta(seconds=error.retry_after_s)
        return ApplicationError(said, type=LimitReached.__name__, next_retry_delay=delay)
    if isinstance(error, StoreUnavailable):
        return ApplicationError(said, type="StoreUnavailable", next_retry_delay=pause_before_next(attempt))
    if isinstance(error, PerdureError):
        waiting_helps = isinstance(error, DiskFull)
        if isinstance(error, ToolRejected | AnnouncementFailed):
            # Outside a tool nobody is there to try another way, and the trouble (a slow disk, a lock) may pass.
            waiting_helps = attempt < ATTEMPTS_OF_UNKNOWN_ERRORS
        return ApplicationError(said, type=type(error).__name__, non_retryable=not waiting_helps)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ApplicationError(f"A disk of this worker is full: {said}.", type=DiskFull.__name__)
    return ApplicationError(
        f"{type(error).__name__}: {said}",
        type=type(error).__name__,
        non_retryable=attempt >= ATTEMPTS_OF_UNKNOWN_ERRORS,
    )


def holds_credentials(error: BaseException) -> bool:
    """Whether the words of the error, or of one that led to it, hold any: then they are no cause to show."""
    words: list[str] = []
    looked_at: BaseException | None = error
    while looked_at is not None:
        words.append(str(looked_at))
        looked_at = looked_at.__cause__ or looked_at.__context__
    return redaction().value(words) is not words


def pause_before_next(attempt: int) -> timedelta:
    """Pauses that double up to the longest."""
    return min(FIRST_PAUSE * 2 ** min(attempt - 1, 16), LONGEST_PAUSE)


def within_s(limit: timedelta | None) -> float | None:
    """The activity's own limit in seconds, a little before the server's.

    The server would start an activity anew that is too slow for its time-out, for ever; ours ends it with a sentence.
    """
    return None if limit is None else max(limit.total_seconds() - 5.0, limit.total_seconds() * 0.9)


def too_slow(info: activity.Info) -> ApplicationError:
    """What is told of an activity that reached its limit; trying again would only take as long again."""
    limit = info.start_to_close_timeout
    return ApplicationError(
        f"The step {info.activity_type!r} did not end within {limit.total_seconds() if limit else 0:g} s, and was stopped.",
        type="TooSlow",
        non_retryable=True,
    )


Attends = Callable[[str], AbstractContextManager[None]]
"""Is told of each task for as long as an activity of it runs."""


def repository_of(input: ExecuteActivityInput) -> str:
    """The repository that the activity's argument names; empty where it names none."""
    given = input.args[0] if input.args else None
    named = getattr(given, "repository", "") or getattr(getattr(given, "request", None), "repository", "")
    return named if isinstance(named, str) else ""


class DoorInterceptor(Interceptor):
    """Wraps every activity of a worker; nothing else in the project makes an ``ApplicationError`` of ours."""

    def __init__(self, redactions: RedactsTasks, attends: Attends = contextlib.nullcontext) -> None:
        self._redactions = redactions
        self._attends = attends

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the door before the activity."""
        return _Door(next, self._redactions, self._attends)


def redacted(result: Any) -> Any:
    """What goes into the history; a page is packed, and what it holds was redacted before."""
    if isinstance(result, Page):
        return result
    return redaction().model(result) if isinstance(result, BaseModel) else redaction().value(result)


class _Door(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, redactions: RedactsTasks, attends: Attends) -> None:
        super().__init__(next)
        self._redactions = redactions
        self._attends = attends

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        task_id = getattr(input.args[0], "task_id", "") if input.args else ""
        facts = {"task": task_id, "workflow": info.workflow_id, "activity": info.activity_type}
        facts |= {
            "step": getattr(input.args[0], "step", None) if input.args else None,
            "attempt": info.attempt,
        }
        with redacting(self._redactions.of(task_id, repository=repository_of(input))):
            return await self._execute(input, facts)

    async def _execute(self, input: ExecuteActivityInput, facts: dict[str, Any]) -> Any:
        info = activity.info()
        began = time.monotonic()
        outcome = "completed"
        limit = asyncio.timeout(within_s(info.start_to_close_timeout))
        try:
            with self._attends(str(facts["task"])):
                async with limit:
                    return redacted(await self.next.execute_activity(input))
        except TimeoutError as error:
            if not limit.expired():
                outcome = "TimeoutError"
                raise to_application_error(error, attempt=info.attempt, redact=redaction().text) from error
            outcome = "TooSlow"
            raise too_slow(info) from error
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except ApplicationError as error:
            outcome = error.type or "ApplicationError"
            raise
        # The one place where every error is caught: it is answered by translating it for Temporal.
        except Exception as error:
            outcome = type(error).__name__
            translated = to_application_error(error, attempt=info.attempt, redact=redaction().text)
            # Whoever reads the log of a task that stands still learns here what it waits for.
            facts["because"] = translated.message
            if not isinstance(error, PerdureError):
                logger.exception("unexpected error", extra=facts)
            raise translated from (None if holds_credentials(error) else error)
        finally:
            elapsed_s = time.monotonic() - began
            level = logging.INFO if outcome == "completed" else logging.WARNING
            logger.log(level, "activity", extra={**facts, "outcome": outcome, "seconds": round(elapsed_s, 4)})
            meter = activity.metric_meter().with_additional_attributes({"outcome": outcome})
            meter.create_counter("perdure_activities", "Activities by outcome").add(1)
