"""What the Web UI or a script may send: bad input fails the task at once with the field named."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from tests.sentences import assert_said
from tests.workflows.conftest import script_of

LONG = "Fix it. " * 25_000


async def refusal_of(handle: WorkflowHandle[Any, Any]) -> str:
    """The sentence with which a task fails because of its input."""
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "InvalidInput"
    assert cause.details[0]["status"] == "failed"
    assert cause.details[0]["summary"] == cause.message
    return cause.message


@pytest.mark.parametrize(
    ("given", "case", "known"),
    [
        ({"request": "Fix it."}, "a field that is missing", {"field": "repository"}),
        ({"repository": "/tmp"}, "a field that is missing", {"field": "request"}),
        (
            {"request": "Fix it.", "repository": "/tmp", "repo": "x"},
            "a field that is unknown",
            {"field": "repo"},
        ),
        ({"request": 7, "repository": "/tmp"}, "a field of the wrong kind", {"field": "request"}),
        ({"request": "", "repository": "/tmp"}, "a request without text", {}),
        ({"request": " \n ", "repository": "/tmp"}, "a request without text", {}),
        (
            {"request": "Fix it.", "repository": "/tmp", "budget": {"steps": "many"}},
            "a field of the wrong kind",
            {"field": "budget.steps"},
        ),
        (
            {"request": "Fix it.", "repository": "/tmp", "priority": 9},
            "a field of the wrong kind",
            {"field": "priority", "why": "Input should be less than or equal to 5 (given: 9)"},
        ),
        (
            {"request": "Fix it.", "repository": "/tmp", "mode": "destroy"},
            "a field of the wrong kind",
            {"field": "mode"},
        ),
        (
            {"request": "Fix it.", "repository": "/tmp", "safety": "none"},
            "a field of the wrong kind",
            {"field": "safety"},
        ),
        (["Fix it."], "an input that is no object", {"kind": "list"}),
        ("Fix it.", "an input that is no object", {"kind": "str"}),
        (17, "an input that is no object", {"kind": "int"}),
        ({}, "a field that is missing", {"field": "request"}),
    ],
)
async def test_the_field_is_named_and_nothing_is_retried(
    benches: Any, given: object, case: str, known: dict[str, str]
) -> None:
    async with benches(script_of([])) as bench:
        assert_said(case, await refusal_of(await bench.start(given)), **known)


async def test_no_input_at_all_is_answered(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        handle = await bench.client.start_workflow(
            "CodingTask", id="no-input", task_queue=bench.settings.task_queue
        )
        assert_said("no input at all", await refusal_of(handle))


async def test_a_request_that_is_too_long_is_refused_and_its_text_is_not_lost(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        handle = await bench.start(request={"request": LONG, "repository": str(bench.repository)})
        message = await refusal_of(handle)
        assert_said("a request that is too long", message, given="200,000")
        assert len(message) < 1_000
        history = await handle.fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        assert LONG.encode() in started.input.payloads[0].data


async def test_a_request_of_the_longest_length_is_worked_on(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        longest = "x" * 100_000
        result = await (await bench.start(request=_request(bench, longest))).result()
        assert result["status"] == "completed"
        assert any(longest in each.body.decode() for each in bench.models.requests)


def _request(bench: Any, text: str) -> dict[str, str]:
    return {"request": text, "repository": str(bench.repository), "mode": "answer"}


async def test_many_bad_inputs_at_once_hold_up_nobody(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        bad = [await bench.start({"request": ""}) for _ in range(5)]
        good = await bench.start(mode="answer")
        assert (await good.result())["status"] == "completed"
        assert len(set(await asyncio.gather(*map(refusal_of, bad)))) == 1
