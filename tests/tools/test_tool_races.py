"""Somebody exchanges a folder, and a file, with links that lead out, as fast as the kernel can, while tools run."""

import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.sandbox import Sandbox
from tests.corpora.bench import ToolBench, lend, tool_bench
from tools.registry import Registry

ROUNDS = 400
SEARCH_EVERY = 100
"""Searching starts a sandboxed program, which takes as long as many of the others."""
MARK = "kept-outside"


ATTACKER = """
import ctypes, os, sys
rename, exchange = ctypes.CDLL(None).renameat2, 2
os.chdir(sys.argv[1])
pairs = [tuple(map(os.fsencode, pair.split("="))) for pair in sys.argv[2:]]
counted = 0
while os.path.exists("../go-on"):
    for _ in range(100):
        for first, second in pairs:
            counted += rename(-100, first, -100, second, exchange) == 0
print(counted)
"""


@contextmanager
def exchanging(root: Path, *pairs: str) -> Generator[list[int]]:
    """Exchange the two names of each pair until the block ends; then the list holds how often that was done."""
    counted: list[int] = []
    go_on = root.parent / "go-on"
    go_on.touch()
    # A process of its own, so that the tools' own threads do not hold it up.
    command = [sys.executable, "-I", "-S", "-c", ATTACKER, str(root), *pairs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attacker:
        try:
            yield counted
        finally:
            go_on.unlink()
            counted.append(int(attacker.communicate()[0]))


def laid_out(bench: ToolBench) -> Path:
    """A folder and a file of the workspace, each beside a link to what lies outside under the same names."""
    outside = bench.top / "outside"
    (outside / "sub").mkdir(parents=True)
    for name in ("f.txt", "edited.txt", "sub/f.txt", f"{MARK}.txt"):
        (outside / name).write_text(f"{MARK}: a secret\n")
    race = bench.workspace / "race"
    (race / "sub").mkdir(parents=True)
    (race / "f.txt").write_text("inside\n")
    (race / "edited.txt").write_text("inside 0\n")
    (bench.workspace / "file.txt").write_text("inside\n")
    (bench.workspace / "out").symlink_to("../outside")
    (bench.workspace / "out.txt").symlink_to("../outside/f.txt")
    lend(bench)
    return outside


def calls_of(number: int) -> list[tuple[str, dict[str, Any]]]:
    """What the tools are asked in one round."""
    name = f"race/{number % 20}.txt"
    asked: list[tuple[str, dict[str, Any]]] = [
        ("read_file", {"path": "race/f.txt"}),
        ("read_file", {"path": "file.txt"}),
        ("list_directory", {"path": "race"}),
        ("read_file", {"path": "race/sub/../f.txt"}),
        ("list_directory", {"path": "race/sub"}),
    ]
    # What writes waits for the disk, so these take turns.
    changing: list[tuple[str, dict[str, Any]]] = [
        ("write_file", {"path": name, "content": "written\n"}),
        ("write_file", {"path": f"race/new{number}/f.txt", "content": "written\n"}),
        ("edit_file", {"path": "race/edited.txt", "blocks": [{"search": "inside", "replace": "inside "}]}),
        ("delete_file", {"path": name}),
        ("delete_file", {"path": "race/sub", "recursive": True}),
    ]
    asked.append(changing[number % len(changing)])
    if number % SEARCH_EVERY == 0:
        asked += [("grep_search", {"pattern": "secret"}), ("search_files", {"pattern": "*.txt"})]
    return asked


async def test_no_tool_writes_or_reads_outside_while_folders_are_exchanged_for_links(
    sandbox: Sandbox,
) -> None:
    with tool_bench(Registry.discover(), sandbox) as bench:
        outside = laid_out(bench)
        before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
        outcomes = Counter[str]()
        with exchanging(bench.workspace, "race=out", "file.txt=out.txt") as exchanges:
            for number in range(ROUNDS):
                for tool, arguments in calls_of(number):
                    try:
                        output = await bench.run(tool, arguments)
                        told = f"{output.content} {output.summary}"
                        outcomes["done" if output.ok else "failed"] += 1
                    except ToolRejected as refusal:
                        told = str(refusal)
                        outcomes["refused"] += 1
                    assert MARK not in told, f"{tool} {arguments}: {told}"
        assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    assert exchanges[0] > 1_000
    # Each of these happened, so that something was tried.
    assert outcomes.total() == ROUNDS * 6 + 2 * ROUNDS // SEARCH_EVERY
    assert outcomes["done"] > 100
    assert outcomes["refused"] > 100
