"""Runs commands as a shell would, without a terminal."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner, Result

from perdure.client.command_line.application import app
from perdure.client.command_line.completion import task_ids
from perdure.client.command_line.installation import Check, Finding, Place, RunningStack, StoreVersion
from perdure.contracts.errors import ConfigurationError


@dataclass
class SmallInstallation:
    """An installation that only knows where its server is."""

    here: Place
    findings: Sequence[Finding] = ()
    found_stores: Sequence[StoreVersion] = ()

    def place(self) -> Place:
        return self.here

    async def up(self) -> RunningStack:
        raise ConfigurationError("The stack is not part of this test.")

    def work(self) -> int:
        return 0

    def program(self) -> Sequence[str]:
        return ("/opt/perdure env/python", "/opt/perdure env/starter.py")

    async def stores(self) -> Sequence[StoreVersion]:
        return self.found_stores

    def checks(self) -> Sequence[Check]:
        async def found() -> Sequence[Finding]:
            return self.findings

        return (found,)


@dataclass
class Shell:
    """Runs commands in a thread, so that the worker in this loop goes on."""

    installation: SmallInstallation

    async def run(self, *arguments: str, columns: int = 100, stdin: str = "") -> Result:
        """One command's output and exit code."""
        return await asyncio.to_thread(
            CliRunner().invoke,
            app,
            [*arguments],
            obj=self.installation,
            input=stdin,
            env={"COLUMNS": str(columns)},
            catch_exceptions=False,
        )

    async def offered(self, beginning: str) -> list[str]:
        """The ids of tasks that a completion offers."""
        return await asyncio.to_thread(task_ids, self.installation, beginning)

    async def json(self, *arguments: str) -> Any:
        """One command's answer as JSON."""
        result = await self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)
