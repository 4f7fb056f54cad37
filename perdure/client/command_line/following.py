"""``watch``: follows a task's events, as a live picture on a terminal, as lines or JSON elsewhere."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from rich.live import Live

from perdure.client.command_line.drawing import draw, draw_approval, draw_line, draw_question, how_to_approve
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.picture import Line, Picture
from perdure.client.command_line.session import Session
from perdure.client.command_line.telling import tell
from perdure.client.errors import NoWorker
from perdure.client.events import Event
from perdure.client.handle import TaskHandle
from perdure.contracts.decisions import Pending
from perdure.contracts.task import TaskStatus

QUIET_S = 0.5
"""Without an event for so long, what is on the screen is what the task does now."""
LOOK_EVERY = 10
"""Quiet spells between two looks at steps that are tried again."""


async def watch(session: Session, task: TaskHandle, *, wait: bool) -> ExitCode:
    """Show the task until it ends. Without a terminal and without ``wait``, end when a person is needed."""
    watching = Watching(session, task, stay=wait or session.output.person)
    if not session.output.live:
        return await watching.run()
    picture, console = watching.picture, session.output.console

    with Live(get_renderable=lambda: draw(picture, width=console.width), console=console) as live:
        try:
            return await watching.run()
        finally:
            live.vertical_overflow = "visible"


class Watching:
    """One spell of watching one task."""

    def __init__(self, session: Session, task: TaskHandle, *, stay: bool) -> None:
        self.picture = Picture(id=task.id)
        self._output = session.output
        self._task = task
        self._stay = stay
        self._fresh = False
        """Whether something happened since the last quiet spell."""
        self._quiet_spells = 0

    async def run(self) -> ExitCode:
        """Follow to the end; the exit code says how the task ended, or that a person is needed."""
        async with aclosing(with_quiet_spells(self._task.events(), QUIET_S)) as following:
            async for event in following:
                if event is not None:
                    self._take(event)
                elif await self._quiet():
                    return ExitCode.NEEDS_A_PERSON
        return ExitCode.OK if self.picture.status is TaskStatus.COMPLETED else ExitCode.NOT_DONE

    def _take(self, event: Event) -> None:
        self._fresh, self._quiet_spells = True, 0
        told = tell(self.picture, event)
        if self._output.as_json:
            self._output.data(event)
        elif not self._output.live:
            for line in told:
                self._output.log(draw_line(line))

    async def _quiet(self) -> bool:
        """Nothing happens: say what is waited for; True where watching ends because nobody can be asked here."""
        self._quiet_spells += 1
        if self._fresh and self.picture.needs != "nothing":
            await self._show_pending()
            if not self._stay:
                return True
        elif self._quiet_spells % LOOK_EVERY == 2 and self.picture.needs == "nothing":
            await self._look_at_steps()
        self._fresh = False
        return False

    async def _show_pending(self) -> None:
        try:
            pending = await self._task.pending()
        except NoWorker as error:
            self.picture.trouble = error.message
            pending = Pending()
        self.picture.questions = pending.questions
        if self._output.live or self._output.as_json:
            return
        width = self._output.console.width
        for approval in pending.approvals:
            self._output.show(*draw_approval(approval, width=width), how_to_approve(approval.id))
        for question in pending.questions:
            self._output.show(*draw_question(question))

    async def _look_at_steps(self) -> None:
        """Steps that fail and are tried again are not in the history yet; the server knows them."""
        description = await self._task.describe()
        trouble = ""
        for step in description.pending_steps:
            if step.attempt > 1:
                trouble = f"{step.activity} is at attempt {step.attempt}: {step.last_failure}"
        if not trouble and not await self._task.has_worker():
            trouble = (
                f"No worker polls task queue {description.task_queue!r}; start one: python starter.py worker"
            )
        if trouble and trouble != self.picture.trouble and not self._output.live and not self._output.as_json:
            self._output.log(draw_line(Line(step=self.picture.step, text=trouble, tone="bad")))
        self.picture.trouble = trouble


async def with_quiet_spells(source: AsyncGenerator[Event], quiet_s: float) -> AsyncGenerator[Event | None]:
    """The events, and None each time that none came for ``quiet_s``."""
    following = asyncio.ensure_future(anext(source))
    try:
        while True:
            await asyncio.wait({following}, timeout=quiet_s)
            if not following.done():
                yield None
                continue
            try:
                event = await following
            except StopAsyncIteration:
                return
            following = asyncio.ensure_future(anext(source))
            yield event
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await source.aclose()
