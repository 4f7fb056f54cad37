"""What a maintenance run looks at on the host that has its workspace: conditions, tests that vouch, changes."""

from typing import Any, Generic, TypeVar

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.host_steps import Host
from activities.judge import standing_of
from activities.record import answer_key, next_entry
from activities.redaction import redaction
from activities.upkeep import KeepsBytes, LooksAfter, Said, playbook_in
from perdure.contracts.calls import ArtifactRef, Author
from perdure.contracts.task import Check
from perdure.contracts.transcript import EntryKind
from perdure.contracts.upkeep import (
    ChangeMeasured,
    ConditionsSeen,
    LookAtConditions,
    MeasureChange,
    VouchByTests,
    Vouched,
)

Copy = TypeVar("Copy")
FIRST_PATHS = 3
CASES = "cases.json"


class LookAfterDoor(Generic[Copy]):
    """Looks after a workspace."""

    def __init__(self, host: Host[Copy], record: KeepsBytes, upkeep: LooksAfter[Copy]) -> None:
        self._host = host
        self._record = record
        self._upkeep = upkeep

    @activity.defn(name="look_at_conditions")
    async def look_at_conditions(self, step: LookAtConditions) -> ConditionsSeen:
        """The sentences of what does not hold."""
        key = answer_key(step.task_id, step.step, f"conditions {step.part}")
        stored = await self._record.answer(key)
        if stored is not None:
            return ConditionsSeen.model_validate(stored.body)
        content = playbook_in(await self._record.entries(step.task_id, step.head))
        standing = await standing_of(self._record, step, author=Author.PLAYBOOK)
        parts = ("precheck", "setup") if step.part == "precheck" else ("step", "check")
        async with heartbeating() as beat, self._host.hold(step) as held:
            unmet = await self._upkeep.unmet(held.copy, content, parts, beat, standing=standing)
        made = ConditionsSeen(unmet=unmet)
        kept = await self._record.store_answer(key, redaction().model(made).model_dump(mode="json"), [])
        return ConditionsSeen.model_validate(kept)

    @activity.defn(name="measure_change")
    async def measure_change(self, step: MeasureChange) -> ChangeMeasured:
        """Files and lines that are not committed."""
        async with heartbeating(), self._host.hold(step) as held:
            paths, lines = await self._upkeep.measure(held.copy)
        return ChangeMeasured(
            files=len(paths), lines=lines, first=tuple(path[:200] for path in paths[:FIRST_PATHS])
        )

    @activity.defn(name="vouch_by_tests")
    async def vouch_by_tests(self, step: VouchByTests) -> Vouched:
        """Run the tests, keep every outcome as an artifact and the counts in the transcript."""
        key = answer_key(step.task_id, step.step, "tests")
        stored = await self._record.answer(key)
        if stored is not None:
            return Vouched.model_validate(stored.body)
        entries = await self._record.entries(step.task_id, step.head)
        standing = await standing_of(self._record, step, author=Author.PLAYBOOK)
        before = await self._record.artifact(step.task_id, step.before.id) if step.before else None
        async with heartbeating() as beat, self._host.hold(step) as held:
            said = await self._upkeep.vouch(held.copy, playbook_in(entries), before, beat, standing=standing)
        cases = await self._record.put_artifact(
            step.task_id, CASES, redaction().data(said.cases), "application/json"
        )
        entry = next_entry(
            entries[-1],
            task_id=step.task_id,
            step=step.step,
            kind=EntryKind.CHECKS,
            body=checks_body(said, cases),
        )
        made = Vouched(
            head=entry.digest,
            ran=said.ran,
            **said.counts,
            detail=redaction().text(said.detail)[:300],
            cases=cases,
            held=said.held,
            broken=tuple(name[:200] for name in said.broken),
            sentence=redaction().text(said.sentence)[:600],
        )
        kept = await self._record.store_answer(key, redaction().model(made).model_dump(mode="json"), [entry])
        return Vouched.model_validate(kept)


def checks_body(said: Said, cases: ArtifactRef) -> dict[str, Any]:
    """The transcript's record of a test run."""
    passed = said.ran and said.held and not said.counts.get("failed")
    check = Check(
        name="tests", status="passed" if passed else "failed", detail=redaction().text(said.detail)[:300]
    )
    return {
        "checks": [check.model_dump(mode="json")],
        "text": said.sentence or said.detail,
        "artifacts": [cases.model_dump(mode="json")],
    }
