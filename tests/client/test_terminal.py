"""What a person meets at a terminal: a prompt that can be left, and text that imitates nothing."""

import signal
import subprocess
import sys

from temporalio.exceptions import ApplicationError

from perdure.client.command_line.change import diff_lines
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.decoding import result_in
from tests.client.shell import Shell

ASKING = """
import asyncio
from perdure.client.command_line.output import Output

async def asked():
    print(Output().confirm("Approve exactly this?"))

try:
    asyncio.run(asked())
except KeyboardInterrupt:
    raise SystemExit(130)
"""
LIMIT_S = 60


def test_one_interrupt_leaves_the_prompt_of_an_approval() -> None:
    with asking() as process:
        assert process.stdout is not None
        shown = b""
        while not shown.endswith(b"[y/N] "):
            shown += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == ExitCode.INTERRUPTED


def test_the_end_of_the_input_is_no_approval() -> None:
    with asking() as process:
        said, _ = process.communicate(b"", timeout=LIMIT_S)
        assert process.returncode == 0
    assert said.endswith(b"False\n")


def asking() -> "subprocess.Popen[bytes]":
    """A process that asks at its standard input."""
    return subprocess.Popen([sys.executable, "-c", ASKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_only_a_line_feed_begins_a_line_of_a_diff() -> None:
    assert diff_lines(b"+a\rdiff --git\x0b-b\xe2\x80\xa8+c\n d\n") == ["+a\rdiff --git\x0b-b\u2028+c", " d"]
    assert diff_lines(b"") == []


def test_what_another_version_wrote_as_its_result_is_left_out() -> None:
    newer = ApplicationError("It failed.", {"status": "ended_in_a_new_way", "summary": "It failed."})
    assert result_in(newer) is None


async def test_a_name_that_is_not_utf_8_is_refused_in_a_sentence(shell: Shell) -> None:
    for command in (("show", "\udcff"), ("schedule", "show", "\udcff"), ("cancel", "\udcff")):
        result = await shell.run(*command)
        assert result.exit_code == ExitCode.USAGE, command
        assert "is no text in UTF-8" in result.stderr
