"""The files of the workspace that Git does not ignore, by ripgrep, which knows Git's rules."""

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from perdure.safety.views import SandboxLimits, View
from tools.programs import output_text, run_program
from tools.tool_schemas import ToolContext

PROMPT = 1
"""The niceness of ripgrep: it is soon done, and on a busy machine the usual one makes it take twice its processor time."""
LIMITS = SandboxLimits(time_s=30, output_bytes=64 * 1024**2, niceness=PROMPT)
LISTED = (
    "--no-config",
    "--hidden",
    "--no-messages",
    "--no-require-git",
    "--no-ignore-dot",
    "--no-ignore-global",
    "--glob=!.git",
)
"""What is looked at: hidden files too, by Git's own rules alone, and never Git's folder."""


async def listed_files(
    context: ToolContext, folder: str, *, glob: str = "", ignored: bool = False
) -> list[str]:
    """Paths relative to the folder, in no order; links are left out. ToolRejected for a glob that is none."""
    argv = [str(context.toolchain.ripgrep), "--files", "--null", *LISTED]
    argv += [f"--glob={glob}"] if glob else []
    argv += ["--no-ignore"] if ignored else []
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS, working_directory=folder)
    if finished.killed_for:
        raise ToolRejected(f"{folder!r} holds too many files to list.", "Name one of its folders.")
    # Ripgrep answers 1 where there is no file, and 2 also where it could not enter some folder.
    if finished.exit_code not in {0, 1} and b"\0" not in finished.output and finished.output:
        raise ToolRejected(
            f"The files were not listed: {beginning(output_text(finished).strip(), 500)}", "Mend the glob."
        )
    names = finished.output.decode("utf-8", "surrogateescape").split("\0")
    return [name.removeprefix("./") for name in names if name]
