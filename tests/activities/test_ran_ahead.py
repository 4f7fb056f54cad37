"""What a call did when it was run ahead, as the steps keep it, bring it back and give it away to nobody."""

import pytest

from activities.exact_arguments import refuse_exact
from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import InvalidInput
from perdure.safety.views import Finished
from perdure.workspace.deltas import Delta
from tests.activities.world import ASKED, WRITE, World, execute

KEPT = ArtifactRef(id="kept", name="kept", bytes=5)


def test_files_that_a_call_changed_are_shown_to_nobody() -> None:
    delta = Delta("errand", "tree", Finished(0, b"said", "", 0.1), (), {})
    with pytest.raises(InvalidInput, match="which are not shown"):
        refuse_exact(delta.encoded())
    assert Delta.decoded(delta.encoded()) == delta


@pytest.mark.parametrize("tool", [ASKED, WRITE])
async def test_what_was_shown_is_done_or_nothing_is_whatever_the_policy_says_by_now(tool: str) -> None:
    """The second is a call that nobody would have to be asked about any more."""
    world = World(digests={0: "now"}, artifacts={"kept": b"bytes"})
    stale = await execute(world, tool, approved="then", ahead=KEPT)
    assert (stale.stale_approval, stale.results) == (0, ())
    assert not any(deed.startswith("run ") for deed in world.deeds)
    done = await execute(
        World(digests={0: "now"}, artifacts={"kept": b"bytes"}), tool, approved="now", ahead=KEPT
    )
    assert [result.ok for result in done.results] == [True]
    gone = await execute(World(digests={0: "now"}), tool, approved="now", ahead=KEPT)
    assert (gone.stale_approval, "no longer in the record" in gone.stale_because) == (0, True)
