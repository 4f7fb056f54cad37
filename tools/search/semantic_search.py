"""Search code by meaning."""

import asyncio
import fnmatch

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from tools.paths import WorkspacePath, located, missing
from tools.searching.code_index import CodeIndex, Piece
from tools.searching.finding import Answer, find
from tools.searching.words import Words
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LINES_SHOWN = 12
LINE_CHARACTERS = 200


class SemanticSearch(Arguments):
    """Find code and documentation by what it does, in plain words or names; exact text is for grep_search."""

    query: str = Field(min_length=1, max_length=1_000, description="Such as: where are retries delayed")
    path: WorkspacePath = Field(default=".", min_length=1, description="Folder or file.")
    glob: str = Field(default="", max_length=200, description="Only such files: *.py")
    limit: int = Field(default=8, ge=1, le=40, description="Most places.")


@tool(
    SemanticSearch,
    title=lambda a: f"semantic_search {a.query!r} in {a.path}",
    effect=Effect.READ,
    timeout_s=180,
)
async def semantic_search(arguments: SemanticSearch, context: ToolContext) -> ToolOutput:
    """The places that fit best, each with its first lines; what the search could not use is said."""
    if not Words().terms(arguments.query):
        raise ToolRejected(
            f"{arguments.query!r} holds no word to search for.", "Say in a few words what the code does."
        )
    top = located(context.copy, arguments.path)
    if not context.copy.files.exists(top):
        raise missing(context.copy.files, arguments.path)
    index = await CodeIndex.current(context)
    answer = await find(context, index, arguments.query)
    pieces = [piece for piece in answer.pieces if _is_wanted(piece.path, top, arguments.glob)]
    shown = pieces[: arguments.limit]
    texts = await asyncio.to_thread(index.texts, context.copy.files, [piece.stored for piece in shown])
    head = _head(arguments, answer, index, len(shown))
    blocks = [_shown(index, piece, text) for piece, text in zip(shown, texts, strict=True)]
    notes = [f"[{note}]" for note in answer.notes]
    return ToolOutput(content="\n".join([head, *blocks, *notes]), summary=head)


def _is_wanted(path: str, top: str, glob: str) -> bool:
    inside = top == "." or path == top or path.startswith(f"{top}/")
    name = path.rpartition("/")[2]
    return inside and (not glob or fnmatch.fnmatch(path, glob) or fnmatch.fnmatch(name, glob))


def _head(arguments: SemanticSearch, answer: Answer, index: CodeIndex, count: int) -> str:
    files = f"{len(index.contents):,} {'file' if len(index.contents) == 1 else 'files'}"
    if not count:
        return f"Nothing in {files} fits {arguments.query!r}."
    return f"The {count} best {'place' if count == 1 else 'places'} in {files}, by {answer.ways}"


def _shown(index: CodeIndex, piece: Piece, text: str) -> str:
    stored = piece.stored
    name = f" {stored.kind} {stored.name}" if stored.name else ""
    same = index.same(piece)
    also = f" (the same in {len(same)} more {'file' if len(same) == 1 else 'files'})" if same else ""
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    listed = [
        f"{stored.first + first + at}: {beginning(line, LINE_CHARACTERS)}"
        for at, line in enumerate(lines[first : first + LINES_SHOWN])
    ]
    more = stored.last - stored.first + 1 - first - len(listed)
    listed += [f"[{more} more lines]"] if more > 0 else []
    return "\n".join([f"{shown_path(piece.path)}:{stored.first}-{stored.last}{name}{also}", *listed])
