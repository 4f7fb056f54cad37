"""The person of the demo can answer, and can leave."""

import os
import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import at_a_terminal

PROJECT = Path(__file__).resolve().parents[2]
ASK = """
import asyncio
from rich.console import Console
from examples.demo_people import Person
from examples.demo_view import View

print("said", repr(asyncio.run(Person(View(Console()), may_approve=False).typed("[bold]Well?[/] "))))
"""


def ask(typed: str) -> tuple[int, str]:
    """Exit code and output of a program that asks once, where this is typed."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    return at_a_terminal(
        [sys.executable, "-c", ASK],
        [("Well? ", typed)],
        folder=PROJECT,
        environment=environment,
        timeout_s=120,
    )


@pytest.mark.parametrize(("typed", "said"), [("yes \n", "'yes'"), ("\n", "''"), ("\x04", "None")])
def test_a_line_is_read_and_the_end_of_the_input_is_no_word(typed: str, said: str) -> None:
    code, shown = ask(typed)
    assert f"said {said}" in shown
    assert code == 0


def test_ctrl_c_at_a_prompt_ends_the_program_without_another_key() -> None:
    code, shown = ask("\x03")
    assert "KeyboardInterrupt" in shown
    assert "said" not in shown
    assert code != 0
