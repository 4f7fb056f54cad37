"""Completion as shells ask for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.client import PerdureClient
from perdure.client.command_line.completion import VARIABLE, script, task_ids
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Place
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from tests.client.player import Player
from tests.client.shell import Shell, SmallInstallation
from tests.client.test_starter import STARTER, environment
from tests.client.waiting import LIMIT_S, eventually

ASKED = """
source "$SCRIPT"
COMP_WORDS=(perdure "$@")
COMP_CWORD=$#
_perdure_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed_in_bash(folder: Path, *words: str, **given: str) -> list[str]:
    """What a real bash offers after these words."""
    file = folder / "completion.bash"
    file.write_text(script("bash", (sys.executable, STARTER)))
    done = subprocess.run(
        ["bash", "--norc", "-c", ASKED, "bash", *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
        env=environment(SCRIPT=str(file), **given),
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    given = {"PERDURE_HOME": str(tmp_path)}
    assert sorted(completed_in_bash(tmp_path, "appr", **given)) == ["approvals", "approve"]
    assert "--follow" in completed_in_bash(tmp_path, "logs", "--f", **given)
    assert completed_in_bash(tmp_path, "list", "--needs", "a", **given) == ["approval", "answer"]


async def test_ids_of_tasks_come_from_the_server(
    stack: Stack, client: PerdureClient, player: Player, tmp_path: Path
) -> None:
    id = f"complete-{player.task_queue}"
    await client.start("Mend it", repository="/srv/shop", id=id)

    async def look() -> bool | None:
        return id in {task.id for task in await client.tasks(limit=100)} or None

    await eventually(look)
    given = {"TEMPORAL_ADDRESS": stack.addresses.temporal, "PERDURE_HOME": str(tmp_path)}
    assert completed_in_bash(tmp_path, "show", id[:-2], **given) == [id]
    assert completed_in_bash(tmp_path, "watch", "task-none", **given) == []


def test_without_a_server_nothing_is_offered_and_nothing_said(tmp_path: Path) -> None:
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}", "PERDURE_HOME": str(tmp_path)}
    assert completed_in_bash(tmp_path, "show", "", **nowhere) == []
    assert task_ids(SmallInstallation(Place(tmp_path, "q", nowhere)), "") == []


async def test_an_id_that_a_shell_would_run_is_not_offered(
    shell: Shell, client: PerdureClient, player: Player
) -> None:
    harmless, harmful = f"ok-{player.task_queue}", f"$(touch x)-{player.task_queue}"
    for id in (harmless, harmful):
        await client.start("Mend it", repository="/srv/shop", id=id)

    async def look() -> bool | None:
        return {harmless, harmful} <= {task.id for task in await client.tasks(limit=100)} or None

    await eventually(look)
    # A completion runs an event loop of its own, as in the process that a shell starts.
    offered = (await shell.offered("ok-"), await shell.offered("$(touch"))
    assert offered == ([harmless], [])


@pytest.mark.parametrize("shell_name", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_form(tmp_path: Path, shell_name: str) -> None:
    asked = {
        VARIABLE: f"complete_{shell_name}",
        "_TYPER_COMPLETE_ARGS": "perdure appr",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "PERDURE_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, STARTER], capture_output=True, text=True, check=True, env={**os.environ, **asked}
    )
    assert "approvals" in done.stdout
    assert "approve" in done.stdout


async def test_the_script_names_the_program_in_quotes_and_an_unknown_shell_is_refused(shell: Shell) -> None:
    for name in ("bash", "zsh", "fish"):
        result = await shell.run("completion", name)
        assert result.exit_code == 0
        assert "'/opt/perdure env/python' '/opt/perdure env/starter.py'" in result.stdout
    assert (await shell.run("completion", "tcsh")).exit_code == ExitCode.USAGE
