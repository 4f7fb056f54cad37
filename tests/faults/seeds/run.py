"""One run of the reference task, with the faults of a seed or without any."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToJson
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from perdure.contracts.decisions import Pending
from perdure.contracts.digests import short_hash
from tests.faults.installation import Installation, Servers, installed
from tests.faults.person import NOBODY_THERE, PATIENCE, approve
from tests.faults.picture import Handle, read_work
from tests.faults.seeds.clock import right_clock
from tests.faults.seeds.evidence import Evidence, differences, gather
from tests.faults.seeds.faults import ASKS_A_MODEL, CLOCK, MODEL, Fault, Kind, failing_reply
from tests.faults.seeds.following import Following, following
from tests.faults.seeds.harm import Harm, new_folder
from tests.faults.seeds.outside import Outside, listening
from tests.faults.seeds.processes import left_behind
from tests.faults.seeds.task import FILES, make_script

MODEL_ANSWERS_WITHIN_S = 2.0
QUICK: dict[str, object] = {
    "heartbeat_s": 1,
    "host_answer_s": 1.5,
    "model_timeout_s": MODEL_ANSWERS_WITHIN_S,
}
ENDS_WITHIN_S = 150.0
LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Usual:
    """The undisturbed run that the others are compared with."""

    evidence: Evidence
    durations: dict[str, float]
    """Seconds from its being scheduled to its end, for each piece of work in order."""
    questions: dict[str, tuple[str, int, int]]
    """What each piece of work asked a model: role, turn and the script's reply."""
    took_s: float

    @property
    def works(self) -> list[str]:
        """The pieces of work in order."""
        return list(self.durations)


@dataclass
class Hit:
    """A fault that happened."""

    fault: Fault
    at_s: float
    """Seconds after the task's start."""
    event: int
    """Length of the history then."""
    during: tuple[str, ...]
    """The work that was open then; empty between two steps."""


@dataclass
class Run:
    """What came of one run."""

    took_s: float
    hits: list[Hit] = field(default_factory=list[Hit])
    failures: list[str] = field(default_factory=list[str])
    folder: Path | None = None
    """Where everything of it is kept; None where it was removed."""


class Disturbed:
    """One run under faults."""

    def __init__(self, servers: Servers, folder: Path, usual: Usual, library: Path) -> None:
        self._servers = servers
        self._folder = folder
        self._usual = usual
        self._library = library

    async def run(self, seed: int, faults: Sequence[Fault]) -> Run:
        """Run the task under the faults and compare what is left. What went wrong is in the run's failures."""
        own = new_folder(self._folder, seed)
        script = make_script([self._reply(fault) for fault in faults if fault.kind in MODEL])
        made = Run(0.0)
        with listening(own) as outside:
            async with installed(self._servers, own, script, FILES) as at:
                harm = self._harm(at, outside, faults)
                try:
                    await self._carry_out(at, harm, outside, faults, made)
                except (WorkflowFailureError, TimeoutError, AssertionError, *NOBODY_THERE) as error:
                    made.failures.append(f"{type(error).__name__}: {error.__cause__ or error}")
                harm.wake()
                made.failures += [f"a worker ended by itself: {said}" for said in harm.ended()]
                # Nothing is left to be done in order, and what a kill leaves behind is looked for below.
                await harm.kill()
                if made.failures:
                    await _keep_history(at, own)
        made.failures += [f"still runs: {each}" for each in await left_behind([own.name])]
        if made.failures:
            made.folder = own
        else:
            shutil.rmtree(own, ignore_errors=True)
        return made

    def _harm(self, at: Installation, outside: Outside, faults: Sequence[Fault]) -> Harm:
        kinds = frozenset(fault.kind for fault in faults)
        clock = right_clock(self._library, at.folder) if kinds & CLOCK else None
        return Harm(at, {**QUICK, "python": outside.interpreter}, kinds, clock)

    async def _carry_out(
        self, at: Installation, harm: Harm, outside: Outside, faults: Sequence[Fault], made: Run
    ) -> None:
        await (await harm.start_worker()).ready()
        handle = await at.start()
        began = time.monotonic()
        async with following(handle) as heard, asyncio.timeout(ENDS_WITHIN_S):
            aimed = [
                asyncio.create_task(self._strike(fault, harm, heard, made, began))
                for fault in faults
                if fault.kind not in MODEL
            ]
            try:
                await _ended(handle, heard, aimed)
                made.took_s = time.monotonic() - began
            finally:
                await harm.finished(aimed)
        harm.wake()
        marks = [short_hash(str(handle.first_execution_run_id))]
        made.failures += [f"a tool still runs: {each}" for each in await left_behind(marks)]
        evidence = await gather(handle, at.servers.database_url, at.remote, outside, at.models.requests)
        made.hits += await self._answered_badly(at, handle, faults)
        corrections = sum(hit.fault.kind is Kind.TRUNCATED for hit in made.hits)
        made.failures += differences(self._usual.evidence, evidence, corrections=corrections)

    async def _strike(self, fault: Fault, harm: Harm, heard: Following, made: Run, began: float) -> None:
        await heard.reached(fault, self._usual.durations.get(fault.work, 0.5))

        def told() -> None:
            made.hits.append(Hit(fault, time.monotonic() - began, heard.length, tuple(heard.open)))

        await harm.do(fault, told)

    def _reply(self, fault: Fault) -> dict[str, Any]:
        role, turn, reply = self._usual.questions[fault.work]
        return failing_reply(
            fault, make_script().replies[reply], role=role, turn=turn, limit_s=MODEL_ANSWERS_WITHIN_S
        )

    async def _answered_badly(self, at: Installation, handle: Handle, faults: Sequence[Fault]) -> list[Hit]:
        """The faults of the model server that a worker met."""
        replies = [fault for fault in faults if fault.kind in MODEL]
        met = {request.reply for request in at.models.requests}
        work, _ = await read_work(handle)
        hits: list[Hit] = []
        for position, fault in enumerate(replies):
            if position in met:
                event = next(each.scheduled for each in work if each.name == fault.work)
                hits.append(Hit(fault, 0.0, event, (fault.work,)))
        return hits


async def _ended(handle: Handle, heard: Following, aimed: Sequence[asyncio.Task[None]]) -> None:
    """Approve what is asked until the task's end; AssertionError where it asks anything else: no fault is a reason."""
    result = asyncio.ensure_future(_result(handle))
    person = asyncio.ensure_future(_attend(handle, heard))
    try:
        waiting: set[asyncio.Future[Any]] = {result, person, *aimed}
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
            if result in done:
                return
            assert person not in done, f"the task asked: {person.result()}"
    finally:
        for each in (result, person):
            each.cancel()
        await asyncio.gather(result, person, return_exceptions=True)


async def _result(handle: Handle) -> None:
    """Wait for the end, also while the server is away; WorkflowFailureError where the task failed."""
    while True:
        try:
            await handle.result()
            return
        except RPCError:
            await asyncio.sleep(LOOK_EVERY_S)


async def _attend(handle: Handle, heard: Following) -> str:
    """Approve each approval; gives the text of the first question."""
    previews = 0
    while True:
        with contextlib.suppress(*NOBODY_THERE):
            pending = await handle.query("pending", result_type=Pending, rpc_timeout=PATIENCE)
            for approval in pending.approvals:
                await approve(handle, approval)
            if pending.questions:
                return pending.questions[0].text
        previews = await heard.shown(previews, within_s=LOOK_EVERY_S)


async def _keep_history(at: Installation, folder: Path) -> None:
    for number, handle in enumerate(at.handles):
        history = await handle.fetch_history()
        text = "\n".join(MessageToJson(event) for event in history.events)
        (folder / f"history-{number}.json").write_text(text)


@contextlib.asynccontextmanager
async def _undisturbed(servers: Servers, folder: Path) -> AsyncGenerator[tuple[Installation, Outside]]:
    own = new_folder(folder, 0)
    try:
        with listening(own) as outside:
            async with installed(servers, own, make_script(), FILES) as at:
                yield at, outside
    finally:
        shutil.rmtree(own, ignore_errors=True)


async def run_undisturbed(servers: Servers, folder: Path) -> Usual:
    """A run without faults; AssertionError where it contradicts itself."""
    async with _undisturbed(servers, folder) as (at, outside):
        harm = Harm(at, {**QUICK, "python": outside.interpreter}, frozenset())
        worker = await harm.start_worker()
        await worker.ready()
        handle = await at.start()
        began = time.monotonic()
        try:
            async with following(handle) as heard, asyncio.timeout(ENDS_WITHIN_S):
                await _ended(handle, heard, [])
        except (TimeoutError, AssertionError, WorkflowFailureError) as error:
            error.add_note(at.written())
            raise
        took_s = time.monotonic() - began
        evidence = await gather(handle, servers.database_url, at.remote, outside, at.models.requests)
        await harm.kill()
        contradictions = differences(evidence, evidence)
        assert contradictions == [], contradictions
        durations = await _durations(handle)
        asking = [name for name in durations if name.partition(" ")[0] in ASKS_A_MODEL]
        # On a busy machine a step may be begun twice and ask again; the question is then the same one.
        asked = {(each.role, each.digest): each for each in reversed(at.models.requests)}
        first = sorted(asked.values(), key=lambda each: each.number)
        questions = {
            name: (each.role, each.turn, each.reply)
            for name, each in zip(asking, first, strict=True)
            if each.reply is not None
        }
        return Usual(evidence, durations, questions, took_s)


async def _durations(handle: Handle) -> dict[str, float]:
    work, _ = await read_work(handle)
    names = {each.scheduled: each.name for each in work}
    began: dict[int, float] = {}
    durations: dict[str, float] = {}
    async for event in handle.fetch_history_events():
        moment = event.event_time.ToDatetime().timestamp()
        if event.event_id in names:
            began[event.event_id] = moment
        elif event.HasField("activity_task_completed_event_attributes"):
            scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
            durations[names[scheduled]] = moment - began[scheduled]
    return durations
