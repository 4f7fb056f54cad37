"""How each recorded history comes about: a script, a person, and what happens to the worker."""

import asyncio
import json
import shutil
from typing import Any

from temporalio.api.enums.v1 import EventType

from perdure.client import PerdureClient
from perdure.contracts.names import SWEEP, TASK_LOOKUP
from perdure.contracts.task import Safety
from tests.faults.errand import COUNTER
from tests.faults.person import approving
from tests.histories import consent_recipes, going_back_recipes, upkeep_recipes, waiting_recipes
from tests.histories.staging import (
    QUICK,
    Handle,
    Recipe,
    Stage,
    answer,
    approve_all,
    counted,
    ended,
    has_called,
)
from tests.tools.mcp_servers import program, write_servers
from tests.workflows.conftest import (
    FIX,
    READ,
    TESTS,
    Call,
    calls_of,
    script_of,
    until,
)
from tests.workflows.test_attach import attach
from tests.workflows.test_rebuilt import INSTALL_SCRIPT, installed_again
from tests.workflows.test_reset import reset_to, task_before_decision
from tests.workflows.test_tool_costs import explaining

WRITING: Call = ("execute_command", {"command": "echo changed > made.txt", "writes": True})
LASTING: Call = (
    "execute_command",
    {"command": f"sleep 0.2; echo once >> {COUNTER}; sleep 1", "writes": True},
)
SLEEPING: Call = ("execute_command", {"command": "sleep 60"})


async def completed(stage: Stage) -> Handle:
    """A bug is mended, tested, committed and pushed."""
    async with stage.bench(script_of([[READ], [FIX], [TESTS]])) as bench:
        return await approve_all(bench, await bench.start(user="Ada", priority=2))


async def continued(stage: Stage) -> Handle:
    """The first run of a task that goes on in a second."""
    return (await _runs_of_a_long_task(stage))[0]


async def continuing(stage: Stage) -> Handle:
    """The last run of a task that another run began."""
    return (await _runs_of_a_long_task(stage))[-1]


async def _runs_of_a_long_task(stage: Stage) -> list[Handle]:
    looks: list[list[Call]] = [
        [("read_file", {"path": "money/rounding.py", "limit": n})] for n in (1, 2, 3, 4)
    ]
    async with stage.bench(script_of(looks), continue_after_events=40) as bench:
        handle = await bench.start(mode="answer")
        await ended(handle)
        task = await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task(handle.id)
        runs = dict.fromkeys([event.run_id async for event in task.events(wait=False)])
        return [bench.client.get_workflow_handle(handle.id, run_id=run) for run in runs]


async def packages_installed_again(stage: Stage) -> Handle:
    """The workspace vanishes after packages were installed."""
    async with stage.bench(INSTALL_SCRIPT) as bench:
        return await installed_again(bench, stage.folder / "packages")


async def moved_over(stage: Stage) -> Handle:
    """The run of a task that is told to move to another version while it waits for an approval."""
    return await _run_of_a_moved_task(stage, "before")


async def taken_up(stage: Stage) -> Handle:
    """The run after it, which asks for the same call anew."""
    return await _run_of_a_moved_task(stage, "after")


async def _run_of_a_moved_task(stage: Stage, which: str) -> Handle:
    async with stage.bench(script_of([[READ, WRITING], [FIX]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        # The overloads of the SDK's method are partly untyped.
        await handle.execute_update("upgrade")  # pyright: ignore[reportUnknownMemberType]
        after = bench.client.get_workflow_handle(handle.id)
        fresh = await bench.approval(after, but=old.id)
        await bench.decide(after, fresh, "approve")
        push = await bench.approval(after, but=fresh.id)
        await bench.decide(after, push, "approve")
        await after.result()
        last = (await after.describe()).run_id
        run = handle.first_execution_run_id if which == "before" else last
        return bench.client.get_workflow_handle(handle.id, run_id=run)


async def attached(stage: Stage) -> Handle:
    """The task is started by the update that attaches to it."""
    async with stage.bench(script_of([[READ]])) as bench:
        request = {"request": "Round correctly.", "repository": str(bench.repository), "mode": "answer"}
        await attach(bench, request, workflow_id="attached")
        return await ended(bench.handles[0])


async def looked_up(stage: Stage) -> Handle:
    """A lookup of a stored output that is not there."""
    async with stage.bench(script_of([[READ]])) as bench:
        asked = {"task_id": "unknown", "what": "artifact", "artifact_id": "ab" * 32}
        queue = bench.settings.task_queue
        return await ended(
            await bench.client.start_workflow(TASK_LOOKUP, asked, id="lookup", task_queue=queue)
        )


async def looked_up_change(stage: Stage) -> Handle:
    """A lookup of the change that a task made."""
    async with stage.bench(script_of([[FIX]])) as bench:
        handle = await bench.start()
        await bench.approval(handle)
        [prepared] = [
            event.activity_task_completed_event_attributes.result.payloads[0]
            async for event in handle.fetch_history_events()
            if b'"host_queue"' in event.activity_task_completed_event_attributes.result.SerializeToString()
        ]
        workspace = json.loads(prepared.data)["workspace"]
        asked = {"task_id": handle.result_run_id, "what": "diff", "host_queue": workspace["host_queue"]}
        asked |= {"checkpoint": workspace["checkpoint"], "form": "stat"}
        queue = bench.settings.task_queue
        return await ended(
            await bench.client.start_workflow(TASK_LOOKUP, asked, id="lookup", task_queue=queue)
        )


async def swept(stage: Stage) -> Handle:
    """A sweep that archives a run and removes its files."""
    async with stage.bench(script_of([[READ]])) as bench:
        queue = bench.settings.task_queue
        await bench.house.record.seen(queue, bench.house.host_id)
        await ended(await bench.start(mode="answer"))

        async def listed() -> bool | None:
            query = f"TaskQueue = '{queue}' AND ExecutionStatus = 'Completed'"
            return True if [run async for run in bench.client.list_workflows(query)] else None

        await until(listed)
        terms = {"keep_workspaces_s": 0}
        return await ended(await bench.client.start_workflow(SWEEP, terms, id="sweep", task_queue=queue))


async def denied_push(stage: Stage) -> Handle:
    """The push is denied with a reason."""
    async with stage.bench(script_of([[FIX]])) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "deny", reason="not on a Friday")
        return await ended(handle)


async def approved_command(stage: Stage) -> Handle:
    """A command that writes is approved by an update, the push by a signal."""
    async with stage.bench(script_of([[WRITING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "approve")
        push = await bench.approval(handle, but=first.id)
        await handle.signal("approve", {"approval_id": push.id, "by": "Ada"})
        return await ended(handle)


async def edited_command(stage: Stage) -> Handle:
    """A command is edited before it is approved; another is denied, and the model reads why."""
    async with stage.bench(script_of([[WRITING], [WRITING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        arguments = {"command": "echo edited > made.txt", "writes": True}
        await bench.decide(handle, first, "edit", arguments=arguments)
        second = await bench.approval(handle, but=first.id)
        await bench.decide(handle, second, "approve")
        third = await bench.approval(handle, but=second.id)
        await bench.decide(handle, third, "deny", reason="once is enough")
        push = await bench.approval(handle, but=third.id)
        await bench.decide(handle, push, "approve")
        return await ended(handle)


async def expired_approval(stage: Stage) -> Handle:
    """Nobody decides before the deadline, in spite of reminders."""
    async with stage.bench(script_of([[FIX]]), approval_deadline_s=1.5, approval_reminder_s=0.5) as bench:
        return await ended(await bench.start())


async def budget_questions(stage: Stage) -> Handle:
    """The budget is extended once, then the task is wrapped up."""
    async with stage.bench(script_of([[READ], [FIX], [TESTS]])) as bench:
        handle = await bench.start(budget={"steps": 1})
        first = await bench.question(handle)
        await answer(handle, first.id, "extend", budget={"steps": 2})
        second = await bench.question(handle, but=first.id)
        await answer(handle, second.id, "wrap_up")
        return await approve_all(bench, handle)


async def tool_asked_model(stage: Stage) -> Handle:
    """A tool's question to a model uses up the budget, which is extended."""
    async with stage.bench(explaining()) as bench:
        handle = await bench.start(budget={"tokens": 60_000})
        await answer(handle, (await bench.question(handle)).id, "extend", budget={"tokens": 900_000})
        return await approve_all(bench, handle)


async def loop_question(stage: Stage) -> Handle:
    """The same call again and again is reflected on, asked about, and stopped."""
    async with stage.bench(script_of([[READ]] * 8)) as bench:
        handle = await bench.start()
        await answer(handle, (await bench.question(handle)).id, "stop")
        return await ended(handle)


async def steered_and_paused(stage: Stage) -> Handle:
    """A person steers, pauses and resumes."""
    slow: dict[str, Any] = {"for": "decide", "turn": 0, "delay_ms": 600, "calls": calls_of([READ])}
    async with stage.bench(script_of([[READ], [FIX]], before=[slow])) as bench:
        handle = await bench.start()
        await handle.signal("pause")
        await handle.signal("steer", {"message": "mind the negative amounts"})

        async def paused() -> bool | None:
            return (await handle.query("status"))["doing"] == "paused by a person" or None

        await until(paused)
        await handle.signal("resume")
        return await approve_all(bench, handle)


async def cancelled(stage: Stage) -> Handle:
    """The task is cancelled while a tool runs."""
    async with stage.bench(script_of([[SLEEPING]])) as bench:
        handle = await bench.start()

        async def runs() -> bool | None:
            described = await handle.describe()
            pending = described.raw_description.pending_activities
            return any(each.activity_type.name == "execute_calls" for each in pending) or None

        await until(runs)
        await asyncio.sleep(0.5)
        await handle.cancel()
        return await ended(handle)


async def bad_input(stage: Stage) -> Handle:
    """A field is missing, so the task fails at once."""
    async with stage.bench(script_of([])) as bench:
        return await ended(await bench.start({"request": "Round correctly."}))


async def rate_limited(stage: Stage) -> Handle:
    """The model's server asks to wait, then a decision needs a correction."""
    limit = {"for": "decide", "turn": 0, "error": {"status": 429, "retry_after": 1, "times": 1}}
    wrong = {"for": "decide", "turn": 1, "error": {"status": 400, "code": "tool_use_failed", "times": 1}}
    async with stage.bench(script_of([[READ], [READ]], before=[limit, wrong])) as bench:
        return await ended(await bench.start(mode="answer"))


async def unusable_answers(stage: Stage) -> Handle:
    """The model writes nothing usable three times in a row, and a person says to wrap up."""
    error = {"status": 400, "code": "tool_use_failed", "failed_generation": "<nonsense>"}
    async with stage.bench(script_of([], before=[{"for": "decide", "error": error}])) as bench:
        handle = await bench.start(mode="answer")
        await answer(handle, (await bench.question(handle)).id, "wrap_up")
        return await ended(handle)


async def restore_question(stage: Stage) -> Handle:
    """The workspace vanishes with its checkpoints, and a person stops the task."""
    slow: dict[str, Any] = {"for": "decide", "turn": 1, "delay_ms": 1_500, "calls": calls_of([READ])}
    async with stage.bench(script_of([[FIX], [READ]], before=[slow])) as bench:
        handle = await bench.start()
        await until(lambda: has_called(bench, handle))
        shutil.rmtree(stage.folder / "home" / "workspaces")
        await answer(handle, (await bench.question(handle)).id, "stop")
        return await ended(handle)


async def unknown_effect(stage: Stage) -> Handle:
    """A server dies after it acted and before it answered, and a person leaves it at that; nobody was asked before."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    servers = write_servers(stage.folder, things=program(stage.folder))
    turns: list[list[Call]] = [[("things__die", {"after_recording": True})], [READ]]
    changes: dict[str, Any] = {"mcp_servers": servers, "max_safety": Safety.AUTONOMOUS}
    async with stage.bench(script_of(turns), **changes) as bench:
        handle = await bench.start(safety="autonomous")
        await answer(handle, (await bench.question(handle)).id, "leave")
        return await approve_all(bench, handle)


async def killed_worker(stage: Stage) -> Handle:
    """The worker is killed while an approved command runs, and the next attempt goes on from the checkpoint."""
    async with stage.installation(script_of([[FIX], [LASTING], [READ]])) as at:
        worker = at.worker()
        await worker.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at)
            await worker.kill()
            await worker.start()
            return await ended(handle)


async def taken_over(stage: Stage) -> Handle:
    """The host is silent for longer than it may, so the workspace is rebuilt from its checkpoint."""
    async with stage.installation(script_of([[FIX], [LASTING], [READ]])) as at:
        worker = at.worker(changes=QUICK)
        await worker.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at)
            await worker.kill()
            await asyncio.sleep(4)
            await worker.start()
            return await ended(handle)


async def silent_host(stage: Stage) -> Handle:
    """The host does not answer in time, so another one is asked for the workspace at once."""
    async with stage.installation(script_of([[FIX], [LASTING], [READ]])) as at:
        first, other = at.worker("first", changes=QUICK), at.worker("other", changes=QUICK)
        await first.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at, "first")
            await first.kill()
            await other.start()
            return await ended(handle)


async def reset(stage: Stage) -> Handle:
    """The task is reset to before an approval was given, and everything is asked anew."""
    async with stage.bench(script_of([[LASTING], [READ]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        await bench.decide(handle, old, "approve")
        await bench.approval(handle, but=old.id)
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        again = await reset_to(bench, handle, point)
        return await approve_all(bench, again)


RECIPES: tuple[Recipe, ...] = (
    *upkeep_recipes.RECIPES,
    *going_back_recipes.RECIPES,
    *consent_recipes.RECIPES,
    *waiting_recipes.RECIPES,
    completed,
    continued,
    continuing,
    packages_installed_again,
    moved_over,
    taken_up,
    attached,
    looked_up,
    looked_up_change,
    swept,
    denied_push,
    approved_command,
    edited_command,
    expired_approval,
    budget_questions,
    tool_asked_model,
    loop_question,
    steered_and_paused,
    cancelled,
    bad_input,
    rate_limited,
    unusable_answers,
    restore_question,
    unknown_effect,
    killed_worker,
    taken_over,
    silent_host,
    reset,
)
