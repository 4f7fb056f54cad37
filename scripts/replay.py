"""Replays histories with the workflows as they are here, before a release: ``make replay``.

Recorded histories always; with ``--address`` also the open runs of a live namespace. A run that does not replay would be
stuck after the release: each is named with the reason, and the exit code is 1. Reading adds nothing to any history.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from perdure.client.connection import Connection, find_server, quiet_runtime
from perdure.client.conversion import data_converter
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError
from perdure.contracts.names import CODING_TASK, GRANTS, MAINTENANCE_RUN, SWEEP, TASK_LOOKUP
from perdure.settings import PROJECT_FOLDER, load_settings
from workflows.registered import WORKFLOWS

RECORDED = PROJECT_FOLDER / "tests" / "histories"
OPEN_RUNS = (
    f"WorkflowType IN ('{CODING_TASK}', '{MAINTENANCE_RUN}', '{SWEEP}', '{TASK_LOOKUP}', '{GRANTS}') "
    "AND ExecutionStatus = 'Running'"
)
CONNECT_S = 10.0
#: A line of progress after so many runs.
PROGRESS_EVERY = 25

Say = Callable[[str], None]


@dataclass
class Replayed:
    """What came of the histories of one place."""

    replayed: int = 0
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Workflow id and run id of each that does not replay, with the reason."""
    kinds: Counter[str] = field(default_factory=Counter[str])
    """How many of each workflow type were looked at."""

    @property
    def summary(self) -> str:
        """How many replay, of which types."""
        looked_at = self.replayed + len(self.failed)
        if not looked_at:
            return "there are none"
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return f"{self.replayed} of {looked_at} replay ({kinds})"


def replayer() -> Replayer:
    """Replays as the worker runs: the same workflows, runner and converter."""
    return Replayer(
        workflows=WORKFLOWS, workflow_runner=UnsandboxedWorkflowRunner(), data_converter=data_converter
    )


async def replay(histories: AsyncIterator[WorkflowHistory], say: Say) -> Replayed:
    """Replay one history after another; ``say`` hears of each that fails, and how far it is."""
    came = Replayed()
    async with replayer().workflow_replay_iterator(histories) as results:
        async for result in results:
            history, failure = result.history, result.replay_failure
            came.kinds[kind_of(history)] += 1
            if failure is None:
                came.replayed += 1
            else:
                name = f"{history.workflow_id} (run {history.run_id})"
                came.failed[name] = reason_of(failure)
                say(f"  does not replay: {name}: {came.failed[name]}")
            looked_at = came.replayed + len(came.failed)
            if looked_at % PROGRESS_EVERY == 0:
                say(f"  {looked_at} looked at, {len(came.failed)} do not replay")
    return came


def kind_of(history: WorkflowHistory) -> str:
    """The workflow type that a history begins with."""
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def reason_of(failure: Exception) -> str:
    """Why a history does not replay, on one line."""
    reason = " ".join(str(failure).split())
    if isinstance(failure, NondeterminismError):
        return reason
    return f"the workflow's code failed: {type(failure).__name__}: {reason}"


async def recorded(folder: Path) -> AsyncGenerator[WorkflowHistory]:
    """The histories in a folder, as Temporal's Web UI and command line write them; InvalidInput where there is none."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InvalidInput(
            f"There is no recorded history in {str(folder)!r}.",
            "name a folder with the *.json that `temporal workflow show --output json` writes.",
        )
    for file in files:
        try:
            yield WorkflowHistory.from_json(file.stem, file.read_text())
        except ValueError as error:
            raise InvalidInput(
                f"{str(file)!r} is no history of a workflow: {error}.", "remove or mend it."
            ) from error


async def open_runs(client: Client, task_queue: str | None) -> AsyncGenerator[WorkflowHistory]:
    """The histories of the runs that are open now, each as far as it is."""
    query = f"{OPEN_RUNS} AND TaskQueue = '{task_queue}'" if task_queue else OPEN_RUNS
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It was deleted since it was listed.
            continue
        yield history


async def connected(connection: Connection) -> Client:
    """A client; ConfigurationError where nobody answers."""
    try:
        async with asyncio.timeout(CONNECT_S):
            return await Client.connect(
                **connection.config, data_converter=data_converter, runtime=quiet_runtime()
            )
    except (RuntimeError, TimeoutError) as error:
        raise ConfigurationError(
            f"The Temporal server at {connection.address!r} does not answer: {error or 'time is up'}.",
            "check the address, and TEMPORAL_API_KEY and TLS where it needs them.",
        ) from error


async def replay_all(arguments: argparse.Namespace, say: Say) -> int:
    """All that was asked for; the exit code."""
    folder: Path = arguments.folder
    say(f"recorded histories in {folder}:")
    came = [await replay(recorded(folder), say)]
    say(f"  {came[0].summary}")
    if arguments.address:
        connection = find_server(
            address=arguments.address,
            namespace=arguments.namespace or None,
            environment=load_settings().temporal_environment,
        )
        client = await connected(connection)
        say(f"open runs in namespace {client.namespace!r} at {connection.address}:")
        try:
            came.append(await replay(open_runs(client, arguments.task_queue), say))
        except RPCError as error:
            raise ConfigurationError(
                f"The Temporal server at {connection.address!r} refused: {error.message}.",
                "check the namespace, and TEMPORAL_API_KEY where the server needs one.",
            ) from error
        say(f"  {came[1].summary}")
    failed = sum(len(each.failed) for each in came)
    if failed:
        say(
            f"{failed} would be stuck with this code. hint: change workflows behind `workflow.patched` instead."
        )
    return 1 if failed else 0


def parser() -> argparse.ArgumentParser:
    """What the program takes."""
    taken = argparse.ArgumentParser(prog="python -m scripts.replay", description=__doc__)
    taken.add_argument("--folder", type=Path, default=RECORDED, help="recorded histories")
    taken.add_argument(
        "--address", help="a live Temporal server as host:port, whose open runs are replayed too"
    )
    taken.add_argument("--namespace", help="its namespace; unset: that of Temporal's own configuration")
    taken.add_argument("--task-queue", help="only the runs of this task queue")
    return taken


def say(line: str) -> None:
    """One line for people, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every run replays, 1 where one does not, 7 where nothing can be read."""
    # The reasons are told in our words; the library would write the same with a stack.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(replay_all(parser().parse_args(arguments), say))
    except PerdureError as error:
        sys.stderr.write(f"{error}\n")
        return 7


if __name__ == "__main__":
    sys.exit(main())
