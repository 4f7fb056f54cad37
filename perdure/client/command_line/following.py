"""``watch``: follows tasks, as a live picture on a terminal, as lines or JSON elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from perdure.client.command_line.drawing import (
    draw,
    draw_approval,
    draw_block,
    draw_line,
    draw_question,
    how_to_approve,
)
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import clean
from perdure.client.command_line.picture import WENT_WELL, Picture
from perdure.client.command_line.session import Session
from perdure.client.command_line.telling import tell
from perdure.client.errors import NoWorker, ServerUnreachable
from perdure.client.events import Event, HeldUp
from perdure.client.handle import TaskHandle
from perdure.contracts.decisions import Pending

QUIET_S = 0.5
"""Without an event for so long, what is on the screen is what the task does now."""


async def watch(session: Session, tasks: Sequence[TaskHandle[Any]], *, wait: bool) -> ExitCode:
    """Show the tasks until they end. Without a terminal and without ``wait``, leave those that need a person."""
    stay = wait or session.output.person
    watchings = [Watching(session, task, stay=stay, named=len(tasks) > 1) for task in tasks]
    if not session.output.live:
        return await _all_of(watchings)
    console = session.output.console

    def picture() -> RenderableType:
        if len(watchings) == 1:
            return draw(watchings[0].picture, width=console.width)
        return Group(*(draw_block(watching.picture) for watching in watchings))

    with Live(get_renderable=picture, console=console) as live:
        try:
            return await _all_of(watchings)
        finally:
            live.vertical_overflow = "visible"


async def _all_of(watchings: "Sequence[Watching]") -> ExitCode:
    """Watch all to their ends: that a person is needed counts more than a failure, and that more than success."""
    running = [asyncio.ensure_future(watching.run()) for watching in watchings]
    try:
        codes = set(await asyncio.gather(*running))
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return next((code for code in (ExitCode.NEEDS_A_PERSON, ExitCode.NOT_DONE) if code in codes), ExitCode.OK)


class Watching:
    """One spell of watching one task."""

    def __init__(self, session: Session, task: TaskHandle[Any], *, stay: bool, named: bool) -> None:
        self.picture = Picture(id=task.id)
        self._output = session.output
        self._task = task
        self._stay = stay
        self._named = named
        """Whether each line says of which task it tells."""
        self._fresh = False
        """Whether something happened since the last quiet spell."""

    async def run(self) -> ExitCode:
        """Follow to the end; the exit code says how the task ended, or that a person is needed."""
        async with aclosing(with_quiet_spells(self._task.watch(), QUIET_S)) as following:
            async for event in following:
                if event is not None:
                    self._take(event)
                elif await self._quiet():
                    return ExitCode.NEEDS_A_PERSON
        return ExitCode.OK if self.picture.status in WENT_WELL else ExitCode.NOT_DONE

    def _take(self, event: Event) -> None:
        self._fresh = self._fresh or not isinstance(event, HeldUp)
        told = tell(self.picture, event)
        if self._output.as_json:
            self._output.data({"task": self._task.id, **event.model_dump(mode="json")})
        elif not self._output.live:
            for line in told:
                self._output.log(self._prefix().append_text(draw_line(line)))

    async def _quiet(self) -> bool:
        """Nothing happens: say what is waited for; True where watching ends because nobody can be asked here."""
        if not self._fresh:
            return False
        if self.picture.needs != "nothing":
            try:
                await self._show_pending()
            except ServerUnreachable:
                # What it waits for is shown once the server is back.
                return False
            if not self._stay:
                return True
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
        if self._named and (pending.approvals or pending.questions):
            self._output.line(self._task.id, "bold")
        width = self._output.console.width
        for approval in pending.approvals:
            self._output.show(*draw_approval(approval, width=width), how_to_approve(approval.id))
        for question in pending.questions:
            self._output.show(*draw_question(question))

    def _prefix(self) -> Text:
        return clean(f"{self._task.id} ", "cyan") if self._named else Text()


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
