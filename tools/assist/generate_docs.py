"""Write docstrings, JSDoc comments or a reference page whose every claim on a signature was compared with the code."""

import posixpath
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.checking.project_checks import project_checks
from tools.diagnostics import Diagnostic
from tools.documenting.checker import Checker, Documented, facts_of
from tools.documenting.facts import Facts, WrittenDocs
from tools.documenting.pages import MARK, page_of
from tools.documenting.styles import style_of, width_of
from tools.editing.changes import Replacement, counted, open_for_change, preview_of_changes, write_all
from tools.editing.symbols import PYTHON, near_names
from tools.improving.proofs import new_diagnostics
from tools.improving.subjects import with_texts
from tools.paths import WorkspacePath, located, text_file_facts
from tools.proving.parts import proved_parts
from tools.proving.rounds import model_of
from tools.proving.sources import Source, asked_model, module_of, source_of
from tools.reading.sightings import seen_after
from tools.symbols.listing import source_files
from tools.text_files import TextFile
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 600.0
MOST_SYMBOLS = 12
LANGUAGES = ("python", "javascript", "typescript", "tsx")
PAGES = "docs/reference"
INSTRUCTIONS = (
    "Document the named symbols for engineers who call them. Say what each gives or refuses, not how. For each name every "
    "parameter exactly as listed, with type and default as the code has them (empty where it has none), whether it is "
    "async, what comes back, and every exception that it raises, by its own name. Write names of the code in backticks. "
    "Examples are run: code in the project's language whose last line is an expression, and its result as the interpreter "
    "shows it; leave them empty where a call needs more than the module."
)


class GenerateDocs(Arguments):
    """Write docstrings or JSDoc into a Python, JS or TS file, or a reference page. Parameters, defaults, types, async and
    exceptions are compared with the code, examples are run, and code stays as it is."""

    path: WorkspacePath = Field(min_length=1, description="The source file.")
    symbols: list[str] = Field(
        default=[], max_length=MOST_SYMBOLS, description="E.g. Cart.total; default public ones without docs."
    )
    form: Literal["docstrings", "page"] = Field(
        default="docstrings", description="In the file, or a Markdown page."
    )
    page_path: WorkspacePath | None = Field(default=None, description="The page; None: in docs/reference.")


@dataclass(frozen=True)
class ProvedDocs:
    """Docs that hold, as they would be written."""

    change: Replacement
    documented: tuple[Documented, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def _title(arguments: GenerateDocs) -> str:
    which = f" ({', '.join(arguments.symbols)})" if arguments.symbols else ""
    return f"generate_docs {'page for ' if arguments.form == 'page' else ''}{arguments.path}{which}"


def _page(arguments: GenerateDocs) -> str:
    stem = posixpath.splitext(posixpath.normpath(arguments.path))[0].removeprefix("src/")
    return posixpath.normpath(arguments.page_path or f"{PAGES}/{stem.replace('/', '.')}.md")


async def _proved(arguments: GenerateDocs, context: ToolContext) -> ProvedDocs:
    source = source_of(context, arguments.path, parsed=LANGUAGES)
    is_page = arguments.form == "page"
    before = _page_before(arguments, context) if is_page else None
    if not is_page:
        open_for_change(context.copy.files, source.path)
    model_of(context)
    wanted = _wanted(arguments, source)
    files = context.copy.files
    sources = await source_files(context, ("python",)) if source.language == PYTHON and not is_page else []
    style, where = style_of(files, source.path, sources)
    checker = Checker(context, source, wanted, style, width_of(files), overview=is_page)
    parts = await proved_parts(
        context,
        instructions=INSTRUCTIONS,
        material=_material(source, wanted, is_page=is_page),
        answer=WrittenDocs,
        weigh=checker.weigh,
        what="docs",
    )
    documented = tuple(each for each in parts.held if isinstance(each, Documented))
    if not documented:
        listed = "\n".join(f"- {each}" for each in parts.refused)
        raise ToolRejected(f"No docs hold; nothing was written.\n{listed}\n", "Write them by hand.")
    if is_page:
        overview = next((each for each in parts.held if isinstance(each, str)), "")
        pairs = [(each.docs, each.facts) for each in documented]
        title = module_of(source.path) if source.language == PYTHON else source.path
        after = TextFile(_page(arguments), page_of(source.path, title, overview, pairs, source.language))
        change = Replacement(after.path, before, before.encoded() if before else None, after, after.encoded())
        return ProvedDocs(change, documented, tuple(parts.refused), ())
    after = source.file.with_text(checker.written(documented))
    change = Replacement(source.path, source.file, source.file.encoded(), after, after.encoded())
    new = await _findings(context, change)
    notes = (f"Docstrings in the {style} style, {where}.",) if source.language == PYTHON else ()
    return ProvedDocs(change, documented, tuple(parts.refused), notes, tuple(new))


def _page_before(arguments: GenerateDocs, context: ToolContext) -> TextFile | None:
    """The page as it is; ToolRejected where it is one that was not made here."""
    place, files = _page(arguments), context.copy.files
    if not place.endswith(".md"):
        raise ToolRejected(f"{place!r} is no Markdown page.", "Name a file that ends in .md.")
    if not files.exists(located(context.copy, place)):
        return None
    text_file_facts(files, place)
    file, _ = open_for_change(files, place)
    if MARK.partition("{")[0] not in file.text:
        raise ToolRejected(
            f"{place!r} exists and was not made by generate_docs, so it was left as it is.",
            "Name another page_path.",
        )
    return file


def _wanted(arguments: GenerateDocs, source: Source) -> dict[str, Facts]:
    """What is to be documented; ToolRejected where there is nothing."""
    known = facts_of(source)
    for name in arguments.symbols:
        if name not in known:
            near = ", ".join(near_names(source.symbols, name)) or "none"
            raise ToolRejected(f"{source.path!r} has no {name!r} that docs can stand at.", f"It has: {near}.")
    if arguments.symbols:
        return {name: known[name] for name in dict.fromkeys(arguments.symbols)}
    public = {name: each for name, each in known.items() if _is_public(name, known)}
    found = {name: each for name, each in public.items() if arguments.form == "page" or not each.documented}
    if not found:
        why = "has docs already" if public else "is public"
        nothing = "Everything public" if public else "Nothing"
        raise ToolRejected(f"{nothing} in {source.path!r} {why}.", "Name what to document with symbols.")
    return dict(list(found.items())[:MOST_SYMBOLS])


def _is_public(name: str, known: dict[str, Facts]) -> bool:
    """Whether others call it: nothing in its name is private, and it stands in no function."""
    parts = name.split(".")
    if any(part.startswith(("_", "#")) for part in parts) or parts[-1] == "constructor":
        return False
    above = [".".join(parts[:count]) for count in range(1, len(parts))]
    return all(each in known and known[each].kind == "class" for each in above)


def _material(source: Source, wanted: dict[str, Facts], *, is_page: bool) -> str:
    listed = "\n".join(each.shown() for each in wanted.values())
    asked = "Also write the overview of the module. " if is_page else "Leave the overview empty. "
    return f"Document these symbols of {source.path}. {asked}The code says:\n{listed}\n\n{source.path}:\n{source.text}"


async def _findings(context: ToolContext, change: Replacement) -> list[Diagnostic]:
    """What linters say of the file with the docs and did not say before."""
    before = await project_checks(context, [change.path], types="never")
    trial = with_texts(context, {change.path: change.data_after})
    after = await project_checks(trial, [change.path], types="never")
    if before is None or after is None:
        return []
    return new_diagnostics(before.diagnostics, after.diagnostics)


async def _preview(arguments: GenerateDocs, context: ToolContext) -> Preview:
    done = await _proved(arguments, context)
    return preview_of_changes(_title(arguments), [done.change])


@tool(
    GenerateDocs,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=LONGEST_S,
    preview=_preview,
    touches=lambda a: Touches(paths=(_page(a) if a.form == "page" else posixpath.normpath(a.path),)),
    output_limit=16_000,
)
async def generate_docs(arguments: GenerateDocs, context: ToolContext) -> ToolOutput:
    """The docs that were written, what proves them, and what was refused."""
    done = await _proved(arguments, context)
    seen = await seen_after(context.seen, [done.change])
    write_all(context.copy.files, [done.change])
    names = ", ".join(each.facts.name for each in done.documented)
    examples = sum(len(each.docs.examples) for each in done.documented)
    same = "" if arguments.form == "page" else " Code is the same as before, but for them."
    parts = [
        f"Wrote docs of {names} into {done.change.path}, by {asked_model(context)}. Proved: parameters, defaults, annotated "
        f"types, async, what comes back and what is raised are as in the code; {examples} examples ran and gave what they "
        f"say.{same} Not proved: what the words say beyond that.",
        *done.notes,
    ]
    doubts = [f"{each.facts.name}: {doubt}" for each in done.documented for doubt in each.doubts]
    parts += [f"NOT PROVED: {each}." for each in doubts]
    if done.refused:
        listed = "\n".join(f"- {each}" for each in done.refused)
        parts.append(f"Refused, because it does not hold (the model was told once):\n{listed}")
    if done.diagnostics:
        parts.append("Linters find something new:\n" + "\n".join(map(str, done.diagnostics)))
    parts.append(f"\n{done.change.difference.rstrip()}")
    return ToolOutput(
        content="\n".join(parts),
        summary=f"documented {names} in {counted([done.change])}",
        changed_paths=(done.change.path,),
        diagnostics=done.diagnostics,
        seen=seen,
    )
