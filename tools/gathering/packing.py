"""Packs pieces into a number of characters: first a little of the most important, then more of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.gathering.pieces import Shown

CHARACTERS_A_TOKEN = 4
FIRST_SHARE = 0.6
"""Of the room, for what is asked about itself, and for a first look at all the rest."""
LEFT_OUT_CHARACTERS = 240
"""Kept for saying what was left out."""
SMALLEST_NOTE = 60


@dataclass(frozen=True)
class Packed:
    """What fitted."""

    blocks: Sequence[str]
    left_out: Sequence[Shown]
    """Pieces of which nothing is shown."""
    shortened: Sequence[Shown]
    """Pieces of which not all is shown."""


def smallest(fixed: int, pieces: Sequence[Shown]) -> int:
    """The characters below which even the first piece does not fit beside what must be said."""
    return fixed + len(pieces[0].forms[0]) + 1 + (SMALLEST_NOTE if len(pieces) > 1 else 0)


def pack(pieces: Sequence[Shown], room: int) -> Packed:
    """The pieces in their order, in forms that fit the room together; the first is always there."""
    packing = _Packing(
        pieces, room - (LEFT_OUT_CHARACTERS if room > 4 * LEFT_OUT_CHARACTERS else SMALLEST_NOTE)
    )
    first, others = range(1), range(1, len(pieces))
    packing.show(first, share=None)
    packing.lengthen(first, share=FIRST_SHARE, whole=True)
    packing.show(others, share=FIRST_SHARE)
    packing.lengthen(others, share=1.0, whole=False)
    packing.show(others, share=1.0)
    # The shortest first, so that many are seen whole.
    packing.lengthen(
        sorted(range(len(pieces)), key=lambda each: (len(pieces[each].forms[-1]), each)),
        share=1.0,
        whole=True,
    )
    return packing.done()


class _Packing:
    """Pieces with the forms chosen so far."""

    def __init__(self, pieces: Sequence[Shown], room: int) -> None:
        self._pieces, self._room = pieces, room
        self._forms: dict[int, int] = {}
        self._used = 0

    def show(self, numbers: Iterable[int], *, share: float | None) -> None:
        """Those that are not there yet in their shortest forms, as far as they fit the share; without one in any case."""
        for number in numbers:
            if number not in self._forms:
                self._take(number, 0, share)

    def lengthen(self, numbers: Iterable[int], *, share: float, whole: bool) -> None:
        """Those that are there in their next forms, or with ``whole`` in the longest that fits."""
        for number in numbers:
            if number not in self._forms:
                continue
            count = len(self._pieces[number].forms)
            wanted = (
                range(self._forms[number] + 1, count) if whole else [min(self._forms[number] + 1, count - 1)]
            )
            for form in wanted:
                self._take(number, form, share)

    def done(self) -> Packed:
        """What came of it."""
        shown = sorted(self._forms)
        return Packed(
            [self._pieces[number].forms[self._forms[number]] for number in shown],
            [piece for number, piece in enumerate(self._pieces) if number not in self._forms],
            [
                self._pieces[number]
                for number in shown
                if self._forms[number] < len(self._pieces[number].forms) - 1
            ],
        )

    def _take(self, number: int, form: int, share: float | None) -> None:
        forms = self._pieces[number].forms
        present = len(forms[self._forms[number]]) + 1 if number in self._forms else 0
        wanted = self._used - present + len(forms[form]) + 1
        if share is None or wanted <= self._room * share:
            self._forms[number], self._used = form, wanted


def left_out_note(packed: Packed, room: int, *, most_tokens: int, tokens: int) -> str:
    """One line about what is not shown and how to get it; shorter where there is little room."""
    left = packed.left_out
    shortened = len(packed.shortened)
    if not left and not shortened:
        return ""
    counts = [f"{len(left)} left out"] if left else []
    counts += [f"{shortened} shortened"] if shortened else []
    more = f"send a budget above {tokens}" if tokens < most_tokens else "use read_file"
    note = f"[{', '.join(counts)}; {more}]"
    listed: list[str] = []
    for piece in (*left, *packed.shortened):
        longer = [*listed, f"{piece.why} {piece.place}"]
        end = "" if len(longer) == len(left) + shortened else ", …"
        tried = f"[{', '.join(counts)}; {more}, or read_file: {', '.join(longer)}{end}]"
        if len(tried) > room:
            break
        note, listed = tried, longer
    return note if len(note) <= room else ""
