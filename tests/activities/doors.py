"""Activities without a worker, with the redaction that the door would set."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio.testing import ActivityEnvironment

from activities.redaction import redacting
from perdure.safety.secrets import Screen, Screens

Result = TypeVar("Result")


async def as_activity(
    work: Callable[..., Awaitable[Result]], *given: Any, environment: ActivityEnvironment | None = None
) -> Result:
    """Run the function as an activity."""
    with redacting(Screens().worker):
        return await (environment or ActivityEnvironment()).run(work, *given)


async def no_secrets(task_id: str, copy: object) -> Screen:
    """No secret stands in the files."""
    return Screens().worker
