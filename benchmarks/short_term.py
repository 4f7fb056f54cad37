"""Loading a long transcript in a worker that knows nothing of it: from PostgreSQL alone, and with Redis in front.

    python benchmarks/short_term.py [--steps 200] [--repeat 15] [--characters 2000]

Both servers are real and on this machine, with one connection open already. A step makes a decision and a result with
``--characters`` of output; each load is a new record that has nothing in memory. The two ways take turns.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.stage import running_stack
from perdure.contracts.transcript import Entry, EntryKind
from perdure.memory.database import Database
from perdure.memory.record import Record
from perdure.memory.short_term import ShortTerm

TASK = "benchmark"
KEY = b"k" * 32


def transcript(steps: int, characters: int) -> list[Entry]:
    """A request, then a decision and a result for each step."""
    entries: list[Entry] = []

    def add(kind: EntryKind, step: int, **body: object) -> None:
        parent = entries[-1].digest if entries else ""
        entry = Entry(
            task_id=TASK, parent=parent, depth=len(entries), step=step, kind=kind, body=body, at="2026-01-01"
        )
        entries.append(entry.sealed())

    add(EntryKind.REQUEST, 0, request="Measure.", repository="/nowhere")
    for step in range(1, steps + 1):
        call = {
            "index": 0,
            "call_id": f"call_{step}",
            "tool": "read_file",
            "arguments": {"path": f"{step}.txt"},
        }
        add(EntryKind.DECISION, step, content="", reasoning="", calls=[call], model="none", scripted=True)
        text = ("line of output " * (characters // 15 + 1))[:characters]
        add(
            EntryKind.RESULT, step, decision=entries[-1].digest, index=0, tool="read_file", ok=True, text=text
        )
    return entries


async def load_ms(record: Record, head: str, expected: int) -> float:
    """One load by a record that knows nothing."""
    began = time.perf_counter()
    entries = await record.entries(TASK, head)
    took_ms = (time.perf_counter() - began) * 1000
    assert len(entries) == expected
    return took_ms


async def main() -> None:
    """Fill both stores, load in turns, print medians."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--repeat", type=int, default=15)
    arguments.add_argument("--characters", type=int, default=2_000)
    options = arguments.parse_args()
    entries = transcript(options.steps, options.characters)
    head = entries[-1].digest
    with tempfile.TemporaryDirectory() as folder:
        async with running_stack(Path(folder)) as stack, contextlib.AsyncExitStack() as opened:
            found: list[str] = []

            def memory_with(key: bytes) -> ShortTerm:
                return ShortTerm(stack.addresses.others["valkey"], key=key, ttl_s=3_600, count=found.append)

            filled = await Record.connect(
                stack.addresses.database_url, pool_size=1, shared=lambda _: memory_with(KEY)
            )
            await filled.append(entries)
            await filled.close()
            shared = memory_with(KEY)
            opened.push_async_callback(shared.close)
            database = await Database.connect(stack.addresses.database_url, pool_size=1)
            opened.push_async_callback(database.close)
            times: dict[str, list[float]] = {"PostgreSQL alone": [], "Redis in front": []}
            for turn in range(options.repeat + 1):
                for name, memory in (("PostgreSQL alone", None), ("Redis in front", shared)):
                    took_ms = await load_ms(Record(database, shared=memory), head, len(entries))
                    if turn:
                        times[name].append(took_ms)
            assert set(found) == {"all"}, found
    print(f"{len(entries)} entries, {options.characters} characters a result, {options.repeat} loads each")
    for name, each in times.items():
        print(f"  {name:17} median {statistics.median(each):6.1f} ms   ({min(each):.1f}–{max(each):.1f})")


if __name__ == "__main__":
    asyncio.run(main())
