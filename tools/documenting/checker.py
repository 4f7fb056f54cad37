"""Judges docs: against the code, by running their examples, and by what they make of the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from tools.documenting import python_docs, script_docs
from tools.documenting.claims import Compared, compared, overview_faults
from tools.documenting.examples import examples_run
from tools.documenting.facts import Example, Facts, SymbolDocs, WrittenDocs
from tools.documenting.python_facts import python_facts
from tools.documenting.script_docs import stands_alone
from tools.documenting.script_facts import documentable, script_facts
from tools.documenting.styles import Style
from tools.editing.symbols import PYTHON
from tools.proving.parts import Weighed
from tools.proving.sources import Source
from tools.tool_schemas import ToolContext

MOST_EXAMPLES = 6


@dataclass(frozen=True)
class Documented:
    """The docs of one symbol that hold, and what of them nothing proves."""

    docs: SymbolDocs
    facts: Facts
    doubts: tuple[str, ...] = ()


def facts_of(source: Source) -> dict[str, Facts]:
    """What the code says of every symbol that docs can be written for."""
    if source.language == PYTHON:
        return python_facts(source.text)
    known = documentable(source.symbols)
    facts = script_facts(source.data, source.symbols)
    return {name: each for name, each in facts.items() if stands_alone(source.data, known[name])}


@dataclass(frozen=True)
class Checker:
    """Weighs the answers of one call."""

    context: ToolContext
    source: Source
    wanted: Mapping[str, Facts]
    style: Style
    width: int
    overview: bool = False
    """Whether words about the module are asked for as well."""

    async def weigh(self, answer: WrittenDocs) -> Weighed[Documented | str]:
        """Docs that hold, and the overview as a text; what is wrong with the others."""
        faults: list[str] = []
        held: list[tuple[str, Documented | str]] = []
        if self.overview:
            wrong = list(overview_faults(answer.overview, self.source.text, self.source.language))
            faults += [f"{each}." for each in wrong]
            held += [] if wrong else [("the overview", answer.overview)]
        good: dict[str, tuple[SymbolDocs, Compared]] = {}
        for docs in answer.symbols:
            facts = self.wanted.get(docs.symbol)
            if facts is None or docs.symbol in good:
                asked = ", ".join(self.wanted)
                faults.append(f"{docs.symbol!r} was not asked for, or is documented twice; asked: {asked}.")
                continue
            found = compared(docs, facts, self.source.language, self.source.text)
            found.faults += self._unreadable(docs)
            faults += [f"{docs.symbol}: {each}." for each in found.faults]
            if not found.faults:
                good[docs.symbol] = docs, found
        named = {docs.symbol for docs in answer.symbols}
        faults += [f"{name}: nothing is said of it." for name in self.wanted if name not in named]
        held += await self._with_examples(good, faults)
        return Weighed(held, faults)

    def _unreadable(self, docs: SymbolDocs) -> list[str]:
        """What keeps the docs from being written down."""
        if self.source.language != PYTHON:
            shown = "\n".join(map(script_docs.example_of, docs.examples))
            return ["an example holds */, which ends the comment"] if "*/" in shown else []
        try:
            shown = "\n".join(map(python_docs.doctest_of, docs.examples))
        except (SyntaxError, ValueError) as error:
            return [f"an example is no Python: {error}"]
        return ['an example holds """, which ends the docstring'] if '"""' in shown else []

    async def _with_examples(
        self, good: Mapping[str, tuple[SymbolDocs, Compared]], faults: list[str]
    ) -> list[tuple[str, Documented | str]]:
        """The docs whose examples hold; those that cannot be run are left out of them, with a word."""
        examples: dict[str, Sequence[Example]] = {
            name: docs.examples[:MOST_EXAMPLES] for name, (docs, _) in good.items() if docs.examples
        }
        run = await examples_run(self.context, self.source, examples) if examples else None
        held: list[tuple[str, Documented | str]] = []
        for name, (docs, found) in good.items():
            wrong = [each.strip() for each in (run.said.get(name, ()) if run else ()) if each]
            strange = [each.code for each in docs.examples if name.rpartition(".")[2] not in each.code]
            if strange:
                wrong.append(f"it does not use {name}: {strange[0]}")
            if wrong:
                faults += [f"{name}: an example does not hold: {each}" for each in wrong]
                continue
            if run and run.not_run and docs.examples:
                found.doubts.append(f"its examples, which were left out, because {run.not_run}")
                docs = docs.model_copy(update={"examples": []})
            kept = docs.model_copy(update={"examples": docs.examples[:MOST_EXAMPLES]})
            held.append((name, Documented(kept, self.wanted[name], tuple(found.doubts))))
        return held

    def written(self, documented: Sequence[Documented]) -> str:
        """The file with all these docs in it; ToolRejected where anything else would differ."""
        text, language = self.source.text, self.source.language
        end = "\r\n" if self.source.file.line_end == "crlf" else "\n"
        texts: dict[str, str] = {}
        for each in documented:
            name = each.facts.name
            if language == PYTHON:
                room = python_docs.room_of(text, name, self.width)
                texts[name] = python_docs.docstring_of(each.docs, each.facts, self.style, room)
            else:
                texts[name] = script_docs.jsdoc_of(each.docs, each.facts, language, self.width - 3)
        if language == PYTHON:
            after = python_docs.with_docstrings(text, texts, end)
            wrong = python_docs.differs(text, after, texts)
        else:
            after = script_docs.with_comments(text, language, texts, end)
            wrong = script_docs.differs(language, text, after, texts)
        if wrong:
            raise ToolRejected(
                f"The docs cannot be put into {self.source.path!r}: {wrong}.", "Write them by edit_file."
            )
        return after
