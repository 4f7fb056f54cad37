"""Waiting for people within the loop: pauses, and questions that decide how it goes on."""

import enum

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.continuation import OpenQuestion, Undone
    from perdure.contracts.decisions import AnswerQuestion, QuestionKind
    from perdure.contracts.steps import Note
    from workflows.moving import MovingOver
    from workflows.task_state import TaskState

WRAP_UP = "wrap_up"


class Ending(enum.Enum):
    """How the loop ended."""

    DONE = enum.auto()
    WRAPPED_UP = enum.auto()
    STOPPED = enum.auto()
    CHECKS_FAIL = enum.auto()


class Asking:
    """Asks the people of one task."""

    def __init__(self, state: TaskState) -> None:
        self._state = state

    async def rest(self, undone: Undone) -> None:
        """Pause where nothing is under way; a task that moves to another version leaves here with ``MovingOver``."""
        await self.pause(withdrawable=True)
        if self._state.desk.leaving:
            raise MovingOver(undone)

    async def pause(self, *, withdrawable: bool = False) -> None:
        """Wait while a person wants the task to be paused; ``withdrawable``: or until it moves to another version."""
        state = self._state

        def goes_on() -> bool:
            return not state.pause_requested or (withdrawable and state.desk.leaving)

        if goes_on():
            return
        began = workflow.time()
        with state.waiting(f"paused by {state.paused_by or 'a person'}", needs="nothing"):
            state.show()
            await workflow.wait_condition(goes_on)
        state.desk.waited_s += workflow.time() - began

    async def question(
        self,
        kind: QuestionKind,
        text: str,
        choices: tuple[str, ...],
        *,
        silence: str = WRAP_UP,
        withdrawable: bool = False,
    ) -> AnswerQuestion:
        """The answer; a ``withdrawable`` question ends with ``MovingOver`` where the task moves to another version."""
        state = self._state
        with state.waiting(f"waiting for an answer: {kind.value}", needs="answer"):
            while True:
                answer = await state.desk.ask(
                    kind,
                    text,
                    choices,
                    state.timing,
                    state.show,
                    silence=silence,
                    withdrawable=withdrawable,
                )
                if answer is not None:
                    break
        if answer.text:
            state.notes.append(Note(kind="steer", text=answer.text))
        return answer

    def ending_of(self, answer: AnswerQuestion) -> Ending | None:
        if answer.choice == WRAP_UP:
            return Ending.WRAPPED_UP
        if answer.choice == "stop":
            who = f" ({answer.by})" if answer.by else ""
            self._state.stopped_because = f"A person{who} stopped the task. {answer.text}".strip()
            return Ending.STOPPED
        return None

    async def what_now(self, kind: QuestionKind, text: str) -> Ending | None:
        """Ask between two steps; a task that moves to another version asks the same there."""
        try:
            answer = await self.question(kind, text, ("continue", WRAP_UP, "stop"), withdrawable=True)
        except MovingOver as moving:
            raise MovingOver(Undone(question=OpenQuestion(kind=kind, text=text))) from moving
        return self.ending_of(answer)
