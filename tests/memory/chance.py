"""Transcripts made by chance, with everything that can stand in one: also what comes late, twice, or too large."""

import random
from typing import Any

from perdure.contracts.transcript import Entry, EntryKind
from tests.memory.conversations import answer, call, decide, opening
from tests.memory.samples import Writer

ROOM = 6_000
"""About the room, in tokens, for which the largest texts are made."""


class Chance:
    """Writes a transcript step by step; ``asked`` are its lengths at the moments when a model is asked."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.writer = opening() if self.random.random() < 0.8 else Writer()
        self.decisions: list[tuple[Entry, list[dict[str, Any]]]] = []

    def text(self, letter: str, most: int) -> str:
        """Some characters; rarely more than the whole room."""
        draw = self.random.random()
        characters = 5 * ROOM if draw < 0.01 else self.random.randrange(1 + most)
        return (f"{letter}\ud800é " if draw > 0.97 else letter) * characters

    def step(self, number: int) -> None:
        """One step: a decision, what answers its calls, and perhaps a look back."""
        ids = [self.random.choice([f"id-{number}-{index}", "twice", ""]) for index in range(self.calls())]
        calls = [call(index, id, text=self.text("ä", 200)) for index, id in enumerate(ids)]
        decision = decide(
            self.writer,
            *calls,
            content=self.text("c", 100),
            reasoning=self.text("r", 400),
            step=number,
        )
        self.decisions.append((decision, calls))
        self.answers(number)
        if self.random.random() < 0.2:
            reflection = {"verdict": "continue", "note": self.text("n", 500)}
            self.writer.add(EntryKind.REFLECTION, step=number, trigger="fifth step", reflection=reflection)
        if self.random.random() < 0.1:
            self.rarities(number)

    def calls(self) -> int:
        """How many calls a decision makes."""
        return self.random.choice([0, 1, 1, 1, 1, 2, 4])

    def answers(self, number: int) -> None:
        """Results and notes of the newest decision's calls, in any order; some never come."""
        decision, calls = self.decisions[-1]
        for index in self.random.sample(range(len(calls)), len(calls)):
            draw = self.random.random()
            if draw < 0.1:
                self.writer.add(EntryKind.NOTE, {"kind": "steer"}, text=self.text("s", 300), step=number)
            if draw < 0.8:
                self.result(decision, index)
            elif draw < 0.95:
                self.note(decision, calls, index, number)

    def result(self, decision: Entry, index: int) -> None:
        """One result, perhaps kept as an artifact."""
        artifacts = [{"id": "f" * 64, "name": "output.txt"}] if self.random.random() < 0.3 else []
        text = self.text("x", self.random.choice([0, 50, 1_000, 8_000]))
        answer(self.writer, decision, index, text, ok=self.random.random() < 0.7, artifacts=artifacts)

    def note(self, decision: Entry, calls: list[dict[str, Any]], index: int, number: int) -> None:
        """A note about a call, by its place or by its id."""
        where: dict[str, Any] = {"decision": decision.digest, "call_index": index}
        if self.random.random() < 0.3:
            where = {"call_id": calls[index]["call_id"]}
        kind = self.random.choice(["denied", "expired", "done", "guard"])
        self.writer.add(EntryKind.NOTE, {"kind": kind, "text": self.text("d", 100), **where}, step=number)

    def rarities(self, number: int) -> None:
        """What comes seldom: a new plan or workspace, checks, an edit, an answer; and what is late or comes twice."""
        draw = self.random.randrange(8)
        decision, calls = self.random.choice(self.decisions)
        if draw == 0:
            self.writer.add(EntryKind.PLAN, step=number, plan={"goal": self.text("p", 300)})
        elif draw == 1:
            self.writer.add(EntryKind.WORKSPACE, step=number, branch="b", base_commit="c", warnings=["Lost."])
        elif draw == 2:
            self.writer.add(EntryKind.CHECKS, step=number, text=self.text("k", 800))
        elif draw == 3:
            self.writer.add(EntryKind.ANSWER, step=number, answer={"summary": self.text("a", 100)})
        elif draw == 4:
            self.writer.add(EntryKind.EDIT, step=number, decision=decision.digest, index=0, arguments={})
        elif draw == 5:
            self.writer.add(EntryKind.REQUEST, step=number, request="Another one.")
        elif calls:
            index = self.random.randrange(len(calls))
            self.result(decision, index) if draw == 6 else self.note(decision, calls, index, number)

    def rewind(self) -> None:
        """Go on from an earlier step."""
        keep = self.random.randrange(1, len(self.decisions)) if len(self.decisions) > 1 else 0
        if keep:
            decision = self.decisions[keep][0]
            del self.decisions[keep:]
            self.writer.back_to(decision.depth)
