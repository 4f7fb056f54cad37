"""What the Web UI or a script may send: bad input fails the task at once with the field named."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.workflows.conftest import script_of


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"request": "Fix it."}, "'repository' is missing"),
        ({"repository": "/tmp"}, "'request' is missing"),
        ({"request": "Fix it.", "repository": "/tmp", "repo": "x"}, "'repo' is unknown"),
        ({"request": 7, "repository": "/tmp"}, "'request'"),
        ({"request": "   ", "repository": "/tmp"}, "'request'"),
        ({"request": "x" * 200_000, "repository": "/tmp"}, "'request'"),
        ({"request": "Fix it.", "repository": "/tmp", "budget": {"steps": "many"}}, "'budget.steps'"),
        ({"request": "Fix it.", "repository": "/tmp", "priority": 9}, "'priority'"),
        ({"request": "Fix it.", "repository": "/tmp", "mode": "destroy"}, "'mode'"),
        ({"request": "Fix it.", "repository": "/tmp", "safety": "none"}, "'safety'"),
        (["Fix it."], "must be a JSON object, not list"),
        ("Fix it.", "must be a JSON object, not str"),
        (17, "must be a JSON object, not int"),
        ({}, "'request' is missing"),
    ],
)
async def test_the_field_is_named_and_nothing_is_retried(benches: Any, given: object, said: str) -> None:
    async with benches(script_of([])) as bench:
        handle = await bench.start(given)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        cause = failed.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "InvalidInput"
        assert said in cause.message
        assert cause.details[0]["status"] == "failed"


async def test_no_input_at_all_is_answered(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        handle = await bench.client.start_workflow(
            "CodingTask", id="no-input", task_queue=bench.settings.task_queue
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert "needs one JSON object" in str(failed.value.cause)


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        ("{folder}/nothing-here", "nothing-here"),
        ("{folder}", "not a Git repository"),
    ],
)
async def test_a_repository_that_cannot_be_used_fails_the_task_with_a_sentence(
    benches: Any, repository: str, said: str
) -> None:
    async with benches(script_of([])) as bench:
        (bench.folder / "plain").mkdir()
        handle = await bench.start(repository=repository.format(folder=bench.folder / "plain"))
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert isinstance(failed.value.cause, ApplicationError)
        assert failed.value.cause.type == "InvalidInput"
        assert said in failed.value.cause.message


async def test_a_repository_outside_the_allowed_roots_is_refused(benches: Any) -> None:
    async with benches(script_of([]), repository_roots=("/srv/code",)) as bench:
        handle = await bench.start()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert "PERDURE_REPOSITORY_ROOTS" in str(failed.value.cause)
