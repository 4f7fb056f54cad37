"""Run a shell command in the sandbox."""

import asyncio
import re
from pathlib import Path

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.command_display import Segments, segments_of, warnings_of
from perdure.safety.command_display import quoted as quoted_command
from perdure.safety.display import inline_code
from perdure.safety.environment import environment_for
from perdure.safety.views import Finished, SandboxLimits, View
from tools.paths import WorkspacePath, existing_folder
from tools.programs import environment_of, how_it_ended, output_text, run_program
from tools.running.command_lines import command_line, quoted
from tools.running.named_files import named_files
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, tool

LONGEST_S = 600
GRACE_S = 30.0
"""Time for starting the sandbox and for ending what runs in it."""
BASH = Path("/bin/bash")
SHORT = 120
COMMAND_CHARACTERS = 1_500
READ_ONLY_SIGNS = re.compile(r"read-only file system|EROFS|errno 30", re.IGNORECASE)


class ExecuteCommand(Arguments):
    """Run a shell command in a sandbox without network. Lines that only read run at once, others may ask a person
    first. Files are read-only (only /tmp can be written) unless writes is true. To change files prefer edit_file;
    for tests use run_tests."""

    command: str = Field(default="", max_length=20_000, description="Command line for bash.")
    argv: list[str] = Field(
        default=[], max_length=500, description="In its place: program and arguments, without a shell."
    )
    working_directory: WorkspacePath = Field(default=".", min_length=1, description="Folder to run in.")
    timeout_s: int = Field(default=60, ge=1, le=LONGEST_S, description="Time limit in seconds.")
    memory_mb: int = Field(default=2_048, ge=16, le=8_192, description="Memory limit in MiB.")
    processes: int = Field(default=256, ge=1, le=1_024, description="Limit of processes and threads.")
    output_kb: int = Field(default=8_192, ge=1, le=16_384, description="Limit of output in KiB.")
    writes: bool = Field(default=False, description="Whether it must change files of the workspace.")


def _title(arguments: ExecuteCommand) -> str:
    where = "" if arguments.working_directory == "." else f" in {arguments.working_directory}"
    return f"execute_command{' (writes)' if arguments.writes else ''}{where}: {_line(arguments)}"


def _effect(arguments: ExecuteCommand) -> Effect:
    return Effect.RUN_WRITING if arguments.writes else Effect.RUN


def _limits(arguments: ExecuteCommand) -> SandboxLimits:
    return SandboxLimits(
        time_s=float(arguments.timeout_s),
        memory_bytes=arguments.memory_mb * 1024**2,
        processes=arguments.processes,
        output_bytes=arguments.output_kb * 1024,
    )


def _line(arguments: ExecuteCommand) -> str:
    return arguments.command or quoted(arguments.argv)


def _argv(arguments: ExecuteCommand) -> list[str]:
    if arguments.argv:
        return arguments.argv
    # Neither is a login shell, so no start-up file is read.
    shell = str(BASH) if BASH.exists() else "/bin/sh"
    return [shell, "-c", arguments.command]


async def _preview(arguments: ExecuteCommand, context: ToolContext) -> Preview:
    folder = _folder(arguments, context)
    names = environment_for(environment_of(context.toolchain))
    limits = _limits(arguments)
    line = _line(arguments)
    shown, segments = quoted_command(line, COMMAND_CHARACTERS), segments_of(line)
    named = await asyncio.to_thread(named_files, segments.ran, context.copy, folder)
    markdown = "\n".join(
        [
            shown.markdown,
            *(f"- {each}" for each in (*shown.remarks, *warnings_of(segments))),
            f"- runs {'as it is' if arguments.argv else f'by `{_argv(arguments)[0]} -c`'} in {inline_code(folder, 200)} "
            "of the workspace",
            *_analysis(arguments, segments),
            f"- {'**may change the files of the workspace**' if arguments.writes else 'cannot change any file'}",
            "- no network; nothing outside the workspace can be seen or written",
            f"- limits: {limits.time_s:g} s, {limits.memory_bytes // 1024**2:,} MiB, {limits.processes} processes",
            f"- environment: {len(names)} constructed variables, none of the worker's own",
            *named.lines,
        ]
    )
    facts = {
        "argv": _argv(arguments),
        "working_directory": folder,
        "writes": arguments.writes,
        "named": named.facts,
    }
    return Preview(
        title=one_line(_title(arguments)),
        markdown=markdown,
        facts=facts,
        left_out=shown.left_out + named.left_out,
    )


@tool(
    ExecuteCommand,
    title=_title,
    effect=_effect,
    effects=(Effect.RUN, Effect.RUN_WRITING),
    timeout_s=LONGEST_S + GRACE_S,
    timeout_of=lambda a: a.timeout_s + GRACE_S,
    preview=_preview,
    command=_line,
    ahead=lambda a: a.writes,
)
async def execute_command(arguments: ExecuteCommand, context: ToolContext) -> ToolOutput:
    """Output, exit code and duration, or which limit ended it."""
    folder = _folder(arguments, context)
    limits = _limits(arguments)
    view = View.WRITABLE if arguments.writes else View.READ_ONLY
    finished = await run_program(
        context, _argv(arguments), view=view, limits=limits, working_directory=folder
    )
    output = output_text(finished)
    ended = how_it_ended(finished, limits) + _peak(finished)
    text = f"{output.rstrip()}\n[{ended}]" if output.strip() else f"[no output; {ended}]"
    hint = "" if arguments.writes else _read_only_hint(output, arguments, succeeded=_succeeded(finished))
    return ToolOutput(content=text + hint, ok=_succeeded(finished), summary=_excerpt(output, ended))


def _folder(arguments: ExecuteCommand, context: ToolContext) -> str:
    """The folder to run in, links followed; ToolRejected for a command or a folder that cannot be used."""
    if bool(arguments.command.strip()) == bool(arguments.argv):
        raise ToolRejected(
            "Exactly one of command and argv says what runs.",
            "Send a command line in command, or a program and its arguments in argv.",
        )
    if any("\0" in word for word in (arguments.command, *arguments.argv)):
        raise ToolRejected("The command holds a NUL character, which no shell accepts.")
    return existing_folder(context.copy, arguments.working_directory)


def _excerpt(output: str, ended: str) -> str:
    """How it ended, after an output that is one short line."""
    said = output.strip()
    return f"{said} [{ended}]" if said and len(said) <= SHORT and "\n" not in said else ended


def _succeeded(finished: Finished) -> bool:
    return finished.exit_code == 0 and not finished.killed_for


def _peak(finished: Finished) -> str:
    return f", peak memory {max(finished.peak_bytes // 1024**2, 1):,} MiB" if finished.peak_bytes else ""


def _analysis(arguments: ExecuteCommand, segments: Segments) -> list[str]:
    """What the line runs and writes, as far as its syntax tells."""
    found = command_line(_line(arguments))
    lines = [f"- writes by {', '.join(inline_code(each, 100) for each in found.writes[:12])}"] * bool(
        found.writes
    )
    if len(segments.ran) > 1:
        # The Web UI's Markdown knows a list only after an empty line.
        lines += [
            f"- **{len(segments.ran)} commands**, each of which runs or may run:",
            "",
            *segments.lines,
            "",
        ]
    elif segments.ran:
        lines.insert(0, f"- starts {inline_code(segments.ran[0].name, 100)}")
    if not found.is_whole or not segments.is_complete:
        lines.append("- **not all of the line could be read: it has a syntax error or too many parts**")
    return lines


def _read_only_hint(output: str, arguments: ExecuteCommand, *, succeeded: bool) -> str:
    if not READ_ONLY_SIGNS.search(output) and (succeeded or not command_line(_line(arguments)).writes):
        return ""
    return (
        "\n[The workspace was read-only for this command. Write temporary files to /tmp, change files with edit_file or "
        "write_file, or, if this command itself must change them, send it again with writes=true: a person may be "
        "asked first.]"
    )
