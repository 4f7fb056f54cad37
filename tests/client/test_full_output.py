"""An output that takes no more, such as a file on a full disk, gets a sentence and an exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import unwritten
from perdure.settings import PROJECT_FOLDER


@pytest.mark.parametrize("arguments", [("maintain", "--list"), ("maintain", "--list", "--json"), ("--help",)])
def test_a_command_whose_output_is_full_says_so(arguments: tuple[str, ...]) -> None:
    program = [sys.executable, str(PROJECT_FOLDER / "starter.py"), *arguments]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            program, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120
        )
        assert ended.stderr.count("The output could not be written: No space left on device.") == 1
        assert "Traceback" not in ended.stderr
        assert ended.returncode == ExitCode.NOT_DONE
        silent = subprocess.run(program, stdout=full, stderr=full, check=False, timeout=120)
        assert silent.returncode == ExitCode.NOT_DONE


def test_other_errors_of_files_stay_what_they_are() -> None:
    assert unwritten(FileNotFoundError(2, "No such file or directory", "a.txt")) is None
    assert unwritten(OSError(28, "No space left on device", "a.txt")) is None
