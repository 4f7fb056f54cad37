"""Tasks from the outside: started, asked, decided, ended."""

import asyncio
import pickle
from itertools import pairwise

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from perdure.client import (
    NotPending,
    NoWorker,
    PerdureClient,
    Refused,
    TaskCanceled,
    TaskFailed,
    TaskNotFound,
)
from perdure.client.decoding import telling_message
from perdure.client.events import Spoken
from perdure.contracts.decisions import Decide
from perdure.contracts.errors import InvalidInput
from perdure.contracts.task import TaskRequest, TaskStatus
from tests.client.player import Player, summary
from tests.client.waiting import LIMIT_S, approval_of, event_of, question_of

REPOSITORY = "/srv/shop"


async def test_a_task_goes_from_its_start_to_its_result(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend the rounding", repository=REPOSITORY, user="ada", labels={"ticket": "1"})
    await task.approve((await approval_of(task)).id, by="ada")
    result = await task.result()
    assert (result.status, result.summary, result.steps) == (
        TaskStatus.COMPLETED,
        "The rounding is mended.",
        4,
    )
    assert worker.requests[0].request == TaskRequest(
        request="Mend the rounding", repository=REPOSITORY, user="ada", labels={"ticket": "1"}
    )
    assert worker.requests[0].task_id == task.task_id


async def test_the_id_is_made_from_the_request(client: PerdureClient, worker: Player) -> None:
    worker.decisions = ()
    task = await client.start("Mend the Rounding, in *all* totals of the shop please", repository=REPOSITORY)
    assert task.id.startswith("task-mend-the-rounding-in-all-totals-of-the-")
    assert (await task.describe()).summary == "Mend the Rounding, in *all* totals of the shop please"
    await task.result()


async def test_a_running_id_is_not_started_twice(client: PerdureClient, worker: Player) -> None:
    worker.hold.clear()
    task = await client.start("First", repository=REPOSITORY, id=f"same-{worker.task_queue}")
    with pytest.raises(Refused, match="is running already"):
        await client.start("Second", repository=REPOSITORY, id=task.id)
    worker.decisions = ()
    worker.hold.set()
    await task.result()


async def test_bad_fields_of_a_request_are_named(client: PerdureClient) -> None:
    with pytest.raises(InvalidInput, match=r"'repository' is missing. The field 'safety' cannot be used"):
        await client.start("Mend it", safety="reckless")


async def test_queries_show_the_task(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend the rounding", repository=REPOSITORY)
    approval = await approval_of(task)
    status, plan, lines = await task.status(), await task.plan(), await task.transcript()
    spending = await task.cost()
    assert (status.status, status.needs, status.step, status.steps) == ("waiting", "approval", 2, 50)
    assert (status.scripted, status.models, status.branch) == (True, ("script",), "perdure/x")
    assert plan is not None
    assert plan.goal == "Mend the rounding"
    assert [line.title for line in lines if line.kind == "call"] == ["read_file app.py", "search_text total"]
    assert spending.limits is not None
    assert (spending.cost.model_calls, spending.limits.usd) == (3, 2)
    await task.deny(approval.id, reason="not today", by="Ada")
    assert (await task.result()).pushed is False


async def test_the_plan_is_none_before_it_is_made(client: PerdureClient, worker: Player) -> None:
    worker.fail_opening = "no"
    task = await client.start("Mend it", repository=REPOSITORY)
    with pytest.raises(TaskFailed):
        await task.result()
    assert await task.plan() is None
    assert (await task.cost()).limits is None


async def test_an_unknown_approval_is_answered_with_what_waits(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend it", repository=REPOSITORY)
    approval = await approval_of(task)
    with pytest.raises(NotPending, match=f"What waits: {approval.id}") as caught:
        await task.approve("feedfeedfeed", by="Ada")
    assert caught.value.pending == (approval.id,)
    await task.deny(approval.id, by="Ada")
    await task.result()


async def test_a_refused_decision_says_why(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend it", repository=REPOSITORY)
    approval = await approval_of(task)
    with pytest.raises(Refused, match="needs the field 'arguments'"):
        await task.decide(Decide(approval_id=approval.id, verdict="edit"))
    await task.cancel()


async def test_the_same_decision_twice_is_recorded_once(client: PerdureClient, worker: Player) -> None:
    worker.hold.clear()
    task = await client.start("Mend it", repository=REPOSITORY)
    worker.hold.set()
    approval = await approval_of(task)
    worker.hold.clear()
    receipts = [await task.approve(approval.id, by="ada") for _ in range(2)]
    assert receipts[0] == receipts[1]
    with pytest.raises(NotPending, match="already decided: approve"):
        await task.deny(approval.id, by="Ada")
    worker.hold.set()
    await task.result()


async def test_a_question_is_answered_with_a_larger_budget(client: PerdureClient, worker: Player) -> None:
    worker.steps = 1
    worker.decisions = ((summary(0, "read_file a"),), (summary(0, "read_file b"),))
    task = await client.start("Mend it", repository=REPOSITORY)
    question = await question_of(task)
    assert question.choices == ("extend", "wrap_up", "stop")
    with pytest.raises(Refused, match="is no choice"):
        await task.answer(question.id, "perhaps")
    receipt = await task.answer(question.id, "extend", budget={"steps": 40}, by="ada")
    assert receipt.recorded == "extend"
    assert (await task.result()).steps == 4


async def test_a_steering_message_and_a_pause_reach_the_task(client: PerdureClient, worker: Player) -> None:
    worker.hold.clear()
    worker.decisions = (worker.decisions[0],)
    task = await client.start("Mend it", repository=REPOSITORY)
    await task.pause()
    await task.steer("Look at the tests first.")
    await event_of(task, lambda event: isinstance(event, Spoken) and event.what == "pause")
    assert (await task.status()).paused
    await task.resume()
    worker.hold.set()
    await task.result()


async def test_a_failed_task_raises_with_what_it_reported(client: PerdureClient, worker: Player) -> None:
    worker.fail_opening = "PERDURE_REPOSITORY_ROOTS does not allow '/srv/shop'."
    task = await client.start("Mend it", repository=REPOSITORY)
    with pytest.raises(TaskFailed, match="does not allow '/srv/shop'") as caught:
        await task.result()
    assert caught.value.result is not None
    assert caught.value.result.status is TaskStatus.FAILED
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.args) == (TaskFailed, caught.value.args)


async def test_a_cancelled_task_raises_and_takes_no_more_orders(
    client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend it", repository=REPOSITORY)
    approval = await approval_of(task)
    await task.cancel(reason="changed my mind")
    with pytest.raises(TaskCanceled, match="was cancelled"):
        await task.result()
    with pytest.raises(Refused, match="is over"):
        await task.approve(approval.id, by="Ada")
    with pytest.raises(Refused, match="is over"):
        await task.pause()
    with pytest.raises(Refused, match="is over"):
        await task.cancel()


async def test_without_a_worker_a_question_to_the_task_says_so_in_time(
    temporal_client: Client, player: Player
) -> None:
    hasty = PerdureClient(temporal_client, task_queue=player.task_queue, answer_s=3.0)
    task = await hasty.start("Mend it", repository=REPOSITORY)
    with pytest.raises(NoWorker, match=f"No worker polls task queue '{player.task_queue}'"):
        await task.status()
    with pytest.raises(NoWorker, match="sending the same again is safe"):
        await task.approve("feedfeedfeed", by="Ada")
    assert (await task.describe()).open


async def test_an_unknown_task_is_named(client: PerdureClient) -> None:
    with pytest.raises(TaskNotFound, match="There is no task 'task-none-000000'"):
        await client.task("task-none-000000")
    with pytest.raises(TaskNotFound, match="0f0f0f0f-0000-4000-8000-0f0f0f0f0f0f"):
        await client.task("0f0f0f0f-0000-4000-8000-0f0f0f0f0f0f")


async def test_a_task_is_found_by_its_task_id(client: PerdureClient, worker: Player) -> None:
    worker.decisions = ()
    started = await client.start("Mend it", repository=REPOSITORY)
    await started.result()
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                found = await client.task(started.task_id)
                break
            except TaskNotFound:
                # The list that maps runs to tasks is updated a moment after the start.
                await asyncio.sleep(0.05)
    assert (found.id, found.task_id) == (started.id, started.task_id)


def test_a_failure_is_told_by_the_sentence_that_was_written_for_people() -> None:
    def chain(*errors: BaseException) -> BaseException:
        for outer, inner in pairwise(errors):
            outer.__cause__ = inner
        return errors[0]

    sentence = ApplicationError("PostgreSQL does not answer. hint: start it.", type="StoreUnavailable")
    deepest = ApplicationError("connection was closed", type="ConnectionDoesNotExistError")
    assert telling_message(chain(RuntimeError("Activity task failed"), sentence, deepest)) == sentence.message
    assert (
        telling_message(chain(RuntimeError("Activity task timed out"), RuntimeError("heartbeat")))
        == "heartbeat"
    )
    assert telling_message(None) == ""
