"""``start``, ``watch``, ``show`` and ``cancel``."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perdure.client.client import PerdureClient
from perdure.client.command_line.drawing import draw
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.following import watch as watch_task
from perdure.client.command_line.output import clean
from perdure.client.command_line.picture import Picture
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.command_line.telling import tell
from perdure.client.errors import NoWorker
from perdure.client.handle import TaskHandle
from perdure.contracts.errors import InvalidInput

MOST_WATCHED = 100


@dataclass(frozen=True)
class Start:
    """What ``start`` was told; None means the default of the contract or of the installation."""

    request: str
    repository: str
    id: str | None = None
    labels: tuple[str, ...] = ()
    watch: bool | None = None
    wait: bool = False
    budget: dict[str, float | int | None] = field(default_factory=dict[str, float | int | None])
    terms: dict[str, Any] = field(default_factory=dict[str, Any])

    def fields(self) -> dict[str, Any]:
        """The keywords of ``PerdureClient.start``."""
        terms = {name: value for name, value in self.terms.items() if value is not None}
        budget = {name: value for name, value in self.budget.items() if value is not None}
        terms.setdefault("user", this_person())
        return {
            **terms,
            "repository": whole_path(self.repository),
            "budget": budget,
            "labels": dict(_label(each) for each in self.labels),
        }


def start(asked: Start) -> Action:
    """Start a task; watch it where that was asked for, or where somebody looks on."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        async with session.client() as client:
            task = await client.start(asked.request, id=asked.id, **asked.fields())
            page = session.web_page(task)
            if output.as_json:
                output.data({"id": task.id, "task_id": task.task_id, "web_page": page})
            else:
                output.line(task.id, "bold")
                if page:
                    output.line(page, "dim")
            look_on = output.live if asked.watch is None else asked.watch
            return await watch_task(session, [task], wait=asked.wait) if look_on else ExitCode.OK

    return action


def watch(ids: Sequence[str], *, every: bool, wait: bool) -> Action:
    """Follow tasks to their ends: the named ones, all open ones, or the newest one."""

    async def action(session: Session) -> ExitCode:
        if every and ids:
            raise InvalidInput(
                "--all and the ids of tasks were both given.", "name the tasks, or leave the ids out."
            )
        async with session.client() as client:
            if every:
                tasks = await _open_tasks(client)
            else:
                named = [await client.task(id) for id in dict.fromkeys(ids)]
                tasks = named or [await client.newest()]
            if not tasks and not session.output.as_json:
                session.output.line("No task is open.")
            return await watch_task(session, tasks, wait=wait)

    return action


async def _open_tasks(client: PerdureClient) -> list[TaskHandle[Any]]:
    listed = await client.tasks(open=True, limit=MOST_WATCHED + 1)
    if len(listed) > MOST_WATCHED:
        raise InvalidInput(
            f"More than {MOST_WATCHED} tasks are open, which is more than can be watched at once.",
            "name those you mean; `python starter.py list --open` shows them.",
        )
    return [await client.task(each.id) for each in listed]


def show(id: str | None, *, archive: bool = False) -> Action:
    """Show a task as it stands."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        async with session.reading(id, archive=archive) as task:
            picture = Picture(id=task.id)
            async with aclosing(task.events(wait=False)) as events:
                async for event in events:
                    tell(picture, event)
            description = await task.describe()
            if description.open:
                await _add_pending(picture, task)
            if output.as_json:
                facts = description.model_dump(mode="json", exclude={"summary"})
                output.data({**facts, **picture.model_dump(mode="json")})
            else:
                output.show(
                    clean(picture.request),
                    draw(picture, width=output.console.width, recent=len(picture.lines)),
                )
        return ExitCode.OK

    return action


def cancel(id: str, *, reason: str) -> Action:
    """Ask a task to stop."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            task = await client.task(id)
            await task.cancel(reason=reason)
        if session.output.as_json:
            session.output.data({"id": task.id, "cancel_requested": True})
        else:
            session.output.line(f"Asked {task.id} to stop; it records what it did and ends Canceled.")
        return ExitCode.OK

    return action


async def _add_pending(picture: Picture, task: Any) -> None:
    """What the history does not hold: the text of questions, and why a step does not end."""
    if picture.needs != "nothing":
        try:
            picture.questions = (await task.pending()).questions
        except NoWorker as error:
            picture.trouble = error.message
        return
    held_up = await task.held_up()
    picture.held_up = held_up if held_up.because else None


def whole_path(repository: str) -> str:
    """A folder as an absolute path, since the worker runs elsewhere; a URL as it is."""
    folder = Path(repository).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    return repository


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInput(f"The label {text!r} has no name and value.", "write it as NAME=VALUE.")
    return name, value
