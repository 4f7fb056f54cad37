"""Asking a person about one call, until it is decided for exactly what would run."""

import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import Assurance, CallSummary
    from perdure.contracts.decision_records import DecisionRecorded, Outcome, RecordDecision
    from perdure.contracts.decisions import Approval, Decide
    from perdure.contracts.digests import approval_id, shown_digest
    from perdure.contracts.grants import GrantKept, GrantScope, KeepGrant
    from perdure.contracts.steps import ApprovedCall, Note, PreviewCall, Previewed
    from workflows.escalating import escalate
    from workflows.steps import KEEP_GRANT, PREVIEW_CALL, RECORD_DECISION
    from workflows.task_state import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.task_state import TaskState


#: Patch id: what was remembered in histories of before lives in their run alone.
KEPT = "grants-are-kept-in-the-record"
#: Patch id: histories of before have no step that records what became of an approval.
RECORDED = "what-became-of-an-approval-is-recorded"
#: A decision in the last moment leaves this long to begin what was approved.
LEAST_USE = timedelta(minutes=10)
#: Patch id: in histories of before, a decision that did not hold was taken again for the same operation.
ANEW = "what-did-not-hold-is-asked-under-another-id"
#: A preview may run the call's program, twice where an overlay does not do; its own limit ends it sooner.
AHEAD_S = 2_400.0
UNATTENDED = "unattended"
OUTCOMES: dict[str, Outcome] = {"approve": "approved", "deny": "denied", "edit": "edited"}


class Counter:
    """Shows previews to people and turns their word into a digest that execution checks."""

    def __init__(self, state: "TaskState", granted: "Iterable[str]" = ()) -> None:
        self._state = state
        self._granted = set(granted)
        self._edited: set[tuple[str, int]] = set()
        self._decided: dict[tuple[str, int], int] = {}
        """How often each call was decided; what is asked of it then has another id, whatever it is."""

    @property
    def granted(self) -> list[str]:
        """Digests of the arguments of calls that a person approved for the whole task."""
        return sorted(self._granted)

    async def approved(
        self, call: CallSummary, decision: str, *, withdrawable: bool
    ) -> tuple[CallSummary, ApprovedCall] | Note:
        """The call as a person approved it, with what execution checks, or the note that tells why it is not run.

        Raises ``MovingOver`` where the task moves to another version instead and the approval may be withdrawn.
        """
        arguments: dict[str, object] | None = None
        while True:
            resets = self._state.desk.resets
            decided = self._decided_before(call, decision)
            preview = await self._preview(call, decision, arguments, decided)
            if resets != self._state.desk.resets:
                continue
            if preview.refused and arguments is not None:
                self._state.desk.remark(f"The edit was refused: {preview.refused}")
                arguments = None
                continue
            if preview.refused:
                return self._nothing_to_ask(preview, decision, call.index)
            self._state.head = preview.head
            # An edit may have changed what the call is called and how long it may take.
            shown = call.model_copy(update={"title": preview.title, "timeout_s": preview.timeout_s})
            if remembered := self._remembered(call, decision, preview):
                return shown, remembered
            approval = self._approval(call, preview, decided)
            said = await self._decision(approval, preview, withdrawable=withdrawable)
            if said is None:
                continue
            self._decided[decision, call.index] = self._decided.get((decision, call.index), 0) + 1
            said = await self._recorded(approval, said)
            if said.verdict == "edit":
                arguments = dict(said.arguments or {})
                self._edited.add((decision, call.index))
                continue
            if said.verdict == "deny":
                return self._refusal(said, decision, call.index)
            if said.remember != "once":
                await self._remember(call, decision, approval, said)
            return shown, self._approved(approval, said, preview)

    def _decided_before(self, call: CallSummary, decision: str) -> int:
        number = self._decided.get((decision, call.index), 0)
        return number if number and workflow.patched(ANEW) else 0

    def _approved(self, approval: Approval, said: Decide, preview: Previewed) -> ApprovedCall:
        """What execution checks again right before the effect."""
        state = self._state
        consents = state.desk.consents.get(approval.id, ())
        use_by = max(datetime.fromisoformat(approval.expires_at), workflow.now() + LEAST_USE)
        return ApprovedCall(
            index=approval.call,
            approved_digest=approval.operation_digest,
            approved_by=", ".join(each.by for each in consents) or said.by,
            approval_id=approval.id,
            consents=consents,
            use_by=use_by.isoformat(timespec="seconds"),
            ahead=preview.ahead,
        )

    async def _recorded(self, approval: Approval, said: Decide) -> Decide:
        """Make the decision an entry of the transcript, before anything is done about it; its reason as it may be shown."""
        state = self._state
        if not workflow.patched(RECORDED):
            return said
        outcome = {"deadline": "expired", UNATTENDED: "unattended"}.get(said.by, OUTCOMES[said.verdict])
        by = f" by {said.by}" if said.by else ""
        recorded = await state.runner.run(
            RECORD_DECISION,
            RecordDecision.model_validate(
                {
                    "task_id": state.task_id,
                    "step": state.step,
                    "head": state.head,
                    "approval": approval,
                    "outcome": outcome,
                    "by": said.by,
                    "reason": said.reason,
                    "consents": state.desk.consents.get(approval.id, ()),
                    "decided_at": workflow.now().isoformat(timespec="seconds"),
                    "remember": said.remember,
                }
            ),
            DecisionRecorded,
            summary=f"record: approval {approval.id} {outcome}{by}",
        )
        state.head = recorded.head
        return said.model_copy(update={"reason": recorded.reason}) if recorded.reason else said

    def _nothing_to_ask(self, preview: Previewed, decision: str, index: int) -> Note:
        if preview.pushed:
            self._state.pushed = preview.pushed
        return _note("done" if preview.pushed else "denied", preview.refused, decision, index)

    def _refusal(self, said: Decide, decision: str, index: int) -> Note:
        kind = "expired" if said.by == "deadline" else "denied"
        if kind == "denied" and said.by != UNATTENDED:
            self._state.refused_by_people.add((decision, index))
        return _note(kind, _denial(said), decision, index)

    def _remembered(self, call: CallSummary, decision: str, preview: Previewed) -> ApprovedCall | None:
        """The call where nobody has to be asked: a person let this be remembered, and the policy asks as it did then."""
        more = preview.people > 1 or preview.assurance is not Assurance.CLAIMED
        if more or (decision, call.index) in self._edited:
            return None
        granted = ApprovedCall(
            index=call.index,
            approved_digest=preview.operation_digest,
            grant=preview.grant,
            ahead=preview.ahead,
        )
        if preview.grant:
            says = f"{preview.grant}: {preview.grant_says}"
            self._state.note(Line(self._state.step, "grant", f"not asked: {preview.title}", None, says[:300]))
            return granted
        return granted if call.arguments_digest in self._granted else None

    async def _remember(self, call: CallSummary, decision: str, approval: Approval, said: Decide) -> None:
        state = self._state
        # The model will ask again for the call as it was before the edit, which nobody approved.
        if (decision, call.index) in self._edited:
            state.desk.remark(f"{call.title}: an edited call is approved this once and not remembered.")
        elif not workflow.patched(KEPT):
            self._granted.add(call.arguments_digest)
        else:
            kept = await self._keep(decision, approval, said)
            state.head = kept.head
            if kept.refused:
                state.desk.remark(f"{call.title}: approved this once, and not remembered. {kept.refused}")
            else:
                state.note(Line(state.step, "grant", f"remembered as {kept.grant_id}", True, kept.says[:300]))

    async def _keep(self, decision: str, approval: Approval, said: Decide) -> GrantKept:
        """Put what a person let be remembered into the record."""
        state = self._state
        request = KeepGrant(
            task_id=state.task_id,
            workflow_id=workflow.info().workflow_id,
            step=state.step,
            head=state.head,
            mode=state.host.mode,
            safety=state.host.safety,
            scope=GrantScope(said.remember),
            decision=decision,
            approval=approval,
            by=said.by,
            given_at=workflow.now().isoformat(timespec="seconds"),
        )
        summary = f"remember for this {said.remember}: {approval.title}"
        return await state.runner.run(KEEP_GRANT, request, GrantKept, summary=summary)

    async def _preview(
        self, call: CallSummary, decision: str, arguments: dict[str, object] | None, decided: int
    ) -> Previewed:
        state = self._state
        previewed = await state.host.run(
            PREVIEW_CALL,
            PreviewCall,
            Previewed,
            number=state.step,
            head=lambda: state.head,
            summary=f"preview {call.title}",
            decision=decision,
            index=call.index,
            arguments=arguments,
            decided=decided,
            # Where nobody attends it is denied at once, so nobody would look at what it did.
            ahead=state.request.attended,
            extra_s=AHEAD_S,
        )
        state.charge_call(call.index, previewed.cost)
        return previewed

    def _approval(self, call: CallSummary, preview: Previewed, decided: int) -> Approval:
        state = self._state
        now = workflow.now()
        deadline = now + timedelta(seconds=state.timing.approval_deadline_s)
        return Approval(
            # What was decided of the same operation before did not hold, and decides nothing.
            id=approval_id(
                operation_digest=preview.operation_digest,
                task_id=state.task_id,
                run_id=preview.run_id,
                step=state.step,
                call=call.index,
                decided=decided,
            ),
            operation_digest=preview.operation_digest,
            run_id=preview.run_id,
            step=state.step,
            call=call.index,
            tool=preview.tool,
            effect=call.effect,
            title=preview.title,
            preview=preview.preview,
            shape=preview.shape,
            repository=state.opened.repository,
            user=state.request.user,
            safety=state.host.safety,
            not_remembered=preview.not_remembered,
            remember_s=preview.remember_s,
            asked_at=now.isoformat(timespec="seconds"),
            expires_at=deadline.isoformat(timespec="seconds"),
            task_id=state.task_id,
            reason=preview.reason,
            rules=preview.rules,
            policy_digest=preview.policy_digest,
            people=preview.people,
            assurance=preview.assurance,
            sandbox=preview.sandbox,
            least_sandbox=preview.least_sandbox,
            shown_digest=shown_digest(preview.title, preview.preview),
            hidden=preview.hidden,
            whole=preview.whole,
            ahead_digest=preview.ahead_digest,
        )

    async def _decision(self, approval: Approval, preview: Previewed, *, withdrawable: bool) -> Decide | None:
        state = self._state
        if not state.request.attended:
            return Decide(
                approval_id=approval.id,
                verdict="deny",
                reason="Nobody attends this task (it was started with 'attended': false), which counts as denied.",
                by=UNATTENDED,
            )
        with state.waiting(f"waiting for approval: {approval.title}", needs="approval"):
            return await state.desk.wait_for_decision(
                approval,
                state.timing,
                state.show,
                withdrawable=withdrawable,
                escalation=functools.partial(escalate, state, approval),
                signers=preview.approvers,
            )


def _note(kind: str, text: str, decision: str, index: int) -> Note:
    return Note.model_validate({"kind": kind, "text": text, "decision": decision, "call_index": index})


def _denial(said: Decide) -> str:
    if said.by in ("deadline", UNATTENDED):
        return said.reason
    who = f" by {said.by}" if said.by else ""
    reason = f" Reason: {said.reason}" if said.reason else " No reason was given."
    return f"A person denied this call{who}; it was not run.{reason}"
