"""A killed worker or server costs time and nothing else: what is left is what an undisturbed run leaves.

``FAULT_KILLS`` (default 2) is the number of kills at random moments, ``FAULT_TARGETED`` (default 2) that of kills at
telling ones, and ``FAULT_SEED`` chooses the random ones.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from tests.faults.driver import SERVERS, Kill, chosen_kills, run_kill, table
from tests.faults.installation import Servers
from tests.faults.runs import Outcome

AT_ONCE = 2


async def test_a_worker_killed_at_any_moment_leaves_the_same_as_an_undisturbed_one(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path
) -> None:
    assert undisturbed.faults == []
    assert undisturbed.repeated_questions == 0
    picture = undisturbed.picture
    assert picture.result["status"] == "completed"
    assert (picture.counted, picture.pushes, picture.decisions) == ("once", 1, 2)
    twice = replace(picture, counted="once\nonce", pushes=2)
    assert len(picture.differences(twice)) == 2

    places = asyncio.Semaphore(AT_ONCE)

    async def killed(kill: Kill) -> Outcome:
        async with places:
            return await run_kill(harmed, tmp_path, undisturbed, kill)

    seed = chosen("FAULT_SEED", 7)
    kills = chosen_kills(kills=chosen("FAULT_KILLS", 2), targeted=chosen("FAULT_TARGETED", 2), seed=seed)
    outcomes = await asyncio.gather(*map(killed, kills))
    print(f"\nseed {seed}\n{table(outcomes)}")  # noqa: T201 - shown with -s, and by pytest where the test fails
    assert [each.faults for each in outcomes] == [[]] * len(kills)


async def test_a_killed_server_leaves_the_same_as_well(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path
) -> None:
    kills = chosen_kills(kills=0, targeted=0, servers=1, seed=chosen("FAULT_SEED", 7))
    outcomes = [await run_kill(harmed, tmp_path, undisturbed, kill) for kill in kills]
    assert [(each.death is not None, each.faults) for each in outcomes] == [(True, [])] * len(SERVERS)


def chosen(variable: str, default: int) -> int:
    """The number in the environment."""
    return int(os.environ.get(variable, default))
