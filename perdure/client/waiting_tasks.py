"""Asks open tasks what they wait for: those of whom nobody hears hold up no others, and all of it takes a bounded time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from perdure.client.errors import NoWorker
from perdure.client.handle import handle_of
from perdure.client.listing import described
from perdure.client.server import Server
from perdure.client.state import WaitingTask
from perdure.client.task_list import ListedTask
from perdure.contracts.errors import PerdureError

_ASKED_AT_ONCE = 4
"""Of one task queue: whose workers are silent holds up its own tasks alone."""
_TOGETHER_S = 0.2
_DESCRIBED_AT_ONCE = 16
_SILENT_ENOUGH = 3
"""Where so many of a queue gave no answer and none gave one, the others are not asked."""
_LONGEST = 2.0
"""The whole takes at most so many times what one answer may take."""


@dataclass
class _Queue:
    """What is known of the workers of one task queue."""

    name: str
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_ASKED_AT_ONCE))
    looked: asyncio.Lock = field(default_factory=asyncio.Lock)
    polled: bool | None = None
    answered: bool = False
    silent: int = 0

    async def require_worker(self, server: Server, task: str) -> None:
        """NoWorker where nobody polls, or those who do answer nobody: no task has to wait for that by itself."""
        async with self.looked:
            if self.polled is None:
                self.polled = bool(await server.pollers(self.name))
        if not self.polled:
            raise NoWorker(
                f"No worker polls task queue {self.name!r}, so what task {task!r} asks cannot be read.",
                "start one with `python starter.py worker` (or `python starter.py up`), then look again; timers and "
                "deadlines go on meanwhile.",
            )
        if self.silent >= _SILENT_ENOUGH and not self.answered:
            raise NoWorker(
                f"Task {task!r} was not asked, since {self.silent} other tasks of task queue {self.name!r} got no answer.",
                "its workers may be busy or may just have died: look at their logs, then look again.",
            )


class WaitingTasks:
    """One look at what a number of tasks wait for."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._queues: dict[str, _Queue] = {}
        self._describing = asyncio.Semaphore(_DESCRIBED_AT_ONCE)

    async def of(self, tasks: Sequence[ListedTask]) -> list[WaitingTask]:
        """What each waits for, without those that are over, which the server's list learns a moment later.

        Of one that cannot be read in time there stand its ``problem`` and what the server's list knows of it.
        """
        asking = [asyncio.ensure_future(self._one(each)) for each in tasks]
        if not asking:
            return []
        longest_s = _LONGEST * self._server.answer_s
        try:
            await asyncio.wait(asking, timeout=longest_s)
            found: list[WaitingTask] = []
            for task, one in zip(tasks, asking, strict=True):
                if not one.done():
                    found.append(_unasked(task, longest_s))
                elif (waiting := one.result()) is not None:
                    found.append(waiting)
            return found
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _one(self, task: ListedTask) -> WaitingTask | None:
        known = _known(task)
        try:
            async with self._describing:
                raw = await self._server.describe(task.id)
            description = await described(raw)
            if not description.open:
                return None
            known = known.model_copy(update={"kind": description.kind, "summary": description.summary})
            queue = self._queues.setdefault(description.task_queue, _Queue(description.task_queue))
            async with queue.turns:
                await queue.require_worker(self._server, task.id)
                try:
                    pending = await handle_of(self._server, raw).pending()
                except NoWorker:
                    queue.silent += 1
                    # Those that were asked together are given up together; they are counted before the next is asked.
                    await asyncio.sleep(_TOGETHER_S)
                    raise
            queue.answered = True
        except PerdureError as error:
            # Silent, stuck in its history, gone by now, or a server that takes long: the others are listed all the same.
            return known.model_copy(update={"problem": error.message, "hint": error.hint})
        # Where the attributes are not registered, the approvals themselves say it.
        said = {
            name: next((getattr(each, name) for each in pending.approvals if getattr(each, name)), "")
            for name in ("repository", "user")
        }
        return known.model_copy(
            update={
                "approvals": pending.approvals,
                "questions": pending.questions,
                **{name: getattr(known, name) or said[name] for name in said},
            }
        )


def _known(task: ListedTask) -> WaitingTask:
    return WaitingTask(
        id=task.id,
        kind=task.kind,
        repository=task.repository,
        user=task.user,
        needs="" if task.needs == "nothing" else task.needs,
        status=task.status,
        started_at=task.started_at,
    )


def _unasked(task: ListedTask, seconds: float) -> WaitingTask:
    return _known(task).model_copy(
        update={
            "problem": f"Task {task.id!r} gave no answer within the {seconds:g} s that all tasks have together.",
            "hint": f"the server or its workers answer slowly: `python starter.py show {task.id}` asks this one alone.",
        }
    )
