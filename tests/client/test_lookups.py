"""The change of a task and its stored bytes, through a worker that serves them page by page."""

import hashlib
import json
import secrets
from contextlib import aclosing
from pathlib import Path

import pytest

from perdure.client import NotPending, NoWorker, PerdureClient, TaskHandle
from perdure.client.command_line.exit_codes import ExitCode
from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import InvalidInput, WorkspaceLost
from perdure.contracts.lookups import PAGE_BYTES
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import all_events, event_of

SHORT = b"diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-old\n+new \xff\n"
LONG = b"".join(b"+ line %d\n" % number for number in range(200_000))


async def ended(client: PerdureClient, worker: Player) -> TaskHandle:
    """A task that read files and is over."""
    worker.decisions = worker.decisions[:1]
    task = await client.start("Mend it", repository="/srv/shop")
    await all_events(task)
    return task


async def test_the_change_of_a_closed_task_goes_to_a_program_as_it_is(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    worker.change = SHORT
    task = await ended(client, worker)
    before = len([line async for line in task.log()])
    result = await shell.run("diff", task.id)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, SHORT, "")
    assert [asked.form for asked in worker.lookups] == ["patch"]
    for option, form in (("--stat", "stat"), ("--name-only", "names")):
        await shell.run("diff", task.id, option)
        assert worker.lookups[-1].form == form
    assert (await shell.run("diff", task.id, "--stat", "--name-only")).exit_code == ExitCode.USAGE
    assert len([line async for line in task.log()]) == before


async def test_a_long_change_comes_in_pages_that_end_with_a_line(
    client: PerdureClient, shell: Shell, worker: Player, tmp_path: Path
) -> None:
    worker.change = LONG
    task = await ended(client, worker)
    async with aclosing(task.diff()) as parts:
        pages = [part async for part in parts]
    assert b"".join(part.data for part in pages) == LONG
    assert len(pages) == 3
    assert all(part.data.endswith(b"\n") and len(part.data) <= PAGE_BYTES for part in pages)
    assert {part.sha256 for part in pages} == {hashlib.sha256(LONG).hexdigest()}
    assert (await shell.run("diff", task.id)).stdout_bytes == LONG
    first = await shell.json("diff", task.id)
    assert (first["offset"], first["next_offset"], first["total_bytes"]) == (0, len(pages[0].data), len(LONG))
    second = await shell.run("diff", task.id, "--from", str(first["next_offset"]))
    assert second.stdout_bytes == pages[1].data
    assert f"--from {pages[2].offset}" in second.stderr
    target = tmp_path / "change.patch"
    written = await shell.json("diff", task.id, "--output", str(target))
    assert (written["bytes"], target.read_bytes()) == (len(LONG), LONG)
    assert (await shell.run("diff", task.id, "--from", str(len(LONG) + 1))).exit_code == ExitCode.USAGE


async def test_no_change_is_said(client: PerdureClient, shell: Shell, worker: Player) -> None:
    task = await ended(client, worker)
    result = await shell.run("diff", task.id)
    assert (result.exit_code, result.stdout_bytes) == (0, b"")
    assert "The task changed no file." in result.stderr


async def test_a_task_without_files_has_no_change(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    worker.fail_opening = "The repository is not allowed."
    task = await client.start("Mend it", repository="/srv/shop")
    await all_events(task)
    result = await shell.run("diff", task.id)
    assert result.exit_code == ExitCode.USAGE
    assert "has no files yet" in result.stderr


async def test_a_host_that_has_the_files_no_more_is_named_with_what_to_do(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await ended(client, worker)
    worker.lookup_fails = WorkspaceLost("The workspace is not on this host.")
    result = await shell.run("diff", task.id)
    assert result.exit_code == ExitCode.NO_WORKER
    assert "The host 'testhost', which keeps the files" in result.stderr
    assert "start the worker of that host again" in result.stderr


async def test_without_a_worker_the_change_says_who_is_missing(
    client: PerdureClient, shell: Shell, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("diff", task.id)
    assert result.exit_code == ExitCode.USAGE
    assert "has no files yet" in result.stderr


async def test_artifacts_are_listed_from_the_history_and_written_page_by_page(
    client: PerdureClient, shell: Shell, worker: Player, tmp_path: Path
) -> None:
    data = secrets.token_bytes(2 * PAGE_BYTES + 5)
    id = hashlib.sha256(data).hexdigest()
    worker.artifacts = {id: data}
    worker.stored = (ArtifactRef(id=id, name="output", bytes=len(data)),)
    task = await ended(client, worker)
    [found] = await task.artifacts()
    assert (found.id, found.name, found.bytes, found.step, found.tool) == (
        id,
        "output",
        len(data),
        1,
        "read_file",
    )
    listed = (await shell.run("artifacts", task.id, columns=80)).stdout
    assert f"{id[:12]} " in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert [each["id"] for each in await shell.json("artifacts", task.id)] == [id]
    target = tmp_path / "output"
    result = await shell.run("artifacts", task.id, id[:12], "--output", str(target))
    assert (result.exit_code, target.read_bytes()) == (0, data)
    for wrong in ("ffff" if not id.startswith("ffff") else "0000", ""):
        with pytest.raises(NotPending, match="names no artifact"):
            _ = [part async for part in task.artifact(wrong)]
    assert (await shell.run("artifacts", task.id, id)).exit_code == ExitCode.USAGE
    assert (
        await shell.run("artifacts", task.id, id, "-o", str(tmp_path / "no" / "file"))
    ).exit_code == ExitCode.INSTALLATION
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


async def test_bytes_that_change_while_they_are_read_make_no_file(
    client: PerdureClient, shell: Shell, worker: Player, tmp_path: Path
) -> None:
    data = secrets.token_bytes(PAGE_BYTES + 5)
    id = hashlib.sha256(data).hexdigest()
    worker.artifacts, worker.stored = {id: data}, (ArtifactRef(id=id, name="output", bytes=len(data)),)
    worker.damage_second_lookup = True
    task = await ended(client, worker)
    result = await shell.run("artifacts", task.id, id, "-o", str(tmp_path / "output"), "--json")
    assert result.exit_code == ExitCode.NOT_DONE
    assert "is not what its digest says" in json.loads(result.stderr)["error"]
    assert list(tmp_path.iterdir()) == []


async def test_an_unknown_artifact_is_answered_with_the_workers_words(
    client: PerdureClient, worker: Player
) -> None:
    worker.stored = (ArtifactRef(id="ab" * 32, name="output", bytes=1),)
    task = await ended(client, worker)
    with pytest.raises(InvalidInput, match="has no artifact"):
        _ = [part async for part in task.artifact("abab")]


async def test_a_host_without_a_worker_is_named_at_once(client: PerdureClient, worker: Player) -> None:
    worker.host_known_as = "gone"
    task = await client.start("Mend it", repository="/srv/shop")
    await event_of(task, lambda event: event.kind == "prepared")
    with pytest.raises(NoWorker, match="The host 'gone'") as raised:
        _ = [part async for part in task.diff()]
    assert "start the worker of that host again" in raised.value.hint
