"""The reference task of the seeds: 25 steps with every kind of call, in a few seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from perdure.llm.scripted.script import Script
from tests.faults.errand import COUNTER
from tests.faults.seeds.outside import NOTE
from tests.workflows.conftest import FIX, READ, TESTS, Call, script_of

THINKING_MS = 20
LABELS = ("first", "second", "third", "fourth")
"""What the counting commands write, in order."""
FORMAT = 'def show(cents: int) -> str:\n    return f"{cents / 100:.2f}"\n'


def unittest_of(imported: str, claim: str) -> str:
    """A test file for unittest, which starts in a fraction of pytest's time."""
    return (
        f"import unittest\n\n{imported}\n\n\nclass Tests(unittest.TestCase):\n"
        f"    def test_it(self):\n        self.assertTrue({claim})\n"
    )


FILES = {
    "README.md": "# Money\n\nRounds amounts.\n",
    "money/__init__.py": "",
    "money/rounding.py": "def to_cents(amount: float) -> int:\n    return int(amount * 100)\n",
    "tests/__init__.py": "",
    "tests/test_rounding.py": unittest_of("from money.rounding import to_cents", "to_cents(19.99) == 1999"),
}
TEST_OF_FORMAT = unittest_of("from money.format import show", "show(1999) == '19.99'")


def counting(label: str) -> Call:
    """A command that counts in the workspace and outside; the pauses let a fault fall before and after both."""
    command = f"sleep 0.1; echo {label} >> {COUNTER}; {NOTE} {label}; sleep 0.1"
    return ("execute_command", {"command": command, "writes": True})


def write(path: str, content: str) -> Call:
    """A new file."""
    return ("write_file", {"path": path, "content": content})


def edit(path: str, search: str, replace: str) -> Call:
    """A change of a file."""
    return ("edit_file", {"path": path, "blocks": [{"search": search, "replace": replace}]})


INTENDED: Call = ("read_file", {"path": "money/format.py"})
CUT: Mapping[str, Any] = {"tool": "read_file", "raw": '{"path": "money/for'}
"""The same call with arguments that end early: it must not run, and the model must learn why."""

TURNS: tuple[tuple[Call, ...], ...] = (
    (READ, ("read_file", {"path": "README.md"}), ("list_directory", {"path": "."})),
    (FIX,),
    (counting(LABELS[0]),),
    (("grep_search", {"pattern": "amount"}),),
    (write("money/format.py", FORMAT),),
    (write("CHANGES.md", "# Changes\n\nRounds.\n"), edit("README.md", "Rounds amounts.", "Rounds well.")),
    (counting(LABELS[1]),),
    (TESTS,),
    # This call is sent cut off in the middle of its arguments.
    (INTENDED,),
    (INTENDED,),
    (("git_status", {}),),
    (("git_commit", {"message": "Round to the nearest cent"}),),
    (("git_push", {}),),
    (write("docs/notes.md", "Rounding is half to even.\n"),),
    (edit("money/format.py", ":.2f", ":,.2f"),),
    (counting(LABELS[2]),),
    (write("tests/test_format.py", TEST_OF_FORMAT),),
    (("git_diff", {}),),
    (("execute_command", {"command": f"sleep 0.1; wc -l < {COUNTER}"}),),
    (edit("CHANGES.md", "Rounds.", "Rounds and shows."),),
    (counting(LABELS[3]), ("read_file", {"path": COUNTER})),
    (("git_commit", {"message": "Show amounts"}),),
    (write("docs/more.md", "Amounts are shown with two places.\n"),),
)
TURN_OF_THE_CUT = TURNS.index((INTENDED,))


def make_script(before: Sequence[Mapping[str, Any]] = ()) -> Script:
    """The task's answers; ``before`` are looked at first."""
    made = script_of(TURNS)
    replies: list[Mapping[str, Any]] = []
    for reply in made.replies:
        data = reply.model_dump(by_alias=True, exclude_defaults=True)
        if reply.for_ == "decide" and reply.turn == TURN_OF_THE_CUT:
            data["calls"] = [CUT]
        replies.append({**data, "delay_ms": THINKING_MS})
    return Script.model_validate(
        {"v": 1, "about": "the reference task of the seeds", "replies": [*before, *replies]}
    )
