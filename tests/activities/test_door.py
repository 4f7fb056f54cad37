"""The door: each error of ours becomes Temporal's in one way, and nothing else passes untold."""

import asyncio
import errno
import inspect
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.door import ATTEMPTS_OF_UNKNOWN_ERRORS, DoorInterceptor, to_application_error
from perdure.contracts import errors
from perdure.contracts.errors import (
    AnnouncementFailed,
    ConfigurationError,
    ContextTooLarge,
    DiskFull,
    EffectUnknown,
    Fenced,
    InvalidInput,
    LimitReached,
    ModelFault,
    ModelUnavailable,
    NoLongerApproved,
    PerdureError,
    PolicyDenied,
    SandboxRefused,
    StoreUnavailable,
    ToolRejected,
    WorkspaceLost,
)
from perdure.contracts.steps import CloseTask
from perdure.contracts.task import TaskStatus
from perdure.safety.secrets import Screens

#: Whether Temporal tries again: only where waiting helps.
RETRIED: dict[type[PerdureError], bool] = {
    PerdureError: False,
    InvalidInput: False,
    ConfigurationError: False,
    PolicyDenied: False,
    ToolRejected: False,
    AnnouncementFailed: False,
    SandboxRefused: False,
    NoLongerApproved: False,
    ModelFault: False,
    LimitReached: False,
    ModelUnavailable: True,
    ContextTooLarge: False,
    Fenced: False,
    WorkspaceLost: False,
    EffectUnknown: False,
    StoreUnavailable: True,
    DiskFull: True,
}
REQUEST = CloseTask(task_id="task-1", head="h", status=TaskStatus.COMPLETED, summary="Done.")


class Room(ActivityInboundInterceptor):
    """What lies behind the door: runs a function."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return self._work()


async def pass_door(work: Callable[[], Any], *, attempt: int = 1) -> Any:
    """Run the function behind the door, as the given attempt."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt, activity_type="close_task")
    door = DoorInterceptor(Screens()).intercept_activity(Room(work))
    given = ExecuteActivityInput(fn=work, args=[REQUEST], executor=None, headers={})
    return await environment.run(door.execute_activity, given)


def raising(error: BaseException) -> Callable[[], Any]:
    """A function that raises it."""

    def work() -> Any:
        raise error

    return work


def test_the_table_knows_every_error() -> None:
    assert set(RETRIED) == {each for _, each in inspect.getmembers(errors, inspect.isclass)}


@pytest.mark.parametrize("kind", RETRIED, ids=lambda kind: kind.__name__)
def test_an_error_of_ours_keeps_its_name_and_words(kind: type[PerdureError]) -> None:
    passing = issubclass(kind, ToolRejected | AnnouncementFailed)
    for attempt in (ATTEMPTS_OF_UNKNOWN_ERRORS if passing else 1, 50):
        made = to_application_error(kind("It failed.", "mend it."), attempt=attempt)
        assert (made.type, made.message) == (kind.__name__, "It failed. hint: mend it.")
        assert made.non_retryable is not RETRIED[kind]
        assert (made.next_retry_delay is not None) is (kind is StoreUnavailable)


def test_a_store_that_is_back_is_noticed_soon_however_long_it_was_away() -> None:
    pauses = [
        made.next_retry_delay
        for made in (
            to_application_error(StoreUnavailable("Away."), attempt=attempt)
            for attempt in (1, 2, 5, 9, 10_000)
        )
    ]
    assert [each.total_seconds() for each in pauses if each] == [0.1, 0.2, 1.6, 5.0, 5.0]


def test_a_full_disk_that_nobody_translated_is_waited_for() -> None:
    made = to_application_error(OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), attempt=50)
    assert (made.type, made.non_retryable) == ("DiskFull", False)
    assert made.message == "A disk of this worker is full: [Errno 28] No space left on device: '/tmp/x'."


def test_a_model_that_names_a_time_is_asked_then() -> None:
    made = to_application_error(ModelUnavailable("Busy.", retry_after_s=7.5), attempt=1)
    assert made.next_retry_delay == timedelta(seconds=7.5)
    at_once = to_application_error(ModelUnavailable("Busy.", retry_after_s=0.0), attempt=1)
    assert at_once.next_retry_delay == timedelta(0)


def test_an_unknown_error_is_tried_a_few_times_and_never_for_ever() -> None:
    made = [to_application_error(KeyError("task"), attempt=attempt) for attempt in range(1, 8)]
    assert [each.non_retryable for each in made] == [False] * 4 + [True] * 3
    assert ATTEMPTS_OF_UNKNOWN_ERRORS == 5
    assert {(each.type, each.message) for each in made} == {("KeyError", "KeyError: 'task'")}


async def test_what_succeeds_passes_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="perdure.activities")
    assert await pass_door(lambda: "result") == "result"
    (line,) = caplog.records
    facts = vars(line)
    assert (facts["outcome"], facts["task"], facts["activity"], facts["attempt"]) == (
        "completed", "task-1", "close_task", 1,
    )  # fmt: skip
    assert line.levelno == logging.INFO


async def test_an_error_of_ours_is_translated_and_keeps_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    error = Fenced("Somebody newer owns the workspace.")
    with pytest.raises(ApplicationError) as raised:
        await pass_door(raising(error))
    assert raised.value.type == "Fenced"
    assert raised.value.__cause__ is error
    assert [(vars(line)["outcome"], vars(line)["because"]) for line in caplog.records] == [
        ("Fenced", "Somebody newer owns the workspace.")
    ]
    # Expected trouble has a sentence; a stack would only hide it.
    assert [line for line in caplog.records if line.exc_info] == []


async def test_a_defect_is_logged_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ApplicationError, match="IndexError: list index out of range") as raised:
        await pass_door(raising(IndexError("list index out of range")), attempt=5)
    assert raised.value.non_retryable
    assert [line.message for line in caplog.records if line.exc_info] == ["unexpected error"]


async def test_an_error_of_temporals_own_is_not_changed() -> None:
    error = ApplicationError("Too large.", type="PayloadsTooLarge", non_retryable=True)
    with pytest.raises(ApplicationError) as raised:
        await pass_door(raising(error))
    assert raised.value is error


async def test_a_cancellation_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(asyncio.CancelledError):
        await pass_door(raising(asyncio.CancelledError()))
    assert [vars(line)["outcome"] for line in caplog.records] == ["cancelled"]
