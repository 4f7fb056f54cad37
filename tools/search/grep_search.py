"""Search the text of the workspace's files."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from perdure.safety.views import Finished, SandboxLimits, View
from tools.paths import WorkspacePath, located, missing
from tools.programs import output_text, run_program
from tools.searching.file_list import LISTED, PROMPT
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LIMITS = SandboxLimits(time_s=30, output_bytes=2 * 1024**2, niceness=PROMPT)
LINE_CHARACTERS = 400
OTHER_FILES = 15
"""Of the files of which no line is shown, so many are named."""
# Ripgrep ends each path with a NUL (--null); then comes the line's number, ":" for a match and "-" for its context.
LINE = re.compile(r"([^\0]*)\0(\d+)([:-])(.*)\n?")


class GrepSearch(Arguments):
    """Search file contents for a regular expression (Rust syntax), by line. What Git ignores is left out."""

    pattern: str = Field(min_length=1, max_length=2_000, description="What to find.")
    path: WorkspacePath = Field(default=".", min_length=1, description="Folder or file.")
    glob: str = Field(default="", max_length=200, description="Only such files: *.{ts,tsx} or !tests/**")
    type: str = Field(default="", max_length=30, description="Only this language: py, ts, rust…")
    fixed: bool = Field(default=False, description="Take pattern as plain text.")
    ignore_case: bool = False
    context: int = Field(default=0, ge=0, le=10, description="Lines around a match.")
    limit: int = Field(default=60, ge=1, le=500, description="Most matches.")


@dataclass(frozen=True)
class _Line:
    path: str
    number: int
    is_match: bool
    text: str


@tool(
    GrepSearch,
    title=lambda a: f"grep_search {a.pattern!r} in {a.path}",
    effect=Effect.READ,
    timeout_s=60,
)
async def grep_search(arguments: GrepSearch, context: ToolContext) -> ToolOutput:
    """Matches with path and line number, by path."""
    path = located(context.copy, arguments.path)
    if not context.copy.files.exists(path):
        raise missing(context.copy.files, arguments.path)
    if context.copy.files.stat(path).kind not in {"file", "folder"}:
        # Ripgrep opens a pipe that is named to it, and waits until somebody writes.
        raise ToolRejected(f"{shown_path(path)} is neither a file nor a folder, so it is not searched.")
    argv = _argv(str(context.toolchain.ripgrep), arguments, path)
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    if finished.exit_code not in {0, 1} and not finished.killed_for:
        raise ToolRejected(
            f"The search was not run: {beginning(output_text(finished).strip(), 1_000)}",
            "Mend pattern, glob or type; for plain text send fixed=true.",
        )
    if finished.killed_for == "time":
        raise ToolRejected(
            f"The search took longer than {LIMITS.time_s:g} s.",
            "Narrow it with path or glob, or simplify the pattern.",
        )
    return _output(arguments, finished)


def _argv(ripgrep: str, arguments: GrepSearch, path: str) -> list[str]:
    # Not --sort=path, which would keep ripgrep to one thread: what came out is sorted here.
    argv = [ripgrep, *LISTED, "--null", "--line-number", "--with-filename", "--no-heading", "--color=never"]
    argv += [f"--max-columns={LINE_CHARACTERS}", "--max-columns-preview", "--no-context-separator"]
    argv += [f"--context={arguments.context}"]
    argv += [f"--glob={arguments.glob}"] if arguments.glob else []
    argv += [f"--type={arguments.type}"] if arguments.type else []
    argv += ["--fixed-strings"] if arguments.fixed else []
    argv += ["--ignore-case"] if arguments.ignore_case else []
    return [*argv, f"--regexp={arguments.pattern}", "--", path if path != "." else "./"]


def _output(arguments: GrepSearch, finished: Finished) -> ToolOutput:
    lines = [
        _Line(found[1].removeprefix("./"), int(found[2]), found[3] == ":", found[4].rstrip("\r"))
        for found in LINE.finditer(output_text(finished))
    ]
    # Stable: the lines of a file stay in their order.
    lines.sort(key=lambda line: line.path)
    counts = Counter(line.path for line in lines if line.is_match)
    if not counts:
        return ToolOutput(content=f"No line in {_searched(arguments)} matches {arguments.pattern!r}.")
    least = "at least " if finished.killed_for else ""
    total, files = counts.total(), len(counts)
    head = f"{least}{total:,} matching {'line' if total == 1 else 'lines'} in "
    head += f"{files:,} {'file' if files == 1 else 'files'}"
    shown = _first(lines, arguments.limit)
    if total > arguments.limit:
        head += f"; the first {arguments.limit} are shown, narrow the search or raise limit for more"
    return ToolOutput(content="\n".join([head, *_grouped(shown, counts)]), summary=head)


def _searched(arguments: GrepSearch) -> str:
    narrowed = [arguments.glob and f"files {arguments.glob}", arguments.type and f"type {arguments.type}"]
    return ", ".join([arguments.path, *filter(None, narrowed)])


def _grouped(shown: list[_Line], counts: Counter[str]) -> list[str]:
    """The lines below their files; then the files of which nothing is shown, with how many matches they hold."""
    text: list[str] = []
    seen: Counter[str] = Counter(line.path for line in shown if line.is_match)
    for path, lines in itertools.groupby(shown, key=lambda line: line.path):
        left_out = counts[path] - seen[path]
        text.append(shown_path(path) + (f" ({counts[path]:,} in all)" if left_out else ""))
        text += [f"{line.number}{':' if line.is_match else '-'} {line.text}" for line in lines]
    others = [path for path in counts if path not in seen]
    if others:
        listed = ", ".join(f"{shown_path(path)} ({counts[path]:,})" for path in others[:OTHER_FILES])
        more = len(others) - OTHER_FILES
        text.append(f"[also in {listed}{f' and {more:,} more files' if more > 0 else ''}]")
    return text


def _first(lines: list[_Line], limit: int) -> list[_Line]:
    """The lines up to the last match that is shown, its context included where it does not hold a further match."""
    shown: list[_Line] = []
    matches = 0
    for line in lines:
        if line.is_match and matches == limit:
            break
        matches += line.is_match
        shown.append(line)
    last = max((at for at, line in enumerate(shown) if line.is_match), default=0)
    # What comes before the first match of a file of which no match is shown.
    return [line for at, line in enumerate(shown) if at <= last or line.path == shown[last].path]
