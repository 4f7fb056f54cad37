"""What the symbol index takes for 3,000 Python files: cold, with one changed file, and universal-ctags beside it.

    python benchmarks/symbol_index.py [--turns 5]

The files are those of the standard library, filled up from this environment's packages. ctags, where it is on the PATH,
finds definitions only. Medians in milliseconds of one run, in turns.
"""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.by_hand.bench import context_on
from tools.symbols.index import FILE, SymbolIndex
from tools.tool_schemas import ToolContext

FILES = 3_000
SETTLED_S = 0.3
"""After so long a file that was written is known by its look."""


def make(root: Path) -> None:
    """A repository of the files."""
    found: list[Path] = []
    for folder in (Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))):
        for path in sorted(folder.rglob("*.py")):
            if len(found) < FILES and (folder.name == "site-packages" or "site-packages" not in path.parts):
                found.append(path)
                target = root / folder.name / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-C", str(root)]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run([*git, *command], check=True, stdout=subprocess.DEVNULL)


async def looked(context: ToolContext) -> float:
    """Milliseconds of one look."""
    began = time.perf_counter()
    await SymbolIndex.current(context)
    return (time.perf_counter() - began) * 1_000


async def cold(context: ToolContext) -> float:
    """A look with nothing kept."""
    for file in context.copy.task_folder.glob(f"{FILE}*"):
        file.unlink()
    return await looked(context)


async def after_a_change(context: ToolContext, turn: int) -> float:
    """A look after one file was changed."""
    await asyncio.sleep(SETTLED_S)
    await looked(context)
    path = (await SymbolIndex.current(context)).paths[turn * 100]
    file = context.copy.root / path
    file.write_bytes(file.read_bytes() + b"\ndef new_one(): pass\n")
    return await looked(context)


async def ctags(program: str, root: Path) -> float:
    """Milliseconds of ctags on the same files."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        program, "-R", "--languages=Python", "-f", "/dev/null", ".", cwd=root
    )
    await process.wait()
    return (time.perf_counter() - began) * 1_000


async def measured(turns: int) -> dict[str, list[float]]:
    """Milliseconds of each way by turns: ``cold``, ``nothing changed``, ``one changed file`` and ``ctags``."""
    took: dict[str, list[float]] = {"cold": [], "nothing changed": [], "one changed file": [], "ctags": []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "repository"
        root.mkdir()
        await asyncio.to_thread(make, root)
        program = shutil.which("ctags")
        async with context_on(root, {"PATH": "/usr/local/bin:/usr/bin:/bin"}, beat=lambda _: None) as context:
            for turn in range(turns):
                took["cold"].append(await cold(context))
                took["nothing changed"].append(await looked(context))
                took["one changed file"].append(await after_a_change(context, turn))
                if program:
                    took["ctags"].append(await ctags(program, root))
    return took


async def main(arguments: Sequence[str]) -> int:
    """Print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    took = await measured(parser.parse_args(arguments).turns)
    for name, each in took.items():
        print(f"{name:<18}{statistics.median(each):>9.1f} ms" if each else f"{name:<18}not installed")
    if took["ctags"]:
        ratio = statistics.median(took["cold"]) / statistics.median(took["ctags"])
        print(f"{'cold ÷ ctags':<18}{ratio:>9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
