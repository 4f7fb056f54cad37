"""The part of a conversation that is still shown, kept within a room of tokens by shortening what is oldest."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple, cast

from perdure.contracts.digests import digest_of
from perdure.contracts.envelopes import Envelope, Trust, marker_from
from perdure.contracts.model import Message, RequestedCall
from perdure.memory.conversation import (
    CHARACTERS_A_TOKEN,
    Answered,
    Part,
    Told,
    Turn,
    tokens_of,
)
from perdure.memory.wording import one_line, shortened

LARGEST_SHARE = 0.25
"""How much of the room one output or note may take, from the start, so that it never has to change."""

SHRINK_TO = 0.6
"""What is left of the room in use after shortening: the turns that follow are then only appended for a while."""

FOLDED_SHARE = 0.15
FOLDED_LINES = 60
FOLDED_LINE_CHARACTERS = 160
FOLDED_HEAD_TOKENS = 90
"""What the two messages with folded lines cost besides the lines."""

LAST_CUTS = (4_000, 2_000, 1_000, 500, 250, 120, 60)
"""Characters a text keeps where even the newest turn does not fit, tried in this order."""

BYTES_A_PIECE = 4_000
"""Rough weight of a piece besides its texts."""


class Shown(Enum):
    """How much of a part is shown that is not folded."""

    WHOLE = "whole"
    WITHOUT_OUTPUT = "without output"


@dataclass(frozen=True)
class Piece:
    """A part that is not folded, and what of it is shown."""

    part: Part
    """Without what is not shown of it."""
    shown: Shown


class Line(NamedTuple):
    """What is left of a folded part."""

    place: int
    text: str
    by_person: bool
    """Whether a person or Perdure said it, so that it may stand outside of an envelope."""


@dataclass(frozen=True)
class Seal:
    """What the envelope of folded parts is made from: all of them, in the order in which they were folded."""

    digest: str = ""
    trust: Trust = Trust.MODEL

    def with_part(self, part: Part) -> Seal:
        """The seal of one part more."""
        trust = self.trust
        for message in part.messages:
            trust = trust.least_trusted(message.envelope.trust) if message.envelope else trust
        return Seal(digest_of([self.digest, part.digest]), trust)


class Window:
    """Parts are added one by one, and what is shown depends only on them: adding shortens nothing while there is room.

    It holds what can still be shown and nothing else, so its size is bounded by the room, however much was added.
    """

    def __init__(self, room_tokens: int) -> None:
        self._room = room_tokens
        self._added = 0
        self._pieces: dict[int, Piece] = {}
        """By place among all parts, in order."""
        self._total = 0
        """What the pieces cost, and the share of the folded lines."""
        self._newest_turn = -1
        self._chain = 0
        """Place of the first part of the newest chain of turns, whose reasoning is sent."""
        self._folded = 0
        """Parts that are folded. From the first one on, the whole share of their lines counts as used."""
        self._lines: list[Line] = []
        """The folded parts that were added last, by place."""
        self._seal = Seal()
        """Of all that is folded."""
        self._lines_characters = min(
            int(room_tokens * FOLDED_SHARE) * CHARACTERS_A_TOKEN, FOLDED_LINES * FOLDED_LINE_CHARACTERS
        )

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return CHARACTERS_A_TOKEN * self._total + BYTES_A_PIECE * len(self._pieces)

    def copy(self) -> Window:
        """Another window that shows the same and goes on by itself."""
        other = copy(self)
        other._pieces, other._lines = dict(self._pieces), list(self._lines)
        return other

    def add(self, part: Part) -> None:
        """Add the next part and make room where it is needed."""
        largest = max(int(self._room * LARGEST_SHARE) * CHARACTERS_A_TOKEN, LAST_CUTS[-1])
        part, place = _with_texts_cut(part, largest), self._added
        self._added += 1
        if isinstance(part, Told):
            ended, self._chain = self._chain, place + 1
            for earlier in [each for each in self._pieces if each >= ended]:
                self._put(earlier, self._pieces[earlier].part, self._pieces[earlier].shown)
        else:
            self._newest_turn = place
        self._put(place, part, Shown.WHOLE)
        if self._total > self._room:
            self._shrink()

    def messages(self) -> list[Message]:
        """What is shown, within the room."""
        rendered = itertools.chain.from_iterable(piece.part.messages for piece in self._pieces.values())
        found = [*_folded(self._folded, self._lines, self._lines_characters, self._seal), *rendered]
        if self._total <= self._room and not self._folded:
            return found
        if _total(found) <= self._room:
            return found
        for characters in LAST_CUTS:
            smaller = [_cut_everywhere(message, characters) for message in found]
            if _total(smaller) <= self._room:
                return smaller
        seal, lines = self._seal, list(self._lines)
        for place, piece in self._pieces.items():
            seal = seal.with_part(piece.part)
            bisect.insort(lines, _line(place, piece.part))
        characters = (self._room - FOLDED_HEAD_TOKENS) * CHARACTERS_A_TOKEN
        folded = _folded(self._added, lines[-FOLDED_LINES:], min(self._lines_characters, characters), seal)
        return [cut(message, max(characters, 0)) for message in folded]

    def _shrink(self) -> None:
        goal = int(self._room * SHRINK_TO)
        newest = self._newest_turn if self._newest_turn >= 0 else self._added
        old = [place for place in self._pieces if place < newest]
        lasting = [place for place in old if _is_lasting(self._pieces[place].part)]
        passing = [place for place in old if not _is_lasting(self._pieces[place].part)]
        for place in passing:
            if self._total <= goal:
                return
            if self._pieces[place].shown is Shown.WHOLE:
                self._put(place, _without_outputs(self._pieces[place].part), Shown.WITHOUT_OUTPUT)
        for place in [*passing, *lasting]:
            if self._total <= goal:
                return
            self._fold(place)

    def _put(self, place: int, part: Part, shown: Shown) -> None:
        if isinstance(part, Turn) and part.said.reasoning and place < self._chain:
            part = replace(part, said=part.said.model_copy(update={"reasoning": ""}))
        before = self._pieces.get(place)
        self._total += part.tokens - (before.part.tokens if before else 0)
        self._pieces[place] = Piece(part, shown)

    def _fold(self, place: int) -> None:
        if not self._folded:
            self._total += self._lines_characters // CHARACTERS_A_TOKEN + FOLDED_HEAD_TOKENS
        piece = self._pieces.pop(place)
        self._total -= piece.part.tokens
        self._folded += 1
        self._seal = self._seal.with_part(piece.part)
        bisect.insort(self._lines, _line(place, piece.part))
        del self._lines[:-FOLDED_LINES]


def _folded(count: int, newest: Sequence[Line], characters: int, seal: Seal) -> list[Message]:
    """The folded parts, a line for each: a person's words, and in an envelope the rest. The oldest are only counted."""
    if not count:
        return []
    lines: list[Line] = []
    for line in reversed(newest):
        characters -= len(line.text) + 1
        if characters < 0:
            break
        lines.append(line)
    lines.reverse()
    head = f"Earlier work, shortened to save room ({count} parts"
    head += f", the oldest {count - len(lines)} not shown):" if len(lines) < count else "):"
    said = [line.text for line in lines if line.by_person]
    messages = [Message(role="user", content="\n".join(["Said earlier, shortened:", *said]))] if said else []
    content = "\n".join([head, *(line.text for line in lines if not line.by_person)])
    envelope = Envelope(
        marker=marker_from(seal.digest, content), origin="earlier work, shortened", trust=seal.trust
    )
    return [*messages, Message(role="user", content=content, envelope=envelope)]


def _is_lasting(part: Part) -> bool:
    return isinstance(part, Told) and part.lasting


def cut(message: Message, characters: int) -> Message:
    """The message with at most so many characters of content."""
    if len(message.content) <= characters:
        return message
    return message.model_copy(update={"content": shortened(message.content, characters)})


def _total(messages: Sequence[Message]) -> int:
    return sum(tokens_of(message) for message in messages)


def _with_texts_cut(part: Part, characters: int) -> Part:
    """The part with outputs, notes and reasoning of bounded size; what the model asked for stays whole."""
    if isinstance(part, Told):
        return replace(part, message=cut(part.message, characters))
    if part.longest <= characters:
        return part
    said = cut(part.said, characters)
    if len(said.reasoning) > characters:
        said = said.model_copy(update={"reasoning": shortened(said.reasoning, characters)})
    answers = tuple(
        Answered(cut(answered.message, characters), answered.ok, answered.artifacts)
        for answered in part.answers
    )
    return replace(part, said=said, answers=answers)


def _without_outputs(part: Part) -> Part:
    if isinstance(part, Told):
        return part
    return replace(part, answers=tuple(replace(each, message=_without_output(each)) for each in part.answers))


def _without_output(answered: Answered) -> Message:
    kept = (
        f"it is kept as artifact {', '.join(answered.artifacts)}"
        if answered.artifacts
        else "call again to see it"
    )
    text = answered.message.content
    stub = f"({'' if answered.ok else 'Failed. '}Output of {len(text):,} characters left out to save room; {kept}.)"
    return (
        answered.message.model_copy(update={"content": stub, "envelope": None})
        if len(stub) < len(text)
        else answered.message
    )


def _line(place: int, part: Part) -> Line:
    """One line that says what a part was."""
    if isinstance(part, Told):
        text = one_line(f"step {part.step}: {part.message.content}", FOLDED_LINE_CHARACTERS)
        return Line(place, text, by_person=part.message.envelope is None)
    calls = [
        f"{call.name} {one_line(call.arguments, 60)} → {'ok' if answered.ok else 'failed'}"
        for call, answered in zip(part.said.calls, part.answers, strict=True)
    ]
    text = one_line(f"step {part.step}: {'; '.join(calls) or part.said.content}", FOLDED_LINE_CHARACTERS)
    return Line(place, text, by_person=False)


def _cut_everywhere(message: Message, characters: int) -> Message:
    calls = tuple(
        RequestedCall(id=call.id, name=call.name, arguments=_cut_arguments(call.arguments, characters))
        for call in message.calls
    )
    return cut(message, characters).model_copy(update={"reasoning": "", "calls": calls})


def _cut_arguments(arguments: str, characters: int) -> str:
    """Still JSON: long texts in it are cut, and where that is not enough only their size is told."""
    if len(arguments) <= characters:
        return arguments
    smaller = json.dumps(_cut_values(json.loads(arguments), characters // 4), ensure_ascii=False)
    if len(smaller) <= characters:
        return smaller
    return json.dumps({"left_out": f"{len(arguments):,} characters"})


def _cut_values(value: object, characters: int) -> object:
    if isinstance(value, str):
        return shortened(value, characters)
    if isinstance(value, list):
        return [_cut_values(each, characters) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _cut_values(each, characters) for name, each in cast("dict[str, Any]", value).items()}
    return value
