"""Ask the model for its next tool calls, and say what the policy thinks of each."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from temporalio import activity

from activities.answers import problem_with
from activities.exact_arguments import kept_exactly
from activities.heartbeat import heartbeating
from activities.judge import JudgesCalls, judged, standing_of
from activities.model_steps import Conversation, thread_of, warnings_of
from activities.offered_tools import loaded_body, loaded_tools
from activities.provenance import FindsSigns, provenance_of
from activities.record import next_entry
from activities.redaction import redaction
from perdure.contracts.calls import Author, ToolCall
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.model import ModelReply, ToolSchema
from perdure.contracts.steps import Decided, ModelStep
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import EntryKind

MAX_CALLS = 16
EXCERPT = 300


class ReadsCalls(Protocol):
    """Reads the calls of a reply."""

    def __call__(self, reply: ModelReply) -> Sequence[ToolCall]:
        """The calls in order; one whose arguments cannot be used says why in ``problem``."""
        ...


class OffersTools(Protocol):
    """The tools that a task may use at all."""

    def __call__(self, mode: Mode, safety: Safety, loaded: tuple[str, ...]) -> tuple[ToolSchema, ...]:
        """Schemas of those that every task begins with and of those that were found since; always in the same order."""
        ...


class DecideDoor:
    """Makes decisions."""

    def __init__(
        self,
        conversation: Conversation,
        judge: JudgesCalls,
        read_calls: ReadsCalls,
        schemas: OffersTools,
        signs: FindsSigns,
    ) -> None:
        self._conversation = conversation
        self._judge = judge
        self._read_calls = read_calls
        self._schemas = schemas
        self._signs = signs

    @activity.defn(name="decide")
    async def decide(self, step: ModelStep) -> Decided:
        """The next calls with their verdicts, or that the model is done; an attempt after the first is free."""
        stored = await self._conversation.stored(step, "decide", Decided)
        if stored:
            return stored.model_copy(update={"repeated": True})
        async with heartbeating():
            thread = await thread_of(self._conversation.record, step)
            loaded = await loaded_tools(self._conversation.record, thread.head)
            tools = self._schemas(step.mode, step.safety, loaded)
            provenance = await provenance_of(self._conversation.record, thread, tools, self._signs)
            reply = await self._conversation.free(step, thread, tools=tools)
        calls = bounded(self._read_calls(reply))
        body = decision_body(reply, calls)
        exact = await kept_exactly(self._conversation.record, step.task_id, body["calls"])
        standing = await standing_of(
            self._conversation.record, step, author=Author.MODEL, untrusted=provenance.untrusted
        )
        policy = {"policy": self._judge.rules_digest(standing)}
        entry = next_entry(
            thread.last,
            task_id=step.task_id,
            step=step.step,
            kind=EntryKind.DECISION,
            body={**body, **exact, **loaded_body(loaded), **policy, **provenance.body()},
        )
        problem = "" if calls or reply.finish_reason == "length" else problem_with(reply.content)
        made = Decided(
            head=entry.digest,
            calls=tuple(judged(call, self._judge, standing) for call in calls),
            done=not calls and reply.finish_reason != "length" and not problem,
            problem=problem,
            # Half of a credential would have no form any more by which it is known.
            said=escape_hidden(redaction().text(reply.content or reply.reasoning)[:EXCERPT])[:EXCERPT],
            model=reply.model,
            cost=reply.cost,
            warnings=warnings_of(reply),
            follows=provenance.told(),
            untrusted=provenance.untrusted,
        )
        count_model_call(reply)
        return await self._conversation.store(step, "decide", made, [*thread.notes, entry])


def bounded(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls, those above the limit with the word that they did not run."""
    problem = f"An answer may hold {MAX_CALLS} calls; this one did not run. Send it again in the next answer."
    return [
        call if call.index < MAX_CALLS else call.model_copy(update={"arguments": {}, "problem": problem})
        for call in calls[: 4 * MAX_CALLS]
    ]


def decision_body(reply: ModelReply, calls: Sequence[ToolCall]) -> Mapping[str, Any]:
    """The transcript's record of a model's decision, raw arguments included where they could not be parsed."""
    problems = any(call.problem for call in calls)
    return {
        "content": reply.content,
        "reasoning": reply.reasoning,
        "calls": [call.model_dump(mode="json") for call in calls],
        "raw_arguments": [call.arguments for call in reply.calls] if problems else [],
        "model": reply.model,
        "scripted": reply.scripted,
        "request_id": reply.request_id,
        "by": Author.MODEL.value,
    }


def count_model_call(reply: ModelReply) -> None:
    """Add the reply to the metrics."""
    meter = activity.metric_meter().with_additional_attributes({"model": reply.model})
    meter.create_counter("perdure_model_calls", "Requests to models").add(reply.cost.model_calls)
    tokens = meter.create_counter("perdure_model_tokens", "Tokens used by models")
    tokens.add(reply.cost.input_tokens, {"kind": "input"})
    tokens.add(reply.cost.output_tokens, {"kind": "output"})
