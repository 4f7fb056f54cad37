"""What tools take beside what a person would run instead, in turns of one run; medians in milliseconds.

python benchmarks/tools.py [--turns 9]
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from perdure.contracts.calls import ToolCall
from perdure.safety.views import SandboxLimits, View
from tools.by_hand.bench import context_on
from tools.programs import run_program
from tools.registry import Registry
from tools.tool_schemas import ToolContext

FILES, IN_A_FOLDER = 30_000, 20
Timed = Callable[[], Awaitable[object]]


def make(root: Path) -> None:
    """A repository of 30,000 small files and one of 1 MB."""
    for number in range(FILES // IN_A_FOLDER):
        folder = root / f"package_{number % 40}" / f"module_{number}"
        folder.mkdir(parents=True)
        for each in range(IN_A_FOLDER):
            text = f"def handler_{each}():\n    return {number}\n"
            (folder / f"handler_{each}.py").write_text(text)
    (root / "large.txt").write_text("a line of text in a larger file\n" * 32_768)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-C", str(root)]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run([*git, *command], check=True, stdout=subprocess.DEVNULL)


async def timed(turns: int, ways: Mapping[str, Timed]) -> dict[str, float]:
    """The median of each way in milliseconds; each turn takes every way once."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            began = time.perf_counter()
            await way()
            took[name].append((time.perf_counter() - began) * 1_000)
    return {name: statistics.median(each) for name, each in took.items()}


def ways_of(registry: Registry, context: ToolContext) -> dict[str, Timed]:
    """Every way that is measured, a tool's before what it is compared with."""
    root = context.copy.root

    def calling(tool: str, **arguments: Any) -> Timed:
        call = ToolCall(index=0, call_id="benchmark", tool=tool, arguments=arguments)
        return lambda: registry.run(call, context)

    async def plain(*command: str) -> None:
        process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=subprocess.DEVNULL)
        await process.wait()

    ripgrep = str(context.toolchain.ripgrep)
    limits = SandboxLimits()
    return {
        "grep_search": calling("grep_search", pattern=r"return 7\d\d$"),
        "rg": lambda: plain(ripgrep, "--line-number", r"return 7\d\d$", "./"),
        "search_files": calling("search_files", query="module_77 handlr_3"),
        "rg --files": lambda: plain(ripgrep, "--files"),
        "read_file of 1 MB": calling("read_file", path="large.txt"),
        "execute_command true": calling("execute_command", command="true"),
        "true in the sandbox": lambda: run_program(context, ["true"], view=View.READ_ONLY, limits=limits),
    }


async def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        root.mkdir()
        make(root)
        async with context_on(root, {"PATH": "/usr/local/bin:/usr/bin:/bin"}, beat=lambda _: None) as context:
            medians = await timed(options.turns, ways_of(Registry.discover(), context))
    for name, milliseconds in medians.items():
        print(f"{name:<22}{milliseconds:>9.1f} ms")
    print(f"grep_search ÷ rg{medians['grep_search'] / medians['rg']:>12.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
