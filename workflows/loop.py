"""The loop: decide, ask where needed, execute, reflect; until it is done, spent, or a person says stop."""

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallSummary
    from perdure.contracts.continuation import LoopCounts, Undone
    from perdure.contracts.decisions import QuestionKind
    from perdure.contracts.plan import Reflection
    from perdure.contracts.steps import (
        Checked,
        CheckWork,
        Decided,
        Note,
        Reflected,
    )
    from perdure.contracts.task import Mode, TaskStatus
    from workflows.acting import Acting
    from workflows.asking import Asking, Ending
    from workflows.budget import REPEATS_TO_REFLECT
    from workflows.moving import MovingOver
    from workflows.steps import CHECK_WORK, DECIDE, REFLECT
    from workflows.task_state import Line, TaskState

Renew = Callable[[LoopCounts], Awaitable[None]]
"""Goes on in a new run where the history is long enough; it does not return then."""

#: Believing "done" is refused this often in a row before a person is asked.
REFUSALS_OF_DONE = 3
#: The gate sends the work back this often; afterwards the result says what still fails.
GATE_ROUNDS = 2
#: Answers of a model in a row that nobody could use, before a person is asked.
UNUSABLE_ANSWERS = 3


class Loop:
    """Runs the steps of one task."""

    def __init__(
        self, state: TaskState, asking: Asking, acting: Acting, *, counts: LoopCounts, renew: Renew
    ) -> None:
        self._state = state
        self._asking = asking
        self._acting = acting
        self._renew = renew
        self._refusals = counts.refusals
        self._gate_rounds = counts.gate_rounds
        self._last_reflection = counts.last_reflection
        self._unusable_answers = counts.unusable_answers

    @property
    def counts(self) -> LoopCounts:
        """What is counted between steps."""
        return LoopCounts(
            refusals=self._refusals,
            gate_rounds=self._gate_rounds,
            last_reflection=self._last_reflection,
            unusable_answers=self._unusable_answers,
        )

    async def run(self, undone: Undone | None = None) -> Ending:
        """Step after step, after what the run before left undone; returns how it ended."""
        ending = await self._take_up(undone) if undone else None
        if ending:
            return ending
        while True:
            await self._asking.pause(withdrawable=True)
            await self._state.heed_reset()
            await self._renew(self.counts)
            ending = await self._within_budget()
            if ending:
                return ending
            decided = await self._decide()
            if decided is None:
                ending = await self._unusable("Your answer could not be used.")
            elif decided.calls:
                ending = await self._act(decided)
            elif decided.done:
                ending = await self._believe_done()
            else:
                cut_off = "Your answer was cut off before a tool call was complete."
                ending = await self._unusable(decided.problem or cut_off)
            if ending:
                return ending

    async def _take_up(self, undone: Undone) -> Ending | None:
        """Ask again what was withdrawn, and run the calls that did not run."""
        if undone.question is not None:
            try:
                ending = await self._asking.what_now(undone.question.kind, undone.question.text)
            except MovingOver as moving:
                raise MovingOver(undone) from moving
            if ending is not None:
                return ending
            self._state.guard.forget(undone.calls, self._state.host.checkpoint.tree)
        if not undone.calls:
            return None
        return await self._carry_out(undone.decision, undone.calls, failed=undone.failed)

    async def _unusable(self, problem: str) -> Ending | None:
        """Tell the model what was wrong with its answer; after several in a row a person is asked."""
        state = self._state
        self._unusable_answers += 1
        if self._unusable_answers < UNUSABLE_ANSWERS:
            state.notes.append(
                Note(kind="correction", text=f"{problem} Send a shorter one, with one tool call.")
            )
            return None
        self._unusable_answers = 0
        text = f"The model gave {UNUSABLE_ANSWERS} unusable answers in a row. {problem} {state.last_fault} What now?"
        return await self._asking.what_now(QuestionKind.STUCK, text)

    async def _within_budget(self) -> Ending | None:
        state = self._state
        while True:
            reached = state.spending.exhausted(state.worked_s)
            if not reached:
                return None
            state.desk.limits_in_use = state.spending.used(state.worked_s)
            text = f"The budget is reached: {', '.join(reached)}. Extend it, wrap up with what is there, or stop?"
            answer = await self._asking.question(
                QuestionKind.BUDGET, text, ("extend", "wrap_up", "stop"), withdrawable=True
            )
            if answer.choice != "extend":
                return self._asking.ending_of(answer)
            state.spending.extend(answer.budget, state.original_limits, state.worked_s)

    async def _decide(self) -> Decided | None:
        """The next decision; None where the model gave nothing usable."""
        state = self._state
        state.next_step()
        state.doing(f"deciding step {state.step}")
        step = state.model_step()
        try:
            decided = await state.runner.run(
                DECIDE, step, Decided, summary=f"step {state.step}: choose the next calls"
            )
        except ActivityError as error:
            if not state.is_model_fault(error):
                raise
            # What people said was not stored with this answer, so the next one is told again.
            state.notes[:0] = step.notes
            return None
        if decided.calls or decided.done:
            self._unusable_answers = 0
        state.head = decided.head
        state.charge(decided.cost, decided.warnings)
        state.note(Line(state.step, "decision", _title(decided), None, decided.said))
        return decided

    # Acting

    async def _act(self, decided: Decided) -> Ending | None:
        try:
            ending = await self._guarded(decided)
        except MovingOver as moving:
            left = {"decision": decided.head, "calls": decided.calls}
            raise MovingOver(moving.undone.model_copy(update=left)) from moving
        if ending is not None:
            return ending
        return await self._carry_out(decided.head, decided.calls)

    async def _carry_out(
        self, decision: str, calls: tuple[CallSummary, ...], *, failed: bool = False
    ) -> Ending | None:
        state = self._state
        self._refusals = 0
        failed = await self._acting.execute(decision, calls, failed=failed)
        due = state.step - self._last_reflection >= state.timing.reflect_every
        if not failed and not due:
            return None
        reflection = await self.reflect("a call failed" if failed else "periodic")
        if reflection.verdict == "stuck":
            return await self._ask_when_stuck(reflection)
        return None

    async def _guarded(self, decided: Decided) -> Ending | None:
        state = self._state
        tree = state.host.checkpoint.tree
        repeats, title = state.guard.count(decided.calls, tree)
        if repeats == REPEATS_TO_REFLECT:
            text = f"You asked for {title!r} {repeats} times on the same files. Do something else, or say what you lack."
            state.notes.append(Note(kind="guard", text=text))
            await self.reflect(f"the same call {repeats} times")
        if repeats <= REPEATS_TO_REFLECT:
            return None
        text = f"The model asks for {title!r} again and again ({repeats} times) on the same files. What now?"
        ending = await self._asking.what_now(QuestionKind.LOOP, text)
        state.guard.forget(decided.calls, tree)
        return ending

    # Looking back

    async def reflect(self, trigger: str) -> Reflection:
        """Ask the model to look back, and say why."""
        state = self._state
        self._last_reflection = state.step
        state.doing(f"reflecting: {trigger}")
        step = state.model_step(trigger)
        try:
            reflected = await state.runner.run(
                REFLECT,
                step,
                Reflected,
                summary=f"step {state.step}: look back, {trigger}",
            )
        except ActivityError as error:
            if not state.is_model_fault(error):
                raise
            state.notes[:0] = step.notes
            return Reflection(verdict="continue", note=state.last_fault, finished_subtasks=())
        state.head = reflected.head
        state.charge(reflected.cost, reflected.warnings)
        state.reflected(reflected.reflection, trigger)
        return reflected.reflection

    async def _ask_when_stuck(self, reflection: Reflection) -> Ending | None:
        text = f"The model says that it is stuck: {reflection.note[:600]} What now?"
        self._refusals = 0
        return await self._asking.what_now(QuestionKind.STUCK, text)

    async def _believe_done(self) -> Ending | None:
        reflection = await self.reflect("the model says it is done")
        if reflection.verdict == "stuck":
            return await self._ask_when_stuck(reflection)
        if self._state.notes:
            # Somebody steered meanwhile, so the model reads that before anything is believed.
            return None
        if reflection.verdict == "done":
            return await self._pass_gate()
        self._refusals += 1
        if self._refusals >= REFUSALS_OF_DONE:
            return await self._ask_when_stuck(reflection)
        return None

    async def _pass_gate(self) -> Ending | None:
        state = self._state
        if state.host.mode is not Mode.CHANGE:
            return Ending.DONE
        state.doing("checking what changed", TaskStatus.CHECKING)
        checked = await state.host.run(
            CHECK_WORK,
            CheckWork,
            Checked,
            number=state.step,
            head=lambda: state.head,
            summary="quality gate: syntax, lint, tests of what changed",
            base_commit=state.host.workspace.base_commit,
        )
        state.head, state.checks = checked.head, checked.checks
        failures = [check for check in checked.checks if check.status == "failed"]
        for check in checked.checks:
            state.note(Line(state.step, "check", check.name, check.status != "failed", check.detail))
        if state.notes:
            state.enter(TaskStatus.WORKING)
            return None
        if not failures:
            return Ending.DONE
        self._gate_rounds += 1
        if self._gate_rounds > GATE_ROUNDS:
            return Ending.CHECKS_FAIL
        state.enter(TaskStatus.WORKING)
        reflection = await self.reflect(f"a check failed: {failures[0].name}")
        return await self._ask_when_stuck(reflection) if reflection.verdict == "stuck" else None


def _title(decided: Decided) -> str:
    if decided.calls:
        return "; ".join(call.title for call in decided.calls)[:300]
    return "says it is done" if decided.done else "was cut off"
