"""Contexts of the conversations that this process works on, so that a request reads only what is new since the last one."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from perdure.memory.context import Context, beginning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.model import Message
    from perdure.contracts.transcript import Entry

LIMIT_BYTES = 64 * 1024 * 1024


class ReadsEntries(Protocol):
    """The transcripts."""

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        """The chain that ends in ``head``, oldest first, as far as it is deeper than ``above``."""
        ...


class Contexts:
    """One context for each task and room, the least recently used one dropped first; together within the limit."""

    def __init__(self, record: ReadsEntries, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._record = record
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[tuple[str, int], tuple[Context, int]] = OrderedDict()
        self.bytes = 0
        """About what all of them take in memory."""

    async def messages(
        self, head: Entry, notes: Sequence[Entry], *, system: str, budget_tokens: int
    ) -> tuple[Message, ...]:
        """What ``messages_of`` gives for the chain that ends in ``head``, and notes behind it that are not stored yet."""
        first, left = beginning(system, budget_tokens)
        key = (head.task_id, left)
        # Nobody else finds it while it is in use: whoever asks at the same time reads from the beginning.
        context = self._taken(key) or Context(left)
        added = await self._added(context, head)
        after = None if added is None else context.read([*added, *notes])
        if after is None:
            context = Context(left)
            entries = [*await self._record.entries(head.task_id, head.digest), *notes]
            after = context.read(entries) or Context(left).whole(entries)
        self._keep(key, context)
        return (first, *after.messages())

    async def _added(self, context: Context, head: Entry) -> list[Entry] | None:
        """What follows on what is settled; None where the head is before that, as after a rewind."""
        if head.depth > context.depth:
            return await self._record.entries(head.task_id, head.digest, above=context.depth)
        return [] if head.digest == context.digest else None

    def _taken(self, key: tuple[str, int]) -> Context | None:
        context, size = self._kept.pop(key, (None, 0))
        self.bytes -= size
        return context

    def _keep(self, key: tuple[str, int], context: Context) -> None:
        self._taken(key)
        size = context.bytes
        self._kept[key] = context, size
        self.bytes += size
        while self.bytes > self._limit_bytes:
            self._taken(next(iter(self._kept)))
