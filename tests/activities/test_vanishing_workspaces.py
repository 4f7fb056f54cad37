"""Nothing is recorded of what was seen in a folder that vanished meanwhile."""

from datetime import datetime

import pytest

from perdure.contracts.calls import (
    ToolCall,
)
from perdure.contracts.errors import ToolRejected, WorkspaceLost
from perdure.contracts.outcomes import RanCall
from perdure.contracts.transcript import EntryKind
from perdure.contracts.workspace import Checkpoint
from tests.activities.world import (
    ASKED,
    READ,
    WRITE,
    FakeCopy,
    Tool,
    World,
    execute,
    failing,
    point,
)


async def refuses(call: ToolCall) -> RanCall:
    """A tool that finds nothing in an empty folder."""
    raise ToolRejected("'a.py' does not exist.", "send another path.")


@pytest.mark.parametrize("call", [READ, WRITE, ASKED])
async def test_nothing_is_recorded_of_a_folder_that_vanished_meanwhile(call: str) -> None:
    found: list[dict[str, Tool]] = [{}, {call: refuses}, {call: failing("no such file")}]
    for tools in found:
        world = World(tools=tools, vanished=True)
        with pytest.raises(WorkspaceLost):
            await execute(world, call, approved="approved")
        assert not any(deed.startswith(("record", "settled")) for deed in world.deeds)
        assert [entry.kind for entry in world.entries_kept] == [EntryKind.DECISION]


async def test_nothing_is_recorded_of_a_folder_that_vanishes_under_its_checkpoint() -> None:
    class Vanishing(World):
        async def checkpoint(
            self, copy: FakeCopy, *, previous: Checkpoint, label: str, at: datetime
        ) -> Checkpoint:
            self.vanished = True
            return point(99)

    world = Vanishing()
    with pytest.raises(WorkspaceLost):
        await execute(world, WRITE)
    assert world.deeds == ["claim to change", "open 1", "run write 0"]
