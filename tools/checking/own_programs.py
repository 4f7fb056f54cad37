"""The checkers of Python that a project has itself, in its environment or among its Node packages.

A script of an environment names the interpreter by the path that it was made at, which is often not the path that the sandbox
shows. So the environment's interpreter is started with the program's module.
"""

from dataclasses import dataclass

from perdure.safety.environment import WORKSPACE
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.paths import Files
from tools.programs import run_program
from tools.tool_schemas import ToolContext

ENVIRONMENTS = (".venv", "venv")
LIMITS = SandboxLimits(time_s=60)
HAS_MODULE = "import importlib.util as u, sys; sys.exit(0 if u.find_spec(sys.argv[1]) else 3)"
NODE_PROGRAMS = {"pyright": "index.js", "basedpyright": "index.js"}
NATIVE = b"\x7fELF"


@dataclass(frozen=True)
class Program:
    """How a program is started, and whose it is."""

    argv: tuple[str, ...]
    is_own: bool = False
    """Whether it is the project's."""
    note: str = ""
    """Why it is not the project's, where the project has one."""

    @property
    def whose(self) -> str:
        """For people."""
        return "the project" if self.is_own else "Perdure"


async def program_of(context: ToolContext, name: str) -> Program | None:
    """The project's own program; None where it has none. One that is there and cannot run here says so in its note."""
    files = context.copy.files
    node = context.toolchain.node
    if name in NODE_PROGRAMS and node is not None:
        script = f"node_modules/{name}/{NODE_PROGRAMS[name]}"
        if files.exists(script):
            return Program((str(node), f"{WORKSPACE}/{script}"), is_own=True)
    for environment in ENVIRONMENTS:
        path = f"{environment}/bin/{name}"
        if not files.exists(path):
            continue
        if _is_native(files, path):
            return Program((f"{WORKSPACE}/{path}",), is_own=True)
        python = f"{WORKSPACE}/{environment}/bin/python"
        if await _runs(context, python, name):
            return Program((python, "-m", name), is_own=True)
        note = f"The project's own {path} does not run in the sandbox, so Perdure's program was used."
        return Program((), note=note)
    return None


async def interpreter_of(context: ToolContext) -> str:
    """The project's own interpreter as the sandbox sees it where it runs there, else the worker's for projects."""
    for environment in ENVIRONMENTS:
        path = f"{environment}/bin/python"
        if context.copy.files.exists(path) and await _runs(context, f"{WORKSPACE}/{path}", "sys"):
            return f"{WORKSPACE}/{path}"
    return str(context.toolchain.python)


async def _runs(context: ToolContext, python: str, module: str) -> bool:
    finished = await run_program(
        context, [python, "-c", HAS_MODULE, module], view=View.READ_ONLY, limits=LIMITS
    )
    return finished.exit_code == 0


def _is_native(files: Files, path: str) -> bool:
    return files.stat(path).kind == "file" and files.read(path, limit_bytes=len(NATIVE)) == NATIVE
