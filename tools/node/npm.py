"""npm's commands on a project: which reach the registry, which run the project's own programs, and how each is started."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from perdure.contracts.errors import ToolRejected
from perdure.safety.egress import PackageRequest
from perdure.safety.package_hosts import SETTING
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import WayOut
from tools.node.locating import npm_of
from tools.node.projects import Project, node_of, seen_inside
from tools.packages.node_packages import ALWAYS, node_plan
from tools.programs import run_program
from tools.test_frameworks.tree import upwards, within
from tools.tool_schemas import ToolContext

Action = Literal["install", "ci", "uninstall", "audit", "outdated", "ls", "run", "test", "exec", "rebuild"]
ONLINE: frozenset[Action] = frozenset({"install", "ci", "uninstall", "audit", "outdated"})
"""They reach the registry, and no program of the project or of a package runs meanwhile."""
INSTALLING: frozenset[Action] = frozenset({"install", "ci", "uninstall"})
NAME = r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*"
PACKAGE = re.compile(rf"{NAME}(?:@[A-Za-z0-9.^~<>=*|+ -]+)?")
SCRIPT_NAME = re.compile(r"[A-Za-z0-9][\w:.@/-]*")
PROGRAM_NAME = re.compile(r"[A-Za-z0-9@][\w.-]*")
OFFLINE = (
    "--offline",
    "--update-notifier=false",
    "--no-fund",
    "--no-audit",
    "--userconfig=/run/no-user-npmrc",
    "--globalconfig=/run/no-global-npmrc",
    "--cache=/tmp/npm-cache",
    "--loglevel=error",
)


@dataclass(frozen=True)
class NpmCall:
    """One command of npm, or of a program that is installed."""

    action: Action
    names: tuple[str, ...] = ()
    """Packages to install or remove, the script to run, or the program to start, with what it is given."""
    dev: bool = False
    writes: bool = False


@dataclass
class Requests:
    """What a run asked of the registry."""

    seen: list[PackageRequest] = field(default_factory=list[PackageRequest])

    def problems(self, context: ToolContext) -> list[str]:
        """A sentence for each host that could not be reached, and which can."""
        said = list(
            dict.fromkeys(f"{one.why}." for one in self.seen if one.verdict != "allowed" and one.host)
        )[:5]
        if any(one.verdict == "refused" for one in self.seen):
            said.append(
                f"Only these hosts can be reached: {context.packages.shown_hosts}. The operator names them in {SETTING}."
            )
        return said


def command_of(project: Project, call: NpmCall) -> list[str]:
    """The whole command; ToolRejected for what npm must not be given here."""
    context = project.context
    if call.action == "exec":
        return _program(project, call.names)
    node = node_of(context)
    npm = npm_of(context.toolchain.node) if context.toolchain.node else None
    if npm is None:
        raise ToolRejected(
            "npm is not installed beside this installation's Node.", "The operator installs it."
        )
    start = [node, str(npm)]
    if call.action in ONLINE:
        return [*start, *_online(project, call)]
    if call.action in {"run", "test"}:
        return [*start, *_script(project, call)]
    packages = _packages(call.names)
    depth = ["--depth=0"] if call.action == "ls" and not packages else []
    return [*start, call.action, *depth, *OFFLINE, *packages]


async def run_npm(project: Project, call: NpmCall, *, limits: SandboxLimits) -> tuple[Finished, Requests]:
    """Run it; only what reaches the registry has a way out."""
    command, context, requests = command_of(project, call), project.context, Requests()
    if call.action in INSTALLING:
        await _keep_out(project)

    def note(request: PackageRequest) -> None:
        requests.seen.append(request)
        context.on_package_request(request)

    online = call.action in ONLINE
    packages = context.packages
    finished = await run_program(
        context,
        command,
        view=View.WRITABLE if call.writes or call.action in INSTALLING else View.READ_ONLY,
        limits=limits,
        working_directory=project.folder,
        way_out=WayOut(packages.hosts, note, packages.certificates) if online else None,
    )
    return finished, requests


def _online(project: Project, call: NpmCall) -> list[str]:
    context = project.context
    if not context.packages.hosts or not context.packages.npm_registry:
        raise ToolRejected(
            "This installation names no package hosts, so the registry cannot be reached.",
            "The operator sets PERDURE_PACKAGE_HOSTS. Go on without.",
        )
    plan = node_plan(project.files, project.folder, context.packages.npm_registry)
    options = [*ALWAYS, f"--registry={context.packages.npm_registry}"]
    packages = _packages(call.names)
    if call.action in {"install", "ci"} and not packages:
        if call.action == "ci" and plan.command[0] != "ci":
            raise ToolRejected(f"{project.folder!r} has no lock file of npm.", "Send install instead.")
        return list(plan.command)
    if call.action == "ci":
        raise ToolRejected(
            "'ci' takes no packages: it installs what the lock file says.", "Send install instead."
        )
    if call.action == "uninstall" and not packages:
        raise ToolRejected("No package is named.", "Send uninstall with packages in args.")
    kind = ["--save-dev" if call.dev else "--save"] if call.action == "install" else []
    return [call.action, *kind, *options, "--", *packages]


def _script(project: Project, call: NpmCall) -> list[str]:
    scripts: object = project.package.content.get("scripts")
    known = sorted(map(str, scripts)) if isinstance(scripts, dict) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    name, *given = (
        ("test", *call.names) if call.action == "test" else (*call.names, "")[: max(len(call.names), 1)]
    )
    if name not in known:
        raise ToolRejected(
            f"The package.json of {project.folder!r} has no script {name!r}.",
            f"It has: {', '.join(known) or 'none'}. Send run with one of them first in args.",
        )
    # Those before and after it are scripts of their own, which can be run by their names.
    return ["run", *OFFLINE, "--ignore-scripts", name, "--", *given]


def _program(project: Project, names: Sequence[str]) -> list[str]:
    name = names[0] if names else ""
    if not PROGRAM_NAME.fullmatch(name):
        raise ToolRejected(
            f"{name!r} is no name of an installed program.", "Send exec with its name first in args."
        )
    for folder in upwards(within(project.folder, "x")):
        path = within(folder, f"node_modules/.bin/{name}")
        if project.files.exists(path):
            return [posixpath.normpath(seen_inside(path)), *names[1:]]
    raise ToolRejected(
        f"{name!r} is not installed in node_modules/.bin; nothing is downloaded to run it.",
        "Send install with its package, or install_dependencies.",
    )


def _packages(names: Sequence[str]) -> list[str]:
    for name in names:
        if not PACKAGE.fullmatch(name):
            raise ToolRejected(
                f"{name[:100]!r} is no package of the registry; none is taken from Git, an address or a folder.",
                "Send names such as zod or zod@^4.",
            )
    return list(names)


async def _keep_out(project: Project) -> None:
    path = within(project.folder, "node_modules")
    if await project.context.copy.git.tracks(path):
        raise ToolRejected(
            f"The project has {path!r} in its commits; npm would change those files.", "Use what is there."
        )
    project.context.copy.keep_out([path])
