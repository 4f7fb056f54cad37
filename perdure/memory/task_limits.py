"""How many tasks a user and a repository may have at once, and a user may start within an hour.

Redis counts. While it is away the record does, from the rows of tasks: more slowly, two starts of the same moment may both be
let in, and a task that died counts until its row is closed or a week old. There is never no limit because a store is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from perdure.contracts.errors import LimitReached, StoreUnavailable
from perdure.memory.availability import Availability
from perdure.memory.places import WINDOW_S, Holder, Most, PlacesAway, counted

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence

    from perdure.memory.places import Places
    from perdure.memory.tasks import Started

logger = logging.getLogger("perdure.memory")

PAUSE_S = 5.0
"""How long nobody asks Redis after it did not answer, and how long a task waits before it looks for a place again."""
RENEW_S = 60.0


class CountsTasks(Protocol):
    """The record's part."""

    async def started_since(self, moment: datetime) -> Sequence[Started]:
        """Tasks that were opened since then, the newest first."""
        ...

    async def open_among(self, task_ids: Collection[str]) -> Sequence[Holder]:
        """Those of the tasks that are not closed."""
        ...


@dataclass(frozen=True)
class UserLimits:
    """What the operator allows; 0: no limit."""

    user_tasks: int = 0
    repository_tasks: int = 0
    user_starts: int = 0
    own: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Tasks at once and starts an hour of single users."""

    def most(self, user: str) -> Most:
        """What holds for a user."""
        tasks, starts = self.own.get(user, (self.user_tasks, self.user_starts))
        return Most(tasks, self.repository_tasks, starts)


class TaskLimits:
    """Gives places to tasks, keeps them while their tasks run, and takes them back."""

    def __init__(self, limits: UserLimits, record: CountsTasks, places: Places | None) -> None:
        self._limits, self._record, self._places = limits, record, places
        self._availability = Availability(pause_s=PAUSE_S)
        self._running = Counter[str]()
        self._seen: set[str] = set()

    async def claim(self, *, task_id: str, workflow_id: str, user: str, repository: str) -> None:
        """Take a place for the task, or keep the one it has.

        LimitReached where there is none: one that is waited for, or a refusal where too many were started.
        """
        most = self._limits.most(user)
        if not (most.user_tasks or most.repository_tasks or most.user_starts):
            return
        holder = Holder(task_id, workflow_id, user, repository)
        found, number = await self._claimed(holder, most)
        who = f"The user {user!r}" if user else "Whoever names no user"
        if found == "starts":
            raise LimitReached(
                f"{who} has started {most.user_starts} tasks within an hour, and may start no more.",
                f"start it again in {number} s, or have the operator raise PERDURE_USER_STARTS or PERDURE_USER_LIMITS.",
            )
        if found != "held":
            whose = who if found == "user" else f"The repository {repository!r}"
            raise LimitReached(
                f"{whose} has {number} tasks that run, and may have no more at once: this one waits for a free place.",
                "wait, cancel another task, or have the operator raise PERDURE_USER_TASKS, PERDURE_USER_LIMITS or "
                "PERDURE_REPOSITORY_TASKS.",
                PAUSE_S,
            )

    async def release(self, task_id: str) -> None:
        """Give the place of a task that ended to another one; where Redis is away its lease ends by itself."""
        self._seen.discard(task_id)
        if self._places is not None and self._availability.may_ask():
            try:
                await self._places.release(task_id)
            except PlacesAway as away:
                self._away(away)

    @contextmanager
    def attended(self, task_id: str) -> Generator[None]:
        """Keep the task's place for as long as this lasts, and one lease longer."""
        if not task_id:
            yield
            return
        self._running[task_id] += 1
        self._seen.add(task_id)
        try:
            yield
        finally:
            self._running[task_id] -= 1
            if self._running[task_id] <= 0:
                del self._running[task_id]

    async def keep(self, every_s: float = RENEW_S) -> None:
        """Renew what this worker attends to, until it is cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.renew()

    async def renew(self) -> None:
        """Renew the leases of tasks of which something ran since the last time; those that are closed have none."""
        seen, self._seen = self._seen | set(self._running), set()
        if self._places is None or not seen or not self._availability.may_ask():
            return
        try:
            await self._places.renew(await self._record.open_among(seen))
            self._answered()
        except PlacesAway as away:
            self._away(away)
        except StoreUnavailable as error:
            # The steps that meet it say so; these leases have some minutes left.
            logger.warning("the places of running tasks are not renewed: %s", error)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._places is not None:
            await self._places.close()

    async def _claimed(self, holder: Holder, most: Most) -> tuple[str, int]:
        if self._places is not None and self._availability.may_ask():
            try:
                found = await self._places.claim(holder, most)
            except PlacesAway as away:
                self._away(away)
            else:
                self._answered()
                return found
        return await self._counted(holder, most)

    async def _counted(self, holder: Holder, most: Most) -> tuple[str, int]:
        """The same by the rows of the record."""
        now = datetime.now(UTC)
        rows = [
            each
            for each in await self._record.started_since(now - timedelta(days=7))
            if each.holder.task_id != holder.task_id
        ]
        hour = now - timedelta(seconds=WINDOW_S)
        recent = [each for each in rows if each.holder.user == holder.user and each.opened_at > hour]
        if most.user_starts and len(recent) >= most.user_starts:
            return "starts", int((recent[most.user_starts - 1].opened_at - hour).total_seconds()) + 1
        held = [each.holder for each in rows if each.open]
        of_user = sum(each.user == holder.user for each in held)
        here = counted(holder).repository
        of_repository = sum(counted(each).repository == here for each in held)
        if most.user_tasks and of_user >= most.user_tasks:
            return "user", of_user
        if most.repository_tasks and of_repository >= most.repository_tasks:
            return "repository", of_repository
        return "held", 0

    def _away(self, away: PlacesAway) -> None:
        if self._availability.failed():
            logger.warning("Redis does not answer, so tasks are counted in PostgreSQL: %s.", away)

    def _answered(self) -> None:
        if self._availability.answered():
            logger.info("Redis answers again, and counts tasks")
