"""Where forks begin: the other task's history, from the server or, where that forgot it, from the archive."""

from collections.abc import AsyncGenerator, Sequence

from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import Client

from perdure.client.client import PerdureClient
from perdure.client.decoding import Decoder
from perdure.client.errors import ServerUnreachable, TaskNotFound
from perdure.client.forking import fork_point_in, standing_archive
from perdure.contracts.archive import ArchivedRun, history_in
from perdure.contracts.errors import StoreUnavailable
from perdure.contracts.steps import ForkPoint
from perdure.memory.record import Record


class ForkPoints:
    """Finds fork points. It reads histories alone, since everything else can be made from them."""

    def __init__(self, client: Client, record: Record) -> None:
        self._client = client
        self._record = record

    async def __call__(self, task: str, step: int) -> tuple[ForkPoint, str]:
        """The task at the end of a step, and its request; InvalidInput where there is no such task or step."""
        try:
            handle = await PerdureClient(self._client).task(task)
            point, request = await handle.fork_point(step)
        except TaskNotFound as error:
            runs = standing_archive(await self._record.archived_runs(task))
            if not runs:
                raise TaskNotFound(
                    f"Neither the server nor the archive has a task {task!r}.",
                    "`python starter.py list` shows what the server has.",
                ) from error
            point, request = await fork_point_in(
                Decoder(self._client.data_converter),
                self._archived(runs),
                step,
                workflow_id=runs[-1].workflow_id,
                task_id=runs[-1].task_id,
            )
        except ServerUnreachable as error:
            # It answered a moment ago, since it handed out this step.
            raise StoreUnavailable(error.message, error.hint) from error
        return point, request.request

    async def _archived(self, runs: Sequence[ArchivedRun]) -> AsyncGenerator[tuple[str, HistoryEvent]]:
        for run in runs:
            _, history = history_in(await self._record.artifact(run.task_id, run.artifact_id))
            for event in History.FromString(history).events:
                yield run.run_id, event
