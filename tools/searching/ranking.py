"""Ranks pieces of code for a question: by words (BM25), and several rankings fused into one."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

SATURATION, LENGTH_SHARE = 1.2, 0.75
RANK_OFFSET = 60
"""How little the first places of a ranking count more than those behind them (reciprocal rank fusion's usual constant)."""

Key = TypeVar("Key", bound=Hashable)


def by_words(
    asked: Sequence[str], postings: Mapping[str, Sequence[tuple[int, int]]], lengths: Mapping[int, int]
) -> list[int]:
    """The pieces that share a term with the question, best first. ``lengths`` names the pieces that count, with their
    number of terms; postings of other pieces are passed over."""
    scores = word_scores(asked, postings, lengths)
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))


def word_scores(
    asked: Sequence[str], postings: Mapping[str, Sequence[tuple[int, int]]], lengths: Mapping[int, int]
) -> dict[int, float]:
    """How well each of them fits (BM25)."""
    usual = max(1.0, sum(lengths.values()) / max(1, len(lengths)))
    scores: defaultdict[int, float] = defaultdict(float)
    for term, times in Counter(asked).items():
        held = [(chunk, count) for chunk, count in postings.get(term, ()) if chunk in lengths]
        weight = rarity(len(held), len(lengths))
        for chunk, count in held:
            share = 1 - LENGTH_SHARE + LENGTH_SHARE * lengths[chunk] / usual
            scores[chunk] += times * weight * count * (SATURATION + 1) / (count + SATURATION * share)
    return dict(scores)


def rarity(holders: int, of: int) -> float:
    """What a term weighs that so many of all hold."""
    return math.log(1 + (of - holders + 0.5) / (holders + 0.5))


def fused(rankings: Iterable[tuple[float, Sequence[Key]]]) -> list[Key]:
    """One ranking of several with their weights: what is near the top of more than one comes first."""
    scores: defaultdict[Key, float] = defaultdict(float)
    for weight, ranking in rankings:
        for place, one in enumerate(ranking, 1):
            scores[one] += weight / (RANK_OFFSET + place)
    # Sorting keeps the order in which they came for the first time where two are equal.
    return sorted(scores, key=lambda one: -scores[one])
