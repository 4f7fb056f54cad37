"""Reading what other programs send: each mistake is named with its field, and nothing is tried again."""

from typing import Any

import pytest
from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

from perdure.contracts.decisions import Decide, Steer
from perdure.contracts.task import TaskRequest
from workflows.request import NO_INPUT, read, read_input


def refusal(value: Any, model: type[BaseModel] = TaskRequest) -> ApplicationError:
    """The error that the value meets."""
    with pytest.raises(ApplicationError) as refused:
        read(value, model, what="The input")
    assert (refused.value.type, refused.value.non_retryable) == ("InvalidInput", True)
    return refused.value


def test_a_good_object_becomes_its_model() -> None:
    value = {"request": " Fix it. ", "repository": "/srv/code", "priority": "2"}
    assert read(value, TaskRequest, what="The input") == TaskRequest(
        request="Fix it.", repository="/srv/code", priority=2
    )


@pytest.mark.parametrize(("value", "kind"), [([], "list"), ("{}", "str"), (None, "NoneType"), (7, "int")])
def test_what_is_no_object_is_called_by_its_kind(value: object, kind: str) -> None:
    assert f"The input must be a JSON object, not {kind}." in refusal(value).message


def test_every_mistake_is_named_at_once() -> None:
    value = {"repository": "/srv", "repo": "x", "priority": 9, "budget": {"steps": "many"}}
    message = refusal(value).message
    for said in (
        "field 'request' is missing",
        "field 'repo' is unknown",
        "field 'priority' cannot be used: Input should be less than or equal to 5 (given: 9).",
        "field 'budget.steps' cannot be used: ",
    ):
        assert said in message
    assert message.startswith("The input cannot be used. ")
    assert "hint: required: request, repository; optional: base_branch, mode," in message


def test_many_and_long_mistakes_stay_readable() -> None:
    value = {
        **{f"field-{number}": 1 for number in range(500)},
        "request": "x" * 200_000,
        "repository": "/srv",
    }
    assert len(refusal(value).message) < 1_000


def test_what_an_object_may_hold_is_said_for_each_model() -> None:
    assert "required: approval_id, verdict; optional: reason" in refusal({}, Decide).message
    assert "required: message; optional: by." in refusal({}, Steer).message


def test_a_missing_input_is_named() -> None:
    with pytest.raises(
        ApplicationError, match="CodingTask needs one JSON object as its input, and none was given"
    ):
        read_input(NO_INPUT, TaskRequest, what="CodingTask")
