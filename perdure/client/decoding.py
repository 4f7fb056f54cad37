"""Payloads of the event history as models and sentences."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.task import TaskResult

Model = TypeVar("Model", bound=BaseModel)
Result = TaskResult | MaintenanceResult
"""What a run ends with."""

UNREADABLE = (RuntimeError, ValueError)
"""The SDK wraps what a converter raises in RuntimeError; a codec without the key raises ValueError."""


class Decoder:
    """Reads payloads with the client's data converter. What another version wrote and we cannot read gives None."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter

    async def model(self, payloads: Sequence[Payload], kind: type[Model]) -> Model | None:
        """The first payload as a model of this kind."""
        if not payloads:
            return None
        try:
            decoded = await self._converter.decode(payloads[:1], [kind])
        except UNREADABLE:
            return None
        return decoded[0] if isinstance(decoded[0], kind) else None

    async def summary(self, raw: HistoryEvent) -> str:
        """The ``summary=`` that the workflow gave with an activity or a timer, or nothing."""
        if not raw.HasField("user_metadata") or not raw.user_metadata.HasField("summary"):
            return ""
        try:
            decoded = await self._converter.decode([raw.user_metadata.summary])
        except UNREADABLE:
            return ""
        return str(decoded[0])

    async def failure(self, failure: Failure) -> str:
        """The message of a failure that says what really went wrong."""
        if failure == Failure():
            return ""
        return telling_message(await self._error(failure)) or failure.message

    async def failed_result(self, failure: Failure) -> Result | None:
        """The result that stands in the details of a failed task's failure."""
        return result_in(await self._error(failure))

    async def _error(self, failure: Failure) -> BaseException | None:
        try:
            return await self._converter.decode_failure(failure)
        except UNREADABLE:
            return None


def result_in(error: BaseException | None) -> Result | None:
    """The result among the details of an error or of its causes."""
    while error is not None:
        if isinstance(error, ApplicationError):
            for detail in error.details:
                if isinstance(detail, dict) and "status" in detail and "summary" in detail:
                    kind = MaintenanceResult if "findings" in detail else TaskResult
                    try:
                        return kind.model_validate(detail)
                    except ValidationError:
                        # Another version wrote it; the failure's own message is there all the same.
                        return None
        error = error.__cause__
    return None


def telling_message(error: BaseException | None) -> str:
    """The first message that somebody wrote for people; where there is none, that of the deepest cause.

    Temporal wraps such a message in words of its own, and below it lie causes that only a programmer understands.
    """
    message = ""
    while error is not None:
        if isinstance(error, ApplicationError) and error.message:
            return error.message
        message = str(error) or message
        error = error.__cause__
    return message
