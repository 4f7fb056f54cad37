"""Finds pieces of code for a question: rankings by words, vectors and names, fused so that none of them lowers the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tools.searching.code_index import CodeIndex, Piece
from tools.searching.code_store import Stored
from tools.searching.code_vectors import near
from tools.searching.ranking import by_words, fused
from tools.searching.words import Words, identifiers_of
from tools.tool_schemas import ToolContext

BY_WORDS, BY_VECTORS, BY_NAMES = 1.0, 1.0, 1.5
"""What the rankings weigh (benchmarks/retrieval.py). Names count only where the question holds one that is defined."""
MOST_RANKED = 100
"""Of each ranking."""


@dataclass(frozen=True)
class Answer:
    """Pieces for a question, best first, and what is to be said of the search."""

    pieces: Sequence[Piece]
    notes: Sequence[str]
    ways: str
    """What was ranked by, in words."""


async def find(context: ToolContext, index: CodeIndex, question: str) -> Answer:
    """All that was found, best first."""
    words, names = await asyncio.to_thread(lambda: (ranked_by_words(index, question), named(index, question)))
    nearness = await near(context, index, question)
    found = fused(
        [
            (BY_NAMES, names),
            (BY_WORDS, words[:MOST_RANKED]),
            (BY_VECTORS, nearness.ranking[:MOST_RANKED]),
        ]
    )
    used = ["words", *(["vectors"] if nearness.ranking else []), *(["names"] if names else [])]
    notes = [nearness.note, index.symbols.coverage.note]
    if index.unread:
        unread = "1 file is" if index.unread == 1 else f"{index.unread:,} files are"
        notes.append(f"{unread} not indexed: larger than 1 MB, or beyond the first 50,000 files.")
    return Answer(index.located(found), [note for note in notes if note], " and ".join(used))


def ranked_by_words(index: CodeIndex, question: str) -> list[Stored]:
    """By the words that they share with the question."""
    asked = Words().terms(question)
    by_id = {piece.id: piece for piece in index.pieces}
    lengths = {piece.id: piece.length for piece in index.pieces}
    return [by_id[one] for one in by_words(asked, index.store.postings(asked), lengths)]


def named(index: CodeIndex, question: str) -> list[Stored]:
    """Definitions of names that the question holds, those of the first name first."""
    found: list[Stored] = []
    for name in identifiers_of(question):
        found += [piece for piece in index.pieces if _is_named(piece.name, name)]
    return list(dict.fromkeys(found))[:MOST_RANKED]


def _is_named(defined: str, name: str) -> bool:
    """Whether a dotted name that is defined may be the one that is asked for, or the other way round."""
    return bool(defined) and (defined == name or defined.endswith(f".{name}") or name.endswith(f".{defined}"))
