"""Kills the worker of a reference task at many moments and compares what is left with an undisturbed run.

``python -m tests.faults.driver --kills 20 --seed 1`` does so on a stack of its own and prints a table.
"""

import argparse
import asyncio
import contextlib
import random
import secrets
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from tests.faults.installation import HEARTBEAT_S, HOST_ANSWER_S, Servers
from tests.faults.moments import TARGETED, Moment, after
from tests.faults.runs import SERVERS, WORKER, Outcome, run_errand

#: Seconds between a death and the next worker: at once, or long enough that the host counts as silent.
PAUSES_S = (0.0, 0.0, HEARTBEAT_S + HOST_ANSWER_S + 1.0)
#: Runs until a moment of a few milliseconds is met.
TRIES = 10


@dataclass(frozen=True)
class Kill:
    """When to kill, and how long no worker is there afterwards."""

    part: float
    """Part of the undisturbed run's duration, where no moment is given."""
    told: Moment | None
    pause_s: float
    victim: str = WORKER

    def moment(self, duration_s: float) -> Moment:
        """The moment in a run of this duration."""
        return self.told or after(self.part * duration_s)


async def run_kill(servers: Servers, folder: Path, expected: Outcome, kill: Kill) -> Outcome:
    """One run with a kill, with every difference from the undisturbed run among its faults.

    Where the task ends before the moment comes it is run again, since no two runs take equally long.
    """
    duration_s = expected.took_s
    for _ in range(TRIES):
        outcome = await run_errand(
            servers, folder, kill.moment(duration_s), pause_s=kill.pause_s, victim=kill.victim
        )
        outcome.faults += expected.picture.differences(outcome.picture)
        if outcome.death is not None or outcome.faults:
            return outcome
        duration_s = min(duration_s, outcome.took_s)
    raise AssertionError(f"The task ended {TRIES} times before {kill.moment(duration_s).name!r}.")


def chosen_kills(*, kills: int, targeted: int, seed: int, servers: int = 0) -> list[Kill]:
    """``kills`` at random moments over the task's duration, the first ``targeted`` of the telling ones, and at random
    moments ``servers`` kills of each server.
    """
    chance = random.Random(seed)
    chosen = [Kill(chance.random(), None, chance.choice(PAUSES_S)) for _ in range(kills)]
    chosen += [Kill(0.0, moment, chance.choice(PAUSES_S)) for moment in TARGETED[:targeted]]
    return chosen + [Kill(chance.random(), None, 0.0, victim) for _ in range(servers) for victim in SERVERS]


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each kill, in Markdown."""
    lines = [
        "| killed | at | while | next worker after | went on by | took | model asked again | result |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in outcomes:
        death = each.death
        if death is None:
            lines.append(f"| nothing | | | | | {each.took_s:.1f} s | | {'; '.join(each.faults)} |")
            continue
        running = ", ".join(death.running) or "between two steps"
        verdict = "; ".join(each.faults) or "the same"
        lines.append(
            f"| {death.victim} | {death.moment} (event {death.event}) | {running} | {death.pause_s:g} s | {each.resumed} "
            f"| {each.took_s:.1f} s | {each.repeated_questions} | {verdict} |"
        )
    return "\n".join(lines)


@contextlib.asynccontextmanager
async def own_servers(folder: Path) -> AsyncGenerator[tuple[Stack, Servers]]:
    """A stack for this run alone, on free ports."""
    stack = Stack(
        folder,
        # A server that is stopped and started again has to be found where it was.
        temporal=TemporalSettings(port=free_port(), web_ui_port=free_port()),
    )
    try:
        at = await stack.start()
        client = await Client.connect(
            at.temporal, namespace=at.namespace, data_converter=pydantic_data_converter
        )
        yield stack, Servers(client, at.temporal, at.database_url, at.others, stack)
    finally:
        await stack.stop()


async def main(arguments: argparse.Namespace) -> int:
    """Exit code 0 where every run left the same picture."""
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(2**31)
    sys.stdout.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory(prefix="perdure-faults-") as name:
        folder = Path(name)
        async with own_servers(folder / "stack") as (_, servers):
            undisturbed = await run_errand(servers, folder)
            sys.stdout.write(f"undisturbed: {undisturbed.took_s:.1f} s, {undisturbed.faults or 'no fault'}\n")
            outcomes: list[Outcome] = []
            for kill in chosen_kills(
                kills=arguments.kills, targeted=arguments.targeted, seed=seed, servers=arguments.servers
            ):
                outcomes.append(await run_kill(servers, folder, undisturbed, kill))
                sys.stdout.write(table(outcomes[-1:]).splitlines()[-1] + "\n")
                sys.stdout.flush()
    bad = sum(bool(each.faults) for each in outcomes) + bool(undisturbed.faults)
    sys.stdout.write(f"\n{table(outcomes)}\n\nseed {seed}: {len(outcomes)} kills, {bad} with differences\n")
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.driver", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills at random moments")
    parser.add_argument("--targeted", type=int, default=len(TARGETED), help="kills at telling moments")
    parser.add_argument("--servers", type=int, default=0, help="kills of each server at random moments")
    parser.add_argument("--seed", type=int, help="of the random moments; left out, a new one")
    sys.exit(asyncio.run(main(parser.parse_args())))
