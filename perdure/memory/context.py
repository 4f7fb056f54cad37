"""The context of a model call: a transcript as messages that fit a budget of tokens.

The messages are a function of the entries and the budget alone. Appending entries appends messages: what stands before
stays byte for byte the same, so that a provider's prefix cache holds. It changes only

* when the room is used up: then as much is shortened as brings the turns down to 60 % of it, oldest first, so that the
  turns that follow are again only appended;
* when the model is told something new: the reasoning of its earlier turns is no longer sent, since it belongs to the
  chain of tool calls that has ended.

So whoever has read a conversation once can go on from there: what stands before its last decision is settled, and only
the rest is read again for the next request, however long the conversation is.

Room is made in this order: outputs of old calls become one line that names their artifacts; old turns and notes are
folded into lines of one message, a person's words and plans last; where even the newest turn does not fit, what is left
is cut in the middle. Only where that is not enough is the newest turn folded too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.contracts.errors import ContextTooLarge
from perdure.contracts.model import Message
from perdure.contracts.transcript import EntryKind
from perdure.memory.conversation import CHARACTERS_A_TOKEN, OPENING, TOKENS_A_MESSAGE, Reader, tokens_of
from perdure.memory.surroundings import around
from perdure.memory.window import Window, cut
from perdure.memory.wording import encodable, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.transcript import Entry

OPENING_SHARES = {EntryKind.REQUEST: 0.35, EntryKind.WORKSPACE: 0.2, EntryKind.PLAN: 0.1}
"""How much of what the system message leaves each opening message may take: fixed, so that they never change."""

SMALLEST_ROOM = 400
"""Tokens besides the system message below which no conversation is possible."""

BYTES_A_CALL_ID = 150
"""Rough weight of the id of a call that was made before."""


def messages_of(entries: Sequence[Entry], *, system: str, budget_tokens: int) -> tuple[Message, ...]:
    """The messages, never more than ``budget_tokens`` by ``tokens_of``; ``ContextTooLarge`` where nothing fits.

    The budget is for messages alone: what tools, answer schema and the answer itself take is the caller's to subtract.
    """
    first, left = beginning(system, budget_tokens)
    return (first, *Context(left).whole(entries).messages())


def beginning(system: str, budget_tokens: int) -> tuple[Message, int]:
    """The system message, and the tokens that it leaves; ``ContextTooLarge`` where they are too few."""
    first = Message(role="system", content=encodable(system))
    left = budget_tokens - tokens_of(first)
    if left < SMALLEST_ROOM:
        raise ContextTooLarge(
            f"The system message takes {tokens_of(first):,} of {budget_tokens:,} tokens and leaves no room to work in.",
            "use a model, or an account at its provider, with a larger limit",
            limit=budget_tokens,
            requested=tokens_of(first) + SMALLEST_ROOM,
        )
    return first, left


class Context:
    """The opening messages of a conversation (request, workspace, plan) and the window on what followed."""

    def __init__(self, left_tokens: int) -> None:
        """``left_tokens`` are what the system message leaves."""
        self._left = left_tokens
        self._opening: dict[EntryKind, Message] = {}
        self._window: Window | None = None
        """Made with the first part: its room is what the opening leaves."""
        self._call_ids: set[str] = set()
        self.depth = -1
        """Of the last entry that is settled."""
        self.digest = ""

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        opening = sum(len(message.content) for message in self._opening.values())
        window = self._window.bytes if self._window else 0
        return opening + window + BYTES_A_CALL_ID * len(self._call_ids)

    def messages(self) -> tuple[Message, ...]:
        """What is shown of it."""
        return (*self._opening.values(), *(self._window.messages() if self._window else ()))

    def whole(self, entries: Sequence[Entry]) -> Context:
        """This context after these entries, of which none is settled."""
        reader = Reader(entries, self._call_ids)
        for entry in entries:
            self._add(entry, reader)
        return self

    def read(self, entries: Sequence[Entry]) -> Context | None:
        """The context after these entries, while this one goes on to the last decision among them.

        What answers a decision's calls comes before the next decision, so that what is before the last one is settled.
        None where that does not hold, or the entries do not follow on what is settled: then all is to be read anew.
        """
        if entries and entries[0].parent != self.digest:
            return None
        decisions = (place for place, entry in enumerate(entries) if entry.kind is EntryKind.DECISION)
        last = max(decisions, default=0)
        # What is settled must not know of anything later: a rewind may take that back.
        if not self._settle(entries[:last]):
            return None
        if self.depth >= 0 and Reader(entries[last:]).reaches_back:
            return None
        after = Context(self._left)
        after._opening, after._call_ids = dict(self._opening), self._call_ids
        after._window = self._window.copy() if self._window else None
        return after.whole(entries[last:])

    def _settle(self, entries: Sequence[Entry]) -> bool:
        """Go on to the end of these entries; False where one of them changes what was settled before."""
        reader = Reader(entries, self._call_ids)
        if self.depth >= 0 and reader.reaches_back:
            return False
        for entry in entries:
            self._add(entry, reader)
            self.depth, self.digest = entry.depth, entry.digest
        self._call_ids |= reader.call_ids
        return True

    def _add(self, entry: Entry, reader: Reader) -> None:
        if entry.kind in OPENING and entry.kind not in self._opening and self._window is None:
            tokens = int(self._left * OPENING_SHARES[entry.kind]) - TOKENS_A_MESSAGE
            message = around(entry, "user", told(entry))
            self._opening[entry.kind] = cut(message, tokens * CHARACTERS_A_TOKEN)
            return
        part = reader.part(entry)
        if part is None:
            return
        if self._window is None:
            self._window = Window(self._left - sum(tokens_of(message) for message in self._opening.values()))
        self._window.add(part)
