"""How Python itself is set in a worker: when it looks for garbage, and how it hears that a process ended."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Generator

COLLECTED_AFTER = (20_000, 20, 20)
"""Python's thresholds of garbage collection, in place of 700, 10 and 10."""


@contextlib.contextmanager
def rare_collections() -> Generator[None]:
    """Look for unreachable objects rarely while the body runs, and never among those that are there at its beginning.

    A step makes many objects and few cycles: with Python's own thresholds a worker spends a twentieth of its time on
    walking through modules and schemas that stay.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def watch_children_without_threads() -> None:
    """Have the ends of Git and of tools told by the kernel, as later Pythons do by themselves.

    Python 3.11 starts a thread for each process and waits until it runs; with many tasks at once that is felt.
    """
    if sys.version_info < (3, 12):
        # What is deprecated there is needed here.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())  # pyright: ignore[reportDeprecated]
