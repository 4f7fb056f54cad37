"""Starts tasks and finds them again."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.exceptions import WorkflowAlreadyStartedError

from perdure.client.attaching import Attachment, IfClosed, start_or_attach
from perdure.client.connection import Connection, find_server, quiet_runtime
from perdure.client.deployments import promote
from perdure.client.errors import NotPending, Refused, TaskNotFound
from perdure.client.forking import forked_fields, live_fork_point
from perdure.client.grants import GrantBook
from perdure.client.handle import TaskHandle, handle_of
from perdure.client.inbox import Inbox
from perdure.client.schedules import Schedules
from perdure.client.server import Server, unreachable
from perdure.client.starting import Launch, maintenance_request, task_request
from perdure.client.state import WaitingTask
from perdure.client.task_list import KINDS, ListedTask, TaskFilter, list_tasks, missing_attributes
from perdure.client.validation import valid
from perdure.client.versions import ServerVersions, server_versions
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.names import TASK_QUEUE
from perdure.contracts.task import TaskRequest

if TYPE_CHECKING:
    from perdure.client.archived import ArchivedTask

CONNECT_S = 10.0
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PerdureClient:
    """Starts tasks, finds them, and lists what waits for a person. It needs a server; most answers need a worker.

    ``connect`` is the way in; the constructor takes a Temporal client that is there already (it must use
    ``pydantic_data_converter``).
    """

    def __init__(
        self, client: Client, *, task_queue: str = TASK_QUEUE, answer_s: float = 10.0, address: str = ""
    ) -> None:
        self._server = Server(client, address or client.service_client.config.target_host, answer_s)
        self._task_queue = task_queue

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        address: str | None = None,
        *,
        namespace: str | None = None,
        task_queue: str = TASK_QUEUE,
        home: Path | None = None,
        environment: Mapping[str, str] | None = None,
        data_converter: DataConverter = pydantic_data_converter,
        answer_s: float = 10.0,
        quiet: bool = False,
    ) -> AsyncGenerator["PerdureClient"]:
        """Connect to the given address, else to Temporal's own configuration, else to the running stack of ``home``.

        ``answer_s`` is how long a worker may take to answer a query or a decision; ``quiet`` keeps Temporal's library
        from writing warnings of its own to standard error.
        """
        connection = find_server(address=address, namespace=namespace, home=home, environment=environment)
        client = await _connected(connection, data_converter, quiet=quiet)
        yield cls(client, task_queue=task_queue, answer_s=answer_s, address=connection.address)

    @property
    def address(self) -> str:
        """The server, as host:port."""
        return self._server.address

    @property
    def schedules(self) -> Schedules:
        """What starts runs again and again."""
        return Schedules(self._server, self._task_queue)

    async def start(self, request: TaskRequest | str, *, id: str | None = None, **fields: Any) -> TaskHandle:
        """Start a task: a whole ``TaskRequest``, or its text with the other fields as keywords."""
        return await self._start(Launch(task_request(request, **fields)), id)

    async def fork(
        self,
        task: str,
        *,
        step: int,
        request: str | None = None,
        model: str | None = None,
        id: str | None = None,
        **fields: Any,
    ) -> TaskHandle:
        """Start a task that begins at the end of a step of another one, with its conversation and files.

        The other task is not touched; it may run, wait or be over. ``request`` is what the model reads next; left out,
        the other task's request is carried out from there. Fields that are not given are as in that one. A task that
        the server has no history of any more is found in the archive, where ``request`` and ``repository`` are given.
        """
        changes: dict[str, Any] = {"request": request, **fields}
        try:
            source = await self.task(task)
            _, asked = await live_fork_point(self._server, source.id, step)
            changes, named = forked_fields(asked, changes), source.id
        except TaskNotFound:
            if not request or not fields.get("repository"):
                raise
            named = task
        beginning = {"task": named, "step": step, "model": model or ""}
        return await self._start(Launch(valid(TaskRequest, **changes, fork=beginning)), id)

    async def maintain(
        self,
        repository: str | MaintenanceRequest,
        playbook: str | None = None,
        *,
        id: str | None = None,
        **fields: Any,
    ) -> TaskHandle[MaintenanceResult]:
        """Start a maintenance run by a playbook of the installation: a whole request, or its fields."""
        return await self._start(Launch(maintenance_request(repository, playbook, **fields)), id)

    async def start_or_attach(
        self,
        request: TaskRequest | MaintenanceRequest | str,
        *,
        id: str,
        if_closed: IfClosed = "attach",
        **fields: Any,
    ) -> Attachment[Any]:
        """Start the run of this id, or find the one that is there; callers that race get the same run.

        It returns once the run is open, or TaskFailed says why it cannot be (a folder that is no repository). Where the
        last run of this id is over: ``attach`` gives that one, ``start`` starts a new one, ``start_if_failed`` does so
        only where it failed or was stopped (and gives it else), ``refuse`` raises Refused. An id whose run was started
        with another request is refused. Sending the same again is safe, also after NoWorker.
        """
        launch = Launch(
            maintenance_request(request, None, **fields)
            if isinstance(request, MaintenanceRequest)
            else task_request(request, **fields)
        )
        return await start_or_attach(
            self._server, launch, id=id, task_queue=self._task_queue, if_closed=if_closed
        )

    async def _start(self, launch: Launch, id: str | None) -> TaskHandle[Any]:
        chosen = id or launch.readable_id()
        try:
            with self._server.explained():
                started = await self._server.client.start_workflow(
                    launch.kind,
                    launch.request,
                    id=chosen,
                    task_queue=self._task_queue,
                    static_summary=launch.summary,
                    static_details=launch.details,
                    priority=launch.priority,
                    rpc_timeout=self._server.limit,
                )
        except WorkflowAlreadyStartedError as error:
            raise Refused(
                f"Task {chosen!r} is running already, so no second one was started under this id.",
                f"`python starter.py watch {chosen}` shows it; leave the id out to get a new one.",
            ) from error
        return TaskHandle(
            self._server, id=chosen, task_id=started.first_execution_run_id or "", kind=launch.kind
        )

    async def task(self, id: str) -> TaskHandle[Any]:
        """A task or maintenance run by its workflow id or its task id; TaskNotFound where there is none."""
        try:
            found = await self._server.describe(id)
        except TaskNotFound:
            if not _RUN_ID.fullmatch(id):
                raise
            found = await self._server.describe(await self._workflow_of_run(id))
            await self._refuse_replaced(id, found)
        return handle_of(self._server, found)

    async def _refuse_replaced(self, run_id: str, current: WorkflowExecutionDescription) -> None:
        """TaskNotFound where this run is of a task whose workflow id was given to another one since."""
        if run_id in {current.run_id, current.raw_info.first_run_id}:
            return
        named = self._server.client.get_workflow_handle(current.id, run_id=run_id)
        with self._server.explained(run_id):
            described = await named.describe(rpc_timeout=self._server.limit)
        if described.raw_info.first_run_id != current.raw_info.first_run_id:
            raise TaskNotFound(
                f"Another task was started under the id {current.id!r} since task {run_id!r} ended.",
                f"`python starter.py show {run_id}` shows it once it is in the archive.",
            )

    async def archived(self, id: str) -> "ArchivedTask":
        """A task from the archive, by its workflow id or its task id, through a worker; TaskNotFound where it has none."""
        # Few programs look back, and every program that starts tasks would wait for the import.
        from perdure.client.archived import ArchivedTask, WorkerArchive

        archive = WorkerArchive(self._server, self._task_queue)
        return await ArchivedTask.find(archive, id, self._server.client.data_converter)

    async def tasks(self, wanted: TaskFilter | None = None, /, **fields: Any) -> list[ListedTask]:
        """Tasks and maintenance runs that fit a filter, or its fields as keywords; open ones first, then the newest."""
        return await list_tasks(self._server, valid(TaskFilter, **fields) if wanted is None else wanted)

    @property
    def grants(self) -> GrantBook:
        """What people let be remembered, so that they are not asked again."""
        return GrantBook(self._server, self._task_queue)

    @property
    def approvals(self) -> Inbox:
        """What waits for a person in all tasks: called, it lists the tasks; ``list`` and ``batches`` filter."""
        return Inbox(self._server)

    async def find_pending(self, id: str) -> tuple[TaskHandle[Any], WaitingTask]:
        """The task in which this approval or question waits; NotPending lists what does wait."""
        tasks = await self.approvals()
        there = tuple(each.id for task in tasks for each in (*task.approvals, *task.questions))
        for task in tasks:
            if id in {each.id for each in (*task.approvals, *task.questions)}:
                return await self.task(task.id), task
        unread = [f"{task.id}: {task.problem}" for task in tasks if task.problem]
        listed = f"What waits: {', '.join(there)}." if there else "Nothing waits for a person now."
        raise NotPending(
            " ".join([f"No approval or question {id!r} waits.", listed, *unread]),
            "`python starter.py approvals` shows what waits in every task.",
            there,
        )

    async def newest(self) -> TaskHandle[Any]:
        """The task that was started last, an open one before those that ended; TaskNotFound where there is none."""
        ids = await self._listed(KINDS, limit=1)
        if not ids:
            raise TaskNotFound(
                f"There is no task yet in namespace {self._server.client.namespace!r} at {self.address}.",
                "start one with `python starter.py start REQUEST --repository FOLDER`.",
            )
        return await self.task(ids[0])

    async def missing_search_attributes(self) -> list[str]:
        """Search attributes of Perdure that this namespace lacks; tasks run without them, but lists cannot filter."""
        return await missing_attributes(self._server)

    async def server_version(self) -> str:
        """The Temporal server's version."""
        with self._server.explained():
            info = await self._server.client.workflow_service.get_system_info(
                GetSystemInfoRequest(), timeout=self._server.limit
            )
        return info.server_version

    async def versions(self) -> ServerVersions:
        """The server's version, who polls our task queue, and how many tasks are open."""
        return await server_versions(self._server, self._task_queue)

    async def promote(self, build_id: str) -> str:
        """Let the workers of this build take new runs, and tasks that are upgraded; the version's name."""
        return str(await promote(self._server, self._task_queue, build_id))

    async def workers(self) -> tuple[str, ...]:
        """Identities of the workers that poll our task queue, such as ``4711@host``."""
        return await self._server.pollers(self._task_queue)

    async def _listed(self, query: str, *, limit: int | None = None) -> list[str]:
        with self._server.explained():
            listed = self._server.client.list_workflows(query, limit=limit, rpc_timeout=self._server.limit)
            return [task.id async for task in listed]

    async def _workflow_of_run(self, run_id: str) -> str:
        """The workflow id of a run; the run id itself where no run has it, so that the error names what was asked."""
        ids = await self._listed(f"RunId = '{run_id}'")
        return ids[0] if ids else run_id


async def _connected(connection: Connection, data_converter: DataConverter, *, quiet: bool) -> Client:
    config = connection.config
    config["target_host"] = connection.address
    try:
        async with asyncio.timeout(CONNECT_S):
            return await Client.connect(
                **config, data_converter=data_converter, runtime=quiet_runtime() if quiet else None
            )
    except (RuntimeError, TimeoutError) as error:
        # The SDK reports every failed connection as a RuntimeError whose text is the transport's.
        raise unreachable(connection.address, f"from {connection.source}", _reason(error)) from error


def _reason(error: Exception) -> str:
    """The last reason that the transport names, such as ``Connection refused``; else all it says."""
    named = re.findall(r'(?:message|error): "([^"]+)"', str(error))
    return named[-1] if named else str(error) or f"no answer within {CONNECT_S:g} s"
