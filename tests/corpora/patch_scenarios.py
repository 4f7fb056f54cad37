"""Folders with ``patch.txt``, ``input`` and ``expected``: one patch a folder, applied whole or not at all."""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import Snapshot, ToolBench, snapshot, tool_bench
from tests.corpora.playing import CannotPlay, played
from tests.corpora.report import Miss, Result
from tools.registry import Registry

FOUND_BY = "patch.txt with input and expected"


def found_in(folder: Path) -> Iterable[Path]:
    """Every folder of scenarios below."""
    return sorted({patch.parent.parent for patch in folder.rglob("patch.txt")})


async def run(place: Path, only: str) -> list[Result]:
    """Apply every patch by edit_file."""
    registry, sandbox = Registry.discover(), await probed_sandbox()
    scenarios = {folder.name: folder for folder in sorted(place.iterdir()) if folder.is_dir()}

    async def play(case: dict[str, Any]) -> Result:
        scenario = scenarios[case["id"]]
        if not (scenario / "patch.txt").is_file():
            raise CannotPlay("its folder holds no patch.txt")
        with tool_bench(registry, sandbox) as bench:
            return await _run_scenario(bench, scenario)

    return await played([{"id": name} for name in scenarios], only, play)


async def _run_scenario(bench: ToolBench, scenario: Path) -> Result:
    if (scenario / "input").is_dir():
        # Contents alone: the collection itself may be kept read-only.
        shutil.copytree(
            scenario / "input",
            bench.workspace,
            symlinks=True,
            dirs_exist_ok=True,
            copy_function=shutil.copyfile,
        )
    before = snapshot(bench.top)
    started = time.monotonic()
    said, applied = "", True
    try:
        # Not read_text, which takes every line end for LF.
        patch = (scenario / "patch.txt").read_bytes().decode("utf-8", "surrogateescape")
        await bench.run("edit_file", {"patch": patch})
    except ToolRejected as refusal:
        said, applied = str(refusal), False
    seconds = time.monotonic() - started
    after = snapshot(bench.top)
    expected = snapshot(scenario / "expected") if (scenario / "expected").is_dir() else {}
    if not applied:
        # A scenario that fails half way may show what was done before; here nothing is.
        same = before == after
        allowed = _contents(expected) == _contents(snapshot(scenario / "input")) or "fail" in scenario.name
        miss = None if same and allowed else Miss.WRONG_OUTCOME if same else Miss.WRONG_FILE
    else:
        miss = None if _contents(snapshot(bench.workspace)) == _contents(expected) else Miss.WRONG_FILE
    why = "the files are not as expected" if applied else "was refused"
    return Result(
        scenario.name, "applied" if applied else "refused", miss, why if miss else "", said, seconds
    )


def _contents(found: Snapshot) -> Snapshot:
    return {path: entry[:1] + entry[2:] for path, entry in found.items() if entry[0] != "folder"}
