"""What the event history tells of a task, read without a worker's help."""

import asyncio
from collections.abc import Sequence

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.client import PerdureClient, TaskFailed, TaskHandle
from perdure.client.events import (
    ApprovalAsked,
    Doing,
    Ended,
    Event,
    Opened,
    Planned,
    Retried,
    Rewound,
    Spoken,
    Started,
    Waiting,
)
from perdure.contracts.task import TaskResult, TaskStatus
from tests.client.continuing_task import ContinuingTask
from tests.client.player import Player, summary
from tests.client.waiting import LIMIT_S, all_events, approval_of, event_of, question_of


def kinds(events: Sequence[Event]) -> list[str]:
    """The kinds without the steps being handed out."""
    return [event.kind for event in events if not isinstance(event, Doing)]


async def test_a_whole_task_is_told(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend the rounding", repository="/srv/shop", user="ada")
    approval = await approval_of(task)
    await task.approve(approval.id, reason="looks right", by="ada")
    events = await all_events(task)
    assert kinds(events) == [
        "started", "opened", "prepared", "planned", "decided", "executed", "decided", "approval_asked", "waiting",
        "spoken", "approval_decided", "executed", "decided", "reflected", "checked", "written", "finished", "finished", "ended",
    ]  # fmt: skip
    told = {type(event): event for event in events}
    started, opened, planned = told[Started], told[Opened], told[Planned]
    assert isinstance(started, Started)
    assert started.request is not None
    assert started.request.user == "ada"
    assert isinstance(opened, Opened)
    assert (opened.scripted, opened.limits.steps) == (True, 50)
    assert isinstance(planned, Planned)
    assert [part.title for part in planned.plan.subtasks] == ["find it", "mend it"]
    asked, said, ended = told[ApprovalAsked], told[Spoken], told[Ended]
    assert isinstance(asked, ApprovalAsked)
    assert (asked.approval_id, asked.title, asked.step) == (approval.id, "git_push perdure/x", 2)
    assert isinstance(said, Spoken)
    assert (said.what, said.id, said.text, said.by) == ("approve", approval.id, "looks right", "ada")
    assert isinstance(ended, Ended)
    assert isinstance(ended.result, TaskResult)
    assert (ended.status, ended.result.steps) == (TaskStatus.COMPLETED, 4)


async def test_steps_carry_the_titles_that_the_web_ui_shows(client: PerdureClient, worker: Player) -> None:
    worker.decisions = worker.decisions[:1]
    task = await client.start("Mend it", repository="/srv/shop")
    titles = [event.title for event in await all_events(task) if isinstance(event, Doing)]
    assert titles[:2] == ["open the task: record the request", "clone /srv/shop"]
    assert "step 1: read_file app.py; search_text total" in titles


async def test_events_are_told_without_a_worker(
    client: PerdureClient, temporal_client: Client, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    events = [event async for event in task.events(wait=False)]
    assert kinds(events) == ["started"]


async def test_a_question_is_told_as_waiting_for_an_answer(client: PerdureClient, worker: Player) -> None:
    worker.steps, worker.registered = 1, False
    worker.decisions = ((summary(0, "read_file a"),), (summary(0, "read_file b"),))
    task = await client.start("Mend it", repository="/srv/shop")
    question = await question_of(task)
    await task.answer(question.id, "wrap_up", text="that will do", by="ada")
    said = [event for event in await all_events(task) if isinstance(event, Spoken)]
    assert [(each.what, each.id, each.text) for each in said] == [
        ("answer", question.id, "wrap_up: that will do")
    ]


async def test_signals_and_attempts_are_told(client: PerdureClient, worker: Player) -> None:
    worker.hold.clear()
    worker.fail_plan_once = True
    worker.decisions = ()
    task = await client.start("Mend it", repository="/srv/shop")
    await task.steer("Look at the tests first.")
    await event_of(task, lambda event: isinstance(event, Spoken))
    worker.hold.set()
    events = await all_events(task)
    retried = next(event for event in events if isinstance(event, Retried))
    assert (retried.activity, retried.attempt, retried.because) == ("plan", 2, "the model is busy")
    said = next(event for event in events if isinstance(event, Spoken))
    assert (said.what, said.text) == ("steer", "Look at the tests first.")


async def test_a_failed_task_tells_why(client: PerdureClient, worker: Player) -> None:
    worker.fail_opening = "The repository is not allowed."
    task = await client.start("Mend it", repository="/srv/shop")
    ended = (await all_events(task))[-1]
    assert isinstance(ended, Ended)
    assert (ended.status, ended.summary) == (TaskStatus.FAILED, "The repository is not allowed.")
    assert ended.result is not None


async def test_a_terminated_task_tells_the_reason(
    client: PerdureClient, temporal_client: Client, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await temporal_client.get_workflow_handle(task.id).terminate(reason="the house burns")
    ended = (await all_events(task))[-1]
    assert isinstance(ended, Ended)
    assert (ended.status, ended.result) == (TaskStatus.FAILED, None)
    assert "the house burns" in ended.summary


async def test_after_a_reset_the_events_that_stand_are_told_again(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    before = await approval_of(task)
    await reset(temporal_client, task)
    rewound = await event_of(task, lambda event: True)
    assert isinstance(rewound, Started), "a reader who comes later sees only what stands"
    after = await approval_of(task)
    assert after.id != before.id
    await task.deny(after.id, by="Ada")
    events = await all_events(task)
    asked = [event.approval_id for event in events if isinstance(event, ApprovalAsked)]
    assert asked[-1] == after.id
    assert isinstance(events[-1], Ended)
    assert events[-1].status is TaskStatus.COMPLETED


async def test_who_watches_during_a_reset_is_told_of_it(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    seen: list[Event] = []
    async for event in task.events():
        seen.append(event)
        waits = isinstance(event, Waiting)
        rewound = any(isinstance(each, Rewound) for each in seen)
        if waits and not rewound:
            await reset(temporal_client, task)
        elif waits:
            await task.deny((await approval_of(task)).id, by="Ada")
    told = kinds(seen)
    again = told.index("rewound")
    assert told[again + 1 : again + 5] == ["started", "opened", "prepared", "planned"]
    assert told[-1] == "ended"


async def test_who_waits_for_the_result_during_a_reset_gets_that_of_the_run_that_stands(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    first = await approval_of(task)
    waiting = asyncio.ensure_future(task.wait(LIMIT_S))
    # The waiter must have asked the server for the end of the run that the reset will end.
    await asyncio.sleep(0)
    await task.describe()
    await reset(temporal_client, task)
    second = await approval_of(task)
    assert second.id != first.id
    assert not waiting.done()
    await task.deny(second.id, by="Ada")
    assert (await waiting).status is TaskStatus.COMPLETED


async def test_a_task_started_anew_under_the_same_id_does_not_stand_for_one_that_was_terminated(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    waiting = asyncio.ensure_future(task.wait(LIMIT_S))
    await asyncio.sleep(0)
    await task.describe()
    await temporal_client.get_workflow_handle(task.id).terminate(reason="the house burns")
    worker.decisions = ()
    await client.start("Mend it again", repository="/srv/shop", id=task.id)
    with pytest.raises(TaskFailed, match="the house burns"):
        await waiting


async def test_a_task_that_goes_on_in_a_new_run_is_told_as_one(
    client: PerdureClient, temporal_client: Client, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    async with Worker(
        temporal_client,
        task_queue=player.task_queue,
        workflows=[ContinuingTask],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        as_it_happened = await all_events(task)
        assert (await task.result()).summary == "in the second run"
    told_later = await all_events(task)
    assert kinds(as_it_happened) == kinds(told_later) == ["started", "started", "ended"]
    assert as_it_happened == told_later
    assert [event.continued for event in told_later if isinstance(event, Started)] == [False, True]
    described = await task.describe()
    assert (described.task_id, described.run_id != task.task_id) == (task.task_id, True)


async def reset(temporal_client: Client, task: TaskHandle) -> None:
    """Cut the history after the plan, as the Web UI's reset does."""
    handle = temporal_client.get_workflow_handle(task.id)
    history = await handle.fetch_history()
    first_decide = next(
        event.event_id
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "decide"
    )
    boundary = max(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and event.event_id < first_decide
    )
    await temporal_client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal_client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=task.id),
            reason="test",
            workflow_task_finish_event_id=boundary,
            request_id="reset-" + task.id,
            reset_reapply_exclude_types=[
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
            ],
        )
    )
