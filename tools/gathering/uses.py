"""Who uses a symbol: by the language's own engine where one answers, else by name."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from perdure.contracts.errors import ToolRejected
from tools.gathering.pieces import Files, Piece
from tools.gathering.surroundings import joined, piece_around, word_for
from tools.gathering.test_files import TestFiles
from tools.symbols.answers import Answer, Place
from tools.symbols.grammars import language_of_path
from tools.symbols.index import SymbolIndex
from tools.symbols.lookup import Target, ask, by_name, family_of
from tools.symbols.tags import Tag
from tools.titles import shown_path
from tools.tool_schemas import ToolContext

MOST_USES = 400
"""Places that are looked at."""
MOST_ASKED = 2
"""Definitions of one name that an engine is asked about."""


@dataclass(frozen=True)
class Uses:
    """Where a symbol is used."""

    callers: Sequence[Piece]
    tests: Sequence[Piece]
    notes: Sequence[str]
    """Which engine says so, and what it could not tell."""
    complete: bool = True
    """False where there may be more."""


async def uses_of(
    context: ToolContext,
    index: SymbolIndex,
    files: Files,
    tests: TestFiles,
    definitions: Sequence[Tag],
    *,
    imports: set[tuple[str, int]],
) -> Uses:
    """The uses of these definitions, without those in ``imports`` (path and line), each with the function that it is in."""
    asked = definitions[:MOST_ASKED]
    answers = await asyncio.gather(*(_asked(context, index, tag) for tag in asked))
    sure = [place for answer, _ in answers for place in answer.places]
    unsure = [place for answer, _ in answers for place in answer.unsure]
    defined = {(tag.path, tag.line) for tag in definitions}
    pieces: dict[tuple[str, int], Piece] = {}
    for place, is_sure in [*((each, True) for each in sure), *((each, False) for each in unsure)][:MOST_USES]:
        at = (place.path, place.line)
        if not place.inside or place.defines or at in defined or at in imports:
            continue
        await _add(pieces, files, tests, place, definitions[0], is_sure=is_sure)
    found = _ordered(pieces, definitions[0].path)
    notes = [note for _, note in answers]
    if len(sure) + len(unsure) > MOST_USES:
        notes.append(f"Only the first {MOST_USES} of {len(sure) + len(unsure):,} uses were looked at.")
    if len(definitions) > len(asked):
        notes.append(
            f"Uses are those of {', '.join(_place(tag) for tag in asked)}; name one by path for others."
        )
    return Uses(
        [piece for piece in found if not tests.holds(piece.path)],
        [piece for piece in found if tests.holds(piece.path)],
        list(dict.fromkeys(notes)),
        complete=all(answer.complete for answer, _ in answers) and len(sure) + len(unsure) <= MOST_USES,
    )


async def _asked(context: ToolContext, index: SymbolIndex, tag: Tag) -> tuple[Answer, str]:
    language = language_of_path(tag.path)
    if language is None:
        return Answer("", "", []), ""
    target = Target(tag.path, tag.line, tag.name, language)
    context.beat(f"looking for uses of {tag.name}")
    try:
        answer = await ask(context, "references", target, index)
    except ToolRejected as refusal:
        family = family_of(language)
        answer = await by_name(context, "references", tag.name, family, index, why=f"{refusal.message} So ")
    note = f"Uses by {answer.engine}: {answer.sureness}"
    return answer, note if answer.complete else f"{note} Its time was over before every file was looked at."


async def _add(
    pieces: dict[tuple[str, int], Piece],
    files: Files,
    tests: TestFiles,
    place: Place,
    tag: Tag,
    *,
    is_sure: bool,
) -> None:
    """Add the function around a use, or the use to the function that is there already."""
    why = "test" if tests.holds(place.path) else word_for(tag.kind)
    at, piece = await piece_around(files, tests, why if is_sure else f"{why}, unsure", place.path, place.line)
    before = pieces.get((place.path, at))
    pieces[place.path, at] = joined(before, piece) if before else piece


def _ordered(pieces: dict[tuple[str, int], Piece], near: str) -> list[Piece]:
    """Sure ones first, those in functions before others, and one of each file before the next of any: first of the files
    that are named like ``near``."""
    stem = PurePosixPath(near).stem.lower().strip("_")
    numbers: Counter[tuple[str, bool]] = Counter()
    keyed: list[tuple[tuple[bool, bool, int, bool, str, int], Piece]] = []
    for (path, line), piece in sorted(pieces.items()):
        unsure = piece.why.endswith("unsure")
        numbers[path, unsure] += 1
        unlike = stem not in PurePosixPath(path).name.lower()
        keyed.append(((unsure, line == 0, numbers[path, unsure], unlike, path, line), piece))
    return [piece for _, piece in sorted(keyed, key=lambda each: each[0])]


def _place(tag: Tag) -> str:
    return f"{shown_path(tag.path)}:{tag.line}"
