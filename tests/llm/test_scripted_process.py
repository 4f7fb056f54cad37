"""``python -m perdure.llm.scripted`` as a process of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from perdure.contracts.model import ModelRequest
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models

_ROOT = Path(__file__).parents[2]


class Launch(Protocol):
    """Starts the program with these arguments."""

    async def __call__(self, *arguments: str | Path) -> asyncio.subprocess.Process: ...


@pytest.fixture
async def launch() -> AsyncIterator[Launch]:
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str | Path) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "perdure.llm.scripted", *map(str, arguments)]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, stdout=pipe, stderr=pipe)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"v": 1, "replies": [{"content": "from another process"}]}), encoding="utf-8")
    return path


async def _first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(120):
        return (await process.stdout.readline()).decode()


async def test_serves_until_it_is_told_to_stop(
    launch: Launch, script: Path, tmp_path: Path, ask: ModelRequest
) -> None:
    address, log = tmp_path / "address", tmp_path / "requests.jsonl"
    process = await launch("--script", script, "--address-file", address, "--log", log)
    line = await _first_line(process)
    url = address.read_text(encoding="utf-8")
    assert line == f"scripted model server at {url}, answering from {script}\n"
    models = Models(ModelSettings(base_url=url, scripted=True))
    reply = await models.complete(ask)
    await models.close()
    assert reply.content == "from another process"
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    logged = [json.loads(entry) for entry in log.read_text(encoding="utf-8").splitlines()]
    assert [(entry["role"], entry["turn"], entry["status"], entry["reply"]) for entry in logged] == [
        ("decide", 0, 200, 0)
    ]


async def test_a_bad_script_ends_it_with_a_sentence(launch: Launch, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"v": 1, "replies": [{}]}', encoding="utf-8")
    process = await launch("--script", script)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"reply 0 (from 0): give 'content', 'calls' or 'error'" in said
    assert b"Traceback" not in said


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a process of its parent's end"
)
async def test_stops_when_its_parent_ends(script: Path, tmp_path: Path) -> None:
    address = tmp_path / "address"
    options = f"'--script', {str(script)!r}, '--address-file', {str(address)!r}, '--die-with-parent'"
    parent = (
        "import subprocess, sys, time, pathlib\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'perdure.llm.scripted', {options}], stdout=subprocess.DEVNULL)\n"
        f"while not pathlib.Path({str(address)!r}).exists(): time.sleep(0.02)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    child = int(await _first_line(process))
    process.kill()
    await process.communicate()
    async with asyncio.timeout(120):
        # Nobody but the kernel tells of the end of a process that is no child of ours.
        while _is_alive(child):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody has collected does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
