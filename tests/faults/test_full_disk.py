"""A disk without room: the step waits and names folder and bytes; once there is room the task goes on to the same end."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perdure.client import PerdureClient
from tests.faults.errand import make_script
from tests.faults.installation import Installation, Servers, installed
from tests.faults.moments import Moment, once_scheduled, while_running
from tests.faults.picture import Handle
from tests.faults.runs import THINKING_MS, Errand, Outcome
from tests.faults.test_outages import differences, last_failure
from tests.sentences import assert_said

SMALL_DISK = Path(__file__).with_name("small_disk.sh")


class Disk:
    """The small disk of a worker's workspaces: full while the switch is there."""

    def __init__(self, folder: Path) -> None:
        self.workspaces = folder / "host" / "workspaces"
        self._switch = folder / "switch"
        self._says_full = folder / "switch.full"

    @property
    def before(self) -> tuple[str, ...]:
        """What a worker's command stands behind to have this disk."""
        return (str(SMALL_DISK), str(self.workspaces), str(self._switch))

    def fill(self) -> None:
        """Leave no room, as soon as there is a disk."""
        self._switch.touch()

    async def is_full(self) -> None:
        """Wait until there is no room."""
        async with asyncio.timeout(120):
            # Another process fills it.
            while not self._says_full.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def make_room(self) -> None:
        """Let the worker have its disk again."""
        self._switch.unlink()


@asynccontextmanager
async def on_a_small_disk(servers: Servers, folder: Path) -> AsyncGenerator[tuple[Disk, Installation]]:
    """An installation whose workspaces lie on a small disk."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="small-disk-") as own:
        disk = Disk(Path(own))
        async with installed(servers, Path(own), make_script(delay_ms=THINKING_MS)) as installation:
            installation.before = disk.before
            yield disk, installation


async def run_with_a_full_disk(
    servers: Servers, folder: Path, *, moment: Moment, from_the_start: bool
) -> Outcome:
    """One run whose disk is full once, until the task has said so."""
    async with on_a_small_disk(servers, folder) as (disk, installation):

        async def until_it_is_said(at: Installation, handle: Handle) -> None:
            disk.fill()
            await disk.is_full()
            task = await PerdureClient(at.servers.client, task_queue=at.queue).task(handle.id)
            said = await last_failure(task)
            assert_said("the disk of the workspaces is full", said, bytes="0")
            assert f"'{disk.workspaces}" in said
            assert any(
                "is full (0 bytes are free)" in line and task.task_id in line
                for line in at.workers[0].written().splitlines()
            )
            disk.make_room()

        if from_the_start:
            disk.fill()
        try:
            return await Errand(installation).run(moment, victim="disk", meanwhile=until_it_is_said)
        except (TimeoutError, AssertionError) as error:
            error.add_note(installation.written())
            raise


# A step that finds no room fails within milliseconds, so nobody can count on seeing a worker hold it.
@pytest.mark.parametrize(
    ("moment", "from_the_start"),
    [(once_scheduled("prepare_workspace"), True), (while_running("plan"), False)],
    ids=["as a workspace is made", "as a step is planned"],
)
async def test_a_task_waits_for_room_and_goes_on(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path, moment: Moment, from_the_start: bool
) -> None:
    outcome = await run_with_a_full_disk(harmed, tmp_path, moment=moment, from_the_start=from_the_start)
    assert differences(undisturbed, outcome) == []
