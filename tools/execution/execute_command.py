"""Run a shell command in the sandbox."""

import re
from pathlib import Path

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import fenced, inline_code
from perdure.safety.environment import environment_for
from perdure.safety.views import Finished, SandboxLimits, View
from tools.paths import WorkspacePath, existing_folder
from tools.programs import environment_of, how_it_ended, output_text, run_program
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, tool

LONGEST_S = 600
GRACE_S = 30.0
"""Time for starting the sandbox and for ending what runs in it."""
BASH = Path("/bin/bash")
SHORT = 120
READ_ONLY_SIGNS = re.compile(r"read-only file system|EROFS|errno 30", re.IGNORECASE)


class ExecuteCommand(Arguments):
    """Run a shell command in a sandbox without network. Files are read-only (only /tmp can be written) unless
    writes is true, which may ask a person first. To change files prefer edit_file; for tests use run_tests."""

    command: str = Field(min_length=1, max_length=20_000, description="Command line for bash.")
    working_directory: WorkspacePath = Field(default=".", min_length=1, description="Folder to run in.")
    timeout_s: int = Field(default=60, ge=1, le=LONGEST_S, description="Time limit in seconds.")
    writes: bool = Field(default=False, description="Whether it must change files of the workspace.")


def _title(arguments: ExecuteCommand) -> str:
    where = "" if arguments.working_directory == "." else f" in {arguments.working_directory}"
    return f"execute_command{' (writes)' if arguments.writes else ''}{where}: {arguments.command}"


def _effect(arguments: ExecuteCommand) -> Effect:
    return Effect.RUN_WRITING if arguments.writes else Effect.RUN


def _limits(arguments: ExecuteCommand) -> SandboxLimits:
    return SandboxLimits(time_s=float(arguments.timeout_s))


def _shell(command: str) -> list[str]:
    # Neither is a login shell, so no start-up file is read.
    return [str(BASH), "-c", command] if BASH.exists() else ["/bin/sh", "-c", command]


async def _preview(arguments: ExecuteCommand, context: ToolContext) -> Preview:
    folder = _folder(arguments, context)
    names = environment_for(environment_of(context.toolchain))
    limits = _limits(arguments)
    markdown = "\n".join(
        [
            fenced(arguments.command, 3_000, language="sh"),
            f"- runs by `{_shell('…')[0]} -c` in {inline_code(folder, 200)} of the workspace",
            f"- {'**may change the files of the workspace**' if arguments.writes else 'cannot change any file'}",
            "- no network; nothing outside the workspace can be seen or written",
            f"- limits: {limits.time_s:g} s, {limits.memory_bytes // 1024**2:,} MiB, {limits.processes} processes",
            f"- environment: {len(names)} constructed variables, none of the worker's own",
        ]
    )
    facts = {"argv": _shell(arguments.command), "working_directory": folder, "writes": arguments.writes}
    return Preview(title=one_line(_title(arguments)), markdown=markdown, facts=facts)


@tool(
    ExecuteCommand,
    title=_title,
    effect=_effect,
    effects=(Effect.RUN, Effect.RUN_WRITING),
    timeout_s=LONGEST_S + GRACE_S,
    timeout_of=lambda a: a.timeout_s + GRACE_S,
    preview=_preview,
)
async def execute_command(arguments: ExecuteCommand, context: ToolContext) -> ToolOutput:
    """Output, exit code and duration, or which limit ended it."""
    folder = _folder(arguments, context)
    limits = _limits(arguments)
    view = View.WRITABLE if arguments.writes else View.READ_ONLY
    finished = await run_program(
        context, _shell(arguments.command), view=view, limits=limits, working_directory=folder
    )
    output = output_text(finished)
    ended = how_it_ended(finished, limits)
    text = f"{output.rstrip()}\n[{ended}]" if output.strip() else f"[no output; {ended}]"
    hint = "" if arguments.writes else _read_only_hint(output)
    return ToolOutput(content=text + hint, ok=_succeeded(finished), summary=_excerpt(output, ended))


def _folder(arguments: ExecuteCommand, context: ToolContext) -> str:
    """The folder to run in, links followed; ToolRejected for a command or a folder that cannot be used."""
    if "\0" in arguments.command:
        raise ToolRejected("The command holds a NUL character, which no shell accepts.")
    return existing_folder(context.copy, arguments.working_directory)


def _excerpt(output: str, ended: str) -> str:
    """How it ended, after an output that is one short line."""
    said = output.strip()
    return f"{said} [{ended}]" if said and len(said) <= SHORT and "\n" not in said else ended


def _succeeded(finished: Finished) -> bool:
    return finished.exit_code == 0 and not finished.killed_for


def _read_only_hint(output: str) -> str:
    if not READ_ONLY_SIGNS.search(output):
        return ""
    return (
        "\n[The workspace was read-only for this command. Write temporary files to /tmp, change files with edit_file or "
        "write_file, or, if this command itself must change them, send it again with writes=true: a person may be "
        "asked first.]"
    )
