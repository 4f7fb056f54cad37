"""semantic_search finds code by what it does, sees what has changed, and says what it could not use."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.contracts.errors import ToolRejected
from perdure.embedded.chroma import Chroma
from perdure.embedded.ports import free_port
from perdure.memory.embedding import embeds_of
from perdure.memory.vectors import Vectors
from tests.tools.conftest import Bench
from tools.searching.code_index import CodeIndex
from tools.searching.services import Searching

RETRIES = '''"""Asking a server again."""


class Patience:
    """How long to wait."""

    def delay_before_attempt(self, number: int) -> float:
        """Seconds of exponential backoff before the next try."""
        return min(60.0, 0.1 * 2**number)


def parseHTTPHeaders(raw: bytes) -> dict[str, str]:
    lines = raw.decode().split("\\r\\n")
    return dict(line.split(": ", 1) for line in lines)
'''
CART = """export function addToBasket(basket, article) {
  return [...basket, article];
}
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A repository with code in two languages and a page of text."""
    bench.put("net/retries.py", RETRIES)
    bench.put("ui/cart.js", CART)
    bench.put("docs/deploy.md", "# Deployment\n\nRoll back by starting the former image.\n")
    return bench


@pytest.fixture(scope="module")
def chroma_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps what it is given."""
    return tmp_path_factory.mktemp("chroma")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chroma(chroma_folder: Path) -> AsyncGenerator[Chroma]:
    server = Chroma(chroma_folder / "data", log=chroma_folder / "chroma.log", port=free_port())
    await server.start()
    yield server
    await server.stop()


def with_vectors(bench: Bench, address: str, folder: Path) -> Bench:
    embeds = embeds_of("", model="", key=None)
    searching = Searching(folder=folder, vectors=Vectors(address, answer_s=60.0), embeds=embeds)
    return replace(bench, context=replace(bench.context, searching=searching))


def places(content: str) -> list[str]:
    return [line for line in content.splitlines() if ":" in line and line[0].isalpha()]


async def test_finds_a_method_by_what_its_docstring_says(shop: Bench) -> None:
    output = await shop.run("semantic_search", query="exponential backoff between tries")
    assert places(output.content)[0] == "net/retries.py:7-9 method Patience.delay_before_attempt"
    assert '8:         """Seconds of exponential backoff before the next try."""' in output.content


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("how are http headers parsed", "net/retries.py:12-14 function parseHTTPHeaders"),
        ("parseHTTPHeaders", "net/retries.py:12-14 function parseHTTPHeaders"),
        ("Patience.delay_before_attempt", "net/retries.py:7-9 method Patience.delay_before_attempt"),
        ("adding articles to baskets", "ui/cart.js:1-3 function addToBasket"),
        ("roll back a deployment", "docs/deploy.md:1-3"),
    ],
)
async def test_splits_and_stems_identifiers(shop: Bench, query: str, first: str) -> None:
    output = await shop.run("semantic_search", query=query)
    assert places(output.content)[0] == first


async def test_says_that_it_ran_without_vectors(shop: Bench) -> None:
    output = await shop.run("semantic_search", query="baskets")
    assert "by words" in output.summary
    assert output.content.endswith("[Vectors were not used: there is no embedder.]")


async def test_sees_every_change_at_once(shop: Bench) -> None:
    assert (await shop.run("semantic_search", query="zebra")).content.startswith(
        "Nothing in 7 files fits 'zebra'"
    )
    shop.put("ui/cart.js", CART.replace("article", "zebra"))
    shop.put("new.py", "def stripes_of_zebra():\n    return 40\n")
    output = await shop.run("semantic_search", query="zebra")
    assert sorted(places(output.content)) == [
        "new.py:1-2 function stripes_of_zebra",
        "ui/cart.js:1-3 function addToBasket",
    ]
    (shop.copy.root / "new.py").unlink()
    shop.put("ui/cart.js", CART)
    assert (await shop.run("semantic_search", query="zebra")).content.startswith("Nothing in 7 files")


async def test_narrows_by_folder_glob_and_limit(shop: Bench) -> None:
    output = await shop.run("semantic_search", query="return lines", path="net")
    assert {place.partition(":")[0] for place in places(output.content)} == {"net/retries.py"}
    output = await shop.run("semantic_search", query="return basket lines prices", glob="*.js", limit=1)
    assert len(places(output.content)) == 1
    assert places(output.content)[0].startswith("ui/cart.js")


async def test_names_files_of_one_content_once(shop: Bench) -> None:
    shop.put("copy/cart.js", CART)
    output = await shop.run("semantic_search", query="basket")
    assert places(output.content)[0] == "copy/cart.js:1-3 function addToBasket (the same in 1 more file)"


def bytes_below(folder: Path) -> bytes:
    """Of every file, in lower case, as words are kept."""
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file()).lower()


async def test_no_store_and_no_text_for_vectors_holds_a_credential(
    shop: Bench, chroma: Chroma, chroma_folder: Path, tmp_path: Path
) -> None:
    token, password, key = "gh" + "p_" + "Zx9Qw8Er7T" * 4, "tr0ub4dor3hills", "MIIEowIBAAKC" * 5
    block = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{key}\n{key}\n-----END RSA PRIVATE {'KEY'}-----"
    shop.put(
        "keys.py",
        f'KEY = """{block}"""\n\n\ndef token_of_the_basket():\n    return "{token}"\n\n\nDB_PASSWORD = "{password}"\n',
    )
    folder = tmp_path / "search"
    bench = with_vectors(shop, chroma.address, folder)
    output = await bench.run("semantic_search", query="token of the basket")
    assert "keys.py:7-8 function token_of_the_basket" in output.content
    index = await CodeIndex.current(bench.context)
    texts = "\n".join(await asyncio.to_thread(index.texts, bench.copy.files, index.pieces))
    assert "[[perdure redacted github-token]]" in texts
    stored = bytes_below(folder) + bytes_below(chroma_folder)
    assert b"token_of_the_basket" in stored
    for secret in (token, password, key):
        assert secret not in texts
        for part in (secret, secret[4:], secret[-12:], secret[4:14]):
            assert part.lower().encode() not in stored, part


async def test_odd_files_do_no_harm(shop: Bench) -> None:
    shop.put("binary.bin", b"\x00\x01basket\xff" * 500)
    shop.put("wide.txt", "basket".encode("utf-16"))
    shop.put("latin.txt", "körbe voller Äpfel basket\r\n".encode("latin-1"))
    shop.put("broken.py", "def basket(:\n  ((((\n")
    shop.put("na\nme.py", "def odd_basket(): ...\n")
    shop.put("large.txt", b"basket " * 300_000)
    shop.put("empty.py", "")
    (shop.copy.root / "away").symlink_to("/etc/passwd")
    output = await shop.run("semantic_search", query="basket", limit=20)
    assert "'na\\nme.py':1-1 function odd_basket" in output.content
    assert "broken.py" in output.content
    assert "latin.txt" in output.content
    assert "wide.txt" in output.content
    assert "binary.bin" not in output.content
    assert "[1 file is not indexed" in output.content


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "?!"}, "no word to search for"),
        ({"query": "x1", "path": "nowhere"}, "There is no 'nowhere'"),
        ({"query": "x1", "path": "../.."}, "outside"),
    ],
)
async def test_refuses_what_cannot_be_searched(bench: Bench, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("semantic_search", **arguments)


async def test_an_index_that_is_damaged_is_made_again(shop: Bench) -> None:
    await shop.run("semantic_search", query="basket")
    for name in ("search.sqlite", "search.sqlite-wal", "search.sqlite-shm"):
        (shop.copy.task_folder / name).unlink(missing_ok=True)
    (shop.copy.task_folder / "search.sqlite").write_bytes(b"no database at all" * 100)
    output = await shop.run("semantic_search", query="basket")
    assert places(output.content)[0].startswith("ui/cart.js")


async def test_vectors_find_what_shares_no_word(shop: Bench, chroma: Chroma, tmp_path: Path) -> None:
    with_both = with_vectors(shop, chroma.address, tmp_path / "search")
    output = await with_both.run("semantic_search", query="put merchandise into the shopping trolley")
    assert places(output.content)[0] == "ui/cart.js:1-3 function addToBasket"
    assert "vectors" in output.summary
    assert "[" not in output.content.splitlines()[-1]


async def test_another_task_finds_the_vectors_there_and_a_new_server_gets_them_again(
    shop: Bench, chroma: Chroma, tmp_path: Path
) -> None:
    first = with_vectors(shop, chroma.address, tmp_path / "search")
    await first.run("semantic_search", query="basket")
    told: list[str] = []
    second = with_vectors(shop, chroma.address, tmp_path / "search")
    second = replace(second, context=replace(second.context, beat=told.append))
    await second.run("semantic_search", query="basket")
    assert not [word for word in told if "embedding" in word]
    other = Chroma(tmp_path / "chroma", log=tmp_path / "chroma.log", port=free_port())
    await other.start()
    try:
        moved = with_vectors(shop, other.address, tmp_path / "search")
        output = await moved.run("semantic_search", query="put merchandise into the shopping trolley")
        assert "vectors" in output.summary
        assert places(output.content)[0] == "ui/cart.js:1-3 function addToBasket"
    finally:
        await other.stop()


async def test_without_chroma_it_says_so_and_searches_by_words(shop: Bench, tmp_path: Path) -> None:
    stopped = with_vectors(shop, f"http://127.0.0.1:{free_port()}", tmp_path / "search")
    output = await stopped.run("semantic_search", query="adding articles to baskets")
    assert places(output.content)[0] == "ui/cart.js:1-3 function addToBasket"
    assert "[Vectors were not used: Chroma at" in output.content


async def test_searches_at_the_same_time_share_one_index(shop: Bench, tmp_path: Path) -> None:
    searching = Searching(folder=tmp_path / "search")
    bench = replace(shop, context=replace(shop.context, searching=searching))
    outputs = await asyncio.gather(*(bench.run("semantic_search", query="basket") for _ in range(4)))
    assert {output.content for output in outputs} == {outputs[0].content}
