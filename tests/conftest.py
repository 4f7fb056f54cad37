"""Real servers for all tests: one PostgreSQL and one embedded stack per test session, in temporary folders.

Their guards stop them when the session ends in any way, an interrupt or a kill included.
"""

import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from perdure.embedded.database import connected
from perdure.embedded.postgres import Postgres, PostgresSettings
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings

FOLDER = Path(__file__).parent
LONGEST_FIRST = ("faults", "end_to_end", "tools/javascript_tools", "workflows", "tools")
"""Folders whose tests take longest: begun at the end, one of them would keep one process busy and the others idle."""
TOGETHER = "tests/faults/"
"""Tests for one process, because what they share takes as long to make as most of them to run."""

database_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; all else stays in the order of its names."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    ranks = (rank for rank, name in enumerate(LONGEST_FIRST) if path.is_relative_to(FOLDER / name))
    return next(ranks, len(LONGEST_FIRST))


class ByFile(LoadFileScheduling):
    """A file's tests go to one process, which makes once what they share."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """How tests are dealt out for ``--dist loadfile``; None leaves the other ways as they are."""
    return ByFile(config, log) if config.option.dist == "loadfile" else None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """The session's PostgreSQL."""
    folder = tmp_path_factory.mktemp("postgres")
    sockets = folder / "run"
    sockets.mkdir(mode=0o700)
    server = Postgres(
        folder / "server",
        sockets=sockets,
        log=folder / "postgres.log",
        settings=PostgresSettings(durable=False),
    )
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(postgres_server: Postgres) -> AsyncIterator[str]:
    """The URL of a fresh, empty database, dropped after the test."""
    name = f"test_{next(database_numbers)}"
    async with connected(postgres_server.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield postgres_server.url(name)
    async with connected(postgres_server.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def stack_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of the session's embedded stack."""
    return tmp_path_factory.mktemp("home")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(stack_home: Path) -> AsyncIterator[Stack]:
    """The session's embedded stack, running, on free ports."""
    running = Stack(
        stack_home,
        temporal=TemporalSettings(port=0, web_ui_port=0),
        postgres=PostgresSettings(durable=False),
        # Chroma takes a second and 120 MB; the tests that need it start their own.
        without={"chroma"},
    )
    try:
        await running.start()
        yield running
    finally:
        await running.stop()
        shutil.rmtree(stack_home, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_client(stack: Stack) -> Client:
    """A client of the session's Temporal server with the converter that everything of ours uses."""
    return await Client.connect(
        stack.addresses.temporal,
        namespace=stack.addresses.namespace,
        data_converter=pydantic_data_converter,
    )
