"""Vectors of a repository's pieces in Chroma: stored for what is new within a bounded time, and asked for what is near."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import StoreUnavailable
from perdure.memory.vectors import MOST_FOUND, Collection, Item
from tools.searching.code_index import CodeIndex, repository_key
from tools.searching.code_store import Stored
from tools.searching.words import PIECE
from tools.tool_schemas import ToolContext

EMBEDDING_S = 15.0
"""So long one search goes on storing vectors; what is left then is for the next."""
AT_ONCE = 64
MOST_CHARACTERS = 1_200
"""Of one piece; the model looks at a few hundred tokens."""


@dataclass(frozen=True)
class Nearness:
    """What the vectors say."""

    ranking: Sequence[Stored]
    note: str
    """For whoever reads the answer: how far the vectors go, or why there are none."""


def embedded_text(name: str, text: str) -> str:
    """What of a piece the model reads: its name in words, then its text."""
    words = " ".join(PIECE.findall(name)).lower()
    return f"{words}\n{text[:MOST_CHARACTERS]}" if words else text[:MOST_CHARACTERS]


async def near(context: ToolContext, index: CodeIndex, question: str) -> Nearness:
    """The pieces near the question; first those without a vector get one, within a bounded time."""
    searching = context.searching
    if searching.embeds is None:
        return Nearness((), "Vectors were not used: there is no embedder.")
    if searching.vectors is None:
        return Nearness((), "Vectors were not used: there is no Chroma server.")
    try:
        embedder = await searching.embeds.embedder()
        collection = await searching.vectors.collection(f"code-{repository_key(context)}", embedder)
        await collection.remove(index.gone)
        known = await _known(index, collection, embedder.name)
        wanted = {piece.digest: piece for piece in index.pieces if piece.digest not in known}
        done = await _store(context, index, collection, embedder.name, wanted)
        (vector,) = await searching.embeds.embed([question])
        found = await collection.near(vector, most=MOST_FOUND)
    except StoreUnavailable as error:
        return Nearness((), f"Vectors were not used: {error.message}")
    by_digest = {piece.digest: piece for piece in index.pieces}
    left = len(wanted) - done
    total = len(by_digest)
    note = (
        f"The vectors are behind: {total - left:,} of {total:,} pieces have one; each search adds more."
        if left
        else ""
    )
    return Nearness([by_digest[one.id] for one in found if one.id in by_digest], note)


async def _known(index: CodeIndex, collection: Collection, embedder: str) -> set[str]:
    """Digests of the pieces that have a vector."""
    known = await asyncio.to_thread(index.store.embedded, embedder)
    # A server that was set up anew, or lost some of its data, has fewer than were stored.
    if known and await collection.count() < len(known):
        await asyncio.to_thread(index.store.forget_embedded)
        return set()
    return known


async def _store(
    context: ToolContext,
    index: CodeIndex,
    collection: Collection,
    embedder: str,
    wanted: Mapping[str, Stored],
) -> int:
    """Store vectors until all are there or the time is over; gives how many were stored."""
    embeds = context.searching.embeds
    until = time.monotonic() + EMBEDDING_S
    left = list(wanted.values())
    done = 0
    while left and embeds is not None and time.monotonic() < until:
        context.beat(f"embedding pieces of code, {len(left):,} to go")
        chosen, left = left[:AT_ONCE], left[AT_ONCE:]
        texts = await asyncio.to_thread(index.texts, context.copy.files, chosen)
        vectors = await embeds.embed(
            [embedded_text(piece.name, text) for piece, text in zip(chosen, texts, strict=True)]
        )
        items = [
            Item(piece.digest, vector, piece.name or "-", {})
            for piece, vector in zip(chosen, vectors, strict=True)
        ]
        await collection.put(items)
        await asyncio.to_thread(index.store.mark_embedded, embedder, [piece.digest for piece in chosen])
        done += len(chosen)
    return done
