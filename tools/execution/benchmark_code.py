"""Time code, alone or beside another version of it, and say where the time goes."""

import json
import statistics
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

import tools.running
from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import beginning, ending
from perdure.safety.views import SandboxLimits, View
from tools.checking.own_programs import interpreter_of
from tools.programs import how_it_ended, output_text, run_program
from tools.revisions.sources import commit_of, step_in
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

PROGRAM = Path(tools.running.__path__[0]) / "timing_program.py"
LONGEST_S = 600
GRACE_S = 30.0
BASE = "/tmp/base"
HOT_CHARACTERS = 2_000
# The earlier version is laid out beside the files, in a folder that dies with the sandbox.
SCRIPT = f"""
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=/workspace
if [ -n "$1" ]; then mkdir -p {BASE} && git archive --format=tar "$1" | tar -x -C {BASE} || exit 125; fi
exec "$2" -c "$3"
"""


class BenchmarkCode(Arguments):
    """Time Python or JavaScript code on the project, alone, beside other code, or beside an earlier version of the
    project. Says the difference, the noise and (Python) where the time goes."""

    code: str = Field(min_length=1, max_length=20_000, description="Statements to time.")
    setup: str = Field(default="", max_length=20_000, description="Run once before, such as imports.")
    other_code: str = Field(default="", max_length=20_000, description="Statements to compare with.")
    against: str = Field(
        default="", max_length=250, description="HEAD, 'base' or a commit: the same code on those files."
    )
    language: Literal["python", "javascript"] = Field(default="python", description="What the code is.")
    rounds: int = Field(default=5, ge=2, le=30, description="Processes for each version.")
    timeout_s: int = Field(default=120, ge=1, le=LONGEST_S, description="Time limit in seconds.")


@tool(
    BenchmarkCode,
    title=lambda a: f"benchmark_code {a.code.strip().partition(chr(10))[0]}",
    effect=Effect.RUN,
    timeout_s=LONGEST_S + GRACE_S,
    timeout_of=lambda a: a.timeout_s + GRACE_S,
)
async def benchmark_code(arguments: BenchmarkCode, context: ToolContext) -> ToolOutput:
    """Medians, the difference with its noise, and hot spots."""
    if arguments.other_code and arguments.against:
        raise ToolRejected(
            "Code is compared with other code or with an earlier version.", "Send one of the two."
        )
    if step_in(arguments.against.strip()) is not None:
        raise ToolRejected("A step cannot be benchmarked.", "Name HEAD, base or a commit in against.")
    commit = await commit_of(arguments.against.strip(), context) if arguments.against.strip() else ""
    own = await interpreter_of(context)
    wish = json.dumps({"rounds": arguments.rounds, "versions": _versions(arguments, context, commit, own)})
    limits = SandboxLimits(time_s=float(arguments.timeout_s))
    python = str(context.toolchain.python)
    finished = await run_program(
        context,
        ["/bin/sh", "-c", SCRIPT, "sh", commit, python, PROGRAM.read_text()],
        view=View.SCRATCH,
        limits=limits,
        stdin=wish.encode(),
    )
    ended = how_it_ended(finished, limits)
    try:
        result: dict[str, Any] = json.loads(output_text(finished).rstrip("\n").rpartition("\n")[2])
    except ValueError:
        result = {"failed": output_text(finished) or "It said nothing."}
    if "failed" in result:
        return ToolOutput(
            content=f"{ending(str(result['failed']), 2_000)}\n[{ended}]",
            ok=False,
            summary=f"benchmark failed: {ended}",
        )
    lines = _compared(result["samples"])
    hot = f"\n\nHot spots of {next(iter(result['samples']))}:\n{beginning(result['hot'].strip(), HOT_CHARACTERS)}"
    return ToolOutput(content="\n".join(lines) + (hot if result["hot"] else ""), summary=lines[-1])


def _versions(
    arguments: BenchmarkCode, context: ToolContext, commit: str, python: str
) -> list[dict[str, Any]]:
    node = arguments.language == "javascript"
    if node and context.toolchain.node is None:
        raise ToolRejected("Node is not installed on this worker, so JavaScript cannot be timed.")
    first: dict[str, Any] = {
        "name": "now", "node": node, "program": str(context.toolchain.node) if node else python,
        "setup": arguments.setup, "code": arguments.code, "folder": WORKSPACE,
    }  # fmt: skip
    if commit:
        return [first, {**first, "name": arguments.against.strip(), "folder": BASE}]
    if arguments.other_code:
        return [{**first, "name": "code"}, {**first, "name": "other_code", "code": arguments.other_code}]
    return [{**first, "name": "code"}]


def _compared(samples: dict[str, list[float]]) -> list[str]:
    """A line for each version, then what follows from them."""
    lines: list[str] = []
    facts: list[tuple[str, float, float]] = []
    for name, taken in samples.items():
        middle = statistics.median(taken)
        noise = statistics.median(abs(each - middle) for each in taken) * 1.4826
        facts.append((name, middle, noise))
        lines.append(
            f"{name}: {_time(middle)} a run ± {noise / middle:.1%} ({len(taken)} samples, fastest {_time(min(taken))})"
        )
    if len(facts) == 1:
        return lines
    (name, one, noise), (other, two, more) = facts
    apart, doubt = abs(one - two), 2 * (noise**2 + more**2) ** 0.5
    if apart <= doubt or apart / max(one, two) < 0.01:
        lines.append(
            f"No difference beyond the noise: {name} takes {one / two:.2f} times as long as {other}."
        )
    else:
        word = "faster" if one < two else "slower"
        lines.append(
            f"{name} is {max(one, two) / min(one, two):.2f} times {word} than {other}, beyond the noise."
        )
    return lines


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
