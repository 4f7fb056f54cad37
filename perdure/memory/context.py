"""The context of a model call: a transcript as messages that fit a budget of tokens.

The messages are a function of the entries and the budget alone. Appending entries appends messages: what stands before
stays byte for byte the same, so that a provider's prefix cache holds. It changes only

* when the room is used up: then as much is shortened as brings the turns down to 60 % of it, oldest first, so that the
  turns that follow are again only appended;
* when the model is told something new: the reasoning of its earlier turns is no longer sent, since it belongs to the
  chain of tool calls that has ended.

Room is made in this order: outputs of old calls become one line that names their artifacts; old turns and notes are
folded into lines of one message, a person's words and plans last; where even the newest turn does not fit, what is left
is cut in the middle. Only where that is not enough is the newest turn folded too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.contracts.errors import ContextTooLarge
from perdure.contracts.model import Message
from perdure.contracts.transcript import EntryKind
from perdure.memory.conversation import (
    CHARACTERS_A_TOKEN,
    TOKENS_A_MESSAGE,
    Conversation,
    KnownTurns,
    tokens_of,
)
from perdure.memory.window import Window, cut
from perdure.memory.wording import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.transcript import Entry

OPENING_SHARES = {EntryKind.REQUEST: 0.35, EntryKind.WORKSPACE: 0.2, EntryKind.PLAN: 0.1}
"""How much of what the system message leaves each opening message may take: fixed, so that they never change."""

SMALLEST_ROOM = 400
"""Tokens besides the system message below which no conversation is possible."""


def messages_of(
    entries: Sequence[Entry], *, system: str, budget_tokens: int, known: KnownTurns | None = None
) -> tuple[Message, ...]:
    """The messages, never more than ``budget_tokens`` by ``tokens_of``; ``ContextTooLarge`` where nothing fits.

    The budget is for messages alone: what tools, answer schema and the answer itself take is the caller's to subtract.
    """
    first = Message(role="system", content=encodable(system))
    left = budget_tokens - tokens_of(first)
    if left < SMALLEST_ROOM:
        raise ContextTooLarge(
            f"The system message takes {tokens_of(first):,} of {budget_tokens:,} tokens and leaves no room to work in.",
            "use a model, or an account at its provider, with a larger limit",
            limit=budget_tokens,
            requested=tokens_of(first) + SMALLEST_ROOM,
        )
    conversation = Conversation.of(entries, known)
    opening: list[Message] = []
    for kind, message in conversation.opening:
        tokens = int(left * OPENING_SHARES[kind]) - TOKENS_A_MESSAGE
        opening.append(cut(message, tokens * CHARACTERS_A_TOKEN))
    window = Window(left - sum(tokens_of(message) for message in opening))
    for part in conversation.parts:
        window.add(part)
    return (first, *opening, *window.messages())
