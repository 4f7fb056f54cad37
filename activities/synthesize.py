"""Ask for the final answer with its evidence."""

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.model_steps import Conversation, thread_of, warnings_of
from activities.record import next_entry
from activities.redaction import redaction
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.model import Role
from perdure.contracts.plan import Answer
from perdure.contracts.steps import ModelStep, Synthesized
from perdure.contracts.task import Evidence
from perdure.contracts.transcript import EntryKind

MAX_SUMMARY = 8_000
MAX_REQUIREMENTS = 30
MAX_LINE = 400
SHOWN_BY = (EntryKind.RESULT, EntryKind.CHECKS)
"""Entries that can show that a requirement is met."""


class SynthesizeDoor:
    """Makes answers."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @activity.defn(name="synthesize")
    async def synthesize(self, step: ModelStep) -> Synthesized:
        """The answer; a requirement whose step is not in the transcript counts as not shown."""
        stored = await self._conversation.stored(step, "synthesize", Synthesized)
        if stored:
            return stored
        async with heartbeating():
            thread = await thread_of(self._conversation.record, step)
            answer, reply = await self._conversation.structured(
                step, thread, role=Role.SYNTHESIZE, answer=Answer
            )
        body = {"answer": answer.model_dump(mode="json"), "model": reply.model, "scripted": reply.scripted}
        entry = next_entry(
            thread.last, task_id=step.task_id, step=step.step, kind=EntryKind.ANSWER, body=body
        )
        steps_taken = await self._conversation.record.steps(step.task_id, step.head, SHOWN_BY)
        made = Synthesized(
            head=entry.digest,
            summary=escape_hidden(redaction().text(answer.summary))[:MAX_SUMMARY],
            commit_message=one_line(answer.commit_message),
            evidence=evidence_of(answer, steps_taken),
            model=reply.model,
            cost=reply.cost,
            warnings=warnings_of(reply),
        )
        return await self._conversation.store(step, "synthesize", made, [*thread.notes, entry])


def evidence_of(answer: Answer, steps_taken: set[int]) -> tuple[Evidence, ...]:
    """Each requirement with the step that shows it; a step that never ran shows nothing."""
    return tuple(
        Evidence(
            requirement=escape_hidden(redaction().text(each.requirement))[:MAX_LINE],
            step=each.step if each.step in steps_taken else None,
            shown_by=escape_hidden(redaction().text(each.shown_by))[:MAX_LINE]
            if each.step in steps_taken
            else "",
        )
        for each in answer.requirements[:MAX_REQUIREMENTS]
    )


def one_line(text: str) -> str:
    """The first non-empty line, at most 100 characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return escape_hidden(lines[0] if lines else "")[:100]
