"""Damaged files of Valkey and Chroma: a cache begins anew and says so, vectors are left alone with a sentence."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.chroma import Chroma
from perdure.embedded.valkey import Valkey
from tests.workflows.conftest import until


def one(folder: Path, pattern: str) -> Path:
    """The only file of that pattern in Valkey's folder of data."""
    (found,) = (folder / "appendonlydir").glob(pattern)
    return found


def zeroes_in_the_middle(folder: Path) -> None:
    file = one(folder, "*.incr.aof")
    content = bytearray(file.read_bytes())
    # Longer than an entry, so that it is not some value alone that changes: of that the server cannot know.
    content[3000:3400] = bytes(400)
    file.write_bytes(content)


def a_base_of_a_newer_server(folder: Path) -> None:
    file = one(folder, "*.base.rdb")
    content = file.read_bytes()
    file.write_bytes(content[:6] + b"999" + content[9:])


def nonsense_for_a_base(folder: Path) -> None:
    one(folder, "*.base.rdb").write_bytes(b"nonsense" * 20)


def nonsense_for_a_manifest(folder: Path) -> None:
    one(folder, "*.manifest").write_text("nonsense\n")


def no_log_of_changes(folder: Path) -> None:
    one(folder, "*.incr.aof").unlink()


async def fill(server: Valkey) -> None:
    """Fifty values, on the disk."""
    # The client's methods are only partly annotated.
    client = Redis.from_url(server.address)  # pyright: ignore[reportUnknownMemberType]
    async with client:
        for number in range(50):
            await client.set(f"perdure:{number}", "x" * 200)
        await client.execute_command("WAITAOF", 1, 0, 5_000)  # pyright: ignore[reportUnknownMemberType]


async def count(server: Valkey) -> int:
    """How many values it holds."""
    client = Redis.from_url(server.address)  # pyright: ignore[reportUnknownMemberType]
    async with client:
        return int(await client.dbsize())  # pyright: ignore[reportUnknownMemberType]


def valkey_on(folder: Path) -> Valkey:
    sockets = folder / "run"
    sockets.mkdir(mode=0o700, exist_ok=True)
    return Valkey(folder / "valkey", sockets=sockets, log=folder / "valkey.log")


@pytest.mark.parametrize(
    "damage",
    [
        zeroes_in_the_middle,
        a_base_of_a_newer_server,
        nonsense_for_a_base,
        nonsense_for_a_manifest,
        no_log_of_changes,
    ],
)
async def test_a_valkey_whose_files_are_damaged_begins_empty_and_says_where_they_are(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    first = valkey_on(tmp_path)
    await first.start()
    await fill(first)
    await first.stop()
    damage(tmp_path / "valkey")

    second = valkey_on(tmp_path)
    await second.start()
    try:
        assert await count(second) == 0
        health = await second.health()
        assert (health.ok, health.detail) == (
            True,
            f"running, began empty: its files were damaged and are in {str(tmp_path / 'valkey' / 'damaged')!r}",
        )
        assert list((tmp_path / "valkey" / "damaged").iterdir())
        await fill(second)
    finally:
        await second.stop()

    third = valkey_on(tmp_path)
    await third.start()
    try:
        assert (await count(third), (await third.health()).detail) == (50, "running")
    finally:
        await third.stop()


async def test_a_log_of_changes_that_a_kill_cut_short_loses_its_last_entry_alone(tmp_path: Path) -> None:
    first = valkey_on(tmp_path)
    await first.start()
    await fill(first)
    await first.stop()
    file = one(tmp_path / "valkey", "*.incr.aof")
    file.write_bytes(file.read_bytes()[:-7])
    second = valkey_on(tmp_path)
    await second.start()
    try:
        assert (await count(second), (await second.health()).detail) == (49, "running")
    finally:
        await second.stop()


async def test_a_valkey_that_dies_over_files_damaged_meanwhile_is_started_again_without_them(
    tmp_path: Path,
) -> None:
    server = valkey_on(tmp_path)
    await server.start()
    try:
        await fill(server)
        pid = server.processes[0].pid
        zeroes_in_the_middle(tmp_path / "valkey")
        os.kill(pid, signal.SIGKILL)

        async def began_anew() -> bool | None:
            health = await server.health()
            return True if health.ok and "began empty" in health.detail else None

        await until(began_anew)
        assert await count(server) == 0
    finally:
        await server.stop()


async def test_a_valkey_that_fails_for_another_reason_keeps_its_files(tmp_path: Path) -> None:
    first = valkey_on(tmp_path)
    await first.start()
    await fill(first)
    await first.stop()
    sockets = tmp_path / ("long" * 30)
    sockets.mkdir()
    # A socket path of more than 107 bytes is refused by the kernel.
    broken = Valkey(tmp_path / "valkey", sockets=sockets, log=tmp_path / "valkey.log")
    with pytest.raises(ConfigurationError, match="ended at once"):
        await broken.start()
    assert not (tmp_path / "valkey" / "damaged").exists()
    second = valkey_on(tmp_path)
    await second.start()
    try:
        assert await count(second) == 50
    finally:
        await second.stop()


async def test_a_chroma_whose_files_are_damaged_says_what_to_do_and_touches_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    first = Chroma(folder, log=tmp_path / "chroma.log")
    await first.start()
    await first.stop()
    nonsense = b"not a database" * 1000
    (folder / "chroma.sqlite3").write_bytes(nonsense)
    with pytest.raises(ConfigurationError, match="are damaged") as refused:
        await Chroma(folder, log=tmp_path / "chroma.log").start()
    assert str(folder) in refused.value.message
    assert "move that folder away" in refused.value.hint
    assert (folder / "chroma.sqlite3").read_bytes() == nonsense
