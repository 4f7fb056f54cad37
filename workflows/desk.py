"""The desk where people decide: pending approvals and questions, and what was said of them.

An approval's id is made of the run id that the *preview activity* reports. So ids in the recorded part of a history
stay what they were when the history is replayed in another run; and since a reset voids whatever is pending (the
random seed changes exactly at the reset point), the same question is previewed again in the new run and gets a new
id, which no old decision fits. See docs/decisions.

A reset applies old updates and signals again by default, and hands them to the workflow *before* it changes the seed.
So a word that was just given is acted on only in a later workflow task, after the seed had its chance to void it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.consents import Approver, Consent, unusable_name
    from perdure.contracts.continuation import SpokenWords, Taken, Undone
    from perdure.contracts.decisions import (
        AnswerQuestion,
        Approval,
        Decide,
        MovingReceipt,
        Pending,
        Question,
        QuestionKind,
        Receipt,
        SignalDecision,
    )
    from perdure.contracts.digests import digest_of
    from perdure.contracts.steps import Timing
    from workflows.budget import check_extension
    from workflows.consenting import (
        NAMED,
        check_consent,
        check_edit,
        check_memory,
        check_name,
        check_time,
        consent_of,
        people_missing,
        progress,
    )
    from workflows.moving import MovingOver, moving_sentence
    from workflows.request import read, refused
    from workflows.waiting import Escalation, Ready, Reminded, nudged, unheard, wait_for

#: Words of people that are handed from run to run, the newest; each is a line of some hundred bytes.
MAX_CARRIED_WORDS = 2_000

Changed = Callable[[], None]
"""Called when the card must be drawn anew."""


@dataclass
class Desk:
    """What waits for a person, and what people said. Its handlers never await."""

    approvals: dict[str, Approval] = field(default_factory=dict[str, Approval])
    questions: dict[str, Question] = field(default_factory=dict[str, Question])
    decisions: dict[str, Decide] = field(default_factory=dict[str, Decide])
    answers: dict[str, AnswerQuestion] = field(default_factory=dict[str, AnswerQuestion])
    limits_in_use: dict[str, float] = field(default_factory=dict[str, float])
    """What is used of each limit, so that an extension below it is refused."""
    remarks: list[str] = field(default_factory=list[str])
    """Signals that could not be used, for the card."""
    reminders: int = 0
    escalated: str = ""
    """What became of telling somebody else that nobody decides; empty before that."""
    on_reminder: Reminded = unheard
    waited_s: float = 0.0
    lost_s: float = 0.0
    """Seconds of work that a reset took away, and those until it was made; not yet part of ``waited_s``."""
    resets: int = 0
    leaving: bool = False
    """Whether the task is to go on in a new run, on another version of the workers."""
    earlier: SpokenWords = field(default_factory=SpokenWords)
    """What was said in the runs before this one."""
    signers: dict[str, tuple[Approver, ...]] = field(default_factory=dict[str, tuple[Approver, ...]])
    """Who may sign each pending approval."""
    consents: dict[str, tuple[Consent, ...]] = field(default_factory=dict[str, tuple[Consent, ...]])
    """Who agreed to what was approved."""
    clock: Callable[[], datetime] = workflow.now
    _until: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each approval that was asked in this run counts as denied."""
    _asked: int = 0
    _fresh: set[str] = field(default_factory=set[str])
    """Ids of what was just said and is not acted on yet."""
    _withdrawable: set[str] = field(default_factory=set[str])
    """Ids of what may be asked again in another run: nothing is under way while it waits."""

    def pending(self) -> Pending:
        """What waits now."""
        return Pending(approvals=tuple(self.approvals.values()), questions=tuple(self.questions.values()))

    def take_up(self, words: SpokenWords) -> None:
        """Know what was said in the runs before."""
        self.earlier, self._asked, self.resets = words, words.asked, words.resets
        self.remarks = list(words.remarks)

    def carried(self) -> SpokenWords:
        """What the next run must know of what people said."""
        decided = {id: _taken(said.verdict, said.arguments) for id, said in self.decisions.items()}
        answered = {id: _taken(said.choice, said.budget) for id, said in self.answers.items()}
        return SpokenWords(
            decisions=dict(list({**self.earlier.decisions, **decided}.items())[-MAX_CARRIED_WORDS:]),
            answers=dict(list({**self.earlier.answers, **answered}.items())[-MAX_CARRIED_WORDS:]),
            remarks=tuple(self.remarks),
            asked=self._asked,
            resets=self.resets,
        )

    def void(self) -> None:
        """Withdraw everything pending, and what was said of it a moment ago: it is asked anew under new ids."""
        self.resets += 1
        self.approvals.clear()
        self.questions.clear()
        for each in self._fresh:
            self.decisions.pop(each, None)
            self.answers.pop(each, None)
        self._fresh.clear()

    def leave(self) -> MovingReceipt:
        """Withdraw what may be asked again in another run, and let whoever waits for it raise ``MovingOver``."""
        self.leaving = True
        withdrawn = [id for id in (*self.approvals, *self.questions) if id in self._withdrawable]
        for id in withdrawn:
            self.approvals.pop(id, None)
            self.questions.pop(id, None)
        message = moving_sentence(withdrawn, [*self.approvals, *self.questions])
        return MovingReceipt(withdrawn=tuple(withdrawn), message=message)

    # What people say

    def check_decision(self, value: Any) -> Decide:
        """The decision if it may be taken; raises ApplicationError with a sentence if not."""
        decision = read(value, Decide, what="The decision")
        known = self._decided(decision.approval_id)
        if known is not None:
            if known == _taken(decision.verdict, decision.arguments):
                return decision
            raise refused(
                f"The approval {decision.approval_id!r} was already decided: {known.said}.",
                "a decision is final; steer the task or cancel it instead.",
            )
        if decision.approval_id not in self.approvals:
            raise self._not_pending(decision)
        check_edit(decision)
        approval = self.approvals[decision.approval_id]
        check_memory(approval, decision)
        check_consent(approval, decision, self.signers.get(approval.id, ()))
        return decision

    def validate_decision(self, value: Any) -> None:
        """For the update's validator alone: replay skips validators, so only here the run itself may be asked for."""
        decision = self.check_decision(value)
        check_name(decision)
        approval = self.approvals.get(decision.approval_id)
        if approval is not None and approval.run_id != workflow.info().run_id:
            raise self._not_pending(decision)
        check_time(approval, self._until.get(decision.approval_id), self.clock())

    def _not_pending(self, decision: Decide) -> ApplicationError:
        return refused(
            f"No approval {decision.approval_id!r} is pending; it was never asked, has expired, or belongs to an "
            "earlier run.",
            f"pending now: {', '.join(self.approvals) or 'none'}.",
        )

    def decide(self, value: Any) -> Receipt:
        """Take a checked decision; the same one again gives the same receipt."""
        decision = read(value, Decide, what="The decision")
        earlier = self.earlier.decisions.get(decision.approval_id)
        if earlier is not None:
            return Receipt(
                id=decision.approval_id, recorded=earlier.said, message=f"Recorded: {earlier.said}."
            )
        if decision.verdict == "approve" and (waits := self._consented(decision)):
            return waits
        if decision.approval_id not in self.decisions:
            self._fresh.add(decision.approval_id)
        kept = self.decisions.setdefault(decision.approval_id, decision)
        approval = self.approvals.pop(decision.approval_id, None)
        title = f" {approval.title!r}" if approval else ""
        return Receipt(
            id=decision.approval_id, recorded=kept.verdict, message=f"Recorded: {kept.verdict}{title}."
        )

    def _consented(self, decision: Decide) -> Receipt | None:
        """Take down who agreed; the receipt where others still must."""
        approval = self.approvals.get(decision.approval_id)
        if approval is None:
            return None
        consent = consent_of(approval, decision, self.signers.get(approval.id, ()), self.clock())
        with_it = approval.model_copy(update={"consents": (*approval.consents, consent)})
        if people_missing(with_it) < people_missing(approval):
            approval = self.approvals[approval.id] = with_it
        self.consents[approval.id] = approval.consents
        if not people_missing(approval):
            return None
        return Receipt(
            id=approval.id, recorded="approve", message=f"Recorded: approve, by one; {progress(approval)}."
        )

    def check_answer(self, value: Any) -> AnswerQuestion:
        """The answer if it may be taken; raises ApplicationError with a sentence if not."""
        answer = read(value, AnswerQuestion, what="The answer")
        known = self._answered(answer.question_id)
        if known is not None and known == _taken(answer.choice, answer.budget):
            return answer
        question = self.questions.get(answer.question_id)
        if known is not None or question is None:
            said = f"was already answered: {known.said}" if known else "is not pending"
            raise refused(
                f"The question {answer.question_id!r} {said}.",
                f"pending now: {', '.join(self.questions) or 'none'}.",
            )
        if answer.choice not in question.choices:
            raise refused(
                f"{answer.choice!r} is no choice of the question {question.id!r}.",
                f"choose one of: {', '.join(question.choices)}.",
            )
        check_extension(answer.budget, self.limits_in_use)
        return answer

    def answer(self, value: Any) -> Receipt:
        """Take a checked answer; the same one again gives the same receipt."""
        answer = read(value, AnswerQuestion, what="The answer")
        earlier = self.earlier.answers.get(answer.question_id)
        if earlier is not None:
            return Receipt(id=answer.question_id, recorded=earlier.said, message=f"Recorded: {earlier.said}.")
        if answer.question_id not in self.answers:
            self._fresh.add(answer.question_id)
        kept = self.answers.setdefault(answer.question_id, answer)
        self.questions.pop(answer.question_id, None)
        return Receipt(id=answer.question_id, recorded=kept.choice, message=f"Recorded: {kept.choice}.")

    def _decided(self, id: str) -> Taken | None:
        said = self.decisions.get(id)
        return self.earlier.decisions.get(id) if said is None else _taken(said.verdict, said.arguments)

    def _answered(self, id: str) -> Taken | None:
        said = self.answers.get(id)
        return self.earlier.answers.get(id) if said is None else _taken(said.choice, said.budget)

    def signalled(self, value: Any, verdict: str) -> None:
        """Take a decision that came as a signal; what cannot be used is remarked, since a signal has no answer."""
        try:
            signal = read(value, SignalDecision, what=f"The signal {verdict!r}")
            decision = {**signal.model_dump(), "verdict": verdict}
            checked = self.check_decision(decision)
            if unusable_name(checked.by) and workflow.patched(NAMED):
                check_name(checked)
            waits = self.approvals.get(checked.approval_id)
            check_time(waits, self._until.get(checked.approval_id), self.clock(), replayed=True)
        except ApplicationError as error:
            self.remark(error.message)
            return
        self.decide(decision)

    def remark(self, text: str) -> None:
        """Say on the card that something was not taken; the last five are kept."""
        workflow.logger.warning("ignored: %s", text)
        self.remarks = [*self.remarks, text][-5:]

    # Waiting for it

    async def wait_for_decision(
        self,
        approval: Approval,
        timing: Timing,
        changed: Changed,
        *,
        withdrawable: bool,
        escalation: Escalation | None = None,
        signers: tuple[Approver, ...] = (),
    ) -> Decide | None:
        """The decision; None after a reset withdrew the approval. No word before the deadline is a denial.

        Raises ``MovingOver`` where the task moves to another version meanwhile and the approval may be withdrawn.
        """
        self._leave_early(approval.id, withdrawable=withdrawable)
        self.approvals[approval.id], self.signers[approval.id] = approval, signers
        self._until[approval.id] = self.clock() + timedelta(seconds=timing.approval_deadline_s)
        said = await self._wait(
            lambda: approval.id in self.decisions or approval.id not in self.approvals,
            timing,
            f"waiting for a decision on {approval.title}",
            changed,
            escalation,
        )
        self._withdrawable.discard(approval.id)
        if approval.id in self.decisions:
            self._fresh.discard(approval.id)
            return self.decisions[approval.id]
        if said:
            self._leave_late(withdrawable=withdrawable)
            return None
        self.approvals.pop(approval.id, None)
        expired = Decide(
            approval_id=approval.id,
            verdict="deny",
            reason=f"Nobody decided before the deadline ({approval.expires_at}){nudged(self.reminders, self.escalated)}, which counts as denied.",
            by="deadline",
        )
        self.decisions[approval.id] = expired
        return expired

    async def ask(
        self,
        kind: QuestionKind,
        text: str,
        choices: tuple[str, ...],
        timing: Timing,
        changed: Changed,
        *,
        silence: str,
        withdrawable: bool = False,
    ) -> AnswerQuestion | None:
        """The answer to a new question; None after a reset withdrew it. No word before the deadline means ``silence``.

        Raises ``MovingOver`` where the task moves to another version meanwhile and the question may be withdrawn.
        """
        self._asked += 1
        # The seed differs from run to run and changes at a reset, so an old answer never fits a new question.
        seed = str(workflow.random_seed())
        digest = digest_of({"v": 1, "seed": seed, "number": self._asked, "text": text})
        now = workflow.now()
        question = Question(
            id=f"q{digest[:11]}",
            kind=kind,
            text=text,
            choices=choices,
            silence=silence,
            asked_at=now.isoformat(timespec="seconds"),
            expires_at=(now + timedelta(seconds=timing.approval_deadline_s)).isoformat(timespec="seconds"),
        )
        self._leave_early(question.id, withdrawable=withdrawable)
        self.questions[question.id] = question
        said = await self._wait(
            lambda: question.id in self.answers or question.id not in self.questions,
            timing,
            f"waiting for an answer: {kind.value}",
            changed,
            None,
        )
        self._withdrawable.discard(question.id)
        if question.id in self.answers:
            self._fresh.discard(question.id)
            return self.answers[question.id]
        if said:
            self._leave_late(withdrawable=withdrawable)
            return None
        self.questions.pop(question.id, None)
        late = AnswerQuestion(
            question_id=question.id,
            choice=silence,
            text=f"Nobody answered before the deadline ({question.expires_at}), which counts as {silence!r}.",
            by="deadline",
        )
        self.answers[question.id] = late
        return late

    def _leave_early(self, id: str, *, withdrawable: bool) -> None:
        """Ask nothing that would be withdrawn at once; remember what may be."""
        self._leave_late(withdrawable=withdrawable)
        if withdrawable:
            self._withdrawable.add(id)

    def _leave_late(self, *, withdrawable: bool) -> None:
        if withdrawable and self.leaving:
            raise MovingOver(Undone())

    async def _wait(
        self, ready: Ready, timing: Timing, summary: str, changed: Changed, escalation: Escalation | None
    ) -> bool:
        def remind(number: int) -> None:
            self.reminders = number
            self.on_reminder(number, summary)
            changed()

        began = workflow.time()
        self.reminders, self.escalated = 0, ""
        changed()
        said = await wait_for(ready, timing, summary=summary, remind=remind, escalation=escalation)
        if said:
            await workflow.sleep(timedelta(milliseconds=1), summary="let a reset void what it re-applies")
        self.waited_s += workflow.time() - began
        return said


def _taken(said: str, content: Mapping[str, Any] | None) -> Taken:
    return Taken(said=said, content="" if content is None else digest_of({"v": 1, "content": dict(content)}))
