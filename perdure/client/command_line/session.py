"""What every command has: its output, the installation, a client; and how it ends."""

import asyncio
import getpass
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from perdure.client.archived import ArchivedTask
from perdure.client.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Installation
from perdure.client.command_line.output import Output, unwritten
from perdure.client.connection import running_stack
from perdure.client.conversion import data_converter
from perdure.client.errors import NoWorker, ServerUnreachable, TaskNotFound
from perdure.client.handle import TaskHandle
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError, StoreUnavailable

ReadableTask = TaskHandle[Any] | ArchivedTask


@dataclass(frozen=True)
class Session:
    """One run of one command."""

    installation: Installation
    output: Output

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[PerdureClient]:
        """A client of the server that the settings, or the running stack, name."""
        place = self.installation.place()
        async with PerdureClient.connect(
            home=place.home,
            task_queue=place.task_queue,
            environment=place.temporal_environment,
            quiet=True,
        ) as client:
            yield client

    async def task(self, client: PerdureClient, id: str | None) -> TaskHandle[Any]:
        """The named task, or the newest one."""
        return await client.newest() if id is None else await client.task(id)

    @asynccontextmanager
    async def reading(self, id: str | None, *, archive: bool = False) -> AsyncGenerator[ReadableTask]:
        """The task to look at: as Temporal has it, else from the archive, through a worker or from the database itself.

        With ``archive`` Temporal's own history is left alone.
        """
        async with AsyncExitStack() as opened:
            yield await self._found(opened, id, archive=archive)

    async def _found(self, opened: AsyncExitStack, id: str | None, *, archive: bool) -> ReadableTask:
        if archive and id is None:
            raise InvalidInput("--archive needs the id of a task.", "name the task.")
        missing: PerdureError | None = None
        try:
            client = await opened.enter_async_context(self.client())
            if not archive:
                try:
                    return await self.task(client, id)
                except TaskNotFound as error:
                    if id is None:
                        raise
                    missing = error
            if id is not None:
                return self._noted(await client.archived(id))
        except TaskNotFound as error:
            raise missing or error from error
        except (ServerUnreachable, NoWorker) as error:
            missing = missing or error
        if missing is None or id is None:
            raise missing or TaskNotFound(
                "There is no task.", "`python starter.py list` shows the tasks there are."
            )
        return await self._from_database(opened, id, missing)

    async def _from_database(self, opened: AsyncExitStack, id: str, missing: PerdureError) -> ArchivedTask:
        """The archive without Temporal; where the database cannot be read, what was missing first is what counts."""
        try:
            found = await opened.enter_async_context(self.installation.archive())
            return self._noted(await ArchivedTask.find(found, id, data_converter))
        except (ConfigurationError, StoreUnavailable, TaskNotFound) as error:
            hint = f"{missing.hint} The archive was looked into as well: {error.message}".strip()
            raise type(missing)(missing.message, hint) from error

    def _noted(self, task: ArchivedTask) -> ArchivedTask:
        self.output.note(f"Read from the archive, which has {len(task.runs)} run(s) of {task.id}.")
        return task

    def web_page(self, task: TaskHandle[Any]) -> str:
        """The task's page in the Web UI of the running stack, or nothing where none runs on this machine."""
        running = running_stack(self.installation.place().home)
        if running is None or not running.web_ui:
            return ""
        return f"{running.web_ui}/namespaces/{running.namespace}/workflows/{quote(task.id, safe='')}"


Action = Callable[[Session], Awaitable[ExitCode]]


def run(installation: Installation, action: Action, *, as_json: bool = False) -> ExitCode:
    """Run a command to its exit code; errors of ours are written as sentences, everything else is a bug and raised."""
    session = Session(installation, Output(as_json=as_json))

    async def acted() -> ExitCode:
        return await action(session)

    try:
        return asyncio.run(acted())
    except PerdureError as error:
        return session.output.error(error)
    except OSError as error:
        problem = unwritten(error)
        if problem is None:
            raise
        return session.output.error(problem)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def this_person() -> str:
    """The name of the user at this machine, or nothing where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
