"""Search among tools by words, as code is searched: names, descriptions and fields, so that the best fitting comes first."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from perdure.contracts.model import ToolSchema
from tools.searching.ranking import rarity, word_scores
from tools.searching.words import Words

NAME_COUNTS = 4
"""A word of the name counts as often as so many in the description."""
NAMED = 0.4
"""What a word of the name adds beside that, as a share of its rarity."""
COMMON = frozenset({"an", "and", "as", "be", "for", "from", "in", "is", "it", "its", "of", "on", "or", "the", "to",
                    "tool", "what", "where", "which", "with"})  # fmt: skip

ALIKE = (
    "delete remove", "create make new add", "restore undo revert", "log history", "reference use usage call caller",
    "definition declared", "docs document docstring comment", "structure outline",
    "lint linter", "directory folder", "explain describe understand", "improve suggest refactor better",
    "benchmark fast slow speed performance", "dependency package library", "summarize overview", "blame author who",
    "search find look", "semantic meaning", "parse syntax", "type typing",
)  # fmt: skip
"""Words that people use for the same; those that a query does not hold count in part."""
PART = 0.35


class ToolSearch:
    """An index over tools' schemas."""

    def __init__(self, schemas: Mapping[str, ToolSchema]) -> None:
        self._schemas = dict(schemas)
        self._names = list(schemas)
        words = Words(COMMON)
        self._alike = _alike(words)
        self._name_words = [set(words.terms(name)) for name in self._names]
        self._lengths: dict[int, int] = {}
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, schema in enumerate(self._schemas.values()):
            counts = Counter(_words_of(schema, words))
            self._lengths[number] = counts.total()
            for word, count in counts.items():
                self._postings[word].append((number, count))

    def find(self, query: str, *, limit: int) -> tuple[ToolSchema, ...]:
        """At most so many tools that share a word with the query, best first; a tool's own name always comes first."""
        wanted = set(Words(COMMON).terms(query))
        others = set[str]().union(*(self._alike.get(word, set()) for word in wanted)) - wanted
        scores = self._scores(wanted)
        for number, score in self._scores(others).items():
            scores[number] = scores.get(number, 0.0) + PART * score
        named = query.strip().lower()
        best = sorted(
            scores,
            key=lambda number: (self._names[number].lower() != named, -scores[number], self._names[number]),
        )
        return tuple(self._schemas[self._names[number]] for number in best[:limit])

    def _scores(self, wanted: Iterable[str]) -> dict[int, float]:
        asked = sorted(wanted)
        scores = word_scores(asked, self._postings, self._lengths)
        for number in scores:
            # What a tool is called says more than any number of mentions, which BM25 lets count ever less.
            scores[number] += NAMED * sum(
                rarity(len(self._postings[word]), len(self._names))
                for word in asked
                if word in self._name_words[number]
            )
        return scores


def _alike(words: Words) -> dict[str, set[str]]:
    """For each term those that mean the same."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group in ALIKE:
        terms = set(words.terms(group))
        for term in terms:
            found[term] |= terms - {term}
    return dict(found)


def _words_of(schema: ToolSchema, words: Words) -> list[str]:
    fields = json.dumps(schema.parameters.get("properties", {}), ensure_ascii=False)
    return [
        *words.terms(schema.name) * NAME_COUNTS,
        *words.terms(schema.description) * 2,
        *words.terms(fields),
    ]
