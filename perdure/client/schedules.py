"""Schedules: Temporal starts tasks and maintenance runs again and again, and keeps at it without any client."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    ScheduleState,
)
from temporalio.client import ScheduleDescription as Described
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from perdure.client.errors import Refused, ScheduleNotFound, TaskNotFound
from perdure.client.schedule_reading import Memo, described, listed, running_of, started
from perdure.client.schedule_terms import (
    OVERLAPS,
    ListedSchedule,
    Overlap,
    ScheduleDescription,
    ScheduleId,
    ScheduleTerms,
    ScheduleTimes,
)
from perdure.client.server import Server
from perdure.client.starting import Launch, Request
from perdure.client.task_list import missing_attributes
from perdure.client.validation import valid
from perdure.contracts.errors import InvalidInput
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN, SEARCH_REPOSITORY, SEARCH_USER
from perdure.contracts.repositories import strip_credentials

LIST_HINT = "`python starter.py schedule list` shows the schedules there are."
TIMES_HINT = (
    "a cron line has five fields (minute, hour, day of the month, month, day of the week), such as '0 3 * * 1-5'; "
    "a time zone is named like Europe/Zurich."
)
STARTS_WITHIN_S = 15.0
BEGINS_WITHIN_S = 2.0


class Schedules:
    """Makes and changes schedules; ``client.schedules`` gives it. No worker is needed."""

    def __init__(self, server: Server, task_queue: str) -> None:
        self._server = server
        self._task_queue = task_queue

    async def create(
        self,
        id: str,
        request: Request,
        *,
        times: ScheduleTimes,
        terms: ScheduleTerms | None = None,
        run_now: bool = False,
    ) -> ScheduleDescription:
        """Make a schedule under an id that is free; ``run_now`` also starts a first run at once.

        Its runs are named ``<id>-<time>`` and shown in the Web UI with the request's first line.
        """
        name = valid(_Named, id=id).id
        chosen = terms or ScheduleTerms()
        try:
            with self._explained(name, about=_given(times), hint=TIMES_HINT):
                await self._server.client.create_schedule(
                    name,
                    await self._schedule(name, request, times, chosen),
                    trigger_immediately=run_now,
                    memo=Memo.of(Launch(request), times, chosen).fields(),
                    search_attributes=await self._attributes(request),
                    rpc_timeout=self._server.limit,
                )
        except ScheduleAlreadyRunningError as error:
            raise Refused(
                f"There is a schedule {name!r} already, and it was not changed.",
                f"`python starter.py schedule show {name}` shows it; take another id, or delete it first.",
            ) from error
        return await self.describe(name)

    async def list(self) -> list[ListedSchedule]:
        """Schedules of tasks and maintenance runs in this namespace, by id; a new one is there a moment later."""
        with self._server.explained():
            entries = await self._server.client.list_schedules(rpc_timeout=self._server.limit)
            found = [await listed(entry) async for entry in entries]
        return sorted(
            (each for each in found if each is not None and each.kind in {CODING_TASK, MAINTENANCE_RUN}),
            key=lambda each: each.id,
        )

    async def describe(self, id: str) -> ScheduleDescription:
        """The schedule with its next runs, and how its last ones went."""
        return await described(self._server, await self._describe(id))

    async def pause(self, id: str, *, note: str = "") -> None:
        """Start no more runs until it is resumed; a run that is under way goes on."""
        await self._describe(id)
        with self._explained(id):
            await self._handle(id).pause(note=note or "paused", rpc_timeout=self._server.limit)

    async def resume(self, id: str, *, note: str = "") -> None:
        """Let a paused schedule go on with the next time that is due."""
        await self._describe(id)
        with self._explained(id):
            await self._handle(id).unpause(note=note or "resumed", rpc_timeout=self._server.limit)

    async def run_now(self, id: str) -> str:
        """Start a run at once, also where the schedule is paused; gives its workflow id.

        Refused where the run before is not over and the schedule would skip.
        """
        before = await self._describe(id)
        skips = before.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        if skips and (open_runs := running_of(before)):
            raise Refused(
                f"Run {open_runs[0]!r} of schedule {id!r} is not over, and the schedule skips while one is under way.",
                f"`python starter.py watch {open_runs[0]}` shows it; cancel it, or wait.",
            )
        with self._explained(id):
            await self._handle(id).trigger(rpc_timeout=self._server.limit)
        return await self._started(id, before)

    async def backfill(
        self, id: str, *, start_at: datetime, end_at: datetime, overlap: Overlap = "buffer_one"
    ) -> int:
        """Make up for the times of a past span, as if they passed now; gives how many runs it started so far.

        Each time counts under ``overlap``: the server skips or buffers those that overlap.
        """
        start, end = _in_utc(start_at), _in_utc(end_at)
        if start >= end:
            raise InvalidInput(
                f"The span ends at {end.isoformat()}, which is not after its start {start.isoformat()}.",
                "give the earlier time first.",
            )
        if end > datetime.now(UTC):
            raise InvalidInput(
                f"The span ends at {end.isoformat()}, which is still to come: only the past can be made up for.",
                "end it now or earlier; what is due later runs by itself.",
            )
        before = await self._describe(id)
        # The server leaves the beginning of a span out, and people mean it to be in.
        span = ScheduleBackfill(
            start_at=start - timedelta(microseconds=1), end_at=end, overlap=OVERLAPS[overlap]
        )
        with self._explained(id):
            await self._handle(id).backfill(span, rpc_timeout=self._server.limit)
        return await self._more_runs(id, before)

    async def delete(self, id: str) -> tuple[str, ...]:
        """Delete the schedule; gives the ids of its runs that are under way, which go on."""
        found = await self._describe(id)
        with self._explained(id):
            await self._handle(id).delete(rpc_timeout=self._server.limit)
        return running_of(found)

    async def _schedule(
        self, id: str, request: Request, times: ScheduleTimes, terms: ScheduleTerms
    ) -> Schedule:
        launch = Launch(request)
        return Schedule(
            action=ScheduleActionStartWorkflow(
                launch.kind,
                request,
                id=id,
                task_queue=self._task_queue,
                static_summary=launch.summary,
                static_details=f"{launch.details}\n* by schedule: `{id}`",
                priority=launch.priority,
                typed_search_attributes=await self._attributes(request),
            ),
            spec=times.spec(),
            policy=terms.policy(),
            state=ScheduleState(
                note=terms.note or (f"made by {terms.made_by}" if terms.made_by else None),
                paused=terms.paused,
                limited_actions=terms.runs is not None,
                remaining_actions=terms.runs or 0,
            ),
        )

    async def _attributes(self, request: Request) -> TypedSearchAttributes:
        """Those that are registered: an unknown one would be refused."""
        values = {SEARCH_REPOSITORY: strip_credentials(request.repository)[:1000]}
        if request.user:
            values[SEARCH_USER] = request.user
        missing = await missing_attributes(self._server)
        return TypedSearchAttributes(
            [
                SearchAttributePair(SearchAttributeKey.for_keyword(name), text)
                for name, text in values.items()
                if name not in missing
            ]
        )

    async def _describe(self, id: str) -> Described:
        with self._explained(id):
            return await self._handle(id).describe(rpc_timeout=self._server.limit)

    async def _started(self, id: str, before: Described) -> str:
        """The run that the server starts a moment after it was told to."""
        # Runs that are started within the same second have the same workflow id.
        known = {started(each.action).first_execution_run_id for each in before.info.recent_actions}
        deadline = asyncio.get_running_loop().time() + STARTS_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            recent = (await self._describe(id)).info.recent_actions
            for each in reversed(recent):
                if started(each.action).first_execution_run_id not in known:
                    return started(each.action).workflow_id
            # The server tells of it only when it is asked.
            await asyncio.sleep(0.1)
        raise Refused(
            f"The server took the order for schedule {id!r}, but started no run within {STARTS_WITHIN_S:g} s.",
            f"`python starter.py schedule show {id}` shows whether one runs or was skipped.",
        )

    async def _more_runs(self, id: str, before: Described) -> int:
        """How many runs were started since; the server needs a moment for the first, and there may be none to start."""
        deadline = asyncio.get_running_loop().time() + BEGINS_WITHIN_S
        while True:
            more = (await self._describe(id)).info.num_actions - before.info.num_actions
            if more > 0 or asyncio.get_running_loop().time() > deadline:
                return more
            await asyncio.sleep(0.1)

    def _handle(self, id: str) -> ScheduleHandle:
        return self._server.client.get_schedule_handle(id)

    @contextmanager
    def _explained(self, id: str, *, about: str = "", hint: str = "") -> Generator[None]:
        try:
            with self._server.explained(id):
                yield
        except TaskNotFound as error:
            raise ScheduleNotFound(
                f"There is no schedule {id!r} in namespace {self._server.client.namespace!r} at "
                f"{self._server.address}.",
                LIST_HINT,
            ) from error
        except InvalidInput as error:
            raise InvalidInput(error.message + about, hint or LIST_HINT) from error


class _Named(BaseModel):
    id: ScheduleId


def _given(times: ScheduleTimes) -> str:
    """What the server was given: it does not repeat it."""
    lines = ", ".join(repr(line) for line in times.cron)
    return f" Given: {lines} in time zone {times.time_zone!r}." if lines else f" Given: every {times.every}."


def _in_utc(time: datetime) -> datetime:
    """A time without a zone is UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
