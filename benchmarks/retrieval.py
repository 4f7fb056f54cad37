"""How well semantic_search finds a function by its docstring: by words, by vectors, and by both.

    python benchmarks/retrieval.py FOLDER [--queries 300] [--functions 2500]

FOLDER holds Python code, such as an installed library. The docstrings are taken out of the code and asked for; MRR@10 is the
mean of one divided by the place at which the function comes, 0 where it is not among the first ten. With the names masked,
each function is called ``f`` in the code that is searched.
"""

import argparse
import ast
import asyncio
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from perdure.memory.embedding import Embeds, embeds_of
from tools.searching.chunks import Chunk
from tools.searching.code_store import CodeStore
from tools.searching.code_vectors import embedded_text
from tools.searching.finding import BY_VECTORS, BY_WORDS, MOST_RANKED
from tools.searching.ranking import by_words, fused
from tools.searching.words import Words

PLACES = 10
SHORTEST_QUERY = 20


@dataclass(frozen=True)
class Function:
    """A function without its docstring, and the first paragraph of that."""

    name: str
    text: str
    query: str


def functions_in(folder: Path) -> Iterator[Function]:
    """Every function of the folder, methods included."""
    for file in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                paragraph = (ast.get_docstring(node) or "").split("\n\n")[0]
                if ast.get_docstring(node) is not None:
                    node.body = node.body[1:] or [ast.Pass()]
                yield Function(node.name, ast.unparse(node), " ".join(paragraph.split()))


def masked(one: Function) -> Function:
    """The function under another name, also where it calls itself."""
    return Function("f", re.sub(rf"\b{re.escape(one.name)}\b", "f", one.text), one.query)


@dataclass(frozen=True)
class Figures:
    """MRR@10 of each way."""

    words: float
    vectors: float
    both: float


async def measured(
    functions: Sequence[Function], asked: Sequence[int], embeds: Embeds, folder: Path
) -> Figures:
    """Ask for every docstring of ``asked``."""
    store = CodeStore(folder / "search.sqlite")
    chunks = [Chunk(at + 1, at + 1, one.text, one.name, "function") for at, one in enumerate(functions)]
    store.add([(b"all", chunks)], now=int(time.time()))
    stored = store.chunks([b"all"])
    place_of = {piece.id: piece.first - 1 for piece in stored}
    lengths = {piece.id: piece.length for piece in stored}
    vectors = np.array(await embeds.embed([embedded_text(one.name, one.text) for one in functions]))
    questions = np.array(await embeds.embed([functions[at].query for at in asked]))
    words = Words()
    totals = np.zeros(3)
    for at, question in zip(asked, questions, strict=True):
        terms = words.terms(functions[at].query)
        ranked = by_words(terms, store.postings(terms), lengths)[:MOST_RANKED]
        by_word = [place_of[one] for one in ranked]
        by_vector = [int(one) for one in np.argsort(-(vectors @ question))[:MOST_RANKED]]
        both = fused([(BY_WORDS, by_word), (BY_VECTORS, by_vector)])
        totals += [_share(ranking, at) for ranking in (by_word, by_vector, both)]
    return Figures(*(totals / len(asked)))


def _share(ranking: Sequence[int], wanted: int) -> float:
    return 1 / (ranking.index(wanted) + 1) if wanted in ranking[:PLACES] else 0.0


async def main() -> int:
    """Print the table; 1 where both together are worse than words alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--functions", type=int, default=2_500)
    options = parser.parse_args()
    embeds = embeds_of("", model="", key=None)
    if embeds is None:
        sys.exit("There is no embedder. hint: run `make setup`.")
    chance = random.Random(1)
    every = list(functions_in(options.folder))
    functions = chance.sample(every, min(options.functions, len(every)))
    counts: dict[str, int] = {}
    for one in functions:
        counts[one.query] = counts.get(one.query, 0) + 1
    # A docstring that several functions share has no one answer.
    able = [
        at for at, one in enumerate(functions) if len(one.query) >= SHORTEST_QUERY and counts[one.query] == 1
    ]
    asked = sorted(chance.sample(able, min(options.queries, len(able))))
    print(f"{len(asked)} docstrings, {len(functions):,} functions of {options.folder.name}")
    print("names    words   vectors  both")
    worse = False
    for label, chosen in (("kept", functions), ("masked", [masked(one) for one in functions])):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            figures = await measured(chosen, asked, embeds, Path(folder))
            took = time.perf_counter() - began
        print(
            f"{label:<7}  {figures.words:.3f}   {figures.vectors:.3f}    {figures.both:.3f}   ({took:.0f} s)"
        )
        worse |= figures.both < figures.words
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
