"""The table of steps: every activity is in it, has an end, and shows that it lives."""

import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

import activities
from perdure.contracts import steps as contracts
from perdure.contracts.steps import ModelStep, Note
from perdure.contracts.task import Mode, Safety
from workflows.steps import DECIDE, EXECUTE_CALLS, MAX_PAYLOAD_BYTES, RETRY, STEPS, Step, measure

ON_HOST = {
    "preview_call",
    "execute_calls",
    "check_work",
    "propose_publication",
    "look_at_conditions",
    "measure_change",
    "vouch_by_tests",
}
OF_OTHERS = {
    "look_up_artifact", "look_up_diff", "look_up_grants", "look_up_runs", "remove_sweeps",
    "archive_runs", "find_closed_runs", "find_hosts", "sweep_host",
}  # fmt: skip
"""Activities of lookups, which somebody waits for, and of sweeps: no steps of a task, and given up after some attempts."""


@dataclass(frozen=True)
class Definition:
    """An activity as the SDK sees it."""

    name: str
    given: type[BaseModel]
    result: object


def definitions() -> Iterator[Definition]:
    """The activities that there are."""
    for file in pkgutil.iter_modules(activities.__path__):
        module = import_module(f"activities.{file.name}")
        for _, door in inspect.getmembers(module, inspect.isclass):
            methods = inspect.getmembers(door) if door.__module__ == module.__name__ else []
            for _, method in methods:
                made: Any = getattr(method, "__temporal_activity_definition", None)
                if made is not None:
                    (given,) = made.arg_types
                    yield Definition(made.name, given, made.ret_type)


def test_the_table_and_the_activities_agree() -> None:
    found = {each.name: each.result for each in definitions() if each.name not in OF_OTHERS}
    assert found == {step.name: step.result for step in STEPS}
    assert [each.name for each in definitions() if not issubclass(each.given, BaseModel)] == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_has_an_end_and_shows_that_it_lives(step: Step) -> None:
    assert 0 < step.start_to_close_s <= 4 * 3600
    # A worker that dies is noticed by its missing heartbeat, not after an hour.
    assert step.heartbeats
    assert step.on_host is (step.name in ON_HOST)


def test_what_runs_on_a_host_says_which_workspace_it_means() -> None:
    fields = {"epoch", "dispatch", "checkpoint"}
    assert {each.name for each in definitions() if fields <= set(each.given.model_fields)} == ON_HOST


def test_attempts_are_spaced_and_never_counted() -> None:
    assert RETRY.maximum_attempts == 0
    assert RETRY.maximum_interval is not None
    assert RETRY.initial_interval < RETRY.maximum_interval
    assert RETRY.non_retryable_error_types == ["PayloadsTooLarge"]


def model_step(text: str) -> ModelStep:
    """A step with a note of this text."""
    note = Note(kind="steer", text=text)
    return ModelStep(task_id="t", step=1, head="h", mode=Mode.CHANGE, safety=Safety.CAUTIOUS, notes=(note,))


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"])
def test_an_input_is_measured_in_bytes(letter: str) -> None:
    empty = len(model_step("").model_dump_json().encode())
    room = (MAX_PAYLOAD_BYTES - empty) // len(letter.encode())
    measure(DECIDE, model_step(letter * room))
    with pytest.raises(
        ApplicationError, match=r"The input of the step 'execute_calls' is 1[0-9]+ bytes"
    ) as refused:
        measure(EXECUTE_CALLS, model_step(letter * (room + 1)))
    assert (refused.value.type, refused.value.non_retryable) == ("PayloadsTooLarge", True)


def test_nothing_bulky_travels_through_the_history() -> None:
    bulky = {
        f"{name}.{field}"
        for name, model in inspect.getmembers(contracts, inspect.isclass)
        if issubclass(model, BaseModel)
        for field, info in model.model_fields.items()
        if info.annotation is bytes or field in {"output", "data", "content", "messages", "entries"}
    }
    assert bulky == set()
