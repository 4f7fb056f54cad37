"""Ranks paths by how well they fit what a person remembers of one.

A path is a candidate where every part of the query is, letter after letter, in it, or nearly so (a misspelling). Among the
candidates counts first how much of the file's own name the query is, then whether it stands in it in one piece or at the
beginnings of words, then the folders.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq

MOST_JUDGED = 600
"""So many of the likeliest paths are looked at closely."""
LETTERS_A_MISTAKE = 4
"""One letter may be wrong in so many; shorter parts must be there exactly."""
LEAST_LIKE = 60.0
"""A path with a mistake is a candidate only where some run of it is so much like the query, of 100."""
PART = re.compile(r"[^\s/\\]+")
HEADS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
#: What each kind of likeness is worth.
OF_PATH, OF_NAME_RUN, OF_NAME, WHOLE_NAME, WHOLE_STEM, IN_NAME, IN_PATH, LETTERS_IN_NAME, HEADS_FIT, IN_FOLDER_ORDER = (
    0.15, 0.35, 0.35, 0.8, 0.6, 0.3, 0.15, 0.3, 0.35, 0.6,
)  # fmt: skip
A_LEVEL, A_LETTER = 0.01, 0.0005
"""What each folder above and each letter of a path take away, so that of two equal ones the shorter comes first."""


def ranked(query: str, paths: Sequence[str]) -> list[str]:
    """The paths that fit, best first; equal ones by name."""
    parts = [part.lower() for part in PART.findall(query)]
    if not parts or not paths:
        return []
    lowered = [path.lower() for path in paths]
    runs = _Runs(lowered)
    fitting = _candidates(parts, lowered, runs)
    if not len(fitting):
        return []
    chosen = _likeliest(parts, lowered, fitting, runs)
    judge = partial(_score, parts, in_order="/" in query)
    scored = sorted((-judge(paths[index]), paths[index]) for index in chosen)
    rest = set(map(int, fitting)).difference(chosen)
    return [path for _, path in scored] + sorted(paths[index] for index in rest)


Numbers: TypeAlias = np.ndarray[Any, Any]


def _compared(part: str, texts: Sequence[str], scorer: Callable[..., Any]) -> Numbers:
    return process.cdist([part], texts, scorer=scorer, dtype=np.float32, workers=1)[0]


class _Runs:
    """How much like a part the run of a path is that is most like it, of 100. What was compared once is kept."""

    def __init__(self, lowered: Sequence[str]) -> None:
        self._lowered = lowered
        self._known: dict[str, Numbers] = {}

    def of(self, part: str, indices: Numbers) -> Numbers:
        """For each of the paths with these indices."""
        known = self._known.setdefault(part, np.full(len(self._lowered), np.nan, dtype=np.float32))
        missing = indices[np.isnan(known[indices])]
        known[missing] = _compared(part, [self._lowered[int(index)] for index in missing], fuzz.partial_ratio)
        return known[indices]


def _candidates(parts: Sequence[str], lowered: Sequence[str], runs: _Runs) -> Numbers:
    """Indices of the paths that hold every part, or nearly do."""
    exact = np.ones(len(lowered), dtype=bool)
    near = np.ones(len(lowered), dtype=bool)
    for part in parts:
        common = _compared(part, lowered, LCSseq.similarity)
        exact &= common >= len(part)
        near &= common >= len(part) - len(part) // LETTERS_A_MISTAKE
    alike = np.flatnonzero(near & ~exact)
    for part in parts:
        # Each part is looked for only where the ones before were found.
        alike = alike[runs.of(part, alike) >= LEAST_LIKE]
    exact[alike] = True
    return np.flatnonzero(exact)


def _likeliest(parts: Sequence[str], lowered: Sequence[str], fitting: Numbers, runs: _Runs) -> list[int]:
    """Those worth a closer look."""
    if len(fitting) <= MOST_JUDGED:
        return [int(index) for index in fitting]
    paths = [lowered[int(index)] for index in fitting]
    names = [path.rpartition("/")[2] for path in paths]
    rough = _compared(parts[-1], names, fuzz.ratio) + _compared(parts[-1], names, fuzz.partial_ratio)
    rough += _compared(parts[-1], names, LCSseq.similarity) * (100 / len(parts[-1]))
    for part in parts[:-1]:
        rough += runs.of(part, fitting)
    rough -= np.fromiter(map(len, paths), dtype=np.float32, count=len(paths)) / 10
    best = np.argsort(-rough, kind="stable")[:MOST_JUDGED]
    return [int(index) for index in fitting[best]]


def _score(parts: Sequence[str], path: str, *, in_order: bool) -> float:
    """How well one path fits."""
    lowered = path.lower()
    folders, _, name = lowered.rpartition("/")
    heads = _heads(path)
    total = sum(_part_score(part, lowered, name, heads) for part in parts) / len(parts)
    if in_order and len(parts) > 1:
        total += IN_FOLDER_ORDER * _follow(parts, folders.split("/"), name)
    joined = re.sub(r"\W|_", "", "".join(parts))
    total += WHOLE_STEM / 2 * (joined == re.sub(r"\W|_", "", name.partition(".")[0]))
    return total - A_LEVEL * lowered.count("/") - A_LETTER * len(lowered)


def _part_score(part: str, path: str, name: str, heads: str) -> float:
    stem = name.rpartition(".")[0] or name
    score = OF_PATH * fuzz.partial_ratio(part, path) / 100
    score += OF_NAME_RUN * fuzz.partial_ratio(part, name) / 100
    score += OF_NAME * max(fuzz.ratio(part, name), fuzz.ratio(part, stem)) / 100
    score += WHOLE_NAME if part == name else WHOLE_STEM if part == stem else 0
    score += IN_NAME if part in name else IN_PATH if part in path else 0
    score += LETTERS_IN_NAME * (LCSseq.similarity(part, name) == len(part))
    return score + HEADS_FIT * _fits_heads(part, heads)


def _heads(path: str) -> str:
    """The words of the file's own name with a bar before each: ``|user|controller|py``."""
    return "|" + "|".join(HEADS.findall(path.rpartition("/")[2])).lower()


def _fits_heads(part: str, heads: str) -> bool:
    """Whether the part is made of beginnings of the name's words, in their order: ``uc.py`` of ``user_controller.py``."""
    words = heads.split("|")[1:]
    rest = re.sub(r"\W|_", "", part)
    for word in words:
        common = 0
        while common < min(len(rest), len(word)) and rest[common] == word[common]:
            common += 1
        rest = rest[common:]
    return not rest and part != ""


def _follow(parts: Sequence[str], folders: Sequence[str], name: str) -> float:
    """The share of the parts that are found one below the other, the last one in the name."""
    found, level = 0, 0
    for part in parts[:-1]:
        while level < len(folders) and part not in folders[level]:
            level += 1
        found += level < len(folders)
        level += 1
    return (found + (parts[-1] in name)) / len(parts)
