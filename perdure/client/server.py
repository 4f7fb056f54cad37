"""One Temporal server, asked with time limits; whatever it refuses becomes an error of ours with a sentence."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import temporalio.api.common.v1
import temporalio.api.enums.v1
import temporalio.api.taskqueue.v1
import temporalio.api.workflowservice.v1
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from perdure.client.errors import NoWorker, ServerUnreachable, TaskNotFound
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError

Result = TypeVar("Result")

START_HINT = "start one with `python starter.py up`, or set TEMPORAL_ADDRESS to a server that runs."
_SILENT = {
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.FAILED_PRECONDITION,
}
_NOT_ALLOWED = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}


@dataclass(frozen=True)
class Server:
    """A connected Temporal client with how long to wait: for the server itself, and for a worker's answer."""

    client: Client
    address: str
    answer_s: float = 10.0

    @property
    def limit(self) -> timedelta:
        """Time limit of one request that needs no worker."""
        return timedelta(seconds=self.answer_s)

    async def ask_worker(
        self, what: str, question: Coroutine[Any, Any, Result], *, task: str, afterwards: str = ""
    ) -> Result:
        """Await a query or an update, at most ``answer_s``; NoWorker says whether any worker polls.

        ``afterwards`` is a sentence for the error: what became of the question.
        """
        asking = asyncio.ensure_future(question)
        try:
            # ``asyncio.wait`` and not ``asyncio.timeout``: the SDK turns the cancellation of an update into an error
            # of its own, which a caller who cancels us would then see instead of the cancellation.
            await asyncio.wait({asking}, timeout=self.answer_s)
            if not asking.done():
                raise await self._silence(what, task, afterwards)
            with self.explained(task):
                return await asking
        except (RPCTimeoutOrCancelledError, ServerUnreachable) as error:
            # The server itself gives up a query when no worker takes it; ``_silence`` asks whether it is there at all.
            raise await self._silence(what, task, afterwards) from error
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    @contextmanager
    def explained(self, task: str = "") -> Generator[None]:
        """Turn what the server refuses into our errors; ``task`` is the id that was asked for."""
        try:
            yield
        except RPCError as error:
            raise self._explain(error, task) from error
        except UnicodeEncodeError as error:
            # Arguments that are not UTF-8 reach Python as half characters, which no request can hold.
            raise InvalidInput(
                f"{str(error.object)[:60]!r} is no text in UTF-8, so nothing can have this name.",
                "write it in UTF-8.",
            ) from error

    def _explain(self, error: RPCError, task: str) -> PerdureError:
        if error.status is RPCStatusCode.NOT_FOUND and "namespace" in error.message.lower():
            return ConfigurationError(
                f"The Temporal server at {self.address} has no namespace {self.client.namespace!r}.",
                "set TEMPORAL_NAMESPACE, or create it with `temporal operator namespace create`.",
            )
        if error.status is RPCStatusCode.NOT_FOUND and task:
            return TaskNotFound(
                f"There is no task {task!r} in namespace {self.client.namespace!r} at {self.address}.",
                "`python starter.py approvals` lists the tasks that wait; the Web UI lists all.",
            )
        if error.status in _NOT_ALLOWED:
            return ConfigurationError(
                f"The Temporal server at {self.address} does not let us in: {error.message}.",
                "check TEMPORAL_API_KEY, TLS and TEMPORAL_NAMESPACE.",
            )
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return InvalidInput(
                f"The Temporal server refused the request: {error.message}.",
                "mend what the server names; a server of another version may take less.",
            )
        if error.status in _SILENT:
            return unreachable(self.address, error.message)
        return PerdureError(
            f"The Temporal server at {self.address} failed: {error.message}.",
            "look at the server's log (`python starter.py doctor` looks at the rest), then try again.",
        )

    async def describe(self, workflow_id: str) -> WorkflowExecutionDescription:
        """The task's current run as the server knows it; TaskNotFound where there is none."""
        with self.explained(workflow_id):
            return await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=self.limit)

    async def delete_runs(self, workflow_id: str, task_id: str) -> int:
        """Delete every run of one task; those of other tasks that had the same workflow id stay."""
        deleted = 0
        with self.explained(workflow_id):
            runs = [run async for run in self.client.list_workflows(f"WorkflowId = '{quoted(workflow_id)}'")]
            for run in runs:
                handle = self.client.get_workflow_handle(workflow_id, run_id=run.run_id)
                if (await handle.describe(rpc_timeout=self.limit)).raw_info.first_run_id != task_id:
                    continue
                request = temporalio.api.workflowservice.v1.DeleteWorkflowExecutionRequest(
                    namespace=self.client.namespace,
                    workflow_execution=temporalio.api.common.v1.WorkflowExecution(
                        workflow_id=workflow_id, run_id=run.run_id
                    ),
                )
                await self.client.workflow_service.delete_workflow_execution(request, timeout=self.limit)
                deleted += 1
        return deleted

    async def pollers(self, task_queue: str, *, activities: bool = False) -> tuple[str, ...]:
        """Identities of the workers that polled the queue for workflow tasks, or activities, in the last minutes."""
        kinds = temporalio.api.enums.v1.TaskQueueType
        kind = kinds.TASK_QUEUE_TYPE_ACTIVITY if activities else kinds.TASK_QUEUE_TYPE_WORKFLOW
        with self.explained():
            answer = await self.client.workflow_service.describe_task_queue(
                temporalio.api.workflowservice.v1.DescribeTaskQueueRequest(
                    namespace=self.client.namespace,
                    task_queue=temporalio.api.taskqueue.v1.TaskQueue(name=task_queue),
                    task_queue_type=kind,
                ),
                timeout=self.limit,
            )
        return tuple(poller.identity for poller in answer.pollers)

    async def require_worker(self, what: str, *, task: str, afterwards: str = "") -> None:
        """Raise NoWorker where nobody polls the task's queue."""
        queue = (await self.describe(task)).task_queue
        if not await self.pollers(queue):
            raise NoWorker(
                f"No worker polls task queue {queue!r}, so {what} of task {task!r} cannot be answered. "
                f"{afterwards}".rstrip(),
                "start one with `python starter.py worker` (or `python starter.py up`), then try again.",
            )

    async def _silence(self, what: str, task: str, afterwards: str) -> PerdureError:
        """Why nobody answered within the limit."""
        await self.require_worker(what, task=task, afterwards=afterwards)
        return NoWorker(
            f"A worker polls the task queue, but {what} of task {task!r} was not answered "
            f"within {self.answer_s:g} s. {afterwards}".rstrip(),
            "the worker may be busy or may just have died: look at its log, then try again.",
        )


def quoted(text: str) -> str:
    """Text as it stands between single quotes in a query for the server."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def unreachable(address: str, *why: str) -> ServerUnreachable:
    """The error for a server that does not answer."""
    return ServerUnreachable(f"No Temporal server answers at {address} ({', '.join(why)}).", START_HINT)
