"""Runs commands as a shell would, without a terminal."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from perdure.client.archived import ReadsArchive
from perdure.client.command_line.application import app
from perdure.client.command_line.completion import task_ids
from perdure.client.command_line.installation import Check, Finding, Place, RunningStack, StoreVersion
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.keeping import Forgotten, Garbage, Rebuilt
from perdure.maintenance.shelf import Shelf
from perdure.policy_desk import PolicyDesk
from perdure.record_keeping import RecordKeeping
from perdure.settings import PROJECT_FOLDER, Settings
from tests.client.waiting import LIMIT_S


@dataclass
class SmallInstallation:
    """An installation that only knows where its server is."""

    here: Place
    findings: Sequence[Finding] = ()
    found_stores: Sequence[StoreVersion] = ()
    playbooks: Sequence[Path] = ()
    database: Settings | None = None
    """Where the database is; None where nobody knows."""
    key: Path | None = None
    """What approvals are signed with."""

    def signing_key(self) -> Path | None:
        return self.key

    def place(self) -> Place:
        return self.here

    async def up(self) -> RunningStack:
        raise ConfigurationError("The stack is not part of this test.")

    def work(self) -> int:
        return 0

    def program(self) -> Sequence[str]:
        return ("/opt/perdure env/python", "/opt/perdure env/starter.py")

    def policy_desk(self) -> PolicyDesk:
        return PolicyDesk(self.database or Settings())

    def shelf(self) -> Shelf:
        return Shelf(self.playbooks)

    @asynccontextmanager
    async def archive(self) -> AsyncGenerator[ReadsArchive]:
        async with self._keeping().archive() as archive:
            yield archive

    async def rebuild(self, id: str, *, dry_run: bool) -> Rebuilt:
        return await self._keeping().rebuild(id, dry_run=dry_run)

    async def collect_garbage(self, *, older_than: timedelta, dry_run: bool) -> Garbage:
        return await self._keeping().collect_garbage(older_than=older_than, dry_run=dry_run)

    async def forget(self, id: str) -> Forgotten:
        return await self._keeping().forget(id)

    def _keeping(self) -> "Keeping":
        if self.database is None:
            raise ConfigurationError("No database is known.", "set PERDURE_DATABASE_URL.")
        return Keeping(self.database)

    async def stores(self) -> Sequence[StoreVersion]:
        return self.found_stores

    def checks(self) -> Sequence[Check]:
        async def found() -> Sequence[Finding]:
            return self.findings

        return (found,)


@dataclass
class Keeping(RecordKeeping):
    """What an installation with these settings does with its database."""

    here: Settings

    def settings(self) -> Settings:
        return self.here


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


@dataclass
class Starter:
    """``starter.py`` as a process, for commands of which a test sees something before they end."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def running(cls, temporal: str, home: Path, *arguments: str) -> "AsyncGenerator[Starter]":
        """A command on this server; stopped where it still runs afterwards."""
        given = {"TEMPORAL_ADDRESS": temporal, "PERDURE_HOME": str(home), "COLUMNS": "200"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROJECT_FOLDER / "starter.py"), *arguments,
            env={**os.environ, **given},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def line_with(self, text: str) -> str:
        """The first line from here on that has this text."""
        assert self.process.stdout is not None
        said: list[str] = []
        async with asyncio.timeout(LIMIT_S):
            async for raw in self.process.stdout:
                said.append(raw.decode())
                if text in said[-1]:
                    return said[-1]
        raise AssertionError(f"It ended without {text!r}: {said}")

    async def exit_code(self) -> int:
        """How it ended."""
        async with asyncio.timeout(LIMIT_S):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode
