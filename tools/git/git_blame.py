"""Say who last changed each line of a file."""

from collections.abc import Sequence
from itertools import groupby

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import escape_hidden
from perdure.workspace.history import UNCOMMITTED, BlamedLine, History
from tools.paths import WorkspacePath, text_file_facts
from tools.revisions.sources import commit_of, repository_path
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

MOST_LINES = 400
LARGEST_BYTES = 4 * 1024 * 1024


class GitBlame(Arguments):
    """Show which commit last changed each line of a file, uncommitted lines included."""

    path: WorkspacePath = Field(min_length=1, description="A file.")
    start: int = Field(default=1, ge=1, le=10_000_000, description="First line.")
    end: int = Field(default=0, ge=0, le=10_000_000, description="Last line; default 100 lines.")
    revision: str = Field(
        default="", max_length=250, description="As of this commit, branch or 'base'; default the file now."
    )


@tool(
    GitBlame,
    title=lambda a: f"git_blame {a.path}" + (f" at {a.revision}" if a.revision else ""),
    effect=Effect.READ,
    timeout_s=90,
)
async def git_blame(arguments: GitBlame, context: ToolContext) -> ToolOutput:
    """Blocks of lines, each below the commit that they come from."""
    first, last = arguments.start, arguments.end or arguments.start + 99
    if last < first or last - first >= MOST_LINES:
        raise ToolRejected(
            f"Lines {first} to {last} cannot be shown: the end comes first, or they are more than {MOST_LINES}.",
            f"Send an end from {first} to {first + MOST_LINES - 1}.",
        )
    path = repository_path(arguments.path)
    commit = await commit_of(arguments.revision.strip(), context) if arguments.revision.strip() else ""
    content = b"" if commit else _content(path, context)
    history = History(context.copy.program, context.copy.folders)
    lines = await history.blame(path, first=first, last=last, revision=commit, content=content)
    blocks = [
        f"{_origin(group[0])}\n"
        + "\n".join(f"{each.number:>6}  {escape_hidden(each.text)}" for each in group)
        for group in _groups(lines)
    ]
    commits = {each.oid for each in lines if each.oid != UNCOMMITTED}
    shallow = "\n[The clone is shallow: its oldest commit stands for all before it.]"
    at = f" at {commit[:12]}" if commit else ""
    return ToolOutput(
        content="\n".join(blocks) + (shallow if history.is_shallow else ""),
        summary=f"{shown_path(path)}{at}: {len(lines)} {'line' if len(lines) == 1 else 'lines'} from {len(commits)} "
        f"{'commit' if len(commits) == 1 else 'commits'}",
    )


def _content(path: str, context: ToolContext) -> bytes:
    size = text_file_facts(context.copy.files, path).bytes
    if size > LARGEST_BYTES:
        raise ToolRejected(
            f"{path!r} has {size:,} bytes; whose lines they are is looked up in files of at most {LARGEST_BYTES:,}.",
            "Send git_log with its path instead.",
        )
    content = context.copy.files.read(path)
    if not content:
        raise ToolRejected(f"{path!r} is empty, so it has no lines.")
    return content


def _groups(lines: Sequence[BlamedLine]) -> list[list[BlamedLine]]:
    return [list(group) for _, group in groupby(lines, key=lambda each: each.oid)]


def _origin(line: BlamedLine) -> str:
    if line.oid == UNCOMMITTED:
        return "not committed yet:"
    return f"{line.oid[:12]} {line.date} {escape_hidden(line.author)}: {escape_hidden(line.subject[:100])}"
