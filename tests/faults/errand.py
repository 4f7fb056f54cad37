"""The reference task of the fault tests: every kind of step once, with a command whose effect can be counted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perdure.llm.scripted.script import Script
from tests.workflows.conftest import FILES, FIX, TESTS, Call, git, make_repository, script_of

REQUEST = "Round correctly."
COUNTER = "count.txt"

#: The pauses give a kill the time to fall before and after the effect.
COUNTING: Call = (
    "execute_command",
    {"command": f"sleep 0.4; echo once >> {COUNTER}; sleep 0.6", "writes": True},
)
TWO_CHANGES: tuple[Call, ...] = (
    (
        "write_file",
        {"path": "CHANGES.md", "content": "# Changes\n\nAmounts are rounded to the nearest cent.\n"},
    ),
    (
        "edit_file",
        {"path": "README.md", "blocks": [{"search": "Rounds amounts.", "replace": "Rounds amounts well."}]},
    ),
)
TURNS: tuple[tuple[Call, ...], ...] = (
    (("read_file", {"path": "README.md"}), ("read_file", {"path": "money/rounding.py"})),
    (FIX,),
    (COUNTING,),
    (TESTS,),
    (("git_commit", {"message": "Round to the nearest cent"}),),
    TWO_CHANGES,
    (("execute_command", {"command": f"sleep 0.3; wc -l < {COUNTER}"}),),
)
#: Positions in the loop; saying that it is done is a step of its own.
STEP_OF_COUNTING, STEP_OF_COMMIT, STEP_OF_TWO_CHANGES, STEP_OF_PUBLISHING = 3, 5, 6, 9


def make_errand(folder: Path, files: Mapping[str, str] = FILES) -> tuple[Path, Path]:
    """The repository and its bare remote, which keeps a log of every move of a branch."""
    repository, remote = make_repository(folder, files)
    git(remote, "config", "core.logAllRefUpdates", "always")
    return repository, remote


def make_script(*, delay_ms: float) -> Script:
    """The task's answers, each after a pause as of a model that thinks."""
    made = script_of(TURNS)
    replies: list[Mapping[str, Any]] = [
        {**reply.model_dump(by_alias=True, exclude_defaults=True), "delay_ms": delay_ms}
        for reply in made.replies
    ]
    return Script.model_validate(
        {"v": 1, "about": "the reference task of the fault tests", "replies": replies}
    )
