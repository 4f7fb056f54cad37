"""The whole output of an earlier call of a task, as its transcript has it."""

from typing import Protocol

from activities.record import AppendsEntries, ReadsArtifacts
from activities.running_tools import Outputs
from perdure.contracts.names import WHOLE_OUTPUT
from perdure.contracts.steps import ExecuteCalls
from perdure.contracts.transcript import EntryKind


class ReadsOutputs(AppendsEntries, ReadsArtifacts, Protocol):
    """Where outputs of earlier calls are."""


def outputs_of(record: ReadsOutputs, step: ExecuteCalls) -> Outputs:
    """Looks for the whole output of a call in the transcript up to this step; read only when something is asked for."""

    async def output(number: int, call: int) -> str | None:
        for entry in reversed(await record.entries(step.task_id, step.head)):
            if entry.kind is EntryKind.RESULT and (entry.step, entry.body["index"]) == (number, call):
                kept = [each["id"] for each in entry.body["artifacts"] if each["name"] == WHOLE_OUTPUT]
                if not kept:
                    return str(entry.body["text"])
                return (await record.artifact(entry.task_id, kept[-1])).decode("utf-8", "replace")
        return None

    return output
