"""Valkey and Chroma in the stack: they answer, keep what they hold over a kill, and say what is wrong."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.chroma import Chroma
from perdure.embedded.given import GivenStore, given_chroma, given_valkey
from perdure.embedded.process import is_alive
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.embedded.valkey import Valkey, ValkeySettings, valkey_program
from tests.workflows.conftest import until


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    sockets = tmp_path / "run"
    sockets.mkdir(mode=0o700)
    server = Valkey(tmp_path / "valkey", sockets=sockets, log=tmp_path / "logs" / "valkey.log")
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def chroma(tmp_path: Path) -> AsyncIterator[Chroma]:
    server = Chroma(tmp_path / "chroma", log=tmp_path / "logs" / "chroma.log")
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


def client_of(url: str) -> Any:
    # The client's methods are only partly annotated.
    return Redis.from_url(url, decode_responses=True)  # pyright: ignore[reportUnknownMemberType]


async def restarted(server: Valkey | Chroma, before: int) -> None:
    """Wait until another process answers."""

    async def look() -> bool | None:
        other = server.processes and server.processes[0].pid != before
        return True if other and (await server.health()).ok else None

    await until(look)


async def test_valkey_answers_and_keeps_what_it_holds_over_a_kill_and_a_stop(valkey: Valkey) -> None:
    health = await valkey.health()
    assert (health.name, health.ok, health.detail) == ("valkey", True, "running")
    assert health.version
    async with client_of(valkey.address) as client:
        await client.set("perdure:test", "kept")
        await client.execute_command("WAITAOF", 1, 0, 5_000)
    before = valkey.processes[0].pid
    os.kill(before, signal.SIGKILL)
    await restarted(valkey, before)
    async with client_of(valkey.address) as client:
        assert await client.get("perdure:test") == "kept"
        assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert await client.config_get("port") == {"port": "0"}
    await valkey.stop()
    await valkey.start()
    async with client_of(valkey.address) as client:
        assert await client.get("perdure:test") == "kept"


async def test_valkey_drops_what_was_used_least_when_its_memory_is_full(tmp_path: Path) -> None:
    sockets = tmp_path / "run"
    sockets.mkdir(mode=0o700)
    small = ValkeySettings(memory_bytes=4 * 1024**2)
    server = Valkey(tmp_path / "valkey", sockets=sockets, log=tmp_path / "valkey.log", settings=small)
    await server.start()
    try:
        async with client_of(server.address) as client:
            for number in range(100):
                await client.set(f"perdure:{number}", "x" * 100_000)
            assert 0 < await client.dbsize() < 60
    finally:
        await server.stop()


async def test_a_stopped_valkey_says_that_it_does_not_run(valkey: Valkey) -> None:
    pid = valkey.processes[0].pid
    await valkey.stop()
    assert not is_alive(pid)
    assert valkey.processes == ()
    assert (await valkey.health()).detail == "does not run"


async def test_chroma_answers_and_keeps_vectors_over_a_kill(chroma: Chroma) -> None:
    import chromadb

    health = await chroma.health()
    assert (health.name, health.ok, health.detail) == ("chroma", True, "running")
    assert health.version
    port = int(chroma.address.rpartition(":")[2])
    client = await asyncio.to_thread(chromadb.HttpClient, host="127.0.0.1", port=port)
    collection = client.create_collection("kept", embedding_function=None)
    collection.add(ids=["a"], embeddings=[[1.0, 0.0]], documents=["text"])
    before = chroma.processes[0].pid
    os.kill(before, signal.SIGKILL)
    await restarted(chroma, before)
    client = await asyncio.to_thread(chromadb.HttpClient, host="127.0.0.1", port=port)
    again = client.get_collection("kept", embedding_function=None)
    assert again.get(ids=["a"])["documents"] == ["text"]


async def test_a_taken_port_of_chroma_is_said_with_its_setting(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = int(holder.getsockname()[1])
        with pytest.raises(ConfigurationError, match=f"Port {port} for Chroma is taken") as refused:
            await Chroma(tmp_path / "chroma", log=tmp_path / "chroma.log", port=port).start()
        assert "PERDURE_CHROMA_PORT" in refused.value.hint


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        (given_valkey("redis://ada:secret@127.0.0.1:1/0"), "PERDURE_REDIS_URL"),
        (given_chroma("http://127.0.0.1:1"), "PERDURE_CHROMA_URL"),
    ],
)
async def test_a_given_store_that_does_not_answer_is_named_without_its_password(
    given: GivenStore, setting: str
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used") as refused:
        await given.start()
    assert setting in refused.value.message
    assert setting in refused.value.hint
    health = await given.health()
    assert not health.ok
    assert "secret" not in f"{refused.value}{health}"


async def test_given_stores_are_used_and_not_started(tmp_path: Path, valkey: Valkey, chroma: Chroma) -> None:
    running = Stack(
        tmp_path / "home",
        temporal=TemporalSettings(port=0, web_ui_port=0),
        redis_url=valkey.address,
        chroma_url=chroma.address,
    )
    addresses = await running.start()
    try:
        assert addresses.others == {"valkey": valkey.address, "chroma": chroma.address}
        health = {each.name: each for each in await running.health()}
        assert health["valkey"].detail == "given by PERDURE_REDIS_URL"
        assert health["chroma"].detail == "given by PERDURE_CHROMA_URL"
        assert not (tmp_path / "home" / "valkey").exists()
    finally:
        await running.stop()
    assert (await valkey.health()).ok
    assert (await chroma.health()).ok


async def test_the_whole_stack_starts_all_four_and_leaves_none_behind(tmp_path: Path) -> None:
    running = Stack(tmp_path / "home", temporal=TemporalSettings(port=0, web_ui_port=0))
    addresses = await running.start()
    assert [each.name for each in running.components] == ["postgres", "temporal", "valkey", "chroma"]
    assert set(addresses.others) == {"valkey", "chroma"}
    pids = [process.pid for each in running.components for process in each.processes]
    assert all(each.ok for each in await running.health())
    await running.stop()
    assert [pid for pid in pids if is_alive(pid)] == []


def test_the_packaged_server_is_used_before_the_systems() -> None:
    assert valkey_program("/usr/bin").name == "valkey-server"
