"""Log lines of the processes, written by a process of its own, since the settings are the whole process's."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PROGRAM = """
import logging, sys
from perdure.logs import configure_logging

configure_logging(level={level!r}, form={form!r})
logger = logging.getLogger("perdure.test")
logger.debug("too small")
logger.info("activity %s", "ended", extra={{"task": "task-1", "seconds": 0.25, "words": "naïve ☃"}})
logging.getLogger("httpx").info("HTTP Request: POST")
logging.getLogger("httpx").warning("slow")
try:
    raise ValueError("broken")
except ValueError:
    logger.exception("unexpected error", extra={{"step": 3}})
"""


def lines_of(form: str, level: str = "info", program: str = PROGRAM) -> list[str]:
    """What the program writes to standard error; nothing may go to standard output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.format(form=form, level=level)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr.splitlines()


def json_lines(level: str = "info") -> list[dict[str, Any]]:
    """The lines as JSON objects, without their times."""
    lines = [json.loads(line) for line in lines_of("json", level)]
    for line in lines:
        assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    return lines


def test_json_is_one_object_a_line_with_every_fact() -> None:
    ended, slow, broken = json_lines()
    assert ended == {
        "event": "activity ended",
        "level": "info",
        "logger": "perdure.test",
        "task": "task-1",
        "seconds": 0.25,
        "words": "naïve ☃",
    }
    assert (slow["logger"], slow["event"]) == ("httpx", "slow")
    stack = broken.pop("exception")
    assert broken == {"event": "unexpected error", "level": "error", "logger": "perdure.test", "step": 3}
    assert stack.startswith("Traceback (most recent call last):")
    assert stack.endswith("ValueError: broken")


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["too small", "activity ended", "slow", "unexpected error"]),
        ("warning", ["slow", "unexpected error"]),
        ("error", ["unexpected error"]),
    ],
)
def test_what_is_less_important_than_asked_for_is_not_written(level: str, events: list[str]) -> None:
    assert [line["event"] for line in json_lines(level)] == events


def test_text_shows_facts_and_stacks_to_people() -> None:
    text = "\n".join(lines_of("text"))
    assert "\x1b" not in text, "colours are for terminals alone"
    first = text.splitlines()[0]
    for shown in ("activity ended", "perdure.test", "task=task-1", "seconds=0.25", "words='naïve ☃'"):
        assert shown in first
    for shown in ("unexpected error", "step=3", "ValueError: broken"):
        assert shown in text


def test_configuring_twice_writes_each_line_once() -> None:
    program = PROGRAM.replace("logger =", "configure_logging(level={level!r}, form={form!r})\nlogger =")
    assert len(lines_of("json", "error", program)) == 1
