"""Rewind and fork bring back the files of every step of a long task, byte for byte.

What the files must be is worked out apart: the same commands run in a plain folder, without anything of Perdure.
"""

import asyncio
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from perdure.client import PerdureClient
from perdure.contracts.decisions import Approval
from tests.workflows.conftest import FILES, Bench, Call, script_of, until
from tests.workflows.test_rewind import tree_folders

Handle = WorkflowHandle[Any, Any]
State = dict[bytes, tuple[str, bytes]]

ODD = (
    "mkdir -p deep/er && printf 'one\\r\\ntwo\\r\\n' > deep/er/crlf.txt",
    "printf '* text=auto eol=crlf\\n*.id ident\\n' > .gitattributes && printf '$Id$\\n' > keyword.id",
    "printf '#!/bin/sh\\necho run\\n' > tool.sh && chmod +x tool.sh",
    "ln -s deep/er/crlf.txt link && ln -s nowhere/at/all dangling",
    r"""printf odd > "$(printf 'na\377me')" && printf odd > "$(printf 'new\nline')" """,
    "mkdir -p empty/inside",
    "printf '\\000\\001\\002\\377' > bytes.bin",
    "mv tool.sh renamed.sh && rm README.md",
    "chmod -x renamed.sh && rm dangling && ln -s renamed.sh dangling",
    "rm link && printf 'now a file' > link && rm -r deep && printf 'now a file' > deep",
)
STEPS = 30


def command(step: int) -> str:
    """What a step does: something odd, and a line of its own."""
    odd = f"{ODD[step // 3]}; " if step % 3 == 0 and step // 3 < len(ODD) else ""
    removed = f"rm -f step-{step - 7}.txt; " if step % 5 == 0 and step > 7 else ""
    return f"{odd}{removed}echo {step} >> log.txt; echo {step} > step-{step}.txt"


def state_of(root: Path) -> State:
    """Every file, link and folder with its bytes; of permissions what Git keeps, whether a file may run."""
    found: State = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != b".git"]
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - names are bytes
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                kind, data = "link", os.readlink(path)  # noqa: PTH115 - names are bytes
            elif stat.S_ISDIR(mode):
                kind, data = "folder", b""
            else:
                kind = "program" if mode & stat.S_IXUSR else "file"
                with open(path, "rb") as stream:  # noqa: PTH123 - names are bytes
                    data = stream.read()
            found[os.path.relpath(path, top)] = (kind, data)
    return found


def expected_states(folder: Path) -> list[State]:
    """The files before any step, and after each."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    states = [state_of(folder)]
    for step in range(STEPS):
        subprocess.run(["/bin/sh", "-c", command(step)], cwd=folder, check=True)
        states.append(state_of(folder))
    return states


async def asked_at(bench: Bench, handle: Handle, step: int, *, but: str = "") -> Approval:
    """The approval of this step, before which the files are those of the step before."""

    async def look() -> Approval | None:
        approval = await bench.approval(handle, but=but)
        return approval if approval.step == step else None

    return await until(look, within_s=120.0)


def state_in(bench: Bench, handle: Handle) -> State:
    """What the task's newest work tree holds."""
    return state_of(max(tree_folders(bench, handle)(), key=lambda tree: int(tree.parent.name)))


async def test_rewind_and_fork_restore_every_step_byte_for_byte(benches: Any, tmp_path: Path) -> None:
    states = expected_states(tmp_path / "apart")
    turns: list[list[Call]] = [
        [("execute_command", {"command": command(step), "writes": True})] for step in range(STEPS)
    ]
    async with benches(script_of(turns), reflect_every=1_000) as bench:
        source = await bench.start(budget={"steps": 100})
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue, answer_s=60.0)
        last = ""
        for step in range(1, STEPS + 1):
            approval = await asked_at(bench, source, step, but=last)
            assert state_in(bench, source) == states[step - 1]
            await bench.decide(source, approval, "approve")
            last = approval.id
        push = await bench.approval(source, but=last)
        assert push.tool == "git_push"
        assert state_in(bench, source) == states[STEPS]

        turns_at_once = asyncio.Semaphore(4)

        async def forked(step: int) -> None:
            async with turns_at_once:
                task = await client.fork(source.id, step=step)
                fork: Handle = bench.client.get_workflow_handle(
                    task.id, run_id=task.task_id, first_execution_run_id=task.task_id
                )
                bench.handles.append(fork)
                await asked_at(bench, fork, step + 1)
                assert state_in(bench, fork) == states[step], f"fork at step {step}"
                await fork.terminate("the files were looked at")

        await asyncio.gather(*(forked(step) for step in range(STEPS)))

        task = await client.task(source.id)
        for step in reversed(range(STEPS)):
            receipt = await task.rewind(to=step)
            current: Handle = bench.client.get_workflow_handle(
                source.id, run_id=receipt.run_id, first_execution_run_id=source.first_execution_run_id
            )
            bench.handles.append(current)
            await asked_at(bench, current, step + 1)
            assert state_in(bench, current) == states[step], f"rewind to step {step}"
