"""Every recorded history replays with the workflow as it is now, so running tasks survive an update."""

import base64
import re
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from perdure.settings import PROJECT_FOLDER
from scripts.replay import replayer
from tests.histories.recipes import RECIPES
from tests.histories.record import DATA, HISTORIES, MAX_BYTES, PLACE

FILES = sorted(HISTORIES.glob("*.json"))
#: Where the sandbox lets npm keep what it fetched.
OF_THE_SANDBOX = "/tmp/npm-cache"


def read(file: Path) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(file.stem, file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_replays(file: Path) -> None:
    await replayer().replay_workflow(read(file))


def test_every_recipe_is_recorded() -> None:
    assert {recipe.__name__ for recipe in RECIPES} <= {file.stem for file in FILES}


async def test_a_history_that_the_workflow_would_not_make_is_refused() -> None:
    history = read(HISTORIES / "completed.json")
    for event in history.events:
        if event.activity_task_scheduled_event_attributes.activity_type.name == "plan":
            event.activity_task_scheduled_event_attributes.activity_type.name = "dream"
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_is_small_and_names_no_folder_of_the_machine_that_recorded_it(file: Path) -> None:
    text = file.read_text()
    assert len(text.encode()) <= MAX_BYTES
    payloads = "".join(base64.b64decode(data).decode("utf-8", "replace") for data in DATA.findall(text))
    assert str(PROJECT_FOLDER) not in text + payloads
    named = set(re.findall(r"/(?:home|root|tmp|var|work|Users)/[\w./-]*", text + payloads))
    assert {path for path in named if not path.startswith((str(PLACE), OF_THE_SANDBOX))} == set()


def kinds(name: str) -> list[str]:
    """The kinds of events of a recorded history."""
    prefix = "EVENT_TYPE_"
    return [EventType.Name(event.event_type).removeprefix(prefix) for event in read_named(name).events]


def read_named(name: str) -> WorkflowHistory:
    """The history of a recipe."""
    return read(HISTORIES / f"{name}.json")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("completed", "WORKFLOW_EXECUTION_COMPLETED"),
        ("approved_command", "WORKFLOW_EXECUTION_SIGNALED"),
        ("edited_command", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"),
        ("expired_approval", "TIMER_FIRED"),
        ("cancelled", "WORKFLOW_EXECUTION_CANCELED"),
        ("moved_over", "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"),
        ("bad_input", "WORKFLOW_EXECUTION_FAILED"),
        ("taken_over", "ACTIVITY_TASK_TIMED_OUT"),
        ("upkeep_taken_over", "ACTIVITY_TASK_TIMED_OUT"),
        ("unchanged_after_denial", "MARKER_RECORDED"),
        ("reset", "WORKFLOW_TASK_FAILED"),
        ("reset_after_push", "WORKFLOW_TASK_FAILED"),
    ],
)
def test_a_history_holds_what_its_name_says(name: str, kind: str) -> None:
    assert kind in kinds(name)


def test_the_killed_worker_was_noticed_by_its_heartbeat_and_the_next_attempt_finished() -> None:
    started = [event.activity_task_started_event_attributes for event in read_named("killed_worker").events]
    retried = [each for each in started if each.attempt > 1]
    assert retried
    assert any("imeout" in str(each.last_failure) for each in retried)


def test_the_rate_limit_was_a_retry_of_the_server() -> None:
    started = [event.activity_task_started_event_attributes for event in read_named("rate_limited").events]
    waited = [each.last_failure.application_failure_info.type for each in started if each.attempt > 1]
    assert waited == ["ModelUnavailable"]
