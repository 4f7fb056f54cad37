"""The quality gate: syntax, lint and tests of what changed."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from temporalio import activity

from activities.heartbeat import Beat, heartbeating
from activities.host_steps import Host
from activities.record import Transcript, answer_key, next_entry
from activities.redaction import redaction
from perdure.contracts.steps import Checked, CheckWork
from perdure.contracts.task import Check
from perdure.contracts.transcript import EntryKind

Copy = TypeVar("Copy")
CopyIn = TypeVar("CopyIn", contravariant=True)


class ChecksWork(Protocol[CopyIn]):
    """The gate itself."""

    async def __call__(
        self, copy: CopyIn, *, base_commit: str, beat: Beat
    ) -> tuple[Sequence[Check], str, int]:
        """Results, the text the model reads, and how many files changed."""
        ...


class CheckWorkDoor(Generic[Copy]):
    """Runs the quality gate."""

    def __init__(self, host: Host[Copy], record: Transcript, gate: ChecksWork[Copy]) -> None:
        self._host = host
        self._record = record
        self._gate = gate

    @activity.defn(name="check_work")
    async def check_work(self, step: CheckWork) -> Checked:
        """Check the files that differ from the base commit; results go into the transcript."""
        key = answer_key(step.task_id, step.step, "check_work")
        stored = await self._record.answer(key)
        if stored is not None:
            return Checked.model_validate(stored.body)
        async with heartbeating() as beat, self._host.hold(step) as held:
            checks, text, changed = await self._gate(held.copy, base_commit=step.base_commit, beat=beat)
        parent = await self._record.entry(step.task_id, step.head)
        facts = {"checks": [check.model_dump(mode="json") for check in checks], "text": text}
        entry = next_entry(parent, task_id=step.task_id, step=step.step, kind=EntryKind.CHECKS, body=facts)
        made = Checked(head=entry.digest, checks=tuple(checks), changed_files=changed)
        kept = await self._record.store_answer(key, redaction().model(made).model_dump(mode="json"), [entry])
        return Checked.model_validate(kept)
