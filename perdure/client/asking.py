"""A query that is asked again beside itself, because the one that a worker was handed may never be answered.

A worker drops queries that it holds back while it takes a run out of its cache, which it does when the run ends:
two clients that ask at that moment are enough, where the worker is busy. A worker that was stopped, and not ended, takes
queries along as well. The server tells neither, so the caller would wait for its whole time limit.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

AGAIN_S = 2.0
"""So long an answer may take before the query is asked again."""
MOST_ASKED = 4
"""Queries under way for one answer, each after a longer wait: a worker that is only busy is not asked more and more."""


async def first_answer(ask: Callable[[], Coroutine[Any, Any, Answer]], *, again_s: float = AGAIN_S) -> Answer:
    """What the first query that ends gives or raises; the earlier ones go on meanwhile, since they may only be slow.

    For queries alone: what changes anything would be done twice.
    """
    asked: set[asyncio.Task[Answer]] = set()
    try:
        while True:
            asked.add(asyncio.create_task(ask()))
            patience = _patience(len(asked), again_s) if len(asked) < MOST_ASKED else None
            done, _ = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return await done.pop()
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def _patience(asked: int, again_s: float) -> float:
    """Twice as long each time, and up to half as much more: several that were dropped together do not come together again."""
    return again_s * 2 ** (asked - 1) * (1 + secrets.randbelow(500) / 1000)
