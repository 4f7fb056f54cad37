"""Run the calls of one decision: each once, each recorded with its checkpoint before the next begins."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from temporalio import activity

from activities.approval_checks import KnowsApprovers, why_void
from activities.call_groups import denied, executed, grouped
from activities.call_results import call_result, count_tool_call, result_body
from activities.grants import NothingRemembered, Remembers, still_granted
from activities.heartbeat import Beat, heartbeating
from activities.host_steps import Held, Host, Rebuilt, call_of, standing_in
from activities.judge import JudgesCalls, judged
from activities.outputs import outputs_of, vouched
from activities.ran_ahead import brought_ahead
from activities.record import (
    AppendsEntries,
    KeepsArtifacts,
    KnowsFiles,
    KnowsTasks,
    ReadsArtifacts,
    files_at_of,
    next_entry,
    scheduled_at,
)
from activities.redaction import is_text, redaction
from activities.running_tools import AsksForCalls, FilesAt, Outputs, Questions, RunsTools
from activities.sightings import seen_of
from perdure.contracts.calls import (
    ArtifactRef,
    CallKey,
    CallResult,
    CallSummary,
    Effect,
    Token,
    ToolCall,
    Verdict,
)
from perdure.contracts.envelopes import origin_label
from perdure.contracts.errors import NoLongerApproved, SandboxRefused, ToolRejected
from perdure.contracts.judging import Standing
from perdure.contracts.outcomes import NOT_AHEAD, RanCall
from perdure.contracts.steps import ApprovedCall, ExecuteCalls, Executed
from perdure.contracts.task import Mode
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import MAX_LOST, Checkpoint

Copy = TypeVar("Copy", bound=Rebuilt)
CopyIn = TypeVar("CopyIn", contravariant=True)


class RecordsResults(AppendsEntries, KeepsArtifacts, ReadsArtifacts, KnowsFiles, KnowsTasks, Protocol):
    """The record's part."""

    async def record_results(
        self,
        *,
        key: CallKey,
        token: Token,
        entries: Sequence[Entry],
        results: Sequence[CallResult],
        checkpoint: Checkpoint,
        more_changes: bool,
    ) -> Sequence[CallResult]:
        """Results, entries and checkpoint in one transaction that holds only while the token owns the workspace."""
        ...


class ChecksPoint(Protocol[CopyIn]):
    """The workspaces' part."""

    async def checkpoint(self, copy: CopyIn, *, previous: Checkpoint, label: str, at: datetime) -> Checkpoint:
        """The state of the files now; ``previous`` itself where nothing changed."""
        ...


class ExecuteCallsDoor(Generic[Copy]):
    """Executes calls."""

    def __init__(
        self,
        host: Host[Copy],
        record: RecordsResults,
        tools: RunsTools[Copy],
        judge: JudgesCalls,
        workspaces: ChecksPoint[Copy],
        questions: AsksForCalls,
        approvers: KnowsApprovers,
        *,
        parallel: int,
        remembering: Remembers | None = None,
    ) -> None:
        self.remembering = remembering or NothingRemembered()
        self._approvers = approvers
        self._host = host
        self._record = record
        self._tools = tools
        self._judge = judge
        self._workspaces = workspaces
        self.questions = questions
        self.parallel = parallel
        """Read-only calls that one step may run at once."""

    @activity.defn(name="execute_calls")
    async def execute_calls(self, step: ExecuteCalls) -> Executed:
        """Run what is not recorded yet, in order; read-only neighbours at once. Stops after a failed change."""
        entries = await self._record.since(step.task_id, step.head, step.decided_in)
        calls = {
            each.index: await call_of(self._record, entries, step.decided_in, each.index)
            for each in step.calls
        }
        standing = await standing_in(self._record, step, entries, step.decided_in)
        summaries = {index: judged(call, self._judge, standing) for index, call in calls.items()}
        changing = any(summary.effect.changes_workspace for summary in summaries.values())
        async with heartbeating() as beat:
            key, token, claim = await self._host.claim(step, changing=changing, calls=tuple(calls))
            if all(index in claim.stored for index in calls):
                last = await self._record.entry(step.task_id, claim.head)
                return executed(step, last.digest, claim.stored, claim.checkpoint)
            copy, kept = await self._host.open(step, claim)
            held = Held(copy=copy, token=token, key=key, claim=claim)
            outputs = outputs_of(self._record, step)
            files_at = files_at_of(self._record, step.task_id, step.head)
            execution = _Execution(
                self, step, held, entries[-1], calls, summaries, beat, outputs, files_at, standing
            )
            done = await execution.run()
            if changing and execution.unsettled:
                await self._host.settled(task_id=step.task_id, token=token, checkpoint=execution.checkpoint)
            return done.model_copy(update=kept.fields())

    async def run_one(self, execution: "_Execution[Copy]", approved: ApprovedCall) -> RanCall | None:
        """Run one call after checking it again; None when its operation no longer is what was approved."""
        call, summary = execution.calls[approved.index], execution.summaries[approved.index]
        if summary.verdict is Verdict.DENY:
            return denied(summary)
        held, key = execution.held, execution.key_of(approved.index)
        here = await self._tools.worked_out(call, held.copy)
        if here is not None:
            summary = judged(call, self._judge, execution.standing, worked_out=here)
            if summary.verdict is Verdict.DENY:
                return denied(summary)
        facts: Mapping[str, Any] = {}
        ahead = NOT_AHEAD
        try:
            # What was shown is done or nothing is, even where the policy would let the call itself run by now.
            if summary.verdict is Verdict.ASK or approved.ahead is not None:
                ahead = await brought_ahead(self._record, key.task_id, approved)
                operation = await self._tools.operation(
                    call,
                    copy=held.copy,
                    key=key,
                    requested_at=scheduled_at(),
                    summary=summary,
                    seen=execution.seen,
                    files_at=execution.files_at,
                    questions=execution.questions[approved.index],
                    ahead=ahead,
                )
                why = why_void(
                    approved,
                    operation,
                    summary,
                    task_id=key.task_id,
                    run_id=key.run_id,
                    requester=execution.requester,
                    signers=self._approvers.signers(rules=summary.rules, requester=execution.requester),
                )
                if why:
                    execution.stale_because = why
                    return None
                if not await still_granted(self.remembering, execution.step, approved, call, summary):
                    execution.stale_because = "what was remembered of it counts no more"
                    return None
                facts = operation.facts
            return await self._tools.run(
                call,
                copy=held.copy,
                key=key,
                requested_at=scheduled_at(),
                beat=execution.beat,
                approved=facts,
                approved_by=approved.approved_by,
                read_only=execution.step.mode is not Mode.CHANGE,
                outputs=execution.outputs,
                seen=execution.seen,
                files_at=execution.files_at,
                questions=execution.questions[approved.index],
                ahead=ahead,
            )
        except NoLongerApproved as error:
            execution.stale_because = error.message
            return None
        except SandboxRefused as error:
            words = f"Refused by the sandbox (no error of the call, and nothing ran): {error}"
            return RanCall(ok=False, for_model=words, excerpt=error.message, refused_by="sandbox")
        except ToolRejected as error:
            said = redaction()
            return RanCall(ok=False, for_model=said.text(str(error)), excerpt=said.text(error.message))

    async def record(
        self, execution: "_Execution[Copy]", ran: Sequence[tuple[int, RanCall]], *, more_changes: bool
    ) -> Sequence[CallResult]:
        """Checkpoint where something may have changed, then record results, entries and checkpoint at once."""
        step, previous = execution.step, execution.checkpoint
        if any(execution.summaries[index].effect.changes_workspace for index, _ in ran):
            label = f"step {step.step}, call {ran[-1][0]}"
            async with self.present(execution):
                execution.checkpoint = await self._workspaces.checkpoint(
                    execution.held.copy, previous=previous, label=label, at=scheduled_at()
                )
        changed = not execution.checkpoint.same_work(previous)
        grants = {each.index: each.grant for each in step.calls}
        level = {"sandbox": self._tools.sandbox_level.value}
        results: list[CallResult] = []
        entries: list[Entry] = []
        for index, outcome in ran:
            artifacts = await self._artifacts(step.task_id, outcome)
            call = execution.calls[index]
            shown = await vouched(self._record, step, call, outcome)
            execution.last = next_entry(
                execution.last,
                task_id=step.task_id,
                step=step.step,
                kind=EntryKind.RESULT,
                body=result_body(step.decided_in, call, shown, artifacts, grant=grants[index])
                | {"origin": origin_label(execution.summaries[index].title), **level},
            )
            entries.append(execution.last)
            questions = execution.questions[index]
            result = call_result(call, outcome, artifacts, changed=changed)
            results.append(result.model_copy(update={"cost": questions.cost}) if questions else result)
            count_tool_call(call, execution.summaries[index], ok=outcome.ok)
        return await self._record.record_results(
            key=execution.held.key,
            token=execution.held.token,
            entries=entries,
            results=results,
            checkpoint=execution.checkpoint,
            more_changes=more_changes,
        )

    def present(self, execution: "_Execution[Copy]") -> AbstractAsyncContextManager[None]:
        """See ``Host.present``."""
        return self._host.present(execution.step, execution.held.claim)

    @property
    def entries_of(self) -> AppendsEntries:
        """The transcripts."""
        return self._record

    async def recorded_entry(self, task_id: str, digest: str) -> Entry:
        """An entry that an earlier attempt stored."""
        return await self._record.entry(task_id, digest)

    async def _artifacts(self, task_id: str, outcome: RanCall) -> tuple[ArtifactRef, ...]:
        return tuple(
            [
                await self._record.put_artifact(
                    task_id, name, redaction().data(data) if is_text(media_type) else data, media_type
                )
                for name, data, media_type in outcome.attachments
            ]
        )


class _Execution(Generic[Copy]):
    """One pass over the calls of a step."""

    def __init__(
        self,
        door: ExecuteCallsDoor[Copy],
        step: ExecuteCalls,
        held: Held[Copy],
        last: Entry,
        calls: dict[int, ToolCall],
        summaries: dict[int, CallSummary],
        beat: Beat,
        outputs: Outputs,
        files_at: FilesAt,
        standing: Standing,
    ) -> None:
        self.standing = standing
        self.requester = standing.user
        self.door, self.step, self.held, self.last = door, step, held, last
        self.calls, self.summaries, self.beat, self.outputs = calls, summaries, beat, outputs
        self.seen = seen_of(door.entries_of, step.task_id, lambda: self.last)
        self.files_at = files_at
        self.stale_because = ""
        """Why nobody has approved the call that it stopped at."""
        self.checkpoint = held.claim.checkpoint
        self.unsettled = True
        self.questions: dict[int, Questions | None] = {
            index: door.questions(step.task_id, step.step, index) for index in calls
        }
        self.results = {i: r for i, r in held.claim.stored.items() if i in calls}

    def key_of(self, index: int) -> CallKey:
        """The identity of one call."""
        return self.held.key.model_copy(update={"call_index": index})

    async def run(self) -> Executed:
        """Run group after group; what an earlier attempt recorded is taken over, not run."""
        await self._take_over_entries()
        remaining = [each for each in self.step.calls if each.index not in self.results]
        stale: int | None = None
        for group in grouped(remaining, self.summaries):
            if self._stopped():
                break
            ran = await self._run_group(group)
            pairs = [(each.index, outcome) for each, outcome in zip(group, ran, strict=True)]
            done = [(index, outcome) for index, outcome in pairs if outcome is not None]
            stale = next((index for index, outcome in pairs if outcome is None), None)
            if not done:
                break
            more = any(
                self.summaries[each.index].effect.changes_workspace
                for each in remaining
                if each.index > group[-1].index
            )
            for result in await self.door.record(self, done, more_changes=more):
                self.results[result.index] = result
            self.unsettled = more
            if stale is not None:
                break
        lost = self.held.copy.lost
        return executed(self.step, self.last.digest, self.results, self.checkpoint, stale=stale).model_copy(
            update={
                "lost": lost[:MAX_LOST],
                "lost_count": len(lost),
                "stale_because": self.stale_because,
            }
        )

    async def _run_group(self, group: Sequence[ApprovedCall]) -> list[RanCall | None]:
        """The group's outcomes; where one call breaks, the others are stopped before the error goes on."""
        free = asyncio.Semaphore(self.door.parallel)

        async def run(each: ApprovedCall) -> RanCall | None:
            async with free:
                return await self.door.run_one(self, each)

        running = [asyncio.create_task(run(each)) for each in group]
        try:
            async with self.door.present(self):
                return await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _take_over_entries(self) -> None:
        if self.held.claim.head and self.results:
            self.last = await self.door.recorded_entry(self.step.task_id, self.held.claim.head)

    def _stopped(self) -> bool:
        """A failed change may make the rest of the decision wrong, so the model looks first."""
        return any(
            not result.ok and self.summaries[index].effect not in {Effect.READ, Effect.RUN}
            for index, result in self.results.items()
        )
