"""Ask for a plan before the first step."""

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.model_steps import Conversation, thread_of, warnings_of
from activities.record import next_entry
from activities.redaction import redaction
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.model import Role
from perdure.contracts.plan import Plan
from perdure.contracts.steps import ModelStep, PlanMade
from perdure.contracts.transcript import EntryKind

MAX_SUBTASKS = 20
MAX_LINE = 200


class PlanDoor:
    """Makes plans."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @activity.defn(name="plan")
    async def plan(self, step: ModelStep) -> PlanMade:
        """A structured plan, stored in the transcript."""
        stored = await self._conversation.stored(step, "plan", PlanMade)
        if stored:
            return stored
        async with heartbeating():
            thread = await thread_of(self._conversation.record, step)
            plan, reply = await self._conversation.structured(step, thread, role=Role.PLAN, answer=Plan)
        plan = shortened(plan)
        body = {"plan": plan.model_dump(mode="json"), "model": reply.model, "scripted": reply.scripted}
        entry = next_entry(thread.last, task_id=step.task_id, step=step.step, kind=EntryKind.PLAN, body=body)
        made = PlanMade(
            head=entry.digest, plan=plan, model=reply.model, cost=reply.cost, warnings=warnings_of(reply)
        )
        return await self._conversation.store(step, "plan", made, [*thread.notes, entry])


def shortened(plan: Plan) -> Plan:
    """The plan within what the history and a person's screen can hold."""
    subtasks = tuple(
        subtask.model_copy(update={"title": escape_hidden(redaction().text(subtask.title))[:MAX_LINE]})
        for subtask in plan.subtasks[:MAX_SUBTASKS]
    )
    return Plan(
        goal=escape_hidden(redaction().text(plan.goal))[: 2 * MAX_LINE],
        subtasks=subtasks,
        tools=tuple(escape_hidden(name)[:64] for name in plan.tools[:32]),
        risks=tuple(escape_hidden(risk)[:MAX_LINE] for risk in plan.risks[:10]),
        estimated_steps=plan.estimated_steps,
    )
