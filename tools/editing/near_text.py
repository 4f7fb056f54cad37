"""The passages of a text that are most like a search text that did not match, and what sets them apart."""

import difflib
import re
from collections import Counter
from dataclasses import dataclass

from tools.text_files import visible

SHOWN_LINES = 30
SHOWN_CHARACTERS = 1_500
COMPARED_CHARACTERS = 3_000
LEAST_LIKENESS = 0.55
LOOKED_AT = 500
REPEATED_LINE = 50
"""A line that occurs more often than this says nothing about where a passage is."""

LOOKALIKES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)


def folded_punctuation(text: str) -> str:
    """Typographic quotes, dashes and blanks as their ASCII forms, one character for one."""
    return text if text.isascii() else text.translate(LOOKALIKES)


@dataclass(frozen=True)
class Passage:
    """Lines ``first`` to ``last`` (from 1) of the text; ``difference`` says what differs where one word can."""

    first: int
    last: int
    text: str
    difference: str
    likeness: float


def near_passages(text: str, wanted: str, *, most: int = 2) -> list[Passage]:
    """At most ``most`` passages, the likest first; both texts have LF line ends."""
    lines = text.split("\n")
    sought = wanted.strip("\n").split("\n")
    if not any(line.strip() for line in sought):
        return []
    folded = [_folded(line) for line in lines]
    sought_folded = [_folded(line) for line in sought]
    starts = _starts_by_equal_lines(folded, sought_folded) or _starts_by_words(text, lines, sought)
    passages = [_passage(lines, start, sought) for start in starts]
    near = sorted((one for one in passages if one.likeness >= LEAST_LIKENESS), key=lambda one: -one.likeness)
    return near[:most]


def _folded(line: str) -> str:
    return " ".join(folded_punctuation(line).split())


def _starts_by_equal_lines(folded: list[str], sought: list[str]) -> list[int]:
    """Starts of windows that share the most lines with the search text, white space and look-alikes aside."""
    places: dict[str, list[int]] = {}
    telling = {line for line in sought if len(line) > 3}
    for number, line in enumerate(folded):
        if line in telling:
            places.setdefault(line, []).append(number)
    votes: Counter[int] = Counter()
    for position, line in enumerate(sought):
        found = places.get(line, [])
        if len(found) <= REPEATED_LINE:
            votes.update(max(0, number - position) for number in found)
    return [start for start, _ in votes.most_common(5)]


def _starts_by_words(text: str, lines: list[str], sought: list[str]) -> list[int]:
    """Starts of windows whose line shares the most words with the longest line sought."""
    position, longest = max(enumerate(sought), key=lambda pair: len(pair[1].strip()))
    words = sorted(set(re.findall(r"\w{2,}", longest)), key=lambda word: (text.count(word), word))[:40]
    numbers: set[int] = set()
    # A line that shares half of the words has one of the rarer half of them, at least nearly always.
    for word in words[: len(words) // 2 + 1]:
        numbers.update(_lines_with(word, text))
    either = re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b")
    shared = Counter({number: len(set(either.findall(lines[number][:2_000]))) for number in sorted(numbers)})
    return [max(0, number - position) for number, count in shared.most_common(10) if count * 2 >= len(words)]


def _lines_with(word: str, text: str) -> list[int]:
    """Numbers (from 0) of the first lines with a word."""
    found: list[int] = []
    number, counted, place = 0, 0, text.find(word)
    while place >= 0 and len(found) < LOOKED_AT:
        number += text.count("\n", counted, place)
        counted = place
        found.append(number)
        place = text.find(word, place + 1)
    return found


def _passage(lines: list[str], start: int, sought: list[str]) -> Passage:
    window = lines[start : start + len(sought)]
    actual, wanted = "\n".join(window), "\n".join(sought)
    comparison = difflib.SequenceMatcher(
        None, actual[:COMPARED_CHARACTERS], wanted[:COMPARED_CHARACTERS], False
    )
    difference = _difference(window, sought)
    likeness = 1.0 if difference else comparison.ratio()
    shown = visible("\n".join(window[:SHOWN_LINES])[:SHOWN_CHARACTERS])
    return Passage(start + 1, start + len(window), shown, difference, likeness)


def _difference(window: list[str], sought: list[str]) -> str:
    """What alone sets the two apart, where it is one thing."""
    if [line.rstrip() for line in window] == [line.rstrip() for line in sought]:
        return " in blanks at the ends of lines"
    if [line.strip() for line in window] == [line.strip() for line in sought]:
        return " in indentation"
    if [line.split() for line in window] == [line.split() for line in sought]:
        return " in blanks within lines"
    if [_folded(line) for line in window] == [_folded(line) for line in sought]:
        return " in quotation marks, dashes or special blanks"
    return ""
