"""Watching: several tasks at once, over a server that was away, with the reason why nothing happens."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from perdure.client import PerdureClient, TaskHandle
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Place
from perdure.client.events import Ended, Event, HeldUp, Spoken
from perdure.client.watching import AWAY
from perdure.embedded.temporal import Temporal, TemporalSettings
from tests.client.player import Player
from tests.client.shell import Shell, SmallInstallation, Starter
from tests.client.waiting import LIMIT_S, approval_of, eventually

POSTGRES = "PostgreSQL at 'db:5432/perdure' does not answer: Connection refused."


@asynccontextmanager
async def temporal_at(folder: Path, port: int = 0) -> AsyncGenerator[Temporal]:
    """A Temporal server of this test's own, on the data of the folder."""
    settings = TemporalSettings(port=port, web_ui_port=0)
    server = Temporal(folder / "temporal", log=folder / "temporal.log", settings=settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def held_up_of(task: TaskHandle) -> HeldUp:
    """The first thing that holds the task up."""
    async with asyncio.timeout(LIMIT_S), aclosing(task.watch()) as watching:
        async for event in watching:
            if isinstance(event, HeldUp):
                return event
    raise AssertionError("nothing held it up")


async def test_a_store_that_is_away_is_named_with_the_attempt_and_the_next_try(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    worker.plan_fails = ApplicationError(
        f"{POSTGRES} hint: see that it runs.", type="StoreUnavailable", next_retry_delay=timedelta(minutes=5)
    )
    task = await client.start("Mend it", repository="/srv/shop")
    held_up = await held_up_of(task)
    assert (held_up.because, held_up.attempt) == (POSTGRES, 2)
    assert held_up.next_attempt_at is not None
    assert timedelta(minutes=4) < held_up.next_attempt_at - datetime.now(UTC) <= timedelta(minutes=5)
    shown = (await shell.run("show", task.id, columns=200)).stdout
    assert re.search(
        rf"waits: {re.escape(POSTGRES.rstrip('.'))} \(attempt 2, next try in (2\d\d|300) s\)", shown
    )


async def test_a_step_that_is_tried_again_for_another_reason_is_named_with_it(
    client: PerdureClient, worker: Player
) -> None:
    worker.plan_fails = ApplicationError(
        "ValueError: odd", type="ValueError", next_retry_delay=timedelta(minutes=5)
    )
    held_up = await held_up_of(await client.start("Mend it", repository="/srv/shop"))
    assert held_up.because == "plan is tried again: ValueError: odd"
    assert held_up.text(held_up.at).startswith(
        "waits: plan is tried again: ValueError: odd (attempt 2, next try in "
    )


async def test_watching_goes_on_when_the_server_was_away(tmp_path: Path) -> None:
    told: list[Event] = []
    async with temporal_at(tmp_path) as server:
        address, port = server.address, int(server.address.rpartition(":")[2])
        connected = PerdureClient.connect(address, environment={}, answer_s=5.0, quiet=True)
        client = await connected.__aenter__()
        task = await client.start("Mend it", repository="/srv/shop")

        async def follow() -> None:
            async with aclosing(task.watch()) as watching:
                async for event in watching:
                    told.append(event)

        following = asyncio.create_task(follow())
        await _until_told(
            told, lambda event: isinstance(event, HeldUp) and "No worker polls" in event.because
        )
    await _until_told(told, lambda event: isinstance(event, HeldUp) and event.because == AWAY)
    async with temporal_at(tmp_path, port):
        await task.steer("still there?")
        await _until_told(told, lambda event: isinstance(event, Spoken))
        await client.task(task.id)
        await _terminate(task.id, address)
        await asyncio.wait_for(following, LIMIT_S)
    await connected.__aexit__(None, None, None)
    from_history = [event for event in told if not isinstance(event, HeldUp)]
    assert [event.kind for event in from_history] == ["started", "spoken", "ended"]
    assert isinstance(told[-1], Ended)


async def test_several_tasks_are_told_in_lines_that_begin_with_their_ids(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    worker.decisions = worker.decisions[:1]
    tasks = [await client.start(f"Mend {name}", repository="/srv/shop") for name in ("one", "two")]
    result = await shell.run("watch", tasks[0].id, tasks[1].id, tasks[0].id)
    assert result.exit_code == 0
    for task in tasks:
        own = [line for line in result.stdout.splitlines() if line.startswith(f"{task.id} ")]
        assert sum("completed: The rounding is mended." in line for line in own) == 1
    assert all(line.startswith((f"{tasks[0].id} ", f"{tasks[1].id} ")) for line in result.stdout.splitlines())
    events = [
        json.loads(line)
        for line in (await shell.run("watch", *(task.id for task in tasks), "--json")).stdout.splitlines()
    ]
    assert {event["task"] for event in events} == {task.id for task in tasks}
    assert sum(event["kind"] == "ended" for event in events) == 2


async def test_one_of_several_that_needs_a_person_is_left_while_the_others_go_on(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    waits = await client.start("Mend it", repository="/srv/shop")
    await approval_of(waits)
    worker.decisions = ()
    ends = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("watch", waits.id, ends.id)
    assert result.exit_code == ExitCode.NEEDS_A_PERSON
    assert f"{ends.id} " in result.stdout
    assert "completed: The rounding is mended." in result.stdout
    assert "python starter.py approve" in result.stdout


async def test_all_open_tasks_are_watched_and_bad_combinations_refused(tmp_path: Path) -> None:
    async with temporal_at(tmp_path) as server:
        environment = {"TEMPORAL_ADDRESS": server.address}
        shell = Shell(SmallInstallation(Place(tmp_path, "perdure", environment)))
        assert (await shell.run("watch", "--all")).stdout == "No task is open.\n"
        async with PerdureClient.connect(server.address, environment={}, quiet=True) as client:
            task = await client.start("Mend it", repository="/srv/shop")
            both = await shell.run("watch", "--all", task.id)
            assert both.exit_code == ExitCode.USAGE
            assert (await shell.run("watch", task.id, "task-none-000000")).exit_code == ExitCode.NOT_FOUND

            async def look() -> bool | None:
                return bool(await client.tasks(open=True)) or None

            await eventually(look)
            async with Starter.running(server.address, tmp_path, "watch", "--all") as watching:
                await watching.line_with("Mend it")
                await _terminate(task.id, server.address)
                await watching.line_with("failed: The task was terminated")
                assert await watching.exit_code() == ExitCode.NOT_DONE


async def test_fifty_watchers_add_no_event_to_the_history(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await approval_of(task)
    handle = temporal_client.get_workflow_handle(task.id)
    before = (await handle.describe()).history_length
    ended = [0]

    async def watch_to_the_end() -> None:
        async with aclosing(task.watch()) as watching:
            async for event in watching:
                ended[0] += isinstance(event, Ended)

    watchers = [asyncio.create_task(watch_to_the_end()) for _ in range(50)]
    # Long enough for every watcher to look at what the task waits for.
    await asyncio.sleep(2.0)
    assert (await handle.describe()).history_length == before
    await task.approve(approval.id, by="Ada")
    await asyncio.wait_for(asyncio.gather(*watchers), LIMIT_S)
    assert ended == [50]


async def _until_told(told: list[Event], wanted: Callable[[Event], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        # The list is filled by another task, which has no event of its own for this.
        while not any(wanted(event) for event in told):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _terminate(id: str, address: str) -> None:
    client = await Client.connect(address)
    await client.get_workflow_handle(id).terminate(reason="enough")
