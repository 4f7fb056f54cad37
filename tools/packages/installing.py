"""Runs the installation of a project's packages: npm with a way out; pip to download with one, to install without."""

import posixpath
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.egress import PackageRequest
from perdure.safety.package_hosts import SETTING
from perdure.safety.secrets.cutting import beginning, ending
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import WayOut
from tools.node.locating import npm_of
from tools.packages.node_packages import installed_node, node_plan, npm_command
from tools.packages.package_registries import RUN_PIP_ALONE
from tools.packages.python_packages import PythonPlan, python_plan
from tools.programs import how_it_ended, output_text, run_program
from tools.tool_schemas import ToolContext

SHOWN_PACKAGES = 60
OUTPUT_CHARACTERS = 3_000
REASON_CHARACTERS = 160
SAYS_WHY = re.compile(r"\s*(?:npm error |\w*error: )", re.IGNORECASE)
SAID_BY_NPM = re.compile(r"npm error ", re.IGNORECASE)
SAYS_NOTHING = re.compile(r"code |error: subprocess-exited-with-error|\Z")
"""What stands before the reason: npm's code, and pip's word for a build that failed."""
WHEELS = ".venv/.wheels"
NOT_SOURCE = "packages that exist as source only are not built, because that would run their code"


@dataclass(frozen=True)
class Outcome:
    """How one ecosystem's installation went."""

    text: str
    ok: bool
    excerpt: str


class Installation:
    """Installs into one folder of a workspace within one time limit."""

    def __init__(self, context: ToolContext, folder: str, *, limit_s: float) -> None:
        self._context = context
        self._folder = folder
        self._ends_at = time.monotonic() + limit_s
        self._requests: list[PackageRequest] = []
        self._python = str(context.toolchain.python)

    async def node(self) -> Outcome:
        """npm ci, or npm install where there is no lock file."""
        node = self._context.toolchain.node
        npm = npm_of(node) if node else None
        if node is None or npm is None or not self._context.packages.npm_registry:
            raise ToolRejected(
                "npm is not installed beside this installation's Node, so packages of package.json cannot be installed.",
                "The operator installs it. Go on without the project's packages.",
            )
        await self._keep_out("node_modules")
        files, packages = self._context.copy.files, self._context.packages
        plan = node_plan(files, self._folder, packages.npm_registry)
        finished, limits = await self._run(npm_command(node, npm, plan), {}, online=True)
        said = f"npm {plan.command[0]} --ignore-scripts: {how_it_ended(finished, limits)}."
        if finished.exit_code != 0:
            return self._failed("npm", said, finished)
        names = installed_node(files, self._folder)
        lines = [said, f"Installed {len(names)} packages into node_modules: {_listed(names)}.", plan.note]
        return Outcome("\n".join(filter(None, lines)), True, f"npm installed {len(names)} packages")

    async def python(self) -> Outcome:
        """A new .venv with the project in it, everything that it asks for and everything that its tests ask for."""
        if not self._context.packages.python_indexes:
            raise ToolRejected(
                "This installation's Python has no pip (ensurepip), so no Python packages can be installed.",
                "The operator installs it, such as by the package python3-venv. Go on without the project's packages.",
            )
        await self._keep_out(".venv")
        files = self._context.copy.files
        plan = python_plan(files, self._folder)
        before = await self._untracked()
        steps = [("python -m venv", [self._python, "-I", "-m", "venv", "--clear", ".venv"], b"", False)]
        options = ["--quiet", "--no-input", "--disable-pip-version-check"]
        only_wheels = ["--only-binary", ":all:"]
        download = [
            self._python,
            "-I",
            "-S",
            "-c",
            RUN_PIP_ALONE,
            "download",
            *options,
            *only_wheels,
            "--dest",
            WHEELS,
        ]
        offline = [".venv/bin/python", "-I", "-m", "pip", "install", *options, "--no-index"]
        for group in plan.groups:
            lines = "\n".join(group).encode()
            steps.append(("pip download", [*download, "--requirement", "/dev/stdin"], lines, True))
            found = ["--find-links", WHEELS, "--requirement", "/dev/stdin"]
            steps.append(("pip install", [*offline, *found], lines, False))
        if plan.is_project:
            project = ["--no-deps", "--no-build-isolation", "--editable", "."]
            steps.append(("pip install of the project itself", [*offline, *project], b"", False))
        steps.append(("removal of the downloads", ["rm", "-rf", WHEELS], b"", False))
        for name, argv, stdin, online in steps:
            finished, limits = await self._run(argv, self._pip_environment(), online=online, stdin=stdin)
            if finished.exit_code != 0:
                await self._keep_out_new(before)
                return self._failed("pip", f"{name}: {how_it_ended(finished, limits)}.", finished, plan)
        made = await self._keep_out_new(before)
        return await self._installed_python(plan, made)

    async def _installed_python(self, plan: PythonPlan, made: Sequence[str]) -> Outcome:
        listing = [
            ".venv/bin/python",
            "-I",
            "-m",
            "pip",
            "list",
            "--format=freeze",
            "--disable-pip-version-check",
        ]
        finished, _ = await self._run(listing, {}, online=False)
        names = [line.replace("==", " ") for line in output_text(finished).splitlines() if "==" in line]
        lines = [
            f"Installed {len(names)} packages into .venv (run .venv/bin/python): {_listed(names)}.",
            f"From: {', '.join(plan.sources) or 'the project alone'}.",
            f"The build also made {_listed(made)}; commits leave it out." if made else "",
            *(f"Not installed: {each}." for each in plan.left_out),
        ]
        left_out = f", {len(plan.left_out)} left out" if plan.left_out else ""
        return Outcome("\n".join(filter(None, lines)), True, f"pip installed {len(names)} packages{left_out}")

    def _pip_environment(self) -> dict[str, str]:
        """Everything that pip is told: no file of settings counts, neither the project's nor anybody else's."""
        index, *others = [*self._context.packages.python_indexes, ""]
        return {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "1",
            "PIP_INDEX_URL": index,
            "PIP_EXTRA_INDEX_URL": " ".join(filter(None, others)),
        }

    async def _run(
        self, argv: Sequence[str], environment: Mapping[str, str], *, online: bool, stdin: bytes = b""
    ) -> tuple[Finished, SandboxLimits]:
        """One program in the folder; only where ``online`` can it reach the package hosts."""
        limits = SandboxLimits(
            time_s=max(self._ends_at - time.monotonic(), 1.0),
            memory_bytes=4 * 1024**3,
            temporary_bytes=2 * 1024**3,
        )
        packages = self._context.packages
        way_out = WayOut(packages.hosts, self._note, packages.certificates) if online else None
        finished = await run_program(
            self._context, argv, view=View.WRITABLE, limits=limits, working_directory=self._folder,
            environment=environment, stdin=stdin, way_out=way_out,
        )  # fmt: skip
        return finished, limits

    def _note(self, request: PackageRequest) -> None:
        self._requests.append(request)
        self._context.on_package_request(request)

    async def _keep_out(self, name: str) -> None:
        """Let no commit or checkpoint take the folder; ToolRejected where the project has committed one."""
        path = posixpath.normpath(posixpath.join(self._folder, name))
        files = self._context.copy.files
        if await self._context.copy.git.tracks(path):
            raise ToolRejected(
                f"The project has {path!r} in its commits; installing would change those files.",
                "Use what is there, or go on without.",
            )
        if files.exists(path) and files.stat(path).kind != "folder":
            raise ToolRejected(
                f"{path!r} is no folder, so nothing can be installed there.", "Remove it first."
            )
        self._context.copy.keep_out([path])

    async def _untracked(self) -> set[str]:
        return {change.path for change in await self._context.copy.git.status() if change.status == "??"}

    async def _keep_out_new(self, before: set[str]) -> list[str]:
        """Keep out of commits what the build left beside the project's files; gives what that is."""
        made = sorted(await self._untracked() - before)
        folders = {path: _build_folder(path) for path in made if path.isprintable()}
        # A folder of the project's own may have such a name, and what is written there later must not be lost.
        own = {
            folder
            for folder in set(folders.values())
            if any(known.startswith(f"{folder}/") for known in before)
            or await self._context.copy.git.tracks(folder)
        }
        named = sorted({path if folder in own else folder for path, folder in folders.items()})
        self._context.copy.keep_out(named)
        return named

    def _failed(self, program: str, said: str, finished: Finished, plan: PythonPlan | None = None) -> Outcome:
        """What failed, with the host where a host was the reason."""
        output = output_text(finished).strip()
        lines = [said, ending(output, OUTPUT_CHARACTERS)]
        problems = dict.fromkeys(
            f"{one.why}." for one in self._requests if one.verdict != "allowed" and one.host
        )
        lines += list(problems)[:5]
        if any(one.verdict == "refused" for one in self._requests):
            lines.append(
                f"Only these hosts can be reached: {self._context.packages.shown_hosts}. The operator names them in {SETTING}."
            )
        if plan is not None and "No matching distribution" in output:
            lines.append(f"Note that {NOT_SOURCE}.")
        lines += [f"Not installed: {each}." for each in plan.left_out] if plan else []
        why = next(iter(problems), "") or reason_in(output)
        excerpt = f"{program} did not install: {said}{f' {why}' if why else ''}"
        return Outcome("\n".join(filter(None, lines)), False, excerpt)


def reason_in(output: str) -> str:
    """The line in which npm or pip, or the build under pip, says what was wrong; empty where there is none."""
    lines = (SAID_BY_NPM.sub("", line.strip()) for line in output.splitlines() if SAYS_WHY.match(line))
    return next((beginning(line, REASON_CHARACTERS) for line in lines if not SAYS_NOTHING.match(line)), "")


def _build_folder(path: str) -> str:
    """The folder of a build record, else the path itself."""
    parts = path.split("/")
    for number, part in enumerate(parts[:-1], start=1):
        if part.endswith(".egg-info") or part in ("build", "__pycache__"):
            return "/".join(parts[:number])
    return path


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_PACKAGES} more" if len(names) > SHOWN_PACKAGES else ""
    return ", ".join(names[:SHOWN_PACKAGES]) + more if names else "none"
