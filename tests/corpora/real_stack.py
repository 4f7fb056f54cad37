"""The real stack for whole tasks: servers, a worker, a model server that plays a script and keeps every request."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from temporalio.client import Client, Interceptor, OutboundInterceptor, QueryWorkflowInput, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from perdure.client.asking import first_answer
from perdure.contracts.decisions import Approval, Pending
from perdure.contracts.steps import Decided
from perdure.contracts.transcript import Entry
from perdure.embedded.postgres import PostgresSettings
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.llm.scripted.conversation import Conversation
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.workflows.conftest import settings_of
from worker import House, open_house, workers

AT_ONCE = 4
"""Tasks that run beside each other."""
LONGEST_S = 300.0
QUERY_TIMEOUT = timedelta(seconds=60)
"""Several tasks at once on a busy machine leave a worker little time for questions."""
MOST_REFUSED = 30
"""Queries that the server may refuse, a second apart, because the last workflow task was late."""
Found = TypeVar("Found")


class AskingAgain(Interceptor):
    """Asks a query again that is not answered, as the Python client does."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """In front of the client's own calls."""
        return _CallsAskedAgain(next)


class _CallsAskedAgain(OutboundInterceptor):
    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        input.rpc_timeout = QUERY_TIMEOUT
        for _ in range(MOST_REFUSED):
            try:
                return await first_answer(lambda: self.next.query_workflow(input))
            except RPCError as error:
                # A workflow task was late on a busy machine, and is done again in a moment.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                await asyncio.sleep(1)
        return await self.next.query_workflow(input)


class KeepingServer(ScriptedServer):
    """A scripted model server that keeps the body of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def _record(
        self, raw: bytes, conversation: Conversation | None, status: int, position: int | None
    ) -> None:
        self.bodies.append(raw)
        super()._record(raw, conversation, status, position)


@dataclass
class RealStack:
    """What cases are run on."""

    client: Client
    house: House
    models: KeepingServer
    folder: Path
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list[WorkflowHandle[Any, Any]])

    async def start(self, id: str, request: Mapping[str, Any]) -> WorkflowHandle[Any, Any]:
        """Start a task."""
        handle = await self.client.start_workflow(
            "CodingTask", request, id=id, task_queue=self.house.settings.task_queue
        )
        self.handles.append(handle)
        return handle

    def requests_of(self, name: str) -> list[dict[str, Any]]:
        """The bodies of all model requests that have the name in their first message from the user."""
        found = [json.loads(body) for body in self.models.bodies if name.encode() in body]
        return [
            body
            for body in found
            if any(name in str(each["content"]) for each in body["messages"] if each["role"] == "user")
        ]

    async def decisions_of(self, handle: WorkflowHandle[Any, Any]) -> list[Entry]:
        """The task's decisions as the record has them, oldest first."""
        heads: list[str] = []
        scheduled: dict[int, str] = {}
        history = await handle.fetch_history()
        for event in history.events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                name = event.activity_task_scheduled_event_attributes.activity_type.name
                scheduled[event.event_id] = name
            ended = event.activity_task_completed_event_attributes
            if scheduled.get(ended.scheduled_event_id) == "decide":
                (made,) = await self.client.data_converter.decode(ended.result.payloads, [Decided])
                heads.append(made.head)
        first = handle.first_execution_run_id or ""
        return [await self.house.record.entry(first, head) for head in heads]

    async def drive(
        self,
        handle: WorkflowHandle[Any, Any],
        approves: Callable[[Approval], bool],
        seen: Callable[[str], None] = lambda text: None,
    ) -> Mapping[str, Any]:
        """Decide what is asked and answer what is a question, until the task ends; gives its result."""

        async def attend() -> None:
            decided: set[str] = set()
            while True:
                pending = await handle.query("pending", result_type=Pending)
                if any(each.id not in decided for each in [*pending.approvals, *pending.questions]):
                    metadata: Any = await handle.query("__temporal_workflow_metadata")
                    seen(str(metadata.current_details))
                for asked in pending.approvals:
                    if asked.id in decided:
                        continue
                    decided.add(asked.id)
                    seen(f"{asked.title}\n{asked.preview}")
                    verdict = "approve" if approves(asked) else "deny"
                    decision = {
                        "approval_id": asked.id,
                        "verdict": verdict,
                        "by": "Ada",
                        "reason": "Not now.",
                    }
                    await handle.execute_update("decide", decision)  # pyright: ignore[reportUnknownMemberType]
                for question in pending.questions:
                    if question.id not in decided:
                        decided.add(question.id)
                        seen(question.text)
                        choice = "wrap_up" if "wrap_up" in question.choices else question.choices[-1]
                        answer = {"question_id": question.id, "choice": choice, "by": "Ada"}
                        await handle.execute_update("answer", answer)  # pyright: ignore[reportUnknownMemberType]
                await asyncio.sleep(0.1)

        attending = asyncio.create_task(attend())
        try:
            async with asyncio.timeout(LONGEST_S):
                ended = asyncio.create_task(handle.result())
                await asyncio.wait({attending, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    await attending
                return await ended
        finally:
            attending.cancel()
            await asyncio.gather(attending, return_exceptions=True)


@contextlib.asynccontextmanager
async def real_stack(script: Callable[[Path], Script], **changes: Any) -> AsyncGenerator[RealStack]:
    """The servers and a worker in a folder of their own, gone afterwards; the script may use the folder."""
    folder = Path(os.path.realpath(mkdtemp(prefix="corpora-")))
    stack = Stack(
        folder / "stack",
        temporal=TemporalSettings(port=0, web_ui_port=0),
        postgres=PostgresSettings(durable=False),
        without={"chroma"},
    )
    models = KeepingServer()
    try:
        await stack.start()
        await models.start(script(folder))
        client = await Client.connect(
            stack.addresses.temporal,
            namespace=stack.addresses.namespace,
            data_converter=pydantic_data_converter,
            interceptors=[AskingAgain()],
        )
        settings = settings_of(stack, stack.addresses.database_url, folder / "home", models.url, **changes)
        async with open_house(settings) as house, workers(house):
            running = RealStack(client, house, models, folder)
            try:
                yield running
            finally:
                for handle in running.handles:
                    if (await handle.describe()).close_time is None:
                        await handle.terminate("the cases are over")
    finally:
        await models.stop()
        await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def side_by_side(run: Callable[[Any], Awaitable[Found]], cases: Sequence[Any]) -> list[Found]:
    """What each case gives, a few at once."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(case: Any) -> Found:
        async with free:
            return await run(case)

    return list(await asyncio.gather(*map(one, cases)))
