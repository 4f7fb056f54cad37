"""Ask the model to look back at its work."""

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.model_steps import Conversation, thread_of, warnings_of
from activities.record import next_entry
from activities.redaction import redaction
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.model import Role
from perdure.contracts.plan import Reflection
from perdure.contracts.steps import ModelStep, Reflected
from perdure.contracts.transcript import EntryKind

MAX_NOTE = 1_000


class ReflectDoor:
    """Makes reflections."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @activity.defn(name="reflect")
    async def reflect(self, step: ModelStep) -> Reflected:
        """A structured reflection on the transcript; ``step.trigger`` says why it is made."""
        purpose = f"reflect:{step.trigger}"
        stored = await self._conversation.stored(step, purpose, Reflected)
        if stored:
            return stored
        async with heartbeating():
            thread = await thread_of(self._conversation.record, step)
            reflection, reply = await self._conversation.structured(
                step, thread, role=Role.REFLECT, answer=Reflection
            )
        reflection = reflection.model_copy(
            update={"note": escape_hidden(redaction().text(reflection.note))[:MAX_NOTE]}
        )
        body = {"trigger": step.trigger, "reflection": reflection.model_dump(mode="json")}
        body |= {"model": reply.model, "scripted": reply.scripted}
        entry = next_entry(
            thread.last, task_id=step.task_id, step=step.step, kind=EntryKind.REFLECTION, body=body
        )
        made = Reflected(
            head=entry.digest,
            reflection=reflection,
            model=reply.model,
            cost=reply.cost,
            warnings=warnings_of(reply),
        )
        return await self._conversation.store(step, purpose, made, [*thread.notes, entry])
