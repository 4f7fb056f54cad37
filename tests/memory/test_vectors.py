"""Vectors in a real Chroma: found by nearness, made anew for another embedder, and sentences while it is away."""

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError, InvalidInput, StoreUnavailable
from perdure.embedded.chroma import Chroma
from perdure.embedded.ports import free_port
from perdure.memory.vectors import AT_ONCE, Embedder, Found, Item, Vectors

SMALL = Embedder("counting", 3)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chroma(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chroma]:
    """One server for all tests here; each uses collections of its own."""
    folder = tmp_path_factory.mktemp("chroma")
    # It is found at the same place after a stop.
    server = Chroma(folder / "data", log=folder / "chroma.log", port=free_port())
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


def item(number: int, vector: tuple[float, ...], **facts: str | int) -> Item:
    return Item(f"item-{number}", vector, f"text {number}", facts)


async def test_gives_the_nearest_first_with_text_and_facts(chroma: Chroma) -> None:
    collection = await Vectors(chroma.address).collection("nearest", SMALL)
    assert collection.fresh
    await collection.put(
        [item(1, (1, 0, 0), path="a.py"), item(2, (0, 1, 0), path="b.py", line=3), item(3, (0, 0.9, 0.1))]
    )
    found = await collection.near((0, 2, 0), most=2)
    assert replace(found[0], distance=0) == Found("item-2", "text 2", {"path": "b.py", "line": 3}, 0)
    assert [each.id for each in found] == ["item-2", "item-3"]
    assert abs(found[0].distance) < 1e-6 < found[1].distance < 0.1
    assert [each.id for each in await collection.near((0, 1, 0), most=9, facts={"path": "a.py"})] == [
        "item-1"
    ]
    assert await collection.near((0, 1, 0), most=9, facts={"path": "a.py", "line": 3}) == []


async def test_items_are_replaced_by_id_and_removed(chroma: Chroma) -> None:
    collection = await Vectors(chroma.address).collection("replaced", SMALL)
    many = [item(number, (1, number, 0)) for number in range(AT_ONCE * 2 + 5)]
    await collection.put(many)
    await collection.put([Item("item-0", (0, 0, 1), "other", {"path": "c.py"})])
    assert await collection.count() == len(many)
    assert (await collection.near((0, 0, 1), most=1))[0].text == "other"
    await collection.remove([each.id for each in many[1:]] + ["unknown"])
    assert [each.id for each in await collection.near((1, 1, 1), most=9)] == ["item-0"]


async def test_another_process_finds_the_same_collection(chroma: Chroma) -> None:
    await (await Vectors(chroma.address).collection("shared", SMALL)).put([item(1, (1, 0, 0))])
    again = await Vectors(chroma.address).collection("shared", SMALL)
    assert not again.fresh
    assert await again.count() == 1


@pytest.mark.parametrize("other", [Embedder("counting", 2), Embedder("measuring", 3)])
async def test_a_collection_of_another_embedder_is_made_anew(chroma: Chroma, other: Embedder) -> None:
    vectors = Vectors(chroma.address)
    await (await vectors.collection("changed", SMALL)).put([item(1, (1, 0, 0))])
    made = await vectors.collection("changed", other)
    assert made.fresh
    assert await made.count() == 0
    await made.put([item(1, (1.0,) * other.dimension)])
    assert (await vectors.collection("changed", SMALL)).fresh


async def test_a_vector_of_another_length_and_a_bad_name_are_refused(chroma: Chroma) -> None:
    vectors = Vectors(chroma.address)
    collection = await vectors.collection("refusing", SMALL)
    with pytest.raises(InvalidInput, match="A vector of 2 numbers was given where 'counting' makes 3"):
        await collection.put([item(1, (1, 0))])
    with pytest.raises(InvalidInput, match="makes 3"):
        await collection.near((1,), most=1)
    with pytest.raises(InvalidInput, match="Chroma refuses what it was given"):
        await vectors.collection("no name!", SMALL)


async def test_a_server_that_is_away_or_hangs_is_said_and_used_again_when_it_is_back(chroma: Chroma) -> None:
    vectors = Vectors(chroma.address, answer_s=5.0)
    collection = await vectors.collection("away", SMALL)
    await collection.put([item(1, (1, 0, 0))])
    pid = chroma.processes[0].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match=r"nothing came within 5 s"):
            await collection.count()
    finally:
        os.kill(pid, signal.SIGCONT)
    await chroma.stop()
    for client in (vectors, Vectors(chroma.address)):
        with pytest.raises(
            StoreUnavailable, match=r"Chroma at 'http://127.+ does not answer: .+ hint: see that"
        ):
            await client.collection("away", SMALL)
    with pytest.raises(StoreUnavailable):
        await collection.near((1, 0, 0), most=1)
    await chroma.start()
    assert await vectors.version()
    assert [each.id for each in await collection.near((1, 0, 0), most=1)] == ["item-1"]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://host",
        "http://",
        "http://ada:secret@host:8000",
        "http://host:0",
        "http://host:99999",
        "http://host:secret",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="none that can be used") as refused:
        Vectors(url)
    assert "PERDURE_CHROMA_URL" in refused.value.hint
    assert "secret" not in str(refused.value)
