"""How the recorded histories of tasks that go on from an earlier step come about."""

from perdure.client import PerdureClient
from perdure.client.runs import standing_runs
from perdure.client.server import Server
from tests.histories.staging import Handle, Recipe, Stage, approve_all, ended
from tests.workflows.conftest import FIX, READ, TESTS, script_of
from tests.workflows.test_reset import first_task, reset_to


async def rewound(stage: Stage) -> Handle:
    """A task that ended with a push is taken back to its first step, and pushes another branch."""
    async with stage.bench(script_of([[READ], [FIX], [TESTS]])) as bench:
        handle = await bench.start()
        await bench.finish(handle)
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        receipt = await (await client.task(handle.id)).rewind(to=1, by="Ada")
        again: Handle = bench.client.get_workflow_handle(handle.id, run_id=receipt.run_id)
        bench.handles.append(again)
        return await approve_all(bench, again)


async def rewound_past_a_run(stage: Stage) -> Handle:
    """A task that went on in new runs is taken back to a step of its first one."""
    looks = [[("read_file", {"path": "money/rounding.py", "limit": 1 + at})] for at in range(12)]
    async with stage.bench(
        script_of([[FIX], *looks]), continue_after_events=60, reflect_every=1_000
    ) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        receipt = await (await client.task(handle.id)).rewind(to=1, by="Ada")
        current: Handle = bench.client.get_workflow_handle(handle.id)
        bench.handles.append(current)
        await bench.approval(current, but=push.id)
        await approve_all(bench, current)
        return bench.client.get_workflow_handle(handle.id, run_id=receipt.run_id)


async def reset_to_the_beginning_of_a_run(stage: Stage) -> Handle:
    """A task that went on in new runs is reset to the first workflow task of its second one, as the Web UI can do it."""
    looks = [[("read_file", {"path": "money/rounding.py", "limit": 1 + at})] for at in range(12)]
    async with stage.bench(
        script_of([[FIX], *looks]), continue_after_events=60, reflect_every=1_000
    ) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        second = (await standing_runs(Server(bench.client, "here"), handle.id))[1]
        run: Handle = bench.client.get_workflow_handle(handle.id, run_id=second)
        fresh = await reset_to(bench, run, await first_task(run))
        current: Handle = bench.client.get_workflow_handle(handle.id)
        await bench.approval(current, but=push.id)
        await approve_all(bench, current)
        return fresh


async def reset_to_the_start(stage: Stage) -> Handle:
    """A task of one run that ended with a push is reset to its very first workflow task, as the Web UI can do it."""
    looks = [[("read_file", {"path": "money/rounding.py", "limit": 1 + at})] for at in range(6)]
    async with stage.bench(script_of([[FIX], *looks])) as bench:
        handle = await bench.start()
        await bench.finish(handle)
        return await approve_all(bench, await reset_to(bench, handle, await first_task(handle)))


async def forked(stage: Stage) -> Handle:
    """A task begins at a step of another one, with a request and a model of its own."""
    async with stage.bench(script_of([[READ], [FIX], [TESTS]])) as bench:
        source = await bench.start()
        await bench.finish(source)
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        task = await client.fork(
            source.id, step=2, request="Test it.", model="another/model", id="forked-task"
        )
        fork: Handle = bench.client.get_workflow_handle(task.id)
        bench.handles.append(fork)
        return await approve_all(bench, fork)


async def forked_from_nowhere(stage: Stage) -> Handle:
    """A fork of a task that nobody knows fails at once."""
    async with stage.bench(script_of([])) as bench:
        beginning = {"task": "nobody", "step": 1}
        return await ended(await bench.start(fork=beginning))


RECIPES: tuple[Recipe, ...] = (
    rewound,
    rewound_past_a_run,
    reset_to_the_beginning_of_a_run,
    reset_to_the_start,
    forked,
    forked_from_nowhere,
)
