"""The commands, without a terminal: what they print, as text and as JSON, and the code they end with."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from temporalio.client import Client

from perdure.client import PerdureClient
from perdure.client.command_line.documentation import FOLDER, pages, write
from perdure.client.command_line.exit_codes import MEANINGS, ExitCode
from perdure.client.command_line.installation import Finding, Place
from perdure.client.command_line.output import exit_code_of
from perdure.client.errors import NotPending, NoWorker, Refused, ServerUnreachable, TaskFailed, TaskNotFound
from perdure.client.events import Ended, Event
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.settings import PROJECT_FOLDER
from tests.client.player import Player
from tests.client.shell import Shell, SmallInstallation, Starter
from tests.client.waiting import LIMIT_S, approval_of, becomes


async def test_start_prints_the_id_and_gives_the_terms(shell: Shell, worker: Player) -> None:
    worker.decisions = ()
    result = await shell.run(
        "start", "Mend the rounding", "-r", "https://git.example.com/shop.git", "--base-branch", "main",
        "--mode", "answer", "--safety", "standard", "--budget-usd", "0.5", "--budget-steps", "7", "--priority", "2",
        "--user", "ada", "--label", "ticket=SHOP-1", "--id", f"mine-{worker.task_queue}",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, f"mine-{worker.task_queue}\n")
    async with asyncio.timeout(LIMIT_S):
        while not worker.requests:  # noqa: ASYNC110 - the other side is a Temporal activity without an event of ours
            await asyncio.sleep(0.02)
    assert worker.requests[0].request.model_dump(mode="json") == {
        "request": "Mend the rounding",
        "repository": "https://git.example.com/shop.git",
        "base_branch": "main",
        "mode": "answer",
        "safety": "standard",
        "budget": {"usd": 0.5, "tokens": None, "minutes": None, "steps": 7},
        "priority": 2,
        "user": "ada",
        "labels": {"ticket": "SHOP-1"},
    }


async def test_start_gives_a_folder_as_an_absolute_path(
    shell: Shell, client: PerdureClient, player: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started = await shell.json("start", "Mend it")
    task = await client.task(started["id"])
    [first, *_] = [event async for event in task.events(wait=False)]
    assert first.kind == "started"
    assert first.request is not None
    assert first.request.repository == str(tmp_path)
    assert started["task_id"] == task.task_id


async def test_a_label_without_a_value_is_refused(shell: Shell) -> None:
    result = await shell.run("start", "Mend it", "--label", "ticket")
    assert result.exit_code == ExitCode.USAGE
    assert "'ticket' has no name and value" in result.stderr


async def test_watching_without_a_terminal_ends_when_a_person_is_needed(shell: Shell, worker: Player) -> None:
    result = await shell.run("start", "Mend the rounding", "-r", "/srv/shop", "--watch")
    assert result.exit_code == ExitCode.NEEDS_A_PERSON
    for part in (
        "plan: Mend the rounding",
        "✓ read_file app.py → 3 lines",
        "approval ",
        "Pushes **1 commit**",
    ):
        assert part in result.stdout


async def test_watching_with_wait_goes_on_to_the_end(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    watching = asyncio.create_task(shell.run("watch", task.id, "--wait"))
    approval = await approval_of(task)
    await asyncio.sleep(1)
    assert not watching.done()
    await task.approve(approval.id, by="ada")
    result = await watching
    assert result.exit_code == 0
    assert "completed: The rounding is mended." in result.stdout


async def test_watch_as_json_is_one_event_a_line(shell: Shell, client: PerdureClient, worker: Player) -> None:
    worker.decisions = worker.decisions[:1]
    task = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("watch", task.id, "--json")
    assert result.exit_code == 0
    read: TypeAdapter[Event] = TypeAdapter(Event)
    told = [read.validate_json(line) for line in result.stdout.splitlines()]
    assert told[0].kind == "started"
    assert isinstance(told[-1], Ended)


async def test_watching_a_task_that_fails_ends_with_1(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    worker.fail_opening = "The repository is not allowed."
    task = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("watch", task.id)
    assert result.exit_code == ExitCode.NOT_DONE
    assert "failed: The repository is not allowed." in result.stdout


async def test_watching_says_that_no_worker_polls(
    stack: Stack, client: PerdureClient, temporal_client: Client, player: Player, tmp_path: Path
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    async with Starter.running(stack.addresses.temporal, tmp_path, "watch", task.id) as watching:
        await watching.line_with(f"No worker polls task queue '{player.task_queue}'")
        await temporal_client.get_workflow_handle(task.id).terminate(reason="over")
        assert await watching.exit_code() == ExitCode.NOT_DONE


async def test_show_without_an_id_shows_the_newest_task(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend the newest", repository="/srv/shop")
    approval = await approval_of(task)

    async def newest() -> str:
        return (await client.newest()).id

    await becomes(newest, task.id)
    text = (await shell.run("show")).stdout
    for part in ("waiting", "Mend the newest", f"approval {approval.id}", "scripted", "· mend it"):
        assert part in text
    shown = await shell.json("show")
    assert (shown["id"], shown["task_id"], shown["status"], shown["needs"]) == (
        task.id,
        task.task_id,
        "waiting",
        "approval",
    )
    assert shown["approval"]["approval_id"] == approval.id
    assert [part["title"] for part in shown["plan"]["subtasks"]] == ["find it", "mend it"]


async def test_an_unknown_task_ends_with_4_and_a_missing_server_with_3(shell: Shell, tmp_path: Path) -> None:
    assert (await shell.run("show", "task-none-000000")).exit_code == ExitCode.NOT_FOUND
    nowhere: Mapping[str, str] = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    lost = Shell(SmallInstallation(Place(tmp_path, "q", nowhere)))
    result = await lost.run("approvals")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "python starter.py up" in result.stderr.replace("\n", " ")


async def test_a_wrong_option_ends_with_2(shell: Shell) -> None:
    assert (await shell.run("start", "Mend it", "--mode", "destroy")).exit_code == ExitCode.USAGE
    assert (await shell.run("start", "Mend it", "--priority", "9")).exit_code == ExitCode.USAGE
    assert (await shell.run("start")).exit_code == ExitCode.USAGE


async def test_doctor_looks_at_machine_and_server(shell: Shell, player: Player) -> None:
    shell.installation.findings = (Finding("models", "failed", "There is no key.", "set GROQ_API_KEY"),)
    result = await shell.run("doctor")
    assert result.exit_code == ExitCode.INSTALLATION
    for part in (
        "✓ python",
        "✓ git",
        "✓ disk",
        "✓ temporal server",
        "✓ search attributes",
        "✗ models",
        "set GROQ_API_KEY",
    ):
        assert part in result.stdout
    assert f"No worker polls task queue '{player.task_queue}'" in result.stdout.replace("\n", " ")
    shell.installation.findings = ()
    assert (await shell.json("doctor"))["ok"] is True


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServerUnreachable("x"), 3),
        (NoWorker("x"), 6),
        (ConfigurationError("x"), 7),
        (TaskNotFound("x"), 4),
        (NotPending("x"), 4),
        (Refused("x"), 1),
        (TaskFailed("x"), 1),
        (InvalidInput("x"), 2),
        (PerdureError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: PerdureError, code: int) -> None:
    assert exit_code_of(error) == code


def test_every_command_and_exit_code_stands_in_the_overview() -> None:
    text = (PROJECT_FOLDER / "docs" / "cli.md").read_text()
    for name in pages():
        assert f"(commands/{name})" in text
    for code, meaning in MEANINGS.items():
        assert f"| {code.value} | {meaning}" in text


def test_the_pages_of_the_commands_are_what_the_program_says() -> None:
    folder = PROJECT_FOLDER / FOLDER
    assert {path.name: path.read_text() for path in folder.glob("*")} == pages(), "run: make docs"


def test_pages_of_commands_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "gone.md").write_text("# gone")
    write(tmp_path)
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == set(pages())
