"""A task that Temporal may have forgotten, read from its archived histories: the same events as of a live one."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.converter import DataConverter

from perdure.client.decoding import Decoder
from perdure.client.errors import NoWorker, TaskNotFound
from perdure.client.events import Event, Started
from perdure.client.history import RunReader
from perdure.client.logbook import Logbook, LogLine
from perdure.client.lookups import Files, Part, StoredArtifact, answered, files_in, the_one
from perdure.client.server import Server
from perdure.client.state import TaskDescription
from perdure.contracts.archive import ArchivedRun, history_in
from perdure.contracts.errors import InvalidInput
from perdure.contracts.lookups import Form, LookUp


class ReadsArchive(Protocol):
    """Where archived histories are: behind a worker, or the record itself."""

    async def archived_runs(self, id: str) -> Sequence[ArchivedRun]:
        """The runs of a task by its id, or of every task that had this workflow id; oldest first."""
        ...

    async def artifact(self, task_id: str, id: str) -> bytes:
        """Stored bytes, checked against their id."""
        ...


class WorkerArchive:
    """The archive as the workers of a task queue read it, for who reaches Temporal alone."""

    def __init__(self, server: Server, task_queue: str) -> None:
        self.server = server
        self.task_queue = task_queue

    async def archived_runs(self, id: str) -> list[ArchivedRun]:
        """NoWorker where nobody polls the queue."""
        data = await self._whole(LookUp(task_id=id, what="runs"))
        return [ArchivedRun.model_validate(run) for run in json.loads(data)]

    async def artifact(self, task_id: str, id: str) -> bytes:
        """Page by page, put together."""
        return await self._whole(LookUp(task_id=task_id, what="artifact", artifact_id=id))

    async def _whole(self, request: LookUp) -> bytes:
        parts = [part.data async for part in self.parts(request)]
        return b"".join(parts)

    def parts(self, request: LookUp) -> AsyncGenerator[Part]:
        """The pages of a lookup that any worker of the queue answers."""
        return answered(self.server, request, task_queue=self.task_queue)


class ArchivedTask:
    """A task as its archived runs tell of it."""

    def __init__(self, archive: ReadsArchive, runs: Sequence[ArchivedRun], converter: DataConverter) -> None:
        self._archive = archive
        self._converter = converter
        self.runs = tuple(runs)
        """All runs that are archived, those that a reset replaced included; the one that closed last is the last."""
        self.id, self.task_id, self.kind = runs[-1].workflow_id, runs[-1].task_id, runs[-1].kind

    @classmethod
    async def find(cls, archive: ReadsArchive, id: str, converter: DataConverter) -> "ArchivedTask":
        """The last task of this id; TaskNotFound where none is archived."""
        found = sorted(await archive.archived_runs(id), key=lambda run: run.closed_at)
        if not found:
            raise TaskNotFound(
                f"The archive has no task {id!r} either.",
                "a run is archived some minutes after it closed; `python starter.py list` shows what Temporal has.",
            )
        return cls(archive, [run for run in found if run.task_id == found[-1].task_id], converter)

    @property
    def standing(self) -> tuple[ArchivedRun, ...]:
        """The runs whose steps still count, oldest first: the last one, and those that it goes on from."""
        by_id = {run.run_id: run for run in self.runs}
        chain = [self.runs[-1]]
        while before := by_id.get(chain[-1].continued_from):
            chain.append(before)
        return tuple(reversed(chain))

    async def describe(self) -> TaskDescription:
        """As the server would list it."""
        last, summary = self.runs[-1], ""
        async for event in self.events():
            if isinstance(event, Started) and event.request is not None:
                summary = _first_line(event.request)
                break
        return TaskDescription(
            id=self.id,
            task_id=self.task_id,
            run_id=last.run_id,
            kind=self.kind,
            summary=summary,
            state=last.status,
            task_queue=last.task_queue,
            started_at=self.standing[0].started_at,
            closed_at=last.closed_at,
        )

    async def raw_events(self) -> AsyncGenerator[tuple[str, HistoryEvent]]:
        """Each event that stands, as Temporal had it, with its run."""
        for run in self.standing:
            _, data = history_in(await self._archive.artifact(run.task_id, run.artifact_id))
            history = History()
            history.ParseFromString(data)
            for event in history.events:
                yield run.run_id, event

    async def events(self, *, wait: bool = False) -> AsyncGenerator[Event]:
        """Every event; there is nothing to wait for."""
        reader: RunReader | None = None
        current = ""
        async for run_id, raw in self.raw_events():
            if reader is None or run_id != current:
                reader, current = RunReader(self._converter, run_id, kind=self.kind), run_id
            event = await reader.read(raw)
            if event is not None:
                yield event
        if reader is not None and reader.ending is not None:
            yield reader.ending

    def log(self, *, wait: bool = False) -> AsyncGenerator[LogLine]:
        """What the program did, a line for each activity."""
        return Logbook(Decoder(self._converter)).lines(self.raw_events())

    async def artifacts(self) -> tuple[StoredArtifact, ...]:
        """What the task stored, in the order it came."""
        return (await self._files()).artifacts

    async def artifact(self, id: str) -> AsyncGenerator[Part]:
        """One artifact, by its id or the beginning of it."""
        wanted = the_one(id, await self.artifacts(), task=self.id)
        data = await self._archive.artifact(self.task_id, wanted)
        yield Part.whole(data)

    async def diff(self, *, form: Form = "patch", offset: int = 0) -> AsyncGenerator[Part]:
        """What the task changed; a worker makes it from stored checkpoints, so NoWorker where none can be asked."""
        files = await self._files()
        if files.workspace is None:
            raise InvalidInput(
                f"Task {self.id!r} had no files, so there is no change.",
                f"`python starter.py show {self.id}` shows how it ended.",
            )
        if not isinstance(self._archive, WorkerArchive):
            raise NoWorker(
                f"The change of task {self.id!r} is made by a worker, and without the Temporal server none can be asked.",
                "start the server and a worker again, then try again.",
            )
        checkpoint = files.checkpoint or files.workspace.checkpoint
        request = LookUp(task_id=self.task_id, what="diff", checkpoint=checkpoint, form=form, offset=offset)
        async for part in self._archive.parts(request):
            yield part

    async def _files(self) -> Files:
        return await files_in(self.raw_events(), self._converter)


def _first_line(request: Any) -> str:
    text: str = getattr(request, "request", "") or getattr(request, "playbook", "")
    return text.partition("\n")[0]
