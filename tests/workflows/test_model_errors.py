"""What a model server can do wrong, on the wire, and what a task makes of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from pydantic import SecretStr
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from perdure.llm.scripted.script import Script
from tests.workflows.conftest import READ, Bench, calls_of, git, script_of, until

Handle = WorkflowHandle[Any, Any]
READS = {"calls": calls_of([READ])}
KEY = "gsk_a1b2c3d4e5f6g7h8i9j0"
LONG = "x = 1  # a line that fills the context\n" * 400


@dataclass(frozen=True)
class Attempts:
    """How one activity came to its end."""

    count: int
    waited_s: float
    """From its being scheduled to the start of the last attempt."""
    last_failure: str


async def attempts_of(handle: Handle, activity: str) -> Attempts:
    """The first activity of this name in the history."""
    scheduled = None
    async for event in handle.fetch_history_events():
        asked = event.activity_task_scheduled_event_attributes
        if scheduled is None and asked.activity_type.name == activity:
            scheduled = event
        started = event.activity_task_started_event_attributes
        if scheduled is not None and started.scheduled_event_id == scheduled.event_id:
            waited = event.event_time.ToDatetime() - scheduled.event_time.ToDatetime()
            failure = started.last_failure.application_failure_info.type
            return Attempts(started.attempt, waited.total_seconds(), failure)
    raise AssertionError(f"The history has no {activity!r} that was started.")


async def warnings_of(handle: Handle) -> list[str]:
    """The warnings that people see."""
    lines: list[dict[str, Any]] = await handle.query("transcript")
    return [line["title"] for line in lines if line["kind"] == "warning"]


def failing(error: Mapping[str, Any], **conditions: Any) -> Script:
    """A script whose first decision fails as said, once unless the error says otherwise, and then reads a file."""
    first = {"for": "decide", "turn": 0, "error": {"times": 1, **error}, **READS, **conditions}
    return script_of([[READ]], before=[first])


def asked(bench: Bench, role: str, turn: int) -> list[str]:
    """The bodies of the questions of one role and turn."""
    return [each.body.decode() for each in bench.models.requests if (each.role, each.turn) == (role, turn)]


async def failure_of(handle: Handle) -> ApplicationError:
    """How the task failed."""
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def test_a_rate_limit_is_waited_for_by_a_timer_of_the_server(benches: Any) -> None:
    async with benches(failing({"status": 429, "retry_after": 1.5})) as bench:
        handle = await bench.start(mode="answer")

        async def waiting() -> str | None:
            described = await handle.describe()
            pending = described.raw_description.pending_activities
            # Between two attempts no worker holds the activity: nothing of a worker is needed for the wait.
            if [each.state for each in pending] != [PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED]:
                return None
            return pending[0].last_failure.application_failure_info.type or None

        assert await until(waiting) == "ModelUnavailable"
        result = await handle.result()
        attempts = await attempts_of(handle, "decide")
        assert (attempts.count, attempts.last_failure) == (2, "ModelUnavailable")
        assert 1.5 <= attempts.waited_s < 10
        assert result["status"] == "completed"
        undisturbed = await (await bench.start(mode="answer")).result()
        assert result["cost"] == undisturbed["cost"]


async def test_a_long_rate_limit_asks_the_next_model_instead(benches: Any) -> None:
    async with benches(failing({"status": 429, "retry_after": 3600})) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        assert (await attempts_of(handle, "decide")).count == 1
        assert "openai/gpt-oss-20b" in result["cost"]["models"]
        assert any("retry" in text or "limit" in text.lower() for text in await warnings_of(handle))


@pytest.mark.parametrize(
    "trouble",
    [
        {"error": {"status": 500, "times": 1}},
        {"error": {"status": 503, "times": 1}},
        {"error": {"status": 502, "times": 1, "body": "<html>Bad gateway</html>"}},
        {"drop": {"times": 1}},
    ],
    ids=["500", "503", "a proxy's page", "dropped connection"],
)
async def test_a_passing_trouble_is_tried_again(benches: Any, trouble: dict[str, Any]) -> None:
    first = {"for": "decide", "turn": 0, **trouble, **READS}
    async with benches(script_of([[READ]], before=[first])) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        attempts = await attempts_of(handle, "decide")
        assert (attempts.count, attempts.last_failure) == (2, "ModelUnavailable")
        assert result["status"] == "completed"
        assert result["cost"]["model_calls"] == 5


async def test_a_model_that_hangs_is_asked_again(benches: Any) -> None:
    slow = {"for": "decide", "turn": 0, "error": {"status": 500, "times": 1}, "delay_ms": 4_000}
    quick = {"for": "decide", "turn": 0, **READS}
    async with benches(script_of([[READ]], before=[slow, quick]), model_timeout_s=0.5) as bench:
        handle = await bench.start(mode="answer")
        await handle.result()
        attempts = await attempts_of(handle, "decide")
        assert attempts.count >= 2
        assert attempts.last_failure == "ModelUnavailable"


async def test_a_call_that_the_server_could_not_parse_is_corrected_in_the_same_attempt(benches: Any) -> None:
    written = '<function=read_file>{"path": "money/rounding.py"'
    error = {"status": 400, "code": "tool_use_failed", "failed_generation": written}
    async with benches(failing(error)) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        assert (await attempts_of(handle, "decide")).count == 1
        first, second = asked(bench, "decide", 0)
        assert written not in first
        assert written in str(json.loads(second)["messages"][-1]["content"])
        assert any("Failed to call a function" in text for text in await warnings_of(handle))
        # The refused generation was made, and is counted.
        assert result["cost"]["model_calls"] == 6


async def test_a_model_that_never_writes_a_usable_call_is_asked_about(benches: Any) -> None:
    error = {"status": 400, "code": "tool_use_failed", "failed_generation": "<nonsense>", "times": None}
    async with benches(failing(error)) as bench:
        handle = await bench.start(mode="answer")
        question = await bench.question(handle)
        assert question.kind.value == "stuck"
        assert "Failed to call a function" in question.text
        # Three times in a row, and each time corrected twice: nothing is tried for ever.
        assert len(asked(bench, "decide", 0)) == 9
        said = {"question_id": question.id, "choice": "stop", "by": "Ada"}
        # The overloads of the SDK's method are partly untyped.
        await handle.execute_update("answer", said)  # pyright: ignore[reportUnknownMemberType]
        assert (await handle.result())["status"] == "incomplete"


async def test_malformed_arguments_do_not_run_and_the_model_learns_why(benches: Any) -> None:
    cut = {"for": "decide", "turn": 0, "calls": [{"tool": "read_file", "raw": '{"path": "money/ro'}]}
    async with benches(script_of([[READ], [READ]], before=[cut])) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        assert [call["ok"] for call in await bench.calls(handle)] == [False, True]
        messages = json.loads(asked(bench, "decide", 1)[0])["messages"]
        told = [str(each["content"]) for each in messages if each["role"] == "tool"]
        assert len(told) == 1
        assert "The arguments are not one JSON object" in told[0]
        assert result["status"] == "completed"


async def test_a_plan_of_the_wrong_shape_is_corrected_once(benches: Any) -> None:
    wrong = {"for": "plan", "last": "Make the plan now", "content": {"goal": 3, "subtasks": "all"}}
    async with benches(script_of([[READ]], before=[wrong])) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        assert (await attempts_of(handle, "plan")).count == 1
        assert (await handle.query("plan"))["goal"] == "Round correctly."
        assert any("no valid 'Plan'" in text for text in await warnings_of(handle))
        assert result["cost"]["model_calls"] == 6


async def test_a_decommissioned_model_is_replaced_by_its_fallback_with_a_warning(benches: Any) -> None:
    made = script_of([[READ]]).model_copy(update={"decommissioned": ("openai/gpt-oss-120b",)})
    async with benches(made) as bench:
        handle = await bench.start(mode="answer")
        result = await handle.result()
        assert result["status"] == "completed"
        assert result["cost"]["models"] == ["openai/gpt-oss-20b"]
        warnings = await warnings_of(handle)
        assert any("'openai/gpt-oss-120b'" in text for text in warnings)
        # Each sentence once, although every step fell back.
        assert max(Counter(warnings).values()) == 1


async def test_a_wrong_key_fails_the_task_at_once_and_is_shown_nowhere(benches: Any) -> None:
    error = {"status": 401, "message": f"Invalid API Key {KEY}"}
    script = script_of([[READ]], before=[{"for": "plan", "error": error}])
    async with benches(script, groq_api_key=SecretStr(KEY), model_script=None) as bench:
        handle = await bench.start(mode="answer")
        failure = await failure_of(handle)
        assert failure.type == "ConfigurationError"
        assert "GROQ_API_KEY" in failure.message
        assert len(bench.models.requests) == 1
        history = await handle.fetch_history()
        written = "".join(MessageToJson(event) for event in history.events)
        assert "GROQ_API_KEY" in written
        assert KEY not in written


async def test_a_request_that_is_too_large_is_sent_once_more_and_smaller(benches: Any) -> None:
    # The overage leaves no room for an answer, so the conversation itself must shrink.
    told = "Request too large on tokens per minute (TPM): Limit 8000, Requested 250000, reduce your message size."
    error = {"status": 413, "code": "rate_limit_exceeded", "message": told, "times": 1}
    reads = [("read_file", {"path": "long.py"})]
    too_large = {"for": "decide", "turn": 2, "error": error, "content": "Everything is done."}
    script = script_of([reads, [("read_file", {"path": "other.py"})]], before=[too_large])
    async with benches(script) as bench:
        for name in ("long.py", "other.py"):
            (bench.repository / name).write_text(LONG)
        git(bench.repository, "add", "--all")
        git(bench.repository, "commit", "--quiet", "--message", "Long files")
        handle = await bench.start(mode="answer")
        result = await handle.result()
        first, second = asked(bench, "decide", 2)
        assert len(second) < 0.7 * len(first)
        assert result["status"] == "completed"
        assert result["cost"]["model_calls"] == 6


async def test_a_request_that_stays_too_large_fails_the_task_with_the_limit(benches: Any) -> None:
    async with benches(failing({"status": 413, "code": "rate_limit_exceeded", "times": None})) as bench:
        failure = await failure_of(await bench.start(mode="answer"))
        assert failure.type == "ContextTooLarge"
        assert "Limit" in failure.message
