"""Recently used transcripts in this process, so that a step reads only the entries that others wrote."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.transcript import Entry

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
    """The newest known chain of one task, oldest first, and where each digest stands in it."""

    entries: list[Entry] = field(default_factory=list["Entry"])
    weights: list[int] = field(default_factory=list[int])
    positions: dict[str, int] = field(default_factory=dict[str, int])
    bytes: int = 0
    """The sum of the weights."""

    @property
    def tip(self) -> str:
        """Digest of the newest entry; empty where there is none."""
        return self.entries[-1].digest if self.entries else ""

    def until(self, digest: str) -> list[Entry] | None:
        """The entries up to this one (none for the empty digest), or None where it is not in the chain."""
        if digest == "":
            return []
        position = self.positions.get(digest)
        return None if position is None else self.entries[: position + 1]

    def entry(self, digest: str) -> Entry | None:
        """One entry, or None where it is not in the chain."""
        position = self.positions.get(digest)
        return None if position is None else self.entries[position]

    def extend(self, added: Sequence[Weighed]) -> None:
        """Add entries behind the tip."""
        for weighed in added:
            self.positions[weighed.entry.digest] = len(self.entries)
            self.entries.append(weighed.entry)
            self.weights.append(weighed.bytes)
            self.bytes += weighed.bytes

    def cut(self, length: int) -> None:
        """Keep only the oldest entries."""
        for entry in self.entries[length:]:
            del self.positions[entry.digest]
        self.bytes -= sum(self.weights[length:])
        del self.entries[length:]
        del self.weights[length:]


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
    """One chain a task, the least recently used task dropped first; together never above the limit in bytes.

    ``shared`` is told what this process recorded, and asked about a task that this process knows nothing of.
    """

    def __init__(self, limit_bytes: int, shared: KeepsRecent | None = None) -> None:
        self._limit_bytes = limit_bytes
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
        """What the shared memory has of the end of this chain; it is not asked where this process knows the task."""
        if self._shared is None or task_id in self._chains:
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
        """Know these linked entries: behind their parent, instead of what stood there; nothing where it is unknown."""
        chain = self._chains.get(task_id) or Chain()
        known = chain.positions
        fresh = [weighed for weighed in added if weighed.entry.digest not in known]
        if not fresh or not _are_linked(fresh):
            return
        before = chain.until(fresh[0].entry.parent)
        if before is None:
            return
        known_bytes = chain.bytes
        chain.cut(len(before))
        chain.extend(fresh)
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
