"""``steer``, ``pause`` and ``resume``: a word to a running task, and that the task took it."""

import sys
from typing import Any, Literal

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.errors import NoWorker, Refused
from perdure.client.handle import TaskHandle
from perdure.client.state import TaskState
from perdure.contracts.errors import InvalidInput

_KEPT = "The server keeps it, and the task takes it as soon as a worker runs."


def steer(id: str, message: str, *, by: str | None = None) -> Action:
    """Give the model a message; ``-`` reads it from standard input."""

    async def action(session: Session) -> ExitCode:
        said = sys.stdin.read().strip() if message == "-" else message.strip()
        if not said:
            raise InvalidInput(
                "The message is empty.",
                'write it as an argument in quotes, or send it to standard input with "-".',
            )
        async with session.client() as client:
            task = await client.task(id)
            before = (await task.status()).remarks if await task.has_worker() else ()
            await task.steer(said, by=_person(by))
            state = await _taken(task)
            if state.remarks != before:
                raise Refused(
                    f"Task {task.id!r} did not take the message: {state.remarks[-1]}",
                    f"`python starter.py show {task.id}` shows what it does now.",
                )
        return _confirm(session, task, state, "The model reads it before its next decision")

    return action


def pause(id: str, *, by: str | None = None) -> Action:
    """Stop before the next step."""
    return _switch(id, "pause", _person(by))


def resume(id: str, *, by: str | None = None) -> Action:
    """Go on after a pause."""
    return _switch(id, "resume", _person(by))


def _person(by: str | None) -> str:
    return this_person() if by is None else by


def _switch(id: str, word: Literal["pause", "resume"], by: str) -> Action:
    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            task = await client.task(id)
            await (task.pause(by=by) if word == "pause" else task.resume(by=by))
            state = await _taken(task)
        said = f"It pauses before its next step; `python starter.py resume {task.id}` lets it go on"
        return _confirm(session, task, state, said if word == "pause" else "It goes on")

    return action


async def _taken(task: TaskHandle[Any]) -> TaskState:
    """The task's state after it took the signal: a query is answered only once every signal before it was."""
    try:
        if not await task.has_worker():
            queue = (await task.describe()).task_queue
            raise NoWorker(
                f"No worker polls task queue {queue!r}, so task {task.id!r} did not take it yet.",
                "start one with `python starter.py worker` (or `python starter.py up`).",
            )
        return await task.status()
    except NoWorker as error:
        raise NoWorker(f"{error.message} {_KEPT}", error.hint) from error


def _confirm(session: Session, task: TaskHandle[Any], state: TaskState, said: str) -> ExitCode:
    if session.output.as_json:
        session.output.data({"id": task.id, "taken": True, "paused": state.paused, "doing": state.doing})
    else:
        session.output.line(f"{task.id} took it. {said}. Now: {state.doing or state.status}.")
    return ExitCode.OK
