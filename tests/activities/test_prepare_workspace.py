"""A workspace's name: words that a person recognises, and never two tasks' alike."""

import re

import pytest

from activities.prepare_workspace import branch_name
from perdure.contracts.digests import short_hash

END = short_hash("task-1")[:6]


@pytest.mark.parametrize(
    ("request_text", "words"),
    [
        ("Fix the rounding in money.py!", "fix-the-rounding-in-money-py"),
        ("  ÜBER: naïve   café ", "ber-na-ve-caf"),
        ("修复", "task"),
        ("", "task"),
        ("../../etc; rm -rf ~ --force @{u}", "etc-rm-rf-force-u"),
        ("a" * 200, "task"),
        ("word " * 50, "word-word-word-word-word-word-word-word"),
        ("Say\nhello.lock", "say-hello-lock"),
    ],
)
def test_a_branch_is_named_after_the_request(request_text: str, words: str) -> None:
    assert branch_name(request_text, "task-1") == f"perdure/{words}-{END}"


def test_each_task_has_a_branch_of_its_own() -> None:
    names = {branch_name("Fix it.", f"task-{number}") for number in range(1_000)}
    assert len(names) == 1_000
    assert all(re.fullmatch(r"perdure/fix-it-[0-9a-f]{6}", name) for name in names)


def test_the_same_task_has_the_same_branch_again() -> None:
    assert branch_name("Fix it.", "task-1") == branch_name("Fix it.", "task-1")
