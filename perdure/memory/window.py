"""The part of a conversation that is still shown, kept within a room of tokens by shortening what is oldest."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, cast

from perdure.contracts.model import Message, RequestedCall
from perdure.memory.conversation import (
    CHARACTERS_A_TOKEN,
    TOKENS_A_MESSAGE,
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
FOLDED_HEAD_TOKENS = 32

LAST_CUTS = (4_000, 2_000, 1_000, 500, 250, 120, 60)
"""Characters a text keeps where even the newest turn does not fit, tried in this order."""


class Shown(IntEnum):
    """How much of a part is shown."""

    WHOLE = 0
    WITHOUT_OUTPUT = 1
    FOLDED = 2


class Window:
    """Parts are added one by one, and what is shown depends only on them: adding shortens nothing while there is room."""

    def __init__(self, room_tokens: int) -> None:
        self._room = room_tokens
        self._parts: list[Part] = []
        self._shown: list[Shown] = []
        self._rendered: list[Sequence[Message]] = []
        self._costs: list[int] = []
        self._total = 0
        self._folded_characters = min(
            int(room_tokens * FOLDED_SHARE) * CHARACTERS_A_TOKEN, FOLDED_LINES * FOLDED_LINE_CHARACTERS
        )
        self._any_folded = False
        """From the first folded part on, the whole share of the folded lines counts as used."""
        self._chain = 0
        """Index of the first part of the newest chain of turns, whose reasoning is sent."""

    def add(self, part: Part) -> None:
        """Add the next part and make room where it is needed."""
        largest = max(int(self._room * LARGEST_SHARE) * CHARACTERS_A_TOKEN, LAST_CUTS[-1])
        index = len(self._parts)
        self._parts.append(_with_texts_cut(part, largest))
        self._shown.append(Shown.WHOLE)
        self._rendered.append([])
        self._costs.append(0)
        if isinstance(part, Told):
            ended = range(self._chain, index)
            self._chain = index + 1
            for earlier in ended:
                self._render(earlier)
        self._render(index)
        if self._total > self._room:
            self._shrink()

    def messages(self) -> list[Message]:
        """What is shown, within the room."""
        found = [*self._folded(), *itertools.chain.from_iterable(self._rendered)]
        if self._total <= self._room and not self._any_folded:
            return found
        if _total(found) <= self._room:
            return found
        for characters in LAST_CUTS:
            smaller = [_cut_everywhere(message, characters) for message in found]
            if _total(smaller) <= self._room:
                return smaller
        self._shown = [Shown.FOLDED] * len(self._parts)
        characters = (self._room - 2 * TOKENS_A_MESSAGE) * CHARACTERS_A_TOKEN
        return [_cut_everywhere(message, max(characters, 0)) for message in self._folded()]

    def _shrink(self) -> None:
        goal = int(self._room * SHRINK_TO)
        turns = [index for index, part in enumerate(self._parts) if isinstance(part, Turn)]
        newest = turns[-1] if turns else len(self._parts)
        old = range(newest)
        lasting = [index for index in old if self._is_lasting(index)]
        passing = [index for index in old if not self._is_lasting(index)]
        for shown, order in (
            (Shown.WITHOUT_OUTPUT, passing),
            (Shown.FOLDED, passing),
            (Shown.FOLDED, lasting),
        ):
            for index in order:
                if self._total <= goal:
                    return
                if self._shown[index] < shown:
                    self._show(index, shown)

    def _show(self, index: int, shown: Shown) -> None:
        if shown is Shown.FOLDED and not self._any_folded:
            self._any_folded = True
            self._total += self._folded_characters // CHARACTERS_A_TOKEN + FOLDED_HEAD_TOKENS
        self._shown[index] = shown
        self._render(index)

    def _render(self, index: int) -> None:
        self._rendered[index] = self._shown_as(index)
        part = self._parts[index]
        whole = isinstance(part, Turn) and self._rendered[index] is part.messages
        cost = part.tokens if isinstance(part, Turn) and whole else _total(self._rendered[index])
        self._total += cost - self._costs[index]
        self._costs[index] = cost

    def _is_lasting(self, index: int) -> bool:
        part = self._parts[index]
        return isinstance(part, Told) and part.lasting

    def _shown_as(self, index: int) -> Sequence[Message]:
        part, shown = self._parts[index], self._shown[index]
        if shown is Shown.FOLDED:
            return []
        if isinstance(part, Told):
            return [part.message]
        said = part.said
        if said.reasoning and index < self._chain:
            said = said.model_copy(update={"reasoning": ""})
        if shown is Shown.WHOLE:
            return part.messages if said is part.said else [said, *part.messages[1:]]
        return [said, *(_without_output(answered) for answered in part.answers)]

    def _folded(self) -> list[Message]:
        """One message with a line for each folded part; the oldest lines are only counted."""
        folded = [index for index, shown in enumerate(self._shown) if shown is Shown.FOLDED]
        if not folded:
            return []
        characters = self._folded_characters
        lines: list[str] = []
        for index in reversed(folded[-FOLDED_LINES:]):
            line = _line(self._parts[index])
            characters -= len(line) + 1
            if characters < 0:
                break
            lines.append(line)
        head = f"Earlier work, shortened to save room ({len(folded)} parts"
        head += f", the oldest {len(folded) - len(lines)} not shown):" if len(lines) < len(folded) else "):"
        return [Message(role="user", content="\n".join([head, *reversed(lines)]))]


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
        return Told(part.step, cut(part.message, characters), part.lasting)
    if part.longest <= characters:
        return part
    said = cut(part.said, characters)
    if len(said.reasoning) > characters:
        said = said.model_copy(update={"reasoning": shortened(said.reasoning, characters)})
    answers = tuple(
        Answered(cut(answered.message, characters), answered.ok, answered.artifacts)
        for answered in part.answers
    )
    return Turn(part.step, said, answers)


def _without_output(answered: Answered) -> Message:
    kept = (
        f"it is kept as artifact {', '.join(answered.artifacts)}"
        if answered.artifacts
        else "call again to see it"
    )
    text = answered.message.content
    stub = f"({'' if answered.ok else 'Failed. '}Output of {len(text):,} characters left out to save room; {kept}.)"
    return (
        answered.message.model_copy(update={"content": stub}) if len(stub) < len(text) else answered.message
    )


def _line(part: Part) -> str:
    """One line that says what a part was."""
    if isinstance(part, Told):
        return one_line(f"step {part.step}: {part.message.content}", FOLDED_LINE_CHARACTERS)
    calls = [
        f"{call.name} {one_line(call.arguments, 60)} → {'ok' if answered.ok else 'failed'}"
        for call, answered in zip(part.said.calls, part.answers, strict=True)
    ]
    return one_line(f"step {part.step}: {'; '.join(calls) or part.said.content}", FOLDED_LINE_CHARACTERS)


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
