"""Where a name is defined and used, by the best engine there is for the language of its file."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from tools.symbols.answers import Answer, Place
from tools.symbols.grammars import LANGUAGES, Language, language_of_path
from tools.symbols.index import CODE, SymbolIndex
from tools.symbols.reading import read_text
from tools.symbols.services import Wanted, ask_python, ask_typescript
from tools.symbols.tags import Tag
from tools.symbols.words import places_of_word
from tools.text_files import lines_of
from tools.tool_schemas import ToolContext

SCRIPTS = ("javascript", "typescript", "tsx")
FAMILIES = (("python",), SCRIPTS, ("c", "cpp"))
"""Languages whose files use each other's names."""
BY_NAME = "by name alone: another thing of the same name is not told apart."


@dataclass(frozen=True)
class Target:
    """A name at a place."""

    path: str
    line: int
    name: str
    language: Language


def family_of(language: Language) -> Sequence[str]:
    """The languages in whose files a name of this language may be used."""
    return next((family for family in FAMILIES if language.name in family), (language.name,))


def target_at(context: ToolContext, path: str, line: int, name: str) -> Target:
    """The name at a line, else at the line of the file that is nearest; ToolRejected where the file has no such word."""
    last = name.rpartition(".")[2]
    target, text = read_text(context.copy, path)
    language = language_of_path(target)
    if language is None or not language.is_code:
        known = ", ".join(LANGUAGES[each].shown for each in CODE)
        raise ToolRejected(f"Symbols of {path!r} are not known.", f"Name a file in one of: {known}.")
    lines = lines_of(text)
    numbers = [number for number, each in enumerate(lines, 1) if has_word(each, last)]
    if not numbers:
        raise ToolRejected(
            f"{path!r} does not hold the word {last!r}.",
            "Send parse_code to see its names, or leave path out.",
        )
    nearest = min(numbers, key=lambda number: abs(number - line)) if line else numbers[0]
    if line and nearest != line:
        shown = ", ".join(map(str, sorted(numbers, key=lambda number: abs(number - line))[:5]))
        raise ToolRejected(
            f"Line {line} of {path!r} does not hold {last!r}; lines that do: {shown}.", "Send one of them."
        )
    return Target(target, nearest, last, language)


def has_word(text: str, word: str) -> bool:
    """Whether a name stands in a text, not as a part of a longer one."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at] if at else "", text[at + len(word) : at + len(word) + 1]
        if not (before.isalnum() or before in {"_", "$"}) and not (after.isalnum() or after in {"_", "$"}):
            return True
        at = text.find(word, at + 1)
    return False


async def ask(context: ToolContext, wanted: Wanted, target: Target, index: SymbolIndex) -> Answer:
    """The answer of the language's own engine, else the names alone, with the reason."""
    family = family_of(target.language)
    name = target.name
    if target.language.name == "python":
        among = (await places_of_word(context, name, family)).paths if wanted == "references" else []
        every = [path for path in index.paths if path.endswith((".py", ".pyi"))]
        return await ask_python(context, wanted, target.path, target.line, name, among=among, every=every)
    if target.language.name in SCRIPTS:
        among = (await places_of_word(context, name, family)).paths if wanted == "references" else []
        try:
            return await ask_typescript(context, wanted, target.path, target.line, name, among=among)
        except ToolRejected as refusal:
            return await by_name(context, wanted, name, family, index, why=f"{refusal.message} So ")
    return await by_name(context, wanted, name, family, index)


async def by_name(
    context: ToolContext,
    wanted: Wanted,
    name: str,
    family: Sequence[str],
    index: SymbolIndex,
    *,
    why: str = "",
) -> Answer:
    """Definitions that the syntax shows, and for uses every place of the word."""
    tags = [tag for tag in await index.named(name) if tag.is_definition and _is_of(tag, family)]
    sureness = f"{why}{BY_NAME}" if why else BY_NAME
    if wanted == "definitions":
        places = [Place(tag.path, tag.line, kind=tag.kind, defines=True) for tag in tags]
        return Answer("syntax trees", sureness, places, complete=not index.coverage.note)
    words = await places_of_word(context, name, family)
    defined = {(tag.path, tag.line) for tag in tags}
    places = [
        Place(place.path, place.line, place.column, defines=(place.path, place.line) in defined)
        for place in words.places
    ]
    return Answer("whole words and syntax trees", sureness, places, complete=words.complete)


def _is_of(tag: Tag, family: Sequence[str]) -> bool:
    language = language_of_path(tag.path)
    return language is not None and language.name in family


async def lines_of_files(context: ToolContext, places: Sequence[Place]) -> dict[str, list[str]]:
    """The lines of each file that is named, of the workspace only."""

    def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in dict.fromkeys(place.path for place in places if place.inside):
            try:
                found[path] = lines_of(read_text(context.copy, path)[1])
            except ToolRejected:
                # It went away meanwhile, or is no text: its places are shown without their words.
                continue
        return found

    return await asyncio.to_thread(read)
