"""What matters for a question: the pieces of code that fit best, and one hop around them."""

import asyncio
from collections.abc import Sequence

from perdure.safety.secrets.env_files import is_dotenv
from tools.gathering.pieces import Files, Piece, counted
from tools.gathering.surroundings import joined, piece_around, word_for
from tools.gathering.symbol_pieces import Gathered
from tools.gathering.test_files import TestFiles
from tools.searching.code_index import CodeIndex
from tools.searching.code_index import Piece as Found
from tools.searching.finding import find
from tools.searching.ranking import fused
from tools.searching.words import Words
from tools.symbols.grammars import language_of_path
from tools.symbols.index import SymbolIndex
from tools.symbols.lookup import family_of
from tools.symbols.tags import Tag
from tools.tool_schemas import ToolContext

OF_CODE, OF_TEXT, OF_TESTS = 1.0, 0.7, 0.6
"""What places in each kind of file weigh."""
MOST_CODE, MOST_TEXTS, MOST_TESTS = 10, 2, 3
EXPANDED = 4
"""Of the best matches, so many are looked around of."""
MOST_NAMESAKES = 3
"""What more definitions share is no name to follow."""
MOST_AROUND = 3
"""Callers of one match, and as many tests."""
FOCUSED = 3


async def gather_question(context: ToolContext, question: str, top: str) -> Gathered | None:
    """The matches below ``top`` with their callers and tests; None where nothing fits."""
    index = await CodeIndex.current(context)
    answer = await find(context, index, question)
    tests = TestFiles(context.copy.files)
    found = [piece for piece in answer.pieces if _is_below(piece.path, top) and not is_dotenv(piece.path)]
    ordered = _ordered(found, tests)
    if not ordered:
        return None
    files = Files(context, index.symbols)
    terms = frozenset(Words().terms(question))
    matches = await asyncio.to_thread(lambda: [_match(files, tests, each, terms) for each in ordered])
    around: list[Piece] = []
    for each in [each for each in ordered if each.stored.name and not tests.holds(each.path)][:EXPANDED]:
        context.beat(f"looking around {each.stored.name}")
        around += await _around(index.symbols, files, tests, each)
    pieces = _without_repeats([*matches, *around])
    head = f"For {question.strip()!r}: {len(matches)} best of {len(found):,} places in {counted(len(index.contents), 'file')}, by {answer.ways}"
    return Gathered(head, pieces, answer.notes)


def _is_below(path: str, top: str) -> bool:
    return top == "." or path == top or path.startswith(f"{top}/")


def _ordered(found: Sequence[Found], tests: TestFiles) -> list[Found]:
    """By rank among their kind, so that tests and prose do not crowd the code out."""
    kinds: dict[str, list[Found]] = {"code": [], "text": [], "tests": []}
    seen: set[str] = set()
    for each in found:
        # What stands in several places in the same words is shown once.
        if each.stored.digest in seen:
            continue
        seen.add(each.stored.digest)
        language = language_of_path(each.path)
        is_code = language is not None and language.is_code
        kinds["tests" if tests.holds(each.path) else "code" if is_code else "text"].append(each)
    return fused(
        [
            (OF_CODE, kinds["code"][:MOST_CODE]),
            (OF_TEXT, kinds["text"][:MOST_TEXTS]),
            (OF_TESTS, kinds["tests"][:MOST_TESTS]),
        ]
    )


def _match(files: Files, tests: TestFiles, found: Found, terms: frozenset[str]) -> Piece:
    """The piece, with the lines that hold most words of the question."""
    stored = found.stored
    words = Words()
    lines = files.lines(found.path)
    held = [
        (len(terms.intersection(words.terms(lines[number - 1]))), -number)
        for number in range(stored.first, min(stored.last, len(lines)) + 1)
    ]
    best = sorted((each for each in held if each[0]), reverse=True)[:FOCUSED]
    last = max(
        (number for number in range(stored.first, stored.last + 1) if files.line(found.path, number).strip()),
        default=stored.last,
    )
    name = f"{stored.kind} {stored.name}" if stored.name else ""
    why = "test" if tests.holds(found.path) else "match"
    return files.of_lines(
        why, found.path, stored.first, last, name=name, focus=[-number for _, number in best]
    )


async def _around(index: SymbolIndex, files: Files, tests: TestFiles, found: Found) -> list[Piece]:
    """Callers and tests of what a match defines, by name, where the name is not a common one."""
    language = language_of_path(found.path)
    last = found.stored.name.rpartition(".")[2]
    tags = await index.named(last)
    if language is None or sum(tag.is_definition for tag in tags) > MOST_NAMESAKES:
        return []
    word = word_for(found.stored.kind)
    callers: dict[tuple[str, int], Piece] = {}
    of_tests: dict[tuple[str, int], Piece] = {}
    for tag in tags:
        kind = of_tests if tests.holds(tag.path) else callers
        if tag.is_definition or len(kind) >= MOST_AROUND or not _is_of(tag, family_of(language)):
            continue
        why = f"{'test' if kind is of_tests else word} of {last}"
        at, piece = await piece_around(files, tests, why, tag.path, tag.line)
        key = (tag.path, at)
        kind[key] = joined(kind[key], piece) if key in kind else piece
    return [*callers.values(), *of_tests.values()]


def _is_of(tag: Tag, family: Sequence[str]) -> bool:
    language = language_of_path(tag.path)
    return language is not None and language.name in family


def _without_repeats(pieces: Sequence[Piece]) -> list[Piece]:
    kept: list[Piece] = []
    for piece in pieces:
        if not any(piece.is_within(other) or other.is_within(piece) for other in kept):
            kept.append(piece)
    return kept
