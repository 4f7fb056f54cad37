"""Runs programs of this package inside the sandbox, with an interpreter of this installation and nothing else of it."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path

from perdure.safety.views import Finished, SandboxLimits, View
from tools.programs import run_program
from tools.tool_schemas import ToolContext

OURS = Path(__file__).parents[2]
"""The folder that holds ``tools``."""
# Without `site`, which takes longer to start than all else; and nothing of the workspace is importable.
BEGIN = "import sys; sys.path[:0] = {paths!r}; from {module} import main; main()"


async def run_inside(
    context: ToolContext, module: str, request: bytes, *, limits: SandboxLimits, view: View = View.READ_ONLY
) -> Finished:
    """The end of ``module.main()``, which was given the request on its standard input."""
    paths = [str(OURS), *dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))]
    argv = [
        str(context.toolchain.own_python),
        "-I",
        "-S",
        "-B",
        "-c",
        BEGIN.format(paths=paths, module=module),
    ]
    return await run_program(
        context, argv, view=view, limits=limits, stdin=request, read_only=shown_folders()
    )


def shown_folders() -> Sequence[Path]:
    """What the sandbox must show for our own modules to be importable."""
    return (OURS / "tools",)
