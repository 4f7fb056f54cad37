"""The program that judges lines of JSON."""

import json
import subprocess
import sys
from pathlib import Path

from perdure.safety.command.__main__ import answers

PROJECT = Path(__file__).resolve().parents[3]


def test_each_line_is_answered_in_order() -> None:
    lines = [
        '{"id": "a", "command": "ls"}\n',
        "\n",
        '{"id": 7, "command": "rm x", "more": true}\n',
        '{"id": "b", "command": "tail -f x"}\n',
        '{"command": "rm -rf /"}',
    ]
    found = [json.loads(answer) for answer in answers(lines)]
    assert [(answer["id"], answer["verdict"]) for answer in found] == [
        ("a", "allow"),
        (7, "ask"),
        ("b", "bounded"),
        (None, "deny"),
    ]
    assert all(answer["reason"] for answer in found)


def test_what_is_no_question_is_denied() -> None:
    found = [
        json.loads(answer)
        for answer in answers(["no json\n", "[]\n", '{"id": "a"}\n', '{"id": "a", "command": 5}\n'])
    ]
    assert [answer["verdict"] for answer in found] == ["deny"] * 4
    assert found[0]["reason"] == "The line is not JSON: Expecting value: line 1 column 1 (char 0)."


def test_a_line_that_json_itself_cannot_hold_does_not_end_the_rest() -> None:
    deep = "[" * 100_000
    long = f'{{"id": {"9" * 5_000}, "command": "ls"}}'
    found = [json.loads(answer) for answer in answers([deep, long, '{"id": 1, "command": "ls"}'])]
    assert [(answer["id"], answer["verdict"]) for answer in found] == [
        (None, "deny"),
        (None, "deny"),
        (1, "allow"),
    ]


def test_it_runs_as_a_program() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "perdure.safety.command"],
        cwd=PROJECT,
        input='{"id": "a", "command": "ls \\ud800"}\n{"id": "b", "command": "echo é"}\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line)["verdict"] for line in run.stdout.splitlines()] == ["deny", "ask"]
    assert run.stderr == ""
