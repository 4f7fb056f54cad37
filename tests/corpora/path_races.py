"""Somebody who swaps files, folders and the workspace itself for links that lead outside, all the time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.corpora.bench import ToolBench

RACED = ("f.txt", "new", ".f.txt.tmp", "new/s.txt")


@asynccontextmanager
async def attacked(bench: ToolBench, *, root_too: bool) -> AsyncGenerator[None]:
    """The attack goes on for as long as this lasts; afterwards everything stands where it was."""
    race, outside, stopped = bench.workspace / "race", bench.top / "out", asyncio.Event()

    def attack() -> None:
        while not stopped.is_set():
            for name in RACED:
                _swap_once(race / name, outside / ("d" if name == "new" else "secret.txt"))
            if root_too:
                _swap_once(bench.workspace, outside)

    (race / "new").mkdir(parents=True, exist_ok=True)
    for name in ("f.txt", "new/s.txt"):
        (race / name).write_text("ours\n")
    attacker = asyncio.create_task(asyncio.to_thread(attack))
    try:
        yield
    finally:
        stopped.set()
        await attacker


def _swap_once(place: Path, target: Path) -> None:
    """A link in place of what is there, and then that again."""
    aside, link = place.with_name(f"{place.name}.aside"), place.with_name(f"{place.name}.link")
    try:
        link.symlink_to(target)
        place.rename(aside)
        link.rename(place)
        place.unlink()
        aside.rename(place)
    except OSError:
        # The tool moved the same names at this moment, so this round of the attack is lost.
        for left in (link, place):
            if left.is_symlink():
                left.unlink(missing_ok=True)
        if aside.is_dir() and not aside.is_symlink():
            with contextlib.suppress(OSError):
                aside.rename(place)
        else:
            aside.unlink(missing_ok=True)
