"""The loop: decide, ask where needed, execute, reflect; until it is done, spent, or a person says stop."""

import enum

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallSummary, Verdict
    from perdure.contracts.decisions import AnswerQuestion, QuestionKind
    from perdure.contracts.plan import Reflection
    from perdure.contracts.steps import (
        ApprovedCall,
        Checked,
        CheckWork,
        Decided,
        ExecuteCalls,
        Executed,
        ModelStep,
        Note,
        Reflected,
    )
    from perdure.contracts.task import Mode, TaskStatus
    from workflows.budget import REPEATS_TO_REFLECT
    from workflows.people import Counter
    from workflows.steps import CHECK_WORK, DECIDE, EXECUTE_CALLS, REFLECT
    from workflows.task_state import Line, TaskState

#: Believing "done" is refused this often in a row before a person is asked.
REFUSALS_OF_DONE = 3
#: The gate sends the work back this often; afterwards the result says what still fails.
GATE_ROUNDS = 2


class Ending(enum.Enum):
    """How the loop ended."""

    DONE = enum.auto()
    WRAPPED_UP = enum.auto()
    STOPPED = enum.auto()
    CHECKS_FAIL = enum.auto()


class Loop:
    """Runs the steps of one task."""

    def __init__(self, state: TaskState) -> None:
        self._state = state
        self._counter = Counter(state)
        self._refusals = 0
        self._gate_rounds = 0
        self._last_reflection = 0

    async def run(self) -> Ending:
        """Step after step; returns how it ended."""
        while True:
            await self._pause()
            ending = await self._within_budget()
            if ending:
                return ending
            decided = await self._decide()
            if decided.calls:
                ending = await self._act(decided)
            elif decided.done:
                ending = await self._believe_done()
            else:
                text = "Your answer was cut off before a tool call was complete. Send a shorter one."
                self._state.notes.append(Note(kind="correction", text=text))
            if ending:
                return ending

    async def _pause(self) -> None:
        state = self._state
        if not state.pause_requested:
            return
        began = workflow.time()
        with state.waiting("paused by a person", needs="nothing"):
            state.show()
            await workflow.wait_condition(lambda: not state.pause_requested)
        state.desk.waited_s += workflow.time() - began

    async def _within_budget(self) -> Ending | None:
        state = self._state
        while True:
            reached = state.spending.exhausted(state.worked_s)
            if not reached:
                return None
            state.desk.limits_in_use = state.spending.used(state.worked_s)
            text = f"The budget is reached: {', '.join(reached)}. Extend it, wrap up with what is there, or stop?"
            answer = await self._question(QuestionKind.BUDGET, text, ("extend", "wrap_up", "stop"))
            if answer.choice == "wrap_up":
                return Ending.WRAPPED_UP
            if answer.choice == "stop":
                return Ending.STOPPED
            state.spending.extend(answer.budget, state.original_limits, state.worked_s)

    async def _question(self, kind: QuestionKind, text: str, choices: tuple[str, ...]) -> AnswerQuestion:
        state = self._state
        with state.waiting(f"waiting for an answer: {kind.value}", needs="answer"):
            while True:
                answer = await state.desk.ask(kind, text, choices, state.timing, state.show)
                if answer is not None:
                    break
        if answer.text:
            state.notes.append(Note(kind="steer", text=answer.text))
        return answer

    async def _decide(self) -> Decided:
        state = self._state
        state.step += 1
        state.spending.steps = state.step
        state.doing(f"deciding step {state.step}")
        decided = await state.runner.run(
            DECIDE, self._model_step(), Decided, summary=f"step {state.step}: decide"
        )
        state.head = decided.head
        state.charge(decided.cost, decided.warnings)
        state.note(Line(state.step, "decision", _title(decided), None, decided.said))
        return decided

    def _model_step(self, trigger: str = "") -> ModelStep:
        state = self._state
        return ModelStep(
            task_id=state.task_id,
            step=state.step,
            head=state.head,
            mode=state.host.mode,
            safety=state.host.safety,
            notes=state.take_notes(),
            trigger=trigger,
        )

    # Acting

    async def _act(self, decided: Decided) -> Ending | None:
        state = self._state
        ending = await self._guarded(decided)
        if ending is not None:
            return ending
        self._refusals = 0
        failed = await self.execute(decided.head, decided.calls)
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
        answer = await self._question(QuestionKind.LOOP, text, ("continue", "wrap_up", "stop"))
        state.guard.forget(decided.calls, tree)
        return {"wrap_up": Ending.WRAPPED_UP, "stop": Ending.STOPPED}.get(answer.choice)

    async def execute(self, decision: str, calls: tuple[CallSummary, ...]) -> bool:
        """Run the calls of a decision, asking before each that needs a person; True if any failed."""
        failed = False
        batch: list[CallSummary] = []
        for call in calls:
            if call.verdict is not Verdict.ASK:
                batch.append(call)
                continue
            failed |= await self._run_batch(decision, batch)
            batch = []
            failed |= await self._run_asked(decision, call)
        return await self._run_batch(decision, batch) or failed

    async def _run_batch(self, decision: str, batch: list[CallSummary]) -> bool:
        if not batch:
            return False
        executed = await self._execute(decision, {call.index: (call, "") for call in batch})
        return any(not result.ok for result in executed.results)

    async def _run_asked(self, decision: str, call: CallSummary) -> bool:
        while True:
            digest = await self._counter.approved_digest(call, decision)
            if isinstance(digest, Note):
                self._state.notes.append(digest)
                self._state.note(Line(self._state.step, digest.kind, call.title, False, digest.text[:300]))
                return False
            executed = await self._execute(decision, {call.index: (call, digest)})
            if executed.stale_approval is None:
                return any(not result.ok for result in executed.results)
            self._state.desk.remark(
                f"{call.title}: the files changed after the approval, so it is asked anew."
            )

    async def _execute(self, decision: str, calls: dict[int, tuple[CallSummary, str]]) -> Executed:
        state = self._state
        titles = "; ".join(call.title for call, _ in calls.values())
        state.doing(titles[:200])
        timeout_s = sum(call.timeout_s for call, _ in calls.values())
        executed = await state.host.run(
            EXECUTE_CALLS,
            ExecuteCalls,
            Executed,
            number=state.step,
            head=lambda: state.head,
            summary=f"step {state.step}: {titles}",
            extra_s=timeout_s,
            decision=decision,
            calls=tuple(
                ApprovedCall(index=index, approved_digest=digest) for index, (_, digest) in calls.items()
            ),
            timeout_s=timeout_s,
        )
        state.head = executed.head
        state.host.advance(executed.checkpoint)
        state.note_results({index: call for index, (call, _) in calls.items()}, executed.results)
        return executed

    # Looking back

    async def reflect(self, trigger: str) -> Reflection:
        """Ask the model to look back, and say why."""
        state = self._state
        self._last_reflection = state.step
        state.doing(f"reflecting: {trigger}")
        reflected = await state.runner.run(
            REFLECT, self._model_step(trigger), Reflected, summary=f"step {state.step}: reflect, {trigger}"
        )
        state.head = reflected.head
        state.charge(reflected.cost, reflected.warnings)
        state.reflected(reflected.reflection, trigger)
        return reflected.reflection

    async def _ask_when_stuck(self, reflection: Reflection) -> Ending | None:
        text = f"The model says that it is stuck: {reflection.note[:600]} What now?"
        answer = await self._question(QuestionKind.STUCK, text, ("continue", "wrap_up", "stop"))
        self._refusals = 0
        return {"wrap_up": Ending.WRAPPED_UP, "stop": Ending.STOPPED}.get(answer.choice)

    async def _believe_done(self) -> Ending | None:
        reflection = await self.reflect("the model says it is done")
        if reflection.verdict == "stuck":
            return await self._ask_when_stuck(reflection)
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
