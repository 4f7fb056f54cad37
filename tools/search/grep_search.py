"""Search the text of the workspace's files."""

import re
from dataclasses import dataclass

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.views import Finished, SandboxLimits, View
from tools.paths import WorkspacePath, located, missing
from tools.programs import output_text, run_program
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LIMITS = SandboxLimits(time_s=30, output_bytes=2 * 1024**2)
LINE_CHARACTERS = 400
# Ripgrep ends each path with a NUL (--null); then comes the line's number, ":" for a match and "-" for its context.
LINE = re.compile(r"([^\0]*)\0(\d+)([:-])(.*)\n?")


class GrepSearch(Arguments):
    """Search file contents for a regular expression (Rust syntax), by line. What Git ignores is left out."""

    pattern: str = Field(min_length=1, max_length=2_000, description="What to find.")
    path: WorkspacePath = Field(default=".", min_length=1, description="Folder or file.")
    glob: str = Field(default="", max_length=200, description="Only such files: *.py")
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
    argv = _argv(str(context.toolchain.ripgrep), arguments, path)
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    if finished.exit_code not in {0, 1} and not finished.killed_for:
        raise ToolRejected(
            f"The search was not run: {output_text(finished).strip()[:1_000]}",
            "Mend pattern or glob; for plain text send fixed=true.",
        )
    if finished.killed_for == "time":
        raise ToolRejected(
            f"The search took longer than {LIMITS.time_s:g} s.",
            "Narrow it with path or glob, or simplify the pattern.",
        )
    return _output(arguments, finished)


def _argv(ripgrep: str, arguments: GrepSearch, path: str) -> list[str]:
    argv = [ripgrep, "--no-config", "--hidden", "--null", "--line-number", "--with-filename", "--no-heading"]
    argv += ["--color=never", "--no-messages", "--no-context-separator", "--sort=path", "--no-require-git"]
    argv += [
        "--no-ignore-dot",
        "--no-ignore-global",
        f"--max-columns={LINE_CHARACTERS}",
        "--max-columns-preview",
    ]
    argv += ["--glob=!.git", f"--context={arguments.context}"]
    argv += [f"--glob={arguments.glob}"] if arguments.glob else []
    argv += ["--fixed-strings"] if arguments.fixed else []
    argv += ["--ignore-case"] if arguments.ignore_case else []
    return [*argv, f"--regexp={arguments.pattern}", "--", path if path != "." else "./"]


def _output(arguments: GrepSearch, finished: Finished) -> ToolOutput:
    lines = [
        _Line(found[1].removeprefix("./"), int(found[2]), found[3] == ":", found[4].rstrip("\r"))
        for found in LINE.finditer(output_text(finished))
    ]
    matches = [line for line in lines if line.is_match]
    if not matches:
        where = f"{arguments.path}, files {arguments.glob}" if arguments.glob else arguments.path
        return ToolOutput(content=f"No line in {where} matches {arguments.pattern!r}.")
    shown = _first(lines, arguments.limit)
    least = "at least " if finished.killed_for else ""
    count = len({line.path for line in matches})
    head = f"{least}{len(matches)} matching lines in {count} {'file' if count == 1 else 'files'}"
    if len(matches) > arguments.limit:
        head += f"; the first {arguments.limit} are shown, narrow the search or raise limit for more"
    text: list[str] = [head]
    path = ""
    for line in shown:
        if line.path != path:
            path = line.path
            text.append(shown_path(path))
        text.append(f"{line.number}{':' if line.is_match else '-'} {line.text}")
    return ToolOutput(content="\n".join(text), summary=head)


def _first(lines: list[_Line], limit: int) -> list[_Line]:
    """The lines up to the last match that is shown, its context included where it does not hold a further match."""
    shown: list[_Line] = []
    matches = 0
    for line in lines:
        if line.is_match and matches == limit:
            break
        matches += line.is_match
        shown.append(line)
    return shown
