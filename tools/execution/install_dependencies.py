"""Install the packages that the project itself asks for, from the installation's package hosts alone."""

import posixpath
import shlex
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.command_display import quoted, segments_of, warnings_of
from perdure.safety.display import inline_code
from tools.packages.installing import Installation, Outcome
from tools.packages.node_packages import node_plan
from tools.packages.package_registries import with_packages
from tools.packages.python_packages import PROJECT_FILES, REQUIREMENT_FILE, python_plan
from tools.paths import WorkspacePath, existing_folder
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 900
GRACE_S = 60.0

Ecosystem = Literal["auto", "node", "python"]


class InstallDependencies(Arguments):
    """Install the project's own packages (npm into node_modules, pip into .venv) so that its tests and tools can run.
    Needed once, and again after they changed. No install scripts run; only package hosts are reached."""

    ecosystem: Ecosystem = Field(default="auto", description="Which packages; auto: what the folder has.")
    folder: WorkspacePath = Field(
        default=".", min_length=1, description="Folder of package.json or pyproject.toml."
    )


def _title(arguments: InstallDependencies) -> str:
    where = "" if arguments.folder == "." else f" in {arguments.folder}"
    return f"install_dependencies{where}" + (
        "" if arguments.ecosystem == "auto" else f": {arguments.ecosystem}"
    )


def _found(arguments: InstallDependencies, context: ToolContext) -> tuple[str, list[str]]:
    """The folder, and what is installed in it; ToolRejected where there is nothing or nowhere to get it from."""
    folder = existing_folder(context.copy, arguments.folder)
    if not folder.isprintable():
        raise ToolRejected(f"The folder {folder!r} has a name that packages cannot be installed below.")
    files = context.copy.files
    names = {entry.name for entry in files.list(folder)}
    there = ["node"] * ("package.json" in names)
    there += ["python"] * any(name in PROJECT_FILES or REQUIREMENT_FILE.match(name) for name in names)
    wanted = (
        there if arguments.ecosystem == "auto" else [each for each in there if each == arguments.ecosystem]
    )
    if not wanted:
        raise ToolRejected(
            f"{folder!r} has no package.json, pyproject.toml, setup.py, setup.cfg or requirements file that could be "
            f"installed for {arguments.ecosystem!r}.",
            "Name the folder that holds it.",
        )
    if not context.packages.hosts:
        raise ToolRejected(
            "This installation names no package hosts, so nothing can be installed.",
            "The operator sets PERDURE_PACKAGE_HOSTS. Go on without the project's packages.",
        )
    return folder, wanted


def _touches(arguments: InstallDependencies) -> Touches:
    places = {"node": ("node_modules",), "python": (".venv",), "auto": ("node_modules", ".venv")}
    return Touches(
        paths=tuple(
            posixpath.normpath(posixpath.join(arguments.folder, place))
            for place in places[arguments.ecosystem]
        )
    )


async def _preview(arguments: InstallDependencies, context: ToolContext) -> Preview:
    context = await with_packages(context)
    folder, wanted = _found(arguments, context)
    commands: list[str] = []
    writes: list[str] = []
    for each in wanted:
        if each == "node":
            plan = node_plan(context.copy.files, folder, context.packages.npm_registry)
            commands.append(shlex.join(["npm", *plan.command]))
        else:
            groups = python_plan(context.copy.files, folder).groups
            commands += [f"pip download --only-binary :all: {shlex.join(group)}" for group in groups]
            commands.append(
                "pip install --no-index … (of what was downloaded, and of the project; without network)"
            )
        writes.append(
            posixpath.normpath(posixpath.join(folder, "node_modules" if each == "node" else ".venv"))
        )
    shown = quoted("\n".join(commands), 3_000)
    warnings = [each for line in commands for each in warnings_of(segments_of(line))]
    markdown = "\n".join(
        [
            shown.markdown,
            *(f"- {each}" for each in dict.fromkeys([*shown.remarks, *warnings])),
            f"- runs in {inline_code(folder, 200)} of the workspace, in the sandbox",
            f"- reaches only {inline_code(context.packages.shown_hosts, 600)}",
            "- no install script and no other program of the project or of a package runs while it can reach them",
            f"- writes {', '.join(inline_code(each, 200) for each in writes)}, which no commit and no checkpoint holds",
            f"- limit: {LONGEST_S} s",
        ]
    )
    facts = {"commands": commands, "hosts": [str(host) for host in context.packages.hosts], "writes": writes}
    title = one_line(_title(arguments))
    return Preview(title=title, markdown=markdown, facts=facts, left_out=shown.left_out)


@tool(
    InstallDependencies,
    title=_title,
    effect=Effect.NETWORK,
    timeout_s=LONGEST_S + GRACE_S,
    preview=_preview,
    touches=_touches,
)
async def install_dependencies(arguments: InstallDependencies, context: ToolContext) -> ToolOutput:
    """What was installed, what was not and why."""
    context = await with_packages(context)
    folder, wanted = _found(arguments, context)
    installation = Installation(context, folder, limit_s=LONGEST_S)
    outcomes: list[Outcome] = []
    for each in wanted:
        outcomes.append(await (installation.node() if each == "node" else installation.python()))
    return ToolOutput(
        content="\n\n".join(outcome.text for outcome in outcomes),
        ok=all(outcome.ok for outcome in outcomes),
        summary="; ".join(outcome.excerpt for outcome in outcomes),
    )
