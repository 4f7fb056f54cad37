"""Where the scenes are played: own servers, workers that can be started anew, and the three ways in which people decide."""

import contextlib
import dataclasses
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from perdure.client import PerdureClient
from perdure.contracts.decisions import Approval, Pending
from perdure.contracts.errors import PerdureError
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from perdure.settings import Settings
from tests.faults.installation import Servers
from tests.workflows.conftest import (
    FILES,
    Bench,
    Call,
    make_repository,
    script_of,
    settings_of,
    stop_all,
    until,
)
from worker import House, open_house, workers

numbers = itertools.count(1)
Handle = WorkflowHandle[Any, Any]
WAYS = ("update", "signal", "client")
"""The Web UI's two ways of sending JSON, and the Python client's, which the command line takes too."""
QUICK = {"heartbeat_s": 2.0, "host_answer_s": 4.0}


class Missed(Exception):
    """What a scene shows is not what a correct system shows."""


def expect(condition: object, why: str) -> None:
    """Missed where the condition does not hold."""
    if not condition:
        raise Missed(why)


@dataclass
class Props:
    """What outlives a worker: a model's script, a repository with its remote, settings."""

    models: ScriptedServer
    settings: Settings
    repository: Path
    remote: Path
    folder: Path


@dataclass
class Stage:
    """Own servers, for scene after scene."""

    stack: Stack
    servers: Servers
    folder: Path
    remarks: list[str] = field(default_factory=list[str])
    """What a scene says beside its outcome."""

    @contextlib.asynccontextmanager
    async def props(
        self, *turns: Call, files: Mapping[str, str] = {}, script: Script | None = None, **changes: Any
    ) -> AsyncGenerator[Props]:
        """A model that makes these calls one after the other, and a repository with these files beside the usual ones."""
        folder = self.folder / f"scene-{next(numbers)}"
        repository, remote = make_repository(folder / "user", {**FILES, **files})
        models = await ScriptedServer().start(script or script_of([[turn] for turn in turns]))
        try:
            settings = settings_of(
                self.stack, self.servers.database_url, folder / "home", models.url, **changes
            )
            yield Props(models, settings, repository, remote, folder)
        finally:
            await models.stop()

    @contextlib.asynccontextmanager
    async def worker(
        self, props: Props, *, house: Callable[[House], House] = lambda house: house, **changes: Any
    ) -> AsyncGenerator[Bench]:
        """A worker of the props; tasks outlive it."""
        settings = props.settings.model_copy(update=changes).knowing(props.settings.temporal_environment)
        async with open_house(settings) as opened, workers(house(opened)) as pair:
            yield Bench(
                self.servers.client, opened, props.models, settings, props.repository, props.remote, props.folder,
                pair,
            )  # fmt: skip

    @contextlib.asynccontextmanager
    async def play(
        self, *turns: Call, files: Mapping[str, str] = {}, script: Script | None = None, **changes: Any
    ) -> AsyncGenerator[Bench]:
        """Props and one worker; what still runs is terminated at the end."""
        async with (
            self.props(*turns, files=files, script=script, **changes) as props,
            self.worker(props) as bench,
        ):
            try:
                yield bench
            finally:
                await stop_all(bench)

    @contextlib.asynccontextmanager
    async def asked(
        self,
        *turns: Call,
        task: Mapping[str, Any] = {},
        lay: Call | None = None,
        files: Mapping[str, str] = {},
        script: Script | None = None,
        **changes: Any,
    ) -> AsyncGenerator[tuple[Bench, Handle, Approval]]:
        """A task that waits for its first approval; with ``lay`` a call before it was approved and ran."""
        calls = turns if lay is None else (lay, *turns)
        async with self.play(*calls, files=files, script=script, **changes) as bench:
            handle = await bench.start(**task)
            asked = await bench.approval(handle)
            if lay is not None:
                first = asked
                expect(not await self.said(bench, handle, "update", word(first)), "what lays it was refused")
                asked = await bench.approval(handle, but=first.id)
            yield bench, handle, asked

    async def left(self, props: Props, **task: Any) -> tuple[Handle, Approval]:
        """A task that waits for its first approval, and whose worker was stopped then."""
        async with self.worker(props) as bench:
            handle = await bench.start(**task)
            return handle, await bench.approval(handle)

    @contextlib.asynccontextmanager
    async def back(self, props: Props, handle: Handle, **changes: Any) -> AsyncGenerator[Bench]:
        """A worker that takes up a task; it ends with the scene."""
        async with self.worker(props, **changes) as bench:
            bench.handles.append(handle)
            try:
                yield bench
            finally:
                await stop_all(bench)

    async def said(self, where: Bench | Props, handle: Handle, way: str, word: Mapping[str, Any]) -> str:
        """Send a decision in one of the ways; empty where it was taken, else why it was not."""
        word = dict(word)
        if way == "signal":
            return await self._signalled(handle, word)
        try:
            if way == "update":
                await handle.execute_update("decide", word)  # pyright: ignore[reportUnknownMemberType]
            else:
                task = await self.client(where).task(handle.id)
                verdict, id = word.pop("verdict"), word.pop("approval_id")
                decide: Callable[..., Awaitable[Any]] = getattr(task, verdict)
                await decide(id, **word)
        except WorkflowUpdateFailedError as error:
            return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause)
        except (PerdureError, RPCError) as error:
            return str(error) or type(error).__name__
        return ""

    async def _signalled(self, handle: Handle, word: dict[str, Any]) -> str:
        """A signal has no answer: what it did is read from the task, which says on its card what it did not take."""
        verdict, id = str(word.pop("verdict")), str(word["approval_id"])
        if verdict not in ("approve", "deny"):
            raise Missed(f"no signal is called {verdict!r}")
        before = await _shown_of(handle, id)
        try:
            await handle.signal(verdict, word)
        except RPCError as error:
            return str(error)
        # A query is answered after every signal that the server took before it.
        after = await _shown_of(handle, id)
        if before is not None and after != before:
            return ""
        status: dict[str, Any] = await handle.query("status")
        remarks: list[str] = status.get("remarks", [])
        return remarks[-1] if remarks else "It was not taken, and nothing was said."

    def client(self, where: Bench | Props) -> PerdureClient:
        """The Python client on this stage's server."""
        return PerdureClient(
            self.servers.client, task_queue=where.settings.task_queue, address=self.servers.temporal
        )

    async def refused_in_every_way(
        self, bench: Bench, handle: Handle, word: Mapping[str, Any], *, because: str = ""
    ) -> None:
        """Missed where any of the ways takes the decision."""
        for way in WAYS:
            why = await self.said(bench, handle, way, word)
            expect(why, f"the decision {dict(word)} was taken by the way {way!r}")
            expect(because in why, f"by the way {way!r} it was refused for another reason: {why}")


async def _shown_of(handle: Handle, id: str) -> Approval | None:
    """The approval as it waits now; who approved so far is part of it."""
    pending = await handle.query("pending", result_type=Pending)
    return next((each for each in pending.approvals if each.id == id), None)


async def refusal_of(handle: Handle, name: str, value: Any) -> str:
    """Why an update with this JSON was refused; empty where it was taken."""
    try:
        await handle.execute_update(name, value)  # pyright: ignore[reportUnknownMemberType]
    except WorkflowUpdateFailedError as error:
        return str(error.cause) or type(error.cause).__name__
    except RPCError as error:
        return str(error) or type(error).__name__
    return ""


def word(approval: Approval, verdict: str = "approve", **more: Any) -> dict[str, Any]:
    """A decision as JSON."""
    named = {"approval_id": approval.id, "verdict": verdict, "by": "Ada"}
    return {**named, **({"operation_digest": approval.operation_digest} if approval.hidden else {}), **more}


def tree_of(bench: Bench) -> Path:
    """The files of the only task that the worker has."""
    return max(bench.settings.home.glob("workspaces/*/*/tree"), key=lambda path: path.stat().st_mtime_ns)


async def next_word(bench: Bench, handle: Handle, old: Approval) -> Approval | None:
    """What is asked after this approval; None where the task is over."""

    async def look() -> Approval | str | None:
        pending = await handle.query("pending", result_type=Pending)
        found = next((each for each in pending.approvals if each.id != old.id), None)
        if found is not None:
            return found
        status: dict[str, Any] = await handle.query("status")
        ended = status["status"] in ("completed", "incomplete", "denied", "failed", "canceled", "unchanged")
        return "over" if ended and not pending.approvals else None

    found = await until(look)
    return None if isinstance(found, str) else found


async def outcome(bench: Bench, handle: Handle, old: Approval) -> tuple[Approval | None, dict[str, bool]]:
    """What is asked next, and the calls that ran with whether they went well."""
    found = await next_word(bench, handle, old)
    return found, {line["title"]: bool(line["ok"]) for line in await bench.calls(handle)}


def with_record(house: House, record: object) -> House:
    """The house with another record; it must have what the real one has."""
    # A double that passes everything else on has no static type of its own.
    return dataclasses.replace(house, record=record)  # pyright: ignore[reportArgumentType]
