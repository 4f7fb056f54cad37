"""However a run ends, nothing of it is left: no process, no late write."""

import asyncio
import sys
import uuid
from pathlib import Path

import pytest

import perdure
from perdure.safety.sandbox import View
from tests.safety.ground import Ground, processes_with, wait_for_processes


def marker() -> str:
    """Text that no other process has in its command line."""
    return f"marker-{uuid.uuid4().hex}"


async def test_what_a_program_leaves_behind_ends_with_it(ground: Ground) -> None:
    name = marker()
    finished = await ground.shell(
        f"setsid sh -c 'while :; do sleep 0.1; done' {name} </dev/null >/dev/null 2>&1 & echo done; exit 7"
    )
    assert (finished.exit_code, finished.killed_for, finished.output) == (7, "", b"done\n")
    assert processes_with(name) == []


async def test_a_background_writer_cannot_write_after_the_run_is_over(ground: Ground) -> None:
    await ground.shell(
        "setsid sh -c 'while :; do echo x >> late; done' </dev/null >/dev/null 2>&1 & while [ ! -s late ]; do sleep 0.05; done",
        view=View.WRITABLE,
    )
    late = ground.root / "late"
    before = late.stat().st_size
    await asyncio.sleep(0.2)
    assert late.stat().st_size == before > 0


async def test_cancellation_kills_the_tree_and_is_passed_on(ground: Ground) -> None:
    name = marker()
    running = asyncio.ensure_future(
        ground.shell(
            f"trap '' TERM; setsid sh -c \"trap '' TERM; while :; do sleep 0.1; done\" {name} & while :; do sleep 0.1; done"
        )
    )
    await wait_for_processes(name, number=2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(name) == []


async def test_a_second_cancellation_does_not_save_the_tree(ground: Ground) -> None:
    name = marker()
    running = asyncio.ensure_future(ground.shell(f"while :; do sleep 0.1; done # {name}"))
    await wait_for_processes(name, number=2)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(name) == []


@pytest.mark.parametrize("delay_s", [0, 0.003, 0.005, 0.007, 0.009, 0.012, 0.02])
async def test_two_cancellations_while_the_sandbox_comes_up_leave_nothing(
    ground: Ground, delay_s: float
) -> None:
    name = marker()
    running = asyncio.ensure_future(ground.shell(f"while :; do sleep 0.1; done # {name}"))
    await asyncio.sleep(delay_s)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(name) == []


@pytest.mark.parametrize("delay_s", [0, 0.002, 0.006, 0.01, 0.02])
async def test_cancellation_while_the_sandbox_comes_up_leaves_nothing(ground: Ground, delay_s: float) -> None:
    name = marker()
    running = asyncio.ensure_future(ground.shell(f"while :; do sleep 0.1; done # {name}"))
    await asyncio.sleep(delay_s)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(name) == []


WORKER = """
import asyncio, sys
from pathlib import Path
from perdure.safety.probing import probed_sandbox
from perdure.safety.sandbox import SandboxLimits, View
async def main():
    sandbox = await probed_sandbox()
    await sandbox.run(["sh", "-c", "while :; do sleep 0.1; done", sys.argv[2]], root=Path(sys.argv[1]),
                      view=View.READ_ONLY, limits=SandboxLimits(time_s=600))
asyncio.run(main())
"""


async def test_a_killed_worker_takes_its_sandboxes_with_it(ground: Ground) -> None:
    name = marker()
    project = Path(perdure.__file__).parents[1]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(ground.root), name, cwd=project
    )
    # The worker, bubblewrap, the first process and the program all name it.
    await wait_for_processes(name, number=4)
    worker.kill()
    await worker.wait()
    await wait_for_processes(name, number=0)
