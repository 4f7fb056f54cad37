"""Recently used transcripts in this process, so that a step reads only the entries that others wrote."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


class Transcripts:
    """One chain a task, the least recently used task dropped first; together never above the limit in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._chains: OrderedDict[str, Chain] = OrderedDict()

    @property
    def bytes(self) -> int:
        """About what all chains take in memory."""
        return sum(chain.bytes for chain in self._chains.values())

    def chain(self, task_id: str) -> Chain:
        """The task's chain; an empty one, which is not kept, where none is known."""
        chain = self._chains.get(task_id)
        if chain is None:
            return Chain()
        self._chains.move_to_end(task_id)
        return chain

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
        chain.cut(len(before))
        chain.extend(fresh)
        self._chains[task_id] = chain
        self._chains.move_to_end(task_id)
        self._make_room()

    def _make_room(self) -> None:
        total = self.bytes
        while total > self._limit_bytes:
            _, dropped = self._chains.popitem(last=False)
            total -= dropped.bytes


def _are_linked(added: Sequence[Weighed]) -> bool:
    return all(later.entry.parent == earlier.entry.digest for earlier, later in itertools.pairwise(added))
