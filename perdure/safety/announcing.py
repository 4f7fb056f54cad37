"""Runs the operator's command that tells people of something, outside the sandbox, with nothing of the worker's secrets."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import AnnouncementFailed
from perdure.safety.secrets.cutting import ending

SHOWN_OUTPUT = 300
MAX_OUTPUT = 64 * 1024
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""All that such a command is given of the worker's environment."""


@dataclass(frozen=True)
class Announcer:
    """A command of the operator, its environment and its time limit."""

    command: Sequence[str]
    """Program and arguments; empty where there is none."""
    environment: Mapping[str, str]
    limit_s: float

    @property
    def program(self) -> str:
        """What is run, for people; empty where there is none."""
        return self.command[0] if self.command else ""

    async def announce(self, message: bytes) -> None:
        """Run it with the message on its standard input; AnnouncementFailed unless it ends with 0 in time.

        Its whole process group is gone afterwards.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(self.environment),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise AnnouncementFailed(
                f"The command {self.program!r} could not be started: {error.strerror}.",
                "mend PERDURE_ESCALATION_COMMAND.",
            ) from error
        try:
            async with asyncio.timeout(self.limit_s):
                output = await _talk(process, message)
                code = await process.wait()
        except TimeoutError as error:
            raise AnnouncementFailed(
                f"The command {self.program!r} did not end within {self.limit_s:g} s, and was stopped."
            ) from error
        finally:
            _end(process)
            await process.wait()
        if code != 0:
            said = ending(output.decode("utf-8", "replace").strip(), SHOWN_OUTPUT)
            raise AnnouncementFailed(
                f"The command {self.program!r} ended with {code}: {said or 'no output'}."
            )


async def _talk(process: asyncio.subprocess.Process, message: bytes) -> bytes:
    """Give it the message and take what it writes, of which the end is kept; one that reads nothing is no failure."""
    # Both are there, since both were asked for.
    assert process.stdin is not None
    assert process.stdout is not None
    output = bytearray()
    reading = asyncio.ensure_future(_read(process.stdout, output))
    try:
        try:
            process.stdin.write(message)
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass
        process.stdin.close()
        await reading
    finally:
        reading.cancel()
    return bytes(output)


async def _read(stream: asyncio.StreamReader, output: bytearray) -> None:
    while part := await stream.read(8192):
        output += part
        del output[:-MAX_OUTPUT]


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the whole group, of which the leader may be over while others go on."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
