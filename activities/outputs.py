"""The whole output of an earlier call of a task, as its transcript has it."""

from dataclasses import replace
from typing import Protocol

from activities.record import AppendsEntries, ReadsArtifacts
from activities.running_tools import Outputs
from perdure.contracts.calls import ToolCall
from perdure.contracts.envelopes import Trust
from perdure.contracts.names import READ_OUTPUT, WHOLE_OUTPUT
from perdure.contracts.outcomes import RanCall
from perdure.contracts.steps import ExecuteCalls
from perdure.contracts.transcript import Entry, EntryKind


class ReadsOutputs(AppendsEntries, ReadsArtifacts, Protocol):
    """Where outputs of earlier calls are."""


def outputs_of(record: ReadsOutputs, step: ExecuteCalls) -> Outputs:
    """Looks for the whole output of a call in the transcript up to this step; read only when something is asked for."""

    async def output(number: int, call: int) -> str | None:
        entry = await _result_at(record, step.task_id, step.head, number, call)
        if entry is None:
            return None
        kept = [each["id"] for each in entry.body["artifacts"] if each["name"] == WHOLE_OUTPUT]
        if not kept:
            return str(entry.body["text"])
        return (await record.artifact(entry.task_id, kept[-1])).decode("utf-8", "replace")

    return output


async def vouched(record: AppendsEntries, step: ExecuteCalls, call: ToolCall, outcome: RanCall) -> RanCall:
    """The outcome; one that shows an earlier output again is trusted no more than that one was."""
    number, index = call.arguments.get("step"), call.arguments.get("call", 0)
    if call.tool != READ_OUTPUT or not isinstance(number, int) or not isinstance(index, int):
        return outcome
    entry = await _result_at(record, step.task_id, step.head, number, index)
    trust = Trust.REPOSITORY if entry is None else Trust(entry.body.get("trust") or Trust.REPOSITORY)
    return replace(outcome, trust=outcome.trust.least_trusted(trust))


async def _result_at(record: AppendsEntries, task_id: str, head: str, number: int, call: int) -> Entry | None:
    for entry in reversed(await record.entries(task_id, head)):
        if entry.kind is EntryKind.RESULT and (entry.step, entry.body["index"]) == (number, call):
            return entry
    return None
