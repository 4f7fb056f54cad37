"""What tools take beside what a person would run instead, in turns of one run: medians in milliseconds with ranges.

python benchmarks/tools.py [--turns 15] prints the Markdown table of docs/performance.md. ``MEASUREMENTS`` is the list of
its lines: who adds one gives a name, what runs instead, a goal, and both ways on a prepared folder.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import symbol_index
from perdure.contracts.calls import ToolCall
from perdure.interpreter import watch_children_without_threads
from perdure.safety.views import SandboxLimits, View
from tools.by_hand.bench import context_on
from tools.programs import run_program
from tools.registry import Registry
from tools.tool_schemas import ToolContext

FEW, MANY, IN_A_FOLDER = 2_000, 30_000, 20
PATTERN = r"return 7\d\d$"
LARGE = "a line of text in a larger file\n" * 32_768
Timed = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Bench:
    """A folder of so many files, and the tools on it."""

    context: ToolContext
    registry: Registry

    def calls(self, tool: str, **arguments: Any) -> Timed:
        """The tool; SystemExit where it fails, for then nothing was measured."""
        call = ToolCall(index=0, call_id="benchmark", tool=tool, arguments=arguments)

        async def run() -> None:
            output = await self.registry.run(call, self.context)
            if not output.ok:
                raise SystemExit(f"{tool} failed: {output.content[:500]}")

        return run

    def runs(self, *command: str) -> Timed:
        """A program as a person runs it, in the folder, its output read to the end."""

        async def run() -> None:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.context.copy.root, stdout=subprocess.PIPE
            )
            await process.communicate()
            if process.returncode:
                raise SystemExit(f"{command[0]} ended with {process.returncode}.")

        return run

    @property
    def ripgrep(self) -> str:
        """The same ripgrep that the tools use."""
        return str(self.context.toolchain.ripgrep)

    async def sandboxed(self) -> None:
        """``true`` in the whole sandbox, without a tool."""
        await run_program(self.context, ["true"], view=View.READ_ONLY, limits=SandboxLimits())


@dataclass(frozen=True)
class Measurement:
    """One line: a tool's way beside another."""

    name: str
    instead: str
    files: int
    goal: str
    within: Callable[[float, float], bool]
    """Whether the goal is reached, of the two medians in milliseconds."""
    ways: Callable[[Bench], tuple[Timed, Timed]]


MEASUREMENTS: Sequence[Measurement] = (
    *(
        Measurement(
            f"`grep_search`, {files:,} files",
            "`rg`",
            files,
            "1.3 × `rg`" if files == MANY else "–",
            lambda ours, theirs, files=files: files != MANY or ours <= 1.3 * theirs,
            lambda bench: (
                bench.calls("grep_search", pattern=PATTERN),
                bench.runs(bench.ripgrep, "--line-number", PATTERN, "./"),
            ),
        )
        for files in (MANY, FEW)
    ),
    Measurement(
        "`search_files`, 30,000 paths",
        "`rg --files` into `rg`, the name spelled right",
        MANY,
        "150 ms",
        lambda ours, _: ours <= 150,
        lambda bench: (
            bench.calls("search_files", query="module_77 handlr_3"),
            bench.runs("sh", "-c", '"$1" --files | "$1" module_77/handler_3', "sh", bench.ripgrep),
        ),
    ),
    Measurement(
        "`read_file` of 1 MB",
        "`cat`",
        FEW,
        "20 ms",
        lambda ours, _: ours <= 20,
        lambda bench: (bench.calls("read_file", path="large.txt"), bench.runs("cat", "large.txt")),
    ),
    Measurement(
        "`execute_command` of `true`",
        "`true` in the same sandbox",
        FEW,
        "10 ms more",
        lambda ours, theirs: ours <= theirs + 10,
        lambda bench: (bench.calls("execute_command", command="true"), bench.sandboxed),
    ),
    Measurement(
        "`true` in the whole sandbox",
        "`true`",
        FEW,
        "25 ms",
        lambda ours, _: ours <= 25,
        lambda bench: (bench.sandboxed, bench.runs("true")),
    ),
)


def make(root: Path, files: int) -> None:
    """A repository of so many small files and one of 1 MB."""
    for number in range(files // IN_A_FOLDER):
        folder = root / f"package_{number % 40}" / f"module_{number}"
        folder.mkdir(parents=True)
        for each in range(IN_A_FOLDER):
            # Each tree holds matches of the pattern.
            text = f"def handler_{each}():\n    return {700 + number}\n"
            (folder / f"handler_{each}.py").write_text(text)
    (root / "large.txt").write_text(LARGE)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-C", str(root)]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run([*git, *command], check=True, stdout=subprocess.DEVNULL)


async def timed(turns: int, ways: Sequence[Timed]) -> list[list[float]]:
    """Milliseconds of each way; each turn takes every way once, after one that only warms up."""
    took: list[list[float]] = [[] for _ in ways]
    for turn in range(turns + 1):
        for way, times in zip(ways, took, strict=True):
            began = time.perf_counter()
            await way()
            if turn:
                times.append((time.perf_counter() - began) * 1_000)
    return took


def shown(times: Sequence[float]) -> str:
    """The median and the range."""
    return f"{statistics.median(times):.1f} ({min(times):.1f}–{max(times):.1f})"


async def measure(turns: int) -> None:
    """Print the table."""
    print("| | ms | instead | ms | ratio | goal | reached |\n| --- | --- | --- | --- | --- | --- | --- |")
    registry = Registry.discover()
    async with contextlib.AsyncExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        benches: dict[int, Bench] = {}
        for files in {each.files for each in MEASUREMENTS}:
            root = folder / str(files)
            root.mkdir()
            make(root, files)
            environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
            context = await closing.enter_async_context(context_on(root, environment, beat=lambda _: None))
            benches[files] = Bench(context, registry)
        for each in MEASUREMENTS:
            ours, theirs = await timed(turns, each.ways(benches[each.files]))
            mine, other = statistics.median(ours), statistics.median(theirs)
            reached = "–" if each.goal == "–" else "yes" if each.within(mine, other) else "no"
            print(
                f"| {each.name} | {shown(ours)} | {each.instead} | {shown(theirs)} | {mine / other:.2f} | {each.goal} | "
                f"{reached} |",
                flush=True,
            )


async def measure_symbol_index(turns: int) -> None:
    """Print the lines of the symbol index, which is beside universal-ctags where that is on the PATH."""
    took = await symbol_index.measured(turns)
    cold, theirs = statistics.median(took["cold"]), took["ctags"]
    ratio = cold / statistics.median(theirs) if theirs else None
    beside = f"{shown(theirs)} | {ratio:.2f}" if ratio else "not installed | –"
    reached = "–" if ratio is None else "yes" if ratio <= 3 else "no"
    print(
        f"| symbol index of {symbol_index.FILES:,} files, cold | {shown(took['cold'])} | `ctags`, definitions only | {beside} "
        f"| 3 × `ctags` | {reached} |"
    )
    changed = took["one changed file"]
    reached = "yes" if statistics.median(changed) <= 100 else "no"
    print(f"| symbol index, one changed file | {shown(changed)} | – | – | – | 100 ms | {reached} |")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    watch_children_without_threads()
    asyncio.run(measure(options.turns))
    asyncio.run(measure_symbol_index(options.turns))


if __name__ == "__main__":
    main()
