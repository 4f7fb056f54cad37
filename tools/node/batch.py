"""Runs several Node programs in one sandbox, on files that exist only there where that is wanted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import SandboxLimits, View
from tools.node.projects import node_of
from tools.programs import how_it_ended, output_text, run_program
from tools.tool_schemas import ToolContext

PROGRAM = Path(__file__).with_name("batch.mjs")


@dataclass(frozen=True)
class BatchCommand:
    """One program; ``listed`` where it prints the paths of files that are to be read as well."""

    argv: tuple[str, ...]
    cwd: str
    listed: bool = False


@dataclass(frozen=True)
class Ended:
    """How one program ended."""

    code: int
    out: str
    error: str

    @property
    def said(self) -> str:
        """What it printed for people."""
        return "\n".join(filter(None, (self.error.strip(), self.out.strip())))


@dataclass(frozen=True)
class Batch:
    """What became of all of them."""

    results: tuple[Ended, ...]
    files: Mapping[str, str | None]
    """Text of each file that was to be read, by its path in the sandbox; None where it is not there."""


def limits_of(time_s: float) -> SandboxLimits:
    """Limits for compilers and linters of a large project."""
    return SandboxLimits(
        time_s=time_s,
        memory_bytes=4 * 1024**3,
        output_bytes=64 * 1024**2,
        temporary_bytes=1024**3,
    )


async def run_batch(
    context: ToolContext,
    commands: Sequence[BatchCommand],
    *,
    time_s: float,
    write: Mapping[str, str] = {},
    read: Sequence[str] = (),
    throw_away: bool = False,
) -> Batch:
    """Run the commands one after the other; with ``throw_away`` they may write the workspace, and nothing of it stays."""
    request = {"write": dict(write), "commands": [asdict(each) for each in commands], "read": list(read)}
    limits = limits_of(time_s)
    finished = await run_program(
        context,
        [node_of(context), "--input-type=module", "-e", PROGRAM.read_text()],
        view=View.SCRATCH if throw_away else View.READ_ONLY,
        limits=limits,
        # A folder that a program of the project writes its caches to by itself is not there in a read-only view.
        environment={"XDG_CACHE_HOME": "/tmp/cache", "NEXT_TELEMETRY_DISABLED": "1"},
        stdin=json.dumps(request).encode("utf-8", "surrogatepass"),
    )
    said = output_text(finished)
    if finished.exit_code != 0:
        shown = ending(said.strip(), 1_500)
        raise ToolRejected(
            f"The programs were stopped before they could answer: {how_it_ended(finished, limits)}. {shown}".strip(),
            "Name fewer paths, or a smaller folder.",
        )
    answer: dict[str, Any] = json.loads(finished.output)
    return Batch(tuple(Ended(**each) for each in answer["results"]), answer["files"])
