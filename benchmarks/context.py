"""What a model is shown, made at steps of ever longer tasks: the context that goes on, and one by a worker that knows nothing.

    python benchmarks/context.py [--steps 100 1000 3000] [--characters 4000] [--repeat 60]

The times are those of this process's processor, so that others who use the machine matter less; what PostgreSQL takes is
not among them. The transcripts are in a real PostgreSQL and no other process knows them. A step makes a decision and a result with
``--characters`` of output; the last ``--repeat`` steps are timed, each with reading its two entries.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.short_term import TASK, transcript
from benchmarks.stage import running_stack
from perdure.assembly import Assembly
from perdure.contracts.model import Role
from perdure.contracts.steps import ModelStep
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry
from perdure.memory.contexts import Contexts
from perdure.memory.record import Record
from worker import rare_collections

BATCH = 200
ROOM = 50_000
"""Tokens that the messages may take."""


async def context_ms(assembly: Assembly, record: Record, head: Entry) -> float:
    """Processor time of one context for a decision after this entry."""
    step = ModelStep(task_id=TASK, step=head.step, head=head.digest, mode=Mode.CHANGE, safety=Safety.CAUTIOUS)
    began = time.process_time()
    known = await record.entry(TASK, head.digest)
    await assembly(known, (), role=Role.DECIDE, step=step, budget_tokens=ROOM)
    return (time.process_time() - began) * 1000


async def main() -> None:
    """Fill the record, then time contexts near the end of each length."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--steps", type=int, nargs="+", default=[100, 1_000, 3_000])
    arguments.add_argument("--characters", type=int, default=4_000)
    arguments.add_argument("--repeat", type=int, default=60)
    options = arguments.parse_args()
    lengths: list[int] = options.steps
    repeat: int = options.repeat
    entries = transcript(max(lengths), options.characters)
    with tempfile.TemporaryDirectory() as folder:
        async with running_stack(Path(folder)) as stack:
            filled = await Record.connect(stack.addresses.database_url, pool_size=1)
            await filled.make_artifact_key(TASK)
            for first in range(0, len(entries), BATCH):
                await filled.append(entries[first : first + BATCH])
            print("  steps before | first context of a process | each further one, median (most)")
            with rare_collections():
                for steps in lengths:
                    record = Record(filled.database)
                    assembly = Assembly(Contexts(record))
                    cold_ms = await context_ms(assembly, record, entries[2 * (steps - repeat)])
                    heads = [entries[2 * step] for step in range(steps - repeat + 1, steps + 1)]
                    warm_ms = [await context_ms(assembly, record, head) for head in heads]
                    print(
                        f"  {steps:12,} | {cold_ms:23.1f} ms | {statistics.median(warm_ms):.2f} ms ({max(warm_ms):.1f})"
                    )
            await filled.close()


if __name__ == "__main__":
    asyncio.run(main())
