"""The operator's command: what it is given, and that nothing of it stays."""

import asyncio
import json
from pathlib import Path

import pytest

from perdure.contracts.errors import AnnouncementFailed
from perdure.safety.announcing import Announcer


def announcer(*command: str, limit_s: float = 60.0) -> Announcer:
    """A command with a small environment."""
    return Announcer(command, {"PATH": "/usr/bin:/bin"}, limit_s)


async def test_it_reads_the_message_and_sees_only_the_environment_that_is_meant(tmp_path: Path) -> None:
    script = f"cat > {tmp_path}/message; env > {tmp_path}/environment; pwd > {tmp_path}/folder"
    message = json.dumps({"approval": "x" * 200_000}).encode()
    await announcer("/bin/sh", "-c", script).announce(message)
    assert (tmp_path / "message").read_bytes() == message
    names = {line.split("=")[0] for line in (tmp_path / "environment").read_text().splitlines()}
    assert names <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    assert (tmp_path / "folder").read_text() == "/\n"


async def test_one_that_reads_nothing_and_writes_much_is_no_failure() -> None:
    script = "head -c 300000 /dev/zero | tr '\\0' x"
    await announcer("/bin/sh", "-c", script).announce(b"x" * 1_000_000)


async def test_what_fails_says_how(tmp_path: Path) -> None:
    with pytest.raises(AnnouncementFailed, match="ended with 7: no such room"):
        await announcer("/bin/sh", "-c", "echo no such room; exit 7").announce(b"{}")
    with pytest.raises(AnnouncementFailed, match="could not be started: No such file"):
        await announcer(str(tmp_path / "missing")).announce(b"{}")


async def test_one_that_takes_too_long_is_gone_with_all_that_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {file}; echo $$ >> {file}; wait"
    with pytest.raises(AnnouncementFailed, match=r"did not end within 0\.5 s"):
        await announcer("/bin/sh", "-c", script, limit_s=0.5).announce(b"{}")
    async with asyncio.timeout(60):
        for pid in file.read_text().split():
            # The kernel has no event for the end of a process that is not ours.
            while _runs(pid):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _runs(pid: str) -> bool:
    """Whether the process is there and no zombie that its new parent did not look at yet."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
