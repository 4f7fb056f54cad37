"""Words of code and of questions about it: identifiers split at capitals, digits and signs, then stemmed, so that
``parseHTTPHeaders`` and "how are headers parsed" share what they mean."""

import importlib
import re
from collections.abc import Iterable, Set
from typing import Any

RUN = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
LONGEST = 40
"""Longer runs are data, not words."""
COMMON = frozenset(
    {
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "by",
            "do",
            "does",
            "for",
            "from",
            "has",
            "have",
            "how",
            "i",
        ),
        *(
            "if",
            "in",
            "into",
            "is",
            "it",
            "its",
            "of",
            "on",
            "or",
            "our",
            "s",
            "self",
            "should",
            "that",
            "the",
        ),
        *(
            "their",
            "then",
            "there",
            "this",
            "to",
            "was",
            "we",
            "what",
            "when",
            "where",
            "which",
            "who",
            "why",
        ),
        *(
            "will",
            "with",
            "you",
            "def",
            "return",
            "const",
            "let",
            "var",
            "function",
            "import",
            "none",
            "null",
        ),
    }
)


class Words:
    """A stemmer with what it has stemmed; one for each thread."""

    def __init__(self, common: Set[str] = COMMON) -> None:
        self._common = common
        # It tells no types.
        stemming: Any = importlib.import_module("Stemmer")
        self._stemmer: Any = stemming.Stemmer("english", 50_000)

    def terms(self, text: str) -> list[str]:
        """The terms of a text in their order, without the most common words. An identifier of several words also counts
        as a whole."""
        found: list[str] = []
        for run in RUN.findall(text):
            if len(run) > LONGEST:
                continue
            pieces = [piece.lower() for piece in PIECE.findall(run)]
            found += self._stems(piece for piece in pieces if len(piece) > 1 and piece not in self._common)
            if len(pieces) > 1:
                found.append("".join(pieces))
        return found

    def _stems(self, words: Iterable[str]) -> list[str]:
        stems: list[str] = self._stemmer.stemWords(list(words))
        return stems


def identifiers_of(question: str) -> list[str]:
    """What in a question is written as a name in code: with signs or capitals inside, called, or in backquotes."""
    quoted = re.findall(r"`([^`\s]+)`", question)
    named = re.findall(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*(?=\(|\b)", question)
    written = [name for name in named if re.search(r"_|[a-z][A-Z]|[A-Z]{2}|\w\.\w", name)]
    alone = [question.strip()] if re.fullmatch(r"[A-Za-z_$][\w$.]*", question.strip()) else []
    return list(dict.fromkeys(name.removesuffix("()") for name in [*quoted, *written, *alone]))
