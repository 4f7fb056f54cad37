"""Recently used transcripts in this process, so that a step reads only the entries that others wrote."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.transcript import Entry

CHAIN_BYTES = 4 * 1024 * 1024
"""Most that is known of one task: much more than a step reads, and a small part of a very long transcript."""

BYTES_AN_ENTRY = 1_000
"""Rough weight of an entry besides its body."""


@dataclass(frozen=True)
class Weighed:
    """An entry and the characters of its body as JSON."""

    entry: Entry
    characters: int

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return self.characters + BYTES_AN_ENTRY


@dataclass
class Chain:
    """The end of one task's newest known chain, oldest first, and how deep each digest stands."""

    entries: list[Entry] = field(default_factory=list["Entry"])
    weights: list[int] = field(default_factory=list[int])
    depths: dict[str, int] = field(default_factory=dict[str, int])
    bytes: int = 0
    """The sum of the weights."""

    @property
    def first_depth(self) -> int:
        """Depth of the oldest entry that is known."""
        return self.entries[0].depth if self.entries else 0

    @property
    def tip_depth(self) -> int:
        """Depth of the newest entry; -1 where there is none."""
        return self.entries[-1].depth if self.entries else -1

    def between(self, above: int, head: str) -> list[Entry] | None:
        """The entries deeper than ``above`` up to this one; None where not all of them are known."""
        depth = self.depths.get(head)
        if depth is None or above + 1 < self.first_depth:
            return None
        return self.entries[above + 1 - self.first_depth : depth + 1 - self.first_depth]

    def entry(self, digest: str) -> Entry | None:
        """One entry, or None where it is not known."""
        depth = self.depths.get(digest)
        return None if depth is None else self.entries[depth - self.first_depth]

    def extend(self, added: Sequence[Weighed]) -> None:
        """Add entries behind the tip."""
        for weighed in added:
            self.depths[weighed.entry.digest] = weighed.entry.depth
            self.entries.append(weighed.entry)
            self.weights.append(weighed.bytes)
            self.bytes += weighed.bytes

    def cut(self, length: int) -> None:
        """Keep only the oldest entries."""
        self._remove(slice(length, None))

    def drop_oldest(self, limit_bytes: int) -> None:
        """Above the limit keep the newest entries of half of it, so that it is long until the next time."""
        if self.bytes <= limit_bytes:
            return
        kept, place = 0, len(self.entries)
        while place and kept + self.weights[place - 1] <= limit_bytes // 2:
            place -= 1
            kept += self.weights[place]
        self._remove(slice(None, place))

    def _remove(self, which: slice) -> None:
        for entry in self.entries[which]:
            del self.depths[entry.digest]
        self.bytes -= sum(self.weights[which])
        del self.entries[which]
        del self.weights[which]


class KeepsRecent(Protocol):
    """A memory that workers share, faster than the record and never needed."""

    async def recent(self, task_id: str, head: str) -> list[Weighed]:
        """The end of the chain that ends in ``head``, oldest first, as far as it is known: perhaps nothing."""
        ...

    def keep(self, task_id: str, added: Sequence[Weighed], *, instead: bool = False) -> None:
        """Note recorded entries without delay; ``instead`` of what is known of the task."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Transcripts:
    """The end of one chain a task, the least recently used task dropped first; together never above the limit in bytes.

    ``shared`` is told what this process recorded, and asked about a task that this process knows nothing of.
    """

    def __init__(self, limit_bytes: int, shared: KeepsRecent | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._chain_bytes = min(limit_bytes, CHAIN_BYTES)
        self._shared = shared
        self._chains: OrderedDict[str, Chain] = OrderedDict()
        self.bytes = 0
        """About what all chains take in memory."""

    def chain(self, task_id: str) -> Chain:
        """The task's chain; an empty one, which is not kept, where none is known."""
        chain = self._chains.get(task_id)
        if chain is None:
            return Chain()
        self._chains.move_to_end(task_id)
        return chain

    async def recent(self, task_id: str, head: str) -> list[Weighed]:
        """What the shared memory has of the end of this chain; not asked where this process knows one from its start."""
        known = self._chains.get(task_id)
        if self._shared is None or (known is not None and known.first_depth == 0):
            return []
        return await self._shared.recent(task_id, head)

    def recorded(self, task_id: str, added: Sequence[Weighed]) -> None:
        """Know these linked entries, which this process wrote to the record, and share them."""
        self.remember(task_id, added)
        if self._shared is not None:
            self._shared.keep(task_id, added)

    def restored(self, task_id: str, chain: Sequence[Weighed]) -> None:
        """Share a whole chain that was not shared as far as it was needed."""
        if self._shared is not None:
            self._shared.keep(task_id, chain, instead=True)

    def remember(self, task_id: str, added: Sequence[Weighed]) -> None:
        """Know these linked entries, the newest at least: behind their parent, else instead of all that is known."""
        chain = self._chains.get(task_id) or Chain()
        fresh = [weighed for weighed in added if weighed.entry.digest not in chain.depths]
        if not fresh or not _are_linked(added):
            return
        known_bytes, first = chain.bytes, fresh[0].entry
        if first.parent in chain.depths:
            chain.cut(first.depth - chain.first_depth)
            chain.extend(fresh)
        else:
            chain.cut(0)
            chain.extend(added)
        chain.drop_oldest(self._chain_bytes)
        self.bytes += chain.bytes - known_bytes
        self._chains[task_id] = chain
        self._chains.move_to_end(task_id)
        self._make_room()

    def _make_room(self) -> None:
        while self.bytes > self._limit_bytes:
            _, dropped = self._chains.popitem(last=False)
            self.bytes -= dropped.bytes


def _are_linked(added: Sequence[Weighed]) -> bool:
    return all(later.entry.parent == earlier.entry.digest for earlier, later in itertools.pairwise(added))
