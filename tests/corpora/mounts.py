"""The ``mounts`` of ``bad_files.json``: a file tool on a disk that is full, read-only, without room for names, and so on.

Each is played in a process of its own, ``python -m tests.corpora.mounts NAME FOLDER``, which alone sees such a disk at the
folder; its last line is what it found, as JSON.
"""

import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from perdure.contracts.calls import ToolCall
from perdure.contracts.errors import PerdureError
from perdure.safety.bubblewrap import Bubblewrap
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import ToolBench, lend, tool_bench
from tests.corpora.playing import CannotPlay, NotHere
from tests.corpora.report import Miss, Result
from tools.registry import Registry

LARGE = "x" * 999_999 + "\n"
MOST_S = 60.0
QUOTA_BYTES = 64 * 1024
SIZE_BYTES = 262_144


def _bubblewrap(*options: str) -> Callable[[str], list[str]]:
    return lambda folder: [_program(), "--dev-bind", "/", "/", *options, folder, "--"]


def _program() -> str:
    """The bubblewrap that the sandbox takes too."""
    return str(Bubblewrap.find(os.environ.get("PATH", "")).program)


def _mounted(kind: str) -> Callable[[str], list[str]]:
    def before(folder: str) -> list[str]:
        if os.geteuid() != 0:
            raise NotHere("only root may mount such a disk")
        script = f'mount -t tmpfs -o {kind} none "$0" && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, folder]

    return before


BEFORE: dict[str, Callable[[str], list[str]]] = {
    "full_fs": _bubblewrap("--size", str(SIZE_BYTES), "--tmpfs"),
    "no_inodes": _mounted("nr_inodes=20"),
    "ro_fs": lambda folder: [_program(), "--dev-bind", "/", "/", "--ro-bind", folder, folder, "--"],
    "noexec_fs": _mounted("noexec"),
    "quota": lambda _: [],
}
"""What a command stands behind to see such a disk at the folder."""
NOT_MADE = {
    "slow_fs": "a file system that answers slowly needs FUSE",
    "case_insensitive_fs": "a folder without case needs a disk image of its own, made with casefold",
}


async def play_mount(case: dict[str, Any]) -> Result:
    """Play one in a process of its own."""
    name = case["name"]
    if name in NOT_MADE:
        raise NotHere(NOT_MADE[name])
    if name not in BEFORE:
        raise CannotPlay(f"its disk is not known, {name!r}")
    with tempfile.TemporaryDirectory(prefix="corpora-disk-") as folder:
        Path(folder).chmod(0o755)
        if name == "ro_fs":
            (Path(folder) / "old.txt").write_text("old\n")
        before = BEFORE[name](folder)
        if before and shutil.which(before[0]) is None:
            raise NotHere(f"the program {before[0]!r} is missing")
        process = await asyncio.create_subprocess_exec(
            *before, sys.executable, "-m", "tests.corpora.mounts", name, folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(MOST_S):
                written, words = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return Result(name, "disk", Miss.SLOW, f"it did not end within {MOST_S:.0f} s")
    lines = written.decode("utf-8", "replace").splitlines()
    if process.returncode or not lines:
        said = words.decode("utf-8", "replace").strip()
        return Result(name, "disk", Miss.BROKEN, f"exit code {process.returncode}", said[-300:])
    found = json.loads(lines[-1])
    return Result(
        name,
        "disk",
        Miss.WRONG_OUTCOME if found["problem"] else None,
        **{"why": found["problem"], "said": found["said"]},
    )


async def _said(bench: ToolBench, tool: str, **arguments: Any) -> str:
    """What the tool answers, refusals and errors of ours included."""
    call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)
    try:
        return (await bench.registry.run(call, bench.context)).content
    except PerdureError as error:
        return f"refused: {error.message}"


async def _write_refused(bench: ToolBench, words: tuple[str, ...]) -> tuple[str, str]:
    """A large file is refused in one of these words, the old one stays, nothing is left behind, and the tool goes on."""
    root = bench.workspace
    names = sorted(path.name for path in root.iterdir())
    said = await _said(bench, "write_file", path="old.txt", content=LARGE)
    if not said.startswith("refused: ") or not any(word in said for word in words):
        return said, f"the refusal names none of {', '.join(words)}"
    if (root / "old.txt").read_text() != "old\n":
        return said, "the old file was changed"
    if sorted(path.name for path in root.iterdir()) != names:
        return said, "something was left behind"
    after = await _said(bench, "read_file", path="old.txt")
    return said, "" if "old" in after else f"the tool does not go on: {after}"


async def _no_inodes(bench: ToolBench) -> tuple[str, str]:
    for number in range(40):
        try:
            (bench.workspace / f"{number}.txt").touch()
        except OSError:
            break
    return await _write_refused(bench, ("No space left", "is full"))


async def _noexec(bench: ToolBench) -> tuple[str, str]:
    script = bench.workspace / "run.sh"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    lend(bench)
    said = await _said(bench, "execute_command", argv=["./run.sh"])
    return (
        said,
        "" if "ermission denied" in said and "ran" not in said.split() else "permission was not denied",
    )


async def _quota(bench: ToolBench) -> tuple[str, str]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (QUOTA_BYTES, QUOTA_BYTES))
    return await _write_refused(bench, ("larger than a file may be", "too large"))


PLAYS: dict[str, Callable[[ToolBench], Awaitable[tuple[str, str]]]] = {
    "full_fs": lambda bench: _write_refused(bench, ("No space left", "is full")),
    "no_inodes": _no_inodes,
    "ro_fs": lambda bench: _write_refused(bench, ("ead-only",)),
    "noexec_fs": _noexec,
    "quota": _quota,
}


async def _play_inside(name: str, folder: Path) -> None:
    registry, sandbox = Registry.discover(), await probed_sandbox()
    with tool_bench(registry, sandbox, tree=folder) as bench:
        if name != "ro_fs":
            (folder / "old.txt").write_text("old\n")
        said, problem = await PLAYS[name](bench)
    sys.stdout.write(json.dumps({"said": said[:500], "problem": problem}) + "\n")


if __name__ == "__main__":
    asyncio.run(_play_inside(sys.argv[1], Path(sys.argv[2])))
