"""Run npm on a project."""

import shlex

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.safety.command_display import quoted, segments_of, warnings_of
from perdure.safety.display import inline_code
from perdure.safety.views import SandboxLimits
from tools.node.npm import INSTALLING, ONLINE, Action, NpmCall, command_of, run_npm
from tools.node.projects import project_of
from tools.packages.package_registries import with_packages
from tools.paths import WorkspacePath
from tools.programs import how_it_ended, output_text
from tools.test_frameworks.tree import within
from tools.titles import one_line
from tools.tool_schemas import ANYTHING, Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 900
GRACE_S = 60.0


class NpmCommand(Arguments):
    """Run npm: install, uninstall, ci, audit and outdated reach the registry alone and run no scripts; run, test, exec (an
    installed program), ls and rebuild (the packages' own scripts) have no network."""

    action: Action = Field(description="What npm does.")
    args: list[str] = Field(
        default=[], max_length=50, description="Packages; or script or program with its arguments."
    )
    folder: WorkspacePath = Field(default=".", min_length=1, description="Folder of package.json.")
    dev: bool = Field(default=False, description="Install as a development dependency.")
    writes: bool = Field(default=False, description="run, test, exec: it must change files.")
    timeout_s: int = Field(default=300, ge=1, le=LONGEST_S, description="Time limit in seconds.")


def _title(arguments: NpmCommand) -> str:
    return f"npm {' '.join([arguments.action, *arguments.args])}"


def _effect(arguments: NpmCommand) -> Effect:
    if arguments.action in ONLINE:
        return Effect.NETWORK
    return Effect.RUN_WRITING if arguments.writes or arguments.action == "rebuild" else Effect.RUN


def _touches(arguments: NpmCommand) -> Touches:
    if arguments.action in INSTALLING:
        names = ("package.json", "package-lock.json", "node_modules")
        return Touches(paths=tuple(within(arguments.folder, name) for name in names))
    return ANYTHING if _effect(arguments) is Effect.RUN_WRITING else Touches()


def _call(arguments: NpmCommand) -> NpmCall:
    writes = arguments.writes or arguments.action == "rebuild"
    return NpmCall(arguments.action, tuple(arguments.args), dev=arguments.dev, writes=writes)


async def _preview(arguments: NpmCommand, context: ToolContext) -> Preview:
    online = arguments.action in ONLINE
    context = await with_packages(context) if online else context
    project = project_of(context, arguments.folder)
    command = command_of(project, _call(arguments))
    line = shlex.join(command)
    shown = quoted(line, 1_500)
    lines = [
        shown.markdown,
        *(f"- {each}" for each in (*shown.remarks, *warnings_of(segments_of(line)))),
        f"- runs in {inline_code(project.folder, 200)} of the workspace, in the sandbox",
        f"- reaches only {inline_code(context.packages.shown_hosts, 600)}, and runs no script meanwhile"
        if online
        else "- no network",
        f"- limit: {arguments.timeout_s} s",
    ]
    hosts = [str(host) for host in context.packages.hosts] if online else []
    return Preview(
        title=one_line(_title(arguments)),
        markdown="\n".join(lines),
        facts={"command": command, "hosts": hosts},
        left_out=shown.left_out,
    )


@tool(
    NpmCommand,
    title=_title,
    effect=_effect,
    effects=(Effect.RUN, Effect.RUN_WRITING, Effect.NETWORK),
    timeout_s=LONGEST_S + GRACE_S,
    timeout_of=lambda a: a.timeout_s + GRACE_S,
    preview=_preview,
    touches=_touches,
    ahead=lambda a: _effect(a) is Effect.RUN_WRITING,
)
async def npm_command(arguments: NpmCommand, context: ToolContext) -> ToolOutput:
    """What npm, or the program, said and how it ended."""
    context = await with_packages(context) if arguments.action in ONLINE else context
    project = project_of(context, arguments.folder)
    limits = SandboxLimits(
        time_s=float(arguments.timeout_s), memory_bytes=4 * 1024**3, temporary_bytes=2 * 1024**3
    )
    finished, requests = await run_npm(project, _call(arguments), limits=limits)
    ended = how_it_ended(finished, limits)
    output = output_text(finished).strip()
    ok = finished.exit_code == 0
    lines = [output, *([] if ok else requests.problems(context)), f"[{ended}]"]
    changed = (
        ("package.json", "package-lock.json") if ok and arguments.action in {"install", "uninstall"} else ()
    )
    paths = (within(project.folder, name) for name in changed if arguments.args)
    return ToolOutput(
        content="\n".join(filter(None, lines)),
        ok=ok,
        summary=f"{one_line(_title(arguments), 80)}: {ended}",
        changed_paths=tuple(path for path in paths if context.copy.files.exists(path)),
    )
