"""The door every activity passes: logs with the task id, metrics, and the one translation of our errors to Temporal's."""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from perdure.contracts.errors import ModelUnavailable, PerdureError, StoreUnavailable

logger = logging.getLogger("perdure.activities")

#: An error that is not ours is a defect; it is tried a few times in case the world heals it, never for ever.
ATTEMPTS_OF_UNKNOWN_ERRORS = 5


def to_application_error(error: Exception, *, attempt: int) -> ApplicationError:
    """Our error as Temporal's: the type is the class name; only waiting helps what is retryable."""
    if isinstance(error, ModelUnavailable):
        delay = None if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)
        return ApplicationError(str(error), type="ModelUnavailable", next_retry_delay=delay)
    if isinstance(error, PerdureError):
        waiting_helps = isinstance(error, StoreUnavailable)
        return ApplicationError(str(error), type=type(error).__name__, non_retryable=not waiting_helps)
    return ApplicationError(
        f"{type(error).__name__}: {error}",
        type=type(error).__name__,
        non_retryable=attempt >= ATTEMPTS_OF_UNKNOWN_ERRORS,
    )


class DoorInterceptor(Interceptor):
    """Wraps every activity of a worker; nothing else in the project makes an ``ApplicationError`` of ours."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the door before the activity."""
        return _Door(next)


class _Door(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        task_id = getattr(input.args[0], "task_id", "") if input.args else ""
        facts = {"task": task_id, "workflow": info.workflow_id, "activity": info.activity_type}
        facts |= {
            "step": getattr(input.args[0], "step", None) if input.args else None,
            "attempt": info.attempt,
        }
        began = time.monotonic()
        outcome = "completed"
        try:
            return await self.next.execute_activity(input)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except ApplicationError as error:
            outcome = error.type or "ApplicationError"
            raise
        # The one place where every error is caught: it is answered by translating it for Temporal.
        except Exception as error:
            outcome = type(error).__name__
            translated = to_application_error(error, attempt=info.attempt)
            if not isinstance(error, PerdureError):
                logger.exception("unexpected error", extra=facts)
            raise translated from error
        finally:
            elapsed_s = time.monotonic() - began
            level = logging.INFO if outcome == "completed" else logging.WARNING
            logger.log(level, "activity", extra={**facts, "outcome": outcome, "seconds": round(elapsed_s, 4)})
            meter = activity.metric_meter().with_additional_attributes({"outcome": outcome})
            meter.create_counter("perdure_activities", "Activities by outcome").add(1)
