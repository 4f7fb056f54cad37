"""Show exactly what a call would do, so that a person decides about that and nothing else."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from temporalio import activity

from activities.approval_checks import KnowsApprovers
from activities.exact_arguments import kept_exactly
from activities.grants import NothingRemembered, Remembers, shape_of
from activities.heartbeat import heartbeating
from activities.host_steps import Host, call_of, standing_in
from activities.judge import JudgesCalls, judged
from activities.ran_ahead import kept_ahead
from activities.record import (
    AppendsEntries,
    KeepsArtifacts,
    KnowsFiles,
    KnowsTasks,
    ReadsArtifacts,
    files_at_of,
    next_entry,
    run_id,
    scheduled_at,
)
from activities.redaction import redaction
from activities.running_tools import AsksForCalls, Questions, RunsTools
from activities.sightings import seen_of
from perdure.contracts.calls import ArtifactRef, CallSummary, Verdict
from perdure.contracts.errors import ToolRejected
from perdure.contracts.outcomes import NOT_AHEAD, Operation
from perdure.contracts.steps import PreviewCall, Previewed
from perdure.contracts.task import Cost
from perdure.contracts.transcript import Entry, EntryKind

Copy = TypeVar("Copy")
MAX_PREVIEW = 4_000
LEFT_OUT = "characters left out"
"""Stands in what a tool shortened."""
WHOLE_OPERATION = "operation.txt"


class LooksBack(AppendsEntries, KeepsArtifacts, ReadsArtifacts, KnowsFiles, KnowsTasks, Protocol):
    """The record's part."""


class PreviewCallDoor(Generic[Copy]):
    """Previews calls."""

    def __init__(
        self,
        host: Host[Copy],
        record: LooksBack,
        tools: RunsTools[Copy],
        judge: JudgesCalls,
        questions: AsksForCalls,
        approvers: KnowsApprovers,
        remembering: Remembers | None = None,
    ) -> None:
        self._approvers = approvers
        self._remembering = remembering or NothingRemembered()
        self._host = host
        self._record = record
        self._tools = tools
        self._judge = judge
        self._questions = questions

    @activity.defn(name="preview_call")
    async def preview_call(self, step: PreviewCall) -> Previewed:
        """The operation's digest and preview in the workspace as it is now; an edit is stored with it."""
        entries = await self._record.since(step.task_id, step.head, step.decided_in)
        call = await call_of(self._record, entries, step.decided_in, step.index)
        last = recorded = entries[-1]
        if step.arguments is not None:
            call = call.model_copy(update={"arguments": step.arguments, "problem": ""})
            exact = await kept_exactly(self._record, step.task_id, step.arguments)
            last = edit_entry(last, step, exact)
        standing = await standing_in(self._record, step, entries, step.decided_in)
        summary = judged(call, self._judge, standing)
        if summary.verdict is Verdict.DENY:
            return refused(step, summary, summary.reason)
        questions = self._questions(step.task_id, step.step, step.index)
        async with heartbeating() as beat, self._host.hold(step) as held:
            key = held.key.model_copy(update={"call_index": step.index})
            here = await self._tools.worked_out(call, held.copy)
            summary = judged(call, self._judge, standing, worked_out=here)
            if summary.verdict is Verdict.DENY:
                return refused(step, summary, summary.reason)
            remembered = await self._remembering.of(step, call, summary)
            try:
                ahead = NOT_AHEAD
                if step.ahead and (remembered.grant is None or was_edited(entries, step)):
                    ahead = await self._tools.run_ahead(
                        call,
                        copy=held.copy,
                        key=key,
                        requested_at=scheduled_at(),
                        beat=beat,
                        allowed=summary.ahead,
                    )
                operation = await self._tools.operation(
                    call,
                    copy=held.copy,
                    key=key,
                    requested_at=scheduled_at(),
                    summary=summary,
                    seen=seen_of(self._record, step.task_id, lambda: recorded),
                    files_at=files_at_of(self._record, step.task_id, step.head),
                    questions=questions,
                    ahead=ahead,
                )
            except ToolRejected as error:
                return refused(step, summary, redaction().text(str(error))).model_copy(
                    update={"cost": cost_of(questions)}
                )
        if operation.pushed:
            return refused(step, summary, operation.preview).model_copy(
                update={"pushed": operation.pushed, "cost": cost_of(questions)}
            )
        if step.arguments is not None:
            await self._record.append([last])
        shown, cut = bounded(operation.preview)
        hidden = operation.left_out + cut
        whole = hidden or LEFT_OUT in operation.preview
        return Previewed(
            head=last.digest,
            operation_digest=operation.digest,
            run_id=run_id(),
            tool=call.tool,
            title=operation.title or summary.title,
            preview=shown,
            shape=shape_of(summary),
            timeout_s=summary.timeout_s,
            cost=cost_of(questions),
            rules=summary.rules,
            people=summary.people,
            assurance=summary.assurance,
            least_sandbox=summary.least_sandbox,
            untrusted=summary.untrusted,
            reason=summary.reason,
            policy_digest=operation.policy_digest,
            sandbox=operation.sandbox,
            hidden=hidden,
            whole=await self._whole(step.task_id, operation) if whole else None,
            approvers=tuple(self._approvers.signers(rules=summary.rules, requester=standing.user)),
            ahead=await kept_ahead(self._record, step.task_id, ahead),
            ahead_digest=ahead.digest,
            **remembered.fields,
        )

    async def _whole(self, task_id: str, operation: Operation) -> ArtifactRef:
        """The operation with nothing left out, for who wants to read all of it."""
        sealed = json.dumps(operation.sealed, ensure_ascii=True, indent=1, sort_keys=True)
        parts = [operation.title, operation.preview, operation.whole, sealed]
        text = "\n\n".join([*filter(None, parts), f"SHA-256 of the operation: {operation.digest}\n"])
        text = redaction().text(text)
        return await self._record.put_artifact(
            task_id, WHOLE_OPERATION, text.encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8"
        )


def was_edited(entries: Sequence[Entry], step: PreviewCall) -> bool:
    """Whether a person wrote the call's arguments, so that nothing that was remembered covers it."""
    edits = [entry.body for entry in entries if entry.kind is EntryKind.EDIT]
    earlier = any(each["decision"] == step.decided_in and each["index"] == step.index for each in edits)
    return step.arguments is not None or earlier


def cost_of(questions: Questions | None) -> Cost:
    """What the call's questions cost so far."""
    return questions.cost if questions else Cost()


def bounded(markdown: str) -> tuple[str, int]:
    """The preview at a length the history can hold, and how many characters of it are left out in the middle.

    It is cut between lines, with open code blocks closed and opened again. The operation's digest covers all of it.
    """
    if len(markdown) <= MAX_PREVIEW:
        return markdown, 0
    lines = markdown.splitlines()
    room = MAX_PREVIEW - 300
    head = _fitting(lines, room * 2 // 3)
    tail = (
        _fitting(lines[: len(head) - len(lines) - 1 : -1], room // 3)[::-1] if len(head) < len(lines) else []
    )
    left_out = len(markdown) - sum(len(line) + 1 for line in (*head, *tail))
    fence = _open_fence(head)
    reopened = _open_fence(lines[: len(lines) - len(tail)])
    note = f"**{left_out:,} of {len(markdown):,} characters are not shown here; the approval covers all of them.**"
    parts = [*head, *([fence] if fence else []), "", note, "", *([reopened] if reopened else []), *tail]
    return "\n".join(parts), left_out


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _open_fence(lines: Sequence[str]) -> str:
    """The fence of the code block that these lines leave open; empty where they leave none."""
    fence = ""
    for line in lines:
        opening = re.match(r"`{3,}", line)
        if opening and not fence:
            fence = opening[0]
        elif line.rstrip() == fence:
            fence = ""
    return fence


def edit_entry(parent: Entry, step: PreviewCall, exact: Mapping[str, Any]) -> Entry:
    """The transcript's record of a person's edit."""
    body = {
        "decision": step.decided_in,
        "index": step.index,
        "arguments": dict(step.arguments or {}),
        **exact,
    }
    return next_entry(parent, task_id=step.task_id, step=step.step, kind=EntryKind.EDIT, body=body)


def refused(step: PreviewCall, summary: CallSummary, reason: str) -> Previewed:
    """There is nothing to approve, and why."""
    return Previewed(
        head=step.head,
        operation_digest="",
        run_id=run_id(),
        tool=summary.tool,
        title=summary.title,
        preview="",
        refused=reason[:1_000],
    )
