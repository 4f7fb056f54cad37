"""Whether a file or a snippet parses."""

import asyncio

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.diagnostics import Diagnostic, Range, Severity, counted_diagnostics
from tools.paths import WorkspacePath
from tools.symbols.grammars import LANGUAGES, language_of_path
from tools.symbols.own_parsers import Verdict, own_verdict
from tools.symbols.parsing import Source, outline_in_sandbox
from tools.symbols.reading import known_languages, read_source
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SNIPPET = "(snippet)"
SHOWN = 20


class ValidateSyntax(Arguments):
    """Check whether a file, or code that is in no file, parses: by the language's own parser and by a syntax tree.
    Nothing of it is run."""

    path: WorkspacePath = Field(default="", description="File.")
    code: str = Field(default="", max_length=500_000, description="Or the text itself.")
    language: str = Field(default="", max_length=20, description="Of code: python, typescript, tsx, json…")


@tool(
    ValidateSyntax,
    title=lambda a: f"validate_syntax {a.path or f'{a.language} snippet'}",
    effect=Effect.READ,
    timeout_s=120,
)
async def validate_syntax(arguments: ValidateSyntax, context: ToolContext) -> ToolOutput:
    """The places that do not parse, and which parsers say so."""
    path, source = await asyncio.to_thread(_source, arguments, context)
    outline, own = await asyncio.gather(
        outline_in_sandbox(context, source), _own_verdict(context, source, path)
    )
    tree = [
        Diagnostic(
            path,
            Range(flaw.line, flaw.column, flaw.end_line, flaw.end_column),
            Severity.ERROR,
            flaw.message,
            source="syntax tree",
        )
        for flaw in outline.flaws
    ]
    # Its own parser knows better where the text breaks, and takes what is newer than the grammar.
    found = own.found if own.by else tree
    by = f"{own.by} and a syntax tree" if own.by else "a syntax tree alone"
    shown = shown_path(path)
    if not found:
        head = f"{shown}: parses as {LANGUAGES[source.language].shown}, by {own.by or by}."
        if tree:
            head += f" The syntax tree, which may know an older language, stops at line {tree[0].range.line}."
        return ToolOutput(content=head)
    head = f"{shown}: does not parse as {LANGUAGES[source.language].shown}: {counted_diagnostics(found)}, by {by}."
    lines = [str(each) for each in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"[{len(found) - SHOWN} more.]")
    return ToolOutput(content="\n".join([head, *lines]), ok=False, summary=head, diagnostics=tuple(found))


def _source(arguments: ValidateSyntax, context: ToolContext) -> tuple[str, Source]:
    if bool(arguments.path) == bool(arguments.code):
        raise ToolRejected(
            "Either path or code must be given, and not both.", "Send path, or code with language."
        )
    if arguments.path:
        file = read_source(context.copy, arguments.path)
        return arguments.path, file.source
    name = arguments.language.lower().lstrip(".")
    language = LANGUAGES.get(name) or language_of_path(f"x.{name}")
    if language is None:
        raise ToolRejected(
            f"The language {arguments.language!r} is not known.", f"Send one of {known_languages()}."
        )
    return SNIPPET, Source(language.name, arguments.code.encode("utf-8", "surrogatepass"))


async def _own_verdict(context: ToolContext, source: Source, path: str) -> Verdict:
    """The verdict of the language's own parser; one by nobody where there is none."""
    if source.language in {"javascript", "typescript", "tsx"} and context.toolchain.node is None:
        return Verdict("", [])
    verdict = await own_verdict(context, source, path if path != SNIPPET else "")
    return verdict or Verdict("", [])
