"""The program that judges lines of JSON."""

import json
import select
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


def test_a_denied_line_keeps_its_name() -> None:
    lines = ['{"id": 7}', '{"id": "a", "command": null}', '{"id": [1], "command": ["ls"]}', '{"command": 5}']
    assert [json.loads(answer)["id"] for answer in answers(lines)] == [7, "a", [1], None]


def test_answers_are_json_whatever_the_name_is() -> None:
    lines = [
        '{"id": NaN, "command": "ls"}',
        '{"id": 1e999, "command": "ls"}',
        '{"id": -Infinity, "command": "ls"}',
    ]
    found = [json.loads(answer, parse_constant=lambda said: said) for answer in answers(lines)]
    assert [(answer["id"], answer["verdict"]) for answer in found] == [(None, "deny")] * 3
    assert [answer["reason"] for answer in found][:2] == [
        "The line is not JSON: 'NaN' is no number of it.",
        "The number in 'id' is too large.",
    ]


def test_a_command_that_is_said_twice_is_denied() -> None:
    (answer,) = answers(['{"id": 1, "command": "rm x", "command": "ls"}'])
    assert json.loads(answer)["verdict"] == "deny"
    assert "stands twice" in json.loads(answer)["reason"]


def test_each_line_is_answered_before_the_next_is_sent() -> None:
    command = [sys.executable, "-m", "perdure.safety.command"]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as program:
        assert program.stdin
        assert program.stdout
        for number in range(3):
            program.stdin.write(f'{{"id": {number}, "command": "ls"}}\n')
            assert select.select([program.stdout], [], [], 20)[0], "No answer came."
            assert json.loads(program.stdout.readline())["id"] == number
        program.stdin.close()
        assert program.wait() == 0


def test_bytes_of_any_kind_lose_no_line() -> None:
    sent = [
        b'\xef\xbb\xbf{"id": 1, "command": "ls"}\r\n',
        b'{"id": 2, "command": "ls \xff"}\n',
        b'{"id": 3,\r"command": "ls"}\n',
        b'{"id": 4, "command": "ls"}\r{"id": 5, "command": "ls"}\n',
        b"\x00\n",
        '{"id": 6, "command": "ls \u2028"}\n'.encode(),
        b'{"id": 7, "command": "' + b"a" * 1_000_000 + b'"}\n',
        b'{"id": 8, "command": "ls"}',
    ]
    run = subprocess.run(
        [sys.executable, "-m", "perdure.safety.command"],
        cwd=PROJECT,
        input=b"".join(sent),
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(answer["id"], answer["verdict"]) for answer in found] == [
        (1, "allow"),
        (2, "deny"),
        (3, "allow"),
        (None, "deny"),
        (None, "deny"),
        (6, "deny"),
        (7, "deny"),
        (8, "allow"),
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
