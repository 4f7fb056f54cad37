"""What every command has: its output, the installation, a client; and how it ends."""

import asyncio
import getpass
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from perdure.client.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Installation
from perdure.client.command_line.output import Output
from perdure.client.connection import running_stack
from perdure.client.handle import TaskHandle
from perdure.contracts.errors import PerdureError


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
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def this_person() -> str:
    """The name of the user at this machine, or nothing where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
