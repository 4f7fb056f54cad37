"""The piece that a use of a name stands in: a function, a case of a test, or the lines alone."""

from dataclasses import replace

from tools.gathering.pieces import Files, Piece
from tools.gathering.test_files import TestFiles, case_around

WIDEST_CLASS = 60
"""Lines; of a wider one only the use itself is shown where it is in no method."""
LOOSE = 0
"""Stands for the lines of a file that are in no function; they are one piece together."""


def word_for(kind: str) -> str:
    """What a use of such a thing is called."""
    return "caller" if kind in {"function", "method", "constructor", "macro"} else "use"


async def piece_around(files: Files, tests: TestFiles, why: str, path: str, line: int) -> tuple[int, Piece]:
    """The line that the piece begins at, or ``LOOSE``, and the piece."""
    around = await files.definition_around(path, line)
    if around is not None and around.kind == "class" and around.end_line - around.line > WIDEST_CLASS:
        around = None
    case = case_around(files.lines(path), line) if tests.holds(path) else None
    if case is not None and (around is None or around.line < case.first):
        return case.first, files.of_lines(why, path, case.first, case.last, name=case.name, focus=[line])
    if around is not None:
        return around.line, await files.of_definition(why, around, focus=[line])
    return LOOSE, replace(files.of_lines(why, path, line, line, focus=[line]), is_loose=True)


def joined(before: Piece, piece: Piece) -> Piece:
    """One piece for the uses of two."""
    focus = tuple(sorted({*before.focus, *piece.focus}))
    first, last = min(before.first, piece.first), max(before.last, piece.last)
    return replace(before, first=first, last=last, focus=focus)
