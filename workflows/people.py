"""Asking a person about one call, until it is decided for exactly what would run."""

import functools
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallSummary
    from perdure.contracts.decisions import Approval, Decide
    from perdure.contracts.digests import approval_id
    from perdure.contracts.steps import ApprovedCall, Note, PreviewCall, Previewed
    from workflows.escalating import escalate
    from workflows.steps import PREVIEW_CALL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.task_state import TaskState


class Counter:
    """Shows previews to people and turns their word into a digest that execution checks."""

    def __init__(self, state: "TaskState", granted: "Iterable[str]" = ()) -> None:
        self._state = state
        self._granted = set(granted)
        self._edited: set[tuple[str, int]] = set()

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
            preview = await self._preview(call, decision, arguments)
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
            if self._is_granted(call, decision):
                return shown, ApprovedCall(index=call.index, approved_digest=preview.operation_digest)
            said = await self._decision(call, preview, withdrawable=withdrawable)
            if said is None:
                continue
            if said.verdict == "edit":
                arguments = dict(said.arguments or {})
                self._edited.add((decision, call.index))
                continue
            if said.verdict == "deny":
                return self._refusal(said, decision, call.index)
            if said.remember == "task":
                self._remember(call, decision)
            return shown, ApprovedCall(
                index=call.index, approved_digest=preview.operation_digest, approved_by=said.by
            )

    def _nothing_to_ask(self, preview: Previewed, decision: str, index: int) -> Note:
        if preview.pushed:
            self._state.pushed = preview.pushed
        return _note("done" if preview.pushed else "denied", preview.refused, decision, index)

    def _refusal(self, said: Decide, decision: str, index: int) -> Note:
        kind = "expired" if said.by == "deadline" else "denied"
        if kind == "denied":
            self._state.refused_by_people.add((decision, index))
        return _note(kind, _denial(said), decision, index)

    def _is_granted(self, call: CallSummary, decision: str) -> bool:
        return call.arguments_digest in self._granted and (decision, call.index) not in self._edited

    def _remember(self, call: CallSummary, decision: str) -> None:
        # The model will ask again for the call as it was before the edit, which nobody approved.
        if (decision, call.index) in self._edited:
            self._state.desk.remark(f"{call.title}: an edited call is approved this once and not remembered.")
        else:
            self._granted.add(call.arguments_digest)

    async def _preview(
        self, call: CallSummary, decision: str, arguments: dict[str, object] | None
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
        )
        state.charge_call(call.index, previewed.cost)
        return previewed

    async def _decision(self, call: CallSummary, preview: Previewed, *, withdrawable: bool) -> Decide | None:
        state = self._state
        now = workflow.now()
        deadline = now + timedelta(seconds=state.timing.approval_deadline_s)
        approval = Approval(
            id=approval_id(
                operation_digest=preview.operation_digest,
                task_id=state.task_id,
                run_id=preview.run_id,
                step=state.step,
                call=call.index,
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
            asked_at=now.isoformat(timespec="seconds"),
            expires_at=deadline.isoformat(timespec="seconds"),
        )
        with state.waiting(f"waiting for approval: {approval.title}", needs="approval"):
            return await state.desk.wait_for_decision(
                approval,
                state.timing,
                state.show,
                withdrawable=withdrawable,
                escalation=functools.partial(escalate, state, approval),
            )


def _note(kind: str, text: str, decision: str, index: int) -> Note:
    return Note.model_validate({"kind": kind, "text": text, "decision": decision, "call_index": index})


def _denial(said: Decide) -> str:
    if said.by == "deadline":
        return said.reason
    who = f" by {said.by}" if said.by else ""
    reason = f" Reason: {said.reason}" if said.reason else " No reason was given."
    return f"A person denied this call{who}; it was not run.{reason}"
