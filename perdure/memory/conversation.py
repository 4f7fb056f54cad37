"""Transcript entries as the parts of a conversation: turns of the model with their tool messages, and what it was told."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure.contracts.envelopes import envelope_characters
from perdure.contracts.model import Message, RequestedCall
from perdure.contracts.transcript import EntryKind
from perdure.memory.surroundings import around, bare
from perdure.memory.wording import NOT_RUN, call_note_text, encodable, told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

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
    digest: str = ""
    """Of the entry that it begins with."""

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


@dataclass(frozen=True)
class Told:
    """Something the model was told between its turns. ``lasting`` for what must not be forgotten: a person's word."""

    step: int
    message: Message
    lasting: bool
    digest: str = ""
    """Of its entry."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it."""
        return (self.message,)

    @cached_property
    def tokens(self) -> int:
        """What it costs, by estimate."""
        return tokens_of(self.message)


Part = Turn | Told


def tokens_of(message: Message) -> int:
    """An estimate of what a message costs."""
    characters = len(message.content) + len(message.reasoning) + len(message.tool_call_id)
    characters += envelope_characters(message.envelope)
    for call in message.calls:
        characters += len(call.id) + len(call.name) + len(call.arguments)
    return TOKENS_A_MESSAGE + -(-characters // CHARACTERS_A_TOKEN)


class Reader:
    """Reads entries of one chain as parts: finds for each call what answers it, then makes part after part."""

    def __init__(self, entries: Sequence[Entry], call_ids: AbstractSet[str] = frozenset()) -> None:
        """``call_ids`` are those of the turns before these entries."""
        self.reaches_back = False
        """Whether an entry is about a call that none of these entries made."""
        self.call_ids: set[str] = set()
        """Those of the turns that were made."""
        self._earlier_call_ids = call_ids
        self._answers: dict[tuple[str, int], Entry] = {}
        self._used: set[str] = set()
        self._find_answers(entries)

    def part(self, entry: Entry) -> Part | None:
        """The part that begins with this entry; None where it is a piece of another one. Once for each, in order."""
        if entry.kind is EntryKind.DECISION:
            return self._turn(entry)
        if entry.kind is EntryKind.ANSWER:
            return Turn(entry.step, Message(role="assistant", content=told(entry)), (), entry.digest)
        if entry.digest in self._used or entry.kind is EntryKind.APPROVAL:
            return None
        lasting = entry.kind is EntryKind.PLAN or entry.body.get("kind") == "steer"
        return Told(entry.step, around(entry, "user", told(entry)), lasting, entry.digest)

    def _find_answers(self, entries: Sequence[Entry]) -> None:
        """A result answers its call, else the first note about it does; what is left over is told as it comes."""
        calls: dict[str, list[tuple[str, int]]] = defaultdict(list)
        decisions: set[str] = set()
        notes: list[tuple[tuple[str, int], Entry]] = []
        for entry in entries:
            if entry.kind is EntryKind.DECISION:
                decisions.add(entry.digest)
                for place, call in enumerate(_calls(entry)):
                    calls[str(call.get("call_id", ""))].append((entry.digest, int(call.get("index", place))))
            elif entry.kind is EntryKind.RESULT:
                key = (str(entry.body.get("decision", "")), int(entry.body.get("index", -1)))
                if key[0] not in decisions:
                    self.reaches_back = True
                else:
                    self._answer(key, entry)
            elif entry.kind is EntryKind.NOTE:
                key = _noted_call(entry, calls)
                if key is not None and key[0] in decisions:
                    notes.append((key, entry))
                elif key is not None or entry.body.get("call_id"):
                    self.reaches_back = True
        for key, entry in notes:
            self._answer(key, entry)

    def _answer(self, key: tuple[str, int], entry: Entry) -> None:
        if key not in self._answers:
            self._answers[key] = entry
            self._used.add(entry.digest)

    def _turn(self, entry: Entry) -> Turn:
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
        return Turn(entry.step, said, tuple(answers), entry.digest)

    def _call_id(self, entry: Entry, call: dict[str, Any], place: int) -> str:
        """The model's own id; another one where it gave none or gave it twice, since answers are matched by it."""
        call_id = encodable(str(call.get("call_id") or ""))
        if not call_id or call_id in self.call_ids or call_id in self._earlier_call_ids:
            call_id = f"call_{entry.depth}_{place}"
        self.call_ids.add(call_id)
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
        return Answered(bare("tool", call_note_text(entry), tool_call_id=call_id), ok=False)
    artifacts: list[dict[str, Any]] = entry.body.get("artifacts") or []
    text = str(entry.body.get("text") or "") or "(no output)"
    return Answered(
        around(entry, "tool", encodable(text), tool_call_id=call_id),
        ok=bool(entry.body.get("ok", True)),
        artifacts=tuple(
            f"{encodable(str(each.get('name', '')))} ({str(each.get('id', ''))[:12]})" for each in artifacts
        ),
    )
