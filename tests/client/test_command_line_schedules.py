"""``schedule`` and ``maintain``, without a terminal."""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from perdure.client import PerdureClient, ScheduleNotFound
from perdure.client.command_line.exit_codes import ExitCode
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import LIMIT_S, eventually


@pytest_asyncio.fixture(loop_scope="session")
async def schedule_id(client: PerdureClient) -> AsyncIterator[str]:
    """An id whose schedule is gone after the test."""
    id = f"weekly-{uuid.uuid4().hex[:8]}"
    yield id
    with suppress(ScheduleNotFound):
        await client.schedules.delete(id)


async def test_a_schedule_is_made_shown_run_held_and_deleted(
    shell: Shell, client: PerdureClient, upkeep: Player, schedule_id: str
) -> None:
    made = await shell.run(
        "schedule", "create", schedule_id, "--playbook", "python-hygiene", "-r", "/srv/shop",
        "--cron", "0 3 * * 1", "--time-zone", "Europe/Zurich", "--user", "ada",
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    assert "cron 0 3 * * 1 (Europe/Zurich)" in made.stdout
    started = await shell.json("schedule", "run", schedule_id)
    await (await client.task(started["run"])).wait(LIMIT_S)

    async def look() -> str | None:
        shown = await shell.run("schedule", "show", schedule_id, columns=200)
        return shown.stdout if "Two steps were kept." in shown.stdout else None

    assert f"{started['run']}: completed Two steps were kept." in await eventually(look)
    assert (await shell.json("schedule", "pause", schedule_id, "--note", "holidays"))["paused"]
    assert "paused: holidays" in (await shell.run("schedule", "show", schedule_id)).stdout
    assert not (await shell.json("schedule", "resume", schedule_id))["paused"]

    async def named() -> bool | None:
        return schedule_id in {each["id"] for each in await shell.json("schedule", "list")} or None

    await eventually(named)
    begun = await shell.json("schedule", "backfill", schedule_id, "--from", "8d")
    assert begun["started"] in {0, 1, 2}
    past = await shell.run("schedule", "backfill", schedule_id, "--from", "1d", "--to", "2d")
    assert (past.exit_code, "give the earlier time first" in past.stderr) == (ExitCode.USAGE, True)
    assert (await shell.json("schedule", "delete", schedule_id))["deleted"]
    gone = await shell.run("schedule", "show", schedule_id)
    assert gone.exit_code == ExitCode.NOT_FOUND
    assert "starter.py schedule list" in gone.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--cron", "0 3 * * *"), "give --playbook NAME, or --request TEXT"),
        (("--playbook", "x"), "give --cron '0 3 * * 1-5' or --every 6h"),
        (("--playbook", "x", "--every", "often"), "write 30m, 6h, 1d or 1w"),
        (("--playbook", "x", "--cron", "tomorrow"), "a cron line has five fields"),
    ],
)
async def test_a_schedule_that_cannot_be_made_says_what_to_write(
    shell: Shell, arguments: tuple[str, ...], hint: str
) -> None:
    result = await shell.run("schedule", "create", "weekly", "-r", "/srv/shop", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert hint in result.stderr


async def test_an_id_that_is_taken_is_refused(shell: Shell, schedule_id: str) -> None:
    command = ("schedule", "create", schedule_id, "--request", "Mend it", "-r", "/srv/shop", "--every", "1w")
    assert (await shell.run(*command)).exit_code == 0
    again = await shell.run(*command)
    assert again.exit_code == ExitCode.NOT_DONE
    assert "take another id" in again.stderr


async def test_maintain_tells_what_was_kept_found_and_not_done(shell: Shell, upkeep: Player) -> None:
    result = await shell.run("maintain", "python-hygiene", "-r", "/srv/shop", "--watch", columns=200)
    assert result.exit_code == 0, result.stderr
    assert "maintenance: python-hygiene of /srv/shop" in result.stdout
    [id] = [line for line in result.stdout.splitlines() if line.startswith("maintain-")]
    shown = await shell.run("show", id, columns=200)
    for part in (
        "fixed: F401 unused import (3×) app.py:1 [fix]",
        "commits ababababab on perdure/upkeep, not pushed",
        "not done: the step format: a test that passed fails after it",
    ):
        assert part in shown.stdout


async def test_a_failed_maintenance_run_ends_the_command_with_1(shell: Shell, upkeep: Player) -> None:
    result = await shell.run("maintain", "failing", "-r", "/srv/shop", "--watch")
    assert (result.exit_code, "failed: It did not work." in result.stdout) == (ExitCode.NOT_DONE, True)
