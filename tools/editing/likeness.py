"""The one run of lines that is nearly the text sought, where no other run is nearly as like it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from perdure.safety.secrets.cutting import beginning
from tools.editing.indentation import DepthTable, Shift, common_indent
from tools.editing.line_runs import any_move, loose_keys
from tools.editing.misses import Missed
from tools.editing.near_text import folded_punctuation

LEAST = 90.0
MARGIN = 5.0
ROUGH = 75.0
"""Runs are compared without their indentation first; below this they are not looked at again."""
LEAST_LINE = 60.0
"""A line that is less like its counterpart is another line, however alike the rest is."""
LOOKED_AT = 64
"""So many of the likest runs are compared with their indentation."""
EFFORT = 1_000_000_000
"""How many steps of 64 characters at a time all comparisons may take, about a second of them."""


@dataclass(frozen=True)
class Alike:
    """Lines ``first`` to before ``stop``, and how text of the search moves to their depth."""

    first: int
    stop: int
    move: Shift | DepthTable


def find_alike(texts: Sequence[str], keys: Sequence[str], wanted: Sequence[str]) -> Alike | Missed | None:
    """The run of as many lines that is at least 0.90 like the wanted ones; refuses one with a near rival."""
    count = len(wanted)
    sought = loose_keys(wanted)
    firsts = _candidates(keys, sought)
    runs = (
        {first: "\n".join(keys[first : first + count]) for first in firsts}
        if count > 1 or len(firsts) < len(keys)
        else keys
    )
    rough = process.extract("\n".join(sought), runs, scorer=fuzz.ratio, score_cutoff=ROUGH, limit=LOOKED_AT)
    shown = _at_no_depth(wanted)
    scores = sorted(
        ((fuzz.ratio(shown, _at_no_depth(texts[first : first + count])), first) for _, _, first in rough),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if not scores or scores[0][0] < LEAST:
        return None
    best, first = scores[0]
    if any(
        fuzz.ratio(there, line) < LEAST_LINE
        for there, line in zip(keys[first : first + count], sought, strict=True)
    ):
        return None
    rival = next(((score, other) for score, other in scores if abs(other - first) >= count), None)
    if rival and best - rival[0] < MARGIN:
        return Missed(
            f"its search text is not in the file, and two places are about equally like it: lines "
            f"{first + 1}-{first + count} ({best / 100:.2f}) and {rival[1] + 1}-{rival[1] + count} "
            f"({rival[0] / 100:.2f}). Copy the text of the one that is meant exactly:\n<<<\n"
            + beginning("\n".join(texts[first : first + min(count, 30)]), 1_500)
            + "\n>>>"
        )
    move = any_move(texts[first : first + count], wanted)
    return Alike(first, first + count, move) if move is not None else None


def _at_no_depth(lines: Sequence[str]) -> str:
    depth = len(common_indent(lines))
    return "\n".join(folded_punctuation(line[depth:]).rstrip() for line in lines)


def _candidates(keys: Sequence[str], sought: Sequence[str]) -> Sequence[int]:
    """Where runs begin that are worth comparing: all of them, or those that share most lines in a large file."""
    count = len(sought)
    last = len(keys) - count
    length = sum(map(len, sought)) + count
    effort = max(1, length * length // 64)
    total = sum(map(len, keys)) + len(keys)
    if last < 0 or length * 2 < ROUGH / 100 * count:
        return ()
    if (last + 1) * effort <= EFFORT and total * count <= 40_000_000:
        return range(last + 1)
    places: dict[str, list[int]] = {line: [] for line in sought if len(line) > 3}
    for number, line in enumerate(keys):
        if line in places:
            places[line].append(number)
    votes: Counter[int] = Counter()
    for position, line in enumerate(sought):
        found = places.get(line, ())
        if len(found) <= 2_000:
            votes.update(number - position for number in found if 0 <= number - position <= last)
    return [first for first, _ in votes.most_common(max(4, min(2_000, EFFORT // effort)))]
