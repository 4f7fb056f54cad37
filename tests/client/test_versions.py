"""Which versions there are: here, of the servers, of the workers; and of a place where nothing answers."""

import platform
from importlib.metadata import version
from pathlib import Path

import perdure
from perdure.client import PerdureClient
from perdure.client.command_line.installation import Place, StoreVersion
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from tests.client.player import Player
from tests.client.shell import Shell, SmallInstallation
from tests.client.test_starter import starter
from tests.client.waiting import approval_of, eventually


async def test_everything_that_answers_is_told_with_its_version(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    await approval_of(await client.start("Mend it", repository="/srv/shop"))
    shell.installation.found_stores = (StoreVersion("PostgreSQL", version="17.4"),)
    found = await shell.json("versions")
    assert (found["perdure"], found["python"]) == (perdure.__version__, platform.python_version())
    assert found["temporalio"] == version("temporalio")
    assert found["temporal_server"] == await client.server_version()
    assert found["temporal_address"] == client.address
    assert [each["identity"] for each in found["workers"]] == list(await client.workers())
    assert found["stores"] == [{"name": "PostgreSQL", "version": "17.4", "problem": ""}]

    async def look() -> bool | None:
        return (await shell.json("versions"))["open_tasks"] >= 1 or None

    assert await eventually(look)
    text = (await shell.run("versions")).stdout
    assert f"Temporal server  {found['temporal_server']} at {client.address}" in text
    assert "last seen" in text


async def test_what_does_not_answer_is_said_and_is_no_error(tmp_path: Path) -> None:
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    shell = Shell(SmallInstallation(Place(tmp_path, "q", nowhere)))
    shell.installation.found_stores = (StoreVersion("Chroma", problem="Chroma does not answer."),)
    found = await shell.json("versions")
    assert (found["temporal_server"], found["workers"], found["open_tasks"]) == (None, [], None)
    assert "No Temporal server answers" in found["temporal_problem"]
    text = (await shell.run("versions")).stdout
    assert "Chroma           Chroma does not answer." in text
    assert "Temporal Web UI  none of this machine runs" in text


def test_the_program_itself_asks_the_stack_that_runs(stack: Stack, stack_home: Path) -> None:
    done = starter("versions", given={"PERDURE_HOME": str(stack_home)})
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["PostgreSQL"][:2].isdigit()
    ui = next(line for line in done.stdout.splitlines() if line.startswith("Temporal Web UI"))
    assert ui.split()[-1][0].isdigit()
