"""Transcripts of conversations, and what must hold for every one of them."""

import json
from typing import Any

from perdure.contracts.model import Message
from perdure.contracts.transcript import Entry, EntryKind
from tests.memory.samples import Writer


def opening() -> Writer:
    """A transcript up to its plan."""
    writer = Writer()
    writer.add(EntryKind.REQUEST, request="Fix the rounding.", repository="/repositories/shop", mode="change")
    writer.add(
        EntryKind.WORKSPACE, branch="perdure/x", base_commit="abc", overview="app/\n  money.py", warnings=[]
    )
    writer.add(
        EntryKind.PLAN,
        plan={"goal": "Round up.", "subtasks": [{"title": "Look", "done": False}], "risks": ["Old callers"]},
    )
    return writer


def call(index: int, call_id: str, tool: str = "read_file", **arguments: Any) -> dict[str, Any]:
    """A call in a decision."""
    return {"index": index, "call_id": call_id, "tool": tool, "arguments": arguments, "problem": ""}


def decide(
    writer: Writer, *calls: dict[str, Any], content: str = "", reasoning: str = "", step: int = 0
) -> Entry:
    """The model decides."""
    return writer.add(EntryKind.DECISION, step=step, content=content, reasoning=reasoning, calls=list(calls))


def answer(
    writer: Writer, decision: Entry, index: int, text: str = "out", *, ok: bool = True, **more: Any
) -> Entry:
    """A call\'s result."""
    return writer.add(
        EntryKind.RESULT, step=decision.step, decision=decision.digest, index=index, ok=ok, text=text, **more
    )


def check_pairs(messages: tuple[Message, ...]) -> None:
    """Each call has exactly one tool message, directly behind its assistant message and in order."""
    position = 0
    ids: list[str] = []
    while position < len(messages):
        message = messages[position]
        assert message.role != "tool", "a tool message that belongs to no call"
        answers = messages[position + 1 : position + 1 + len(message.calls)]
        assert [each.role for each in answers] == ["tool"] * len(message.calls)
        assert [each.tool_call_id for each in answers] == [each.id for each in message.calls]
        for requested in message.calls:
            assert isinstance(json.loads(requested.arguments), dict)
            ids.append(requested.id)
        position += 1 + len(message.calls)
    assert len(set(ids)) == len(ids)
