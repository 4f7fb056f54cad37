"""Transcript entries as the parts of a conversation: turns of the model with their tool messages, and what it was told."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure.contracts.model import Message, RequestedCall
from perdure.contracts.transcript import EntryKind
from perdure.memory.wording import NOT_RUN, call_note_text, encodable, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.contracts.transcript import Entry

CHARACTERS_A_TOKEN = 4
TOKENS_A_MESSAGE = 4
"""What a message costs besides its text."""

OPENING = (EntryKind.REQUEST, EntryKind.WORKSPACE, EntryKind.PLAN)


@dataclass(frozen=True)
class Answered:
    """The tool message of one call, and what is said in its place once its output is left out."""

    message: Message
    ok: bool
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One answer of the model and, in order, one tool message for each call in it."""

    step: int
    said: Message
    answers: tuple[Answered, ...]

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """All of it, in order."""
        return (self.said, *(answered.message for answered in self.answers))

    @cached_property
    def tokens(self) -> int:
        """What all of it costs, by estimate."""
        return sum(tokens_of(message) for message in self.messages)

    @cached_property
    def longest(self) -> int:
        """Characters of its longest text."""
        return max(len(self.said.reasoning), *(len(message.content) for message in self.messages))

    @cached_property
    def call_ids(self) -> frozenset[str]:
        """The ids under which its calls are answered."""
        return frozenset(call.id for call in self.said.calls)


@dataclass(frozen=True)
class Told:
    """Something the model was told between its turns. ``lasting`` for what must not be forgotten: a person's word."""

    step: int
    message: Message
    lasting: bool


Part = Turn | Told


def tokens_of(message: Message) -> int:
    """An estimate of what a message costs."""
    characters = len(message.content) + len(message.reasoning) + len(message.tool_call_id)
    for call in message.calls:
        characters += len(call.id) + len(call.name) + len(call.arguments)
    return TOKENS_A_MESSAGE + -(-characters // CHARACTERS_A_TOKEN)


class KnownTurns:
    """Turns that were read before, by the digests of what they are made of: a step reads only what is new.

    The least recently used ones are dropped first.
    """

    def __init__(self, most: int = 4_000) -> None:
        self._most = most
        self._turns: OrderedDict[tuple[str, ...], Turn] = OrderedDict()

    def get(self, digests: tuple[str, ...]) -> Turn | None:
        """The turn made of these entries."""
        turn = self._turns.get(digests)
        if turn is not None:
            self._turns.move_to_end(digests)
        return turn

    def keep(self, digests: tuple[str, ...], turn: Turn) -> None:
        """Remember it."""
        self._turns[digests] = turn
        if len(self._turns) > self._most:
            self._turns.popitem(last=False)


@dataclass(frozen=True)
class Conversation:
    """The opening (request, workspace and plan, as they stand before the first turn) and all that followed."""

    opening: tuple[tuple[EntryKind, Message], ...]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, entries: Sequence[Entry], known: KnownTurns | None = None) -> Conversation:
        """Reads a chain of entries, oldest first."""
        return _Reader(entries, known or KnownTurns(0)).conversation()


class _Reader:
    """Finds for each call what answers it, then walks the entries once."""

    def __init__(self, entries: Sequence[Entry], known: KnownTurns) -> None:
        self._entries = entries
        self._known = known
        self._answers: dict[tuple[str, int], Entry] = {}
        self._used: set[str] = set()
        self._call_ids: set[str] = set()
        self._find_answers()

    def conversation(self) -> Conversation:
        opening: list[tuple[EntryKind, Message]] = []
        parts: list[Part] = []
        kinds: set[EntryKind] = set()
        for entry in self._entries:
            if entry.kind in OPENING and entry.kind not in kinds and not parts:
                opening.append((entry.kind, Message(role="user", content=told(entry))))
                kinds.add(entry.kind)
            elif entry.kind is EntryKind.DECISION:
                parts.append(self._turn(entry))
            elif entry.kind is EntryKind.ANSWER:
                parts.append(Turn(entry.step, Message(role="assistant", content=told(entry)), ()))
            elif entry.digest not in self._used:
                lasting = entry.kind is EntryKind.PLAN or entry.body.get("kind") == "steer"
                parts.append(Told(entry.step, Message(role="user", content=told(entry)), lasting))
        return Conversation(tuple(opening), tuple(parts))

    def _find_answers(self) -> None:
        """A result answers its call, else the first note about it does; what is left over is told as it comes."""
        calls: dict[str, list[tuple[str, int]]] = defaultdict(list)
        decisions: set[str] = set()
        notes: list[tuple[tuple[str, int], Entry]] = []
        for entry in self._entries:
            if entry.kind is EntryKind.DECISION:
                decisions.add(entry.digest)
                for place, call in enumerate(_calls(entry)):
                    calls[str(call.get("call_id", ""))].append((entry.digest, int(call.get("index", place))))
            elif entry.kind is EntryKind.RESULT:
                key = (str(entry.body.get("decision", "")), int(entry.body.get("index", -1)))
                if key[0] in decisions and key not in self._answers:
                    self._answers[key] = entry
                    self._used.add(entry.digest)
            elif entry.kind is EntryKind.NOTE:
                key = _noted_call(entry, calls)
                if key is not None and key[0] in decisions:
                    notes.append((key, entry))
        for key, entry in notes:
            if key not in self._answers:
                self._answers[key] = entry
                self._used.add(entry.digest)

    def _turn(self, entry: Entry) -> Turn:
        answers = [
            self._answers.get((entry.digest, int(call.get("index", place))))
            for place, call in enumerate(_calls(entry))
        ]
        digests = (entry.digest, *(answer.digest if answer else "" for answer in answers))
        known = self._known.get(digests)
        if known is not None and self._call_ids.isdisjoint(known.call_ids):
            self._call_ids |= known.call_ids
            return known
        turn = self._new_turn(entry)
        self._known.keep(digests, turn)
        return turn

    def _new_turn(self, entry: Entry) -> Turn:
        requested: list[RequestedCall] = []
        answers: list[Answered] = []
        for place, call in enumerate(_calls(entry)):
            call_id = self._call_id(entry, call, place)
            arguments = encodable(json.dumps(call.get("arguments") or {}, ensure_ascii=False))
            requested.append(
                RequestedCall(id=call_id, name=encodable(str(call.get("tool", ""))), arguments=arguments)
            )
            answer = self._answers.get((entry.digest, int(call.get("index", place))))
            answers.append(_answered(call_id, answer))
        said = Message(
            role="assistant",
            content=encodable(str(entry.body.get("content") or ""))
            or ("" if requested else "(nothing was said)"),
            reasoning=encodable(str(entry.body.get("reasoning") or "")),
            calls=tuple(requested),
        )
        return Turn(entry.step, said, tuple(answers))

    def _call_id(self, entry: Entry, call: dict[str, Any], place: int) -> str:
        """The model's own id; another one where it gave none or gave it twice, since answers are matched by it."""
        call_id = encodable(str(call.get("call_id") or ""))
        if not call_id or call_id in self._call_ids:
            call_id = f"call_{entry.depth}_{place}"
        self._call_ids.add(call_id)
        return call_id


def _calls(entry: Entry) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = entry.body.get("calls") or []
    return calls


def _noted_call(entry: Entry, calls: dict[str, list[tuple[str, int]]]) -> tuple[str, int] | None:
    """The call that a note answers: by decision and index, else the latest one with the call id."""
    decision, index = str(entry.body.get("decision") or ""), int(entry.body.get("call_index", -1))
    if decision and index >= 0:
        return decision, index
    call_id = str(entry.body.get("call_id") or "")
    return calls[call_id][-1] if call_id and calls.get(call_id) else None


def _answered(call_id: str, entry: Entry | None) -> Answered:
    if entry is None:
        return Answered(Message(role="tool", content=NOT_RUN, tool_call_id=call_id), ok=False)
    if entry.kind is EntryKind.NOTE:
        return Answered(Message(role="tool", content=call_note_text(entry), tool_call_id=call_id), ok=False)
    artifacts: list[dict[str, Any]] = entry.body.get("artifacts") or []
    return Answered(
        Message(
            role="tool",
            content=encodable(str(entry.body.get("text") or "")) or "(no output)",
            tool_call_id=call_id,
        ),
        ok=bool(entry.body.get("ok", True)),
        artifacts=tuple(
            f"{encodable(str(each.get('name', '')))} ({str(each.get('id', ''))[:12]})" for each in artifacts
        ),
    )
