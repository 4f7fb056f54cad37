"""Search among tools by words: BM25 over names, descriptions and fields, so that the best fitting comes first."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from perdure.contracts.model import ToolSchema

WORD = re.compile(r"[a-z0-9]+")
NAME_COUNTS = 4
"""A word of the name counts as often as so many in the description."""
NAMED = 0.4
"""What a word of the name adds beside that, as a share of its rarity."""
SATURATION, LENGTH_SHARE = 1.2, 0.75
COMMON = frozenset({"a", "an", "and", "as", "be", "for", "from", "in", "is", "it", "its", "of", "on", "or", "the", "to",
                    "tool", "what", "where", "which", "with"})  # fmt: skip
ENDINGS = ("ies", "ing", "es", "ed", "s", "e")
SHORTEST_STEM = 3
DOUBLED = re.compile(r"([bdgmnprt])\1$")
"""As in "running"."""


class ToolSearch:
    """An index over tools' schemas."""

    def __init__(self, schemas: Mapping[str, ToolSchema]) -> None:
        self._schemas = dict(schemas)
        self._counts = {name: Counter(_words_of(schema)) for name, schema in self._schemas.items()}
        total = sum(counts.total() for counts in self._counts.values())
        self._usual_length = total / len(self._counts) if self._counts else 1.0
        self._holders = Counter(word for counts in self._counts.values() for word in counts)

    def find(self, query: str, *, limit: int) -> tuple[ToolSchema, ...]:
        """At most so many tools that share a word with the query, best first; a tool's own name always comes first."""
        wanted = set(_stems(query))
        scores = {name: self._score(name, wanted) for name in self._schemas}
        named = query.strip().lower()
        best = sorted(
            (name for name, score in scores.items() if score > 0),
            key=lambda name: (name.lower() != named, -scores[name], name),
        )
        return tuple(self._schemas[name] for name in best[:limit])

    def _score(self, name: str, wanted: Iterable[str]) -> float:
        counts = self._counts[name]
        length = 1 - LENGTH_SHARE + LENGTH_SHARE * counts.total() / self._usual_length
        named = _stems(name)
        score = 0.0
        for word in sorted(wanted):
            count, holders = counts[word], self._holders[word]
            rarity = math.log(1 + (len(self._schemas) - holders + 0.5) / (holders + 0.5))
            score += rarity * count * (SATURATION + 1) / (count + SATURATION * length)
            # What a tool is called says more than any number of mentions, which BM25 lets count ever less.
            score += NAMED * rarity * (word in named)
        return score


def _words_of(schema: ToolSchema) -> list[str]:
    fields = json.dumps(schema.parameters.get("properties", {}), ensure_ascii=False)
    return [*_stems(schema.name) * NAME_COUNTS, *_stems(schema.description) * 2, *_stems(fields)]


def _stems(text: str) -> list[str]:
    """Words in small letters without their usual endings; names are split at capitals and signs."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [_stem(word) for word in WORD.findall(spaced.lower()) if word not in COMMON]


def _stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return DOUBLED.sub(r"\1", word[: -len(ending)])
    return word
