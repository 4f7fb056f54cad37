"""What the program did, a line each: from the history, and from the workers' own files."""

import asyncio
import json
from pathlib import Path

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.logbook import LogLine
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import approval_of, eventually

OPEN = ["open_task", "prepare_workspace", "plan", "decide", "execute_calls", "decide", "preview_call"]


async def test_each_activity_is_a_line_with_step_outcome_and_attempt(
    client: PerdureClient, worker: Player
) -> None:
    worker.fail_plan_once = True
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    lines = [line async for line in task.log()]
    assert [line.activity for line in lines] == OPEN
    assert {line.outcome for line in lines} == {"completed"}
    plan = lines[2]
    assert (plan.attempt, plan.because, plan.title) == (2, "the model is busy", "make a plan")
    assert [line.step for line in lines[3:]] == [1, 1, 2, 2]
    assert all(line.seconds is not None and line.seconds >= 0 and line.worker for line in lines)


async def test_what_still_runs_comes_last(client: PerdureClient, worker: Player) -> None:
    worker.hold.clear()
    task = await client.start("Mend it", repository="/srv/shop")

    async def look() -> LogLine | None:
        lines = [line async for line in task.log()]
        return lines[-1] if lines and lines[-1].activity == "decide" else None

    last = await eventually(look)
    assert (last.outcome, last.attempt, last.seconds) == ("running", 1, None)


async def test_following_ends_with_the_task(client: PerdureClient, shell: Shell, worker: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    following = asyncio.create_task(shell.run("logs", task.id, "--follow", "--json"))
    await task.approve((await approval_of(task)).id, by="Ada")
    result = await following
    assert result.exit_code == 0
    lines = [LogLine.model_validate_json(line) for line in result.stdout.splitlines()]
    assert lines == [line async for line in task.log()]
    assert lines[-1].activity == "close_task"


async def test_a_failed_activity_says_why(client: PerdureClient, shell: Shell, worker: Player) -> None:
    worker.fail_opening = "The repository is not allowed."
    task = await client.start("Mend it", repository="/srv/shop")
    await shell.run("watch", task.id)
    [line] = (await shell.run("logs", task.id)).stdout.splitlines()
    assert "open_task           failed    #1" in line
    assert line.endswith("The repository is not allowed.")


async def test_the_log_needs_no_worker(client: PerdureClient, shell: Shell, player: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("logs", task.id)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (await shell.run("logs", "task-none-000000")).exit_code == ExitCode.NOT_FOUND


async def test_lines_of_workers_on_this_machine_are_found_in_both_formats_and_in_rotated_files(
    client: PerdureClient, shell: Shell, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    missing = await shell.run("logs", task.id, "--worker")
    assert missing.exit_code == ExitCode.INSTALLATION
    assert "There is no log of a worker" in missing.stderr
    folder: Path = shell.installation.here.home / "logs"
    folder.mkdir()
    as_json = json.dumps({"task": task.task_id, "activity": "plan", "event": "activity"})
    other = json.dumps({"task": "another", "activity": "plan", "event": "activity"})
    (folder / "worker.log.1").write_text(f"{other}\n{as_json}\n")
    text = f"2026-05-31T10:00:00Z [warning] activity  workflow={task.id} outcome=ValueError\n"
    stack = "Traceback (most recent call last):\n  in place\n"
    (folder / "worker.log").write_text(
        f"{text}{stack}2026-05-31T10:00:01Z [info] other workflow={task.id}-2\n"
    )
    (folder / "temporal.log").write_text(text)
    result = await shell.run("logs", task.id, "--worker")
    assert result.stdout == f"{as_json}\n{text}{stack}"
    both = await shell.run("logs", task.id, "--worker", "--follow")
    assert both.exit_code == ExitCode.USAGE
