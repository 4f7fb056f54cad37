"""Read what a linter reported, from the whole output that the transcript keeps."""

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.redaction import redaction
from activities.upkeep import KeepsBytes, Playbooks
from perdure.contracts.errors import ToolRejected
from perdure.contracts.names import WHOLE_OUTPUT
from perdure.contracts.transcript import EntryKind
from perdure.contracts.upkeep import ReadReport, ReportRead


class ReadReportDoor:
    """Reads reports."""

    def __init__(self, record: KeepsBytes, playbooks: Playbooks) -> None:
        self._record = record
        self._playbooks = playbooks

    @activity.defn(name="read_report")
    async def read_report(self, step: ReadReport) -> ReportRead:
        """Findings by rule; a report that cannot be read is said and fails nothing."""
        async with heartbeating():
            return await self._read(step)

    async def _read(self, step: ReadReport) -> ReportRead:
        entries = await self._record.entries(step.task_id, step.head)
        found: Mapping[str, Any] | None = next(
            (
                entry.body
                for entry in reversed(entries)
                if entry.kind is EntryKind.RESULT
                and (entry.body["decision"], entry.body["index"]) == (step.decision, step.index)
            ),
            None,
        )
        if found is None:
            return ReportRead(problem="Its call did not run.")
        whole = next((each for each in found["artifacts"] if each["name"] == WHOLE_OUTPUT), None)
        text = str(found["text"])
        if whole is not None:
            text = (await self._record.artifact(step.task_id, whole["id"])).decode("utf-8", "replace")
        try:
            findings = self._playbooks.findings(step.report, text, step=step.playbook_step)
        except ToolRejected as error:
            return ReportRead(problem=redaction().text(error.message)[:300])
        return ReportRead(findings=findings)
