"""What is secret of a worker reaches no process that runs tools: not handed to it, and not to be read from within."""

import asyncio
import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.safety.process_tree import descendants
from tests.tools.conftest import Bench

NAMES = (
    "GROQ_API_KEY",
    "PERDURE_DATABASE_URL",
    "PERDURE_REDIS_URL",
    "PERDURE_GIT_TOKENS",
    "PERDURE_SIGNING_KEY",
)
HELD = "sleep 86399"
"""What the commands end with that are looked at while they run."""
MOST_BYTES = 1 << 20


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Secrets of the worker, in its environment."""
    made = [f"w0rker{secrets.token_hex(16)}" for _ in NAMES]
    for name, value in zip(NAMES, made, strict=True):
        monkeypatch.setenv(name, value)
    return made


def is_file(descriptor: Path) -> bool:
    """Whether it can be read without waiting."""
    try:
        return stat.S_ISREG(descriptor.stat().st_mode)
    except OSError:
        return False


def seen_of(pid: int) -> Iterator[bytes]:
    """What a process was given: environment, command line, and the files that it holds open."""
    for file in (Path(f"/proc/{pid}/environ"), Path(f"/proc/{pid}/cmdline")):
        with contextlib.suppress(OSError):
            yield file.read_bytes()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if is_file(descriptor):
                    with descriptor.open("rb") as opened:
                        yield opened.read(MOST_BYTES)


async def held(name: str) -> set[int]:
    """All processes below the worker, once one of them is the command's last."""
    async with asyncio.timeout(60):
        while True:
            below = descendants(os.getpid())
            for pid in below:
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/cmdline").read_bytes() == name.replace(" ", "\0").encode() + b"\0":
                        return set(below)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("writes", [False, True])
async def test_no_process_of_a_tool_is_given_a_secret_of_the_worker(
    bench: Bench, values: list[str], tmp_path: Path, *, writes: bool
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("\n".join(values))
    descriptor = os.open(kept, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    before = set(descendants(os.getpid()))
    command = (
        f"python3 -c 'import time; time.sleep(86398)' & git cat-file --batch < <(sleep 86397) & {HELD}; true"
    )
    running = asyncio.create_task(bench.run("execute_command", command=command, writes=writes))
    try:
        started = await held(HELD) - before
        assert len(started) >= 3
        given = b"".join(part for pid in started for part in seen_of(pid))
        assert b"/tmp/home" in given
        assert [name for name, value in zip(NAMES, values, strict=True) if value.encode() in given] == []
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        os.close(descriptor)


async def test_a_tool_cannot_read_a_secret_of_the_worker(
    bench: Bench, values: list[str], tmp_path: Path
) -> None:
    settings = tmp_path / ".env"
    settings.write_text("\n".join(f"{name}={value}" for name, value in zip(NAMES, values, strict=True)))
    # A process beside the sandbox that has them as a worker does: from the moment it was started.
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stdin.read()", str(settings), stdin=asyncio.subprocess.PIPE
    )
    try:
        assert values[0].encode() in Path(f"/proc/{worker.pid}/environ").read_bytes()
        command = (
            'env; for each in /proc/[0-9]*/fd/*; do [ -f "$each" ] && head -c 1000000 "$each"; done; '
            f"cat /proc/*/environ /proc/*/cmdline '{settings}' /proc/{worker.pid}/environ /proc/{worker.pid}/root{settings} "
            "2>&1 | tr '\\0' '\\n'; echo looked"
        )
        output = await bench.run("execute_command", command=command)
    finally:
        worker.terminate()
        await worker.wait()
    assert "looked" in output.content
    assert "HOME=/tmp/home" in output.content
    everything = output.content.encode() + b"".join(one.data for one in output.artifacts)
    assert [name for name, value in zip(NAMES, values, strict=True) if value.encode() in everything] == []
