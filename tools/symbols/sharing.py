"""Work that is shared out to sandboxed processes; an item that ends its process costs only itself."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

Answer = TypeVar("Answer")
SMALLEST_SHARE = 512 * 1024
"""Bytes below which another process costs more than it saves."""
MOST_CRASHES = 8
"""After as many items that end their process the rest of a share is given up."""


async def answered_apart(
    sizes: Sequence[int], ask: Callable[[Sequence[int]], Awaitable[Sequence[Answer]]], *, largest: int
) -> list[Answer | None]:
    """The answer for each item; None for one that ended its process, or came after too many that did.

    ``sizes`` are the items' bytes, ``largest`` the most for one process. ``ask`` gets positions of items, and gives the
    answers of one process, in order, up to the item that ended it.
    """
    answers: list[Answer | None] = [None] * len(sizes)

    async def work(share: Sequence[int]) -> None:
        crashes = 0
        while share and crashes < MOST_CRASHES:
            done = await ask(share)
            for each, answer in zip(share, done, strict=False):
                answers[each] = answer
            # What comes after the last answer is the item that ended the process.
            crashes += len(done) < len(share)
            share = share[len(done) + 1 :]

    await asyncio.gather(*(work(share) for share in _shares(sizes, largest)))
    return answers


def _shares(sizes: Sequence[int], largest: int) -> Iterator[Sequence[int]]:
    """Positions in shares of about the same size: as many for each processor where that is worth it."""
    processors = os.cpu_count() or 1
    total = sum(sizes)
    rounds = -(-total // (processors * largest))
    wanted = max(SMALLEST_SHARE, total // (processors * max(1, rounds)) + 1)
    begin = filled = 0
    for position, size in enumerate(sizes):
        filled += size
        if filled >= wanted:
            yield range(begin, position + 1)
            begin, filled = position + 1, 0
    if begin < len(sizes):
        yield range(begin, len(sizes))


def framed(output: bytes, head: re.Pattern[bytes]) -> Iterator[tuple[re.Match[bytes], bytes]]:
    """What a process wrote for its items in order: a head line, whose first group counts and whose last is a length, and so
    many bytes. A process that ends badly may leave half a frame, and words of its own behind it."""
    place = position = 0
    while True:
        found = head.match(output, place)
        if found is None or int(found[1]) != position:
            return
        end = found.end() + int(found[found.re.groups])
        if end > len(output):
            return
        yield found, output[found.end() : end]
        place = end
        position += 1
