"""Log lines of the processes, written by a process of its own, since the settings are the whole process's."""

import contextvars
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from perdure.logs import CodeInLogs, formatter
from perdure.safety.secrets import Screens

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


def logged(
    work: Callable[[logging.Logger], None], *, agreed: tuple[str, ...], repository: str
) -> dict[str, Any]:
    """The line of a step that works for a task of the repository."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(form="json", screens=Screens()))
    logger = logging.Logger("perdure.activities")
    logger.addHandler(handler)

    def step() -> None:
        CodeInLogs(agreed).enter(repository)
        work(logger)

    contextvars.copy_context().run(step)
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def failing_step(logger: logging.Logger) -> None:
    """What a door logs of a step that failed."""
    try:
        raise ValueError("cannot parse 'def total(prices):'")
    except ValueError:
        facts = {"task": "task-1", "attempt": 2, "outcome": "ValueError", "because": "in app/prices.py"}
        logger.exception("unexpected error", extra=facts)


def test_without_consent_a_line_holds_nothing_of_the_repository() -> None:
    line = logged(failing_step, agreed=(), repository="git.example/shop")
    assert (line["event"], line["task"], line["attempt"], line["outcome"]) == (
        "unexpected error", "task-1", 2, "ValueError",
    )  # fmt: skip
    assert re.fullmatch(r"\(withheld: 16 characters, sha256 [0-9a-f]{12}\)", line["because"])
    frames, words = line["exception"].rsplit("\n", 1)
    assert re.fullmatch(r"ValueError: \(withheld: 33 characters, sha256 [0-9a-f]{12}\)", words)
    assert "in failing_step" in frames, "where in our own code it failed is no secret"
    assert "prices" not in json.dumps(line)


@pytest.mark.parametrize(
    ("agreed", "repository", "shown"),
    [
        (("all",), "https://git.example/shop", True),
        (("git.example/*",), "https://git.example/shop", True),
        (("/srv/code/*",), "/srv/code/shop", True),
        (("all", "!git.example/*"), "https://git.example/shop", False),
        (("git.example/*", "!*/shop"), "https://git.example/shop", False),
        (("other.example/*",), "https://git.example/shop", False),
        (("git.example/*",), "", False),
    ],
)
def test_consent_is_given_by_repository(agreed: tuple[str, ...], repository: str, *, shown: bool) -> None:
    line = logged(failing_step, agreed=agreed, repository=repository)
    assert (line["because"] == "in app/prices.py") is shown
    assert ("def total" in line["exception"]) is shown


def test_words_about_the_installation_are_always_logged() -> None:
    def away(logger: logging.Logger) -> None:
        logger.warning("activity", extra={"outcome": "StoreUnavailable", "because": "PostgreSQL is away."})

    assert logged(away, agreed=(), repository="r")["because"] == "PostgreSQL is away."


def test_no_line_holds_a_credential_wherever_it_stands() -> None:
    token = "ghp_" + "Zx9Qw8Er7T" * 4

    def tell(logger: logging.Logger) -> None:
        try:
            raise ValueError(f"bad {token}")
        except ValueError:
            logger.exception("with %s", token, extra={"why": [token], "path": Path(token)})

    line = logged(tell, agreed=("all",), repository="r")
    assert token not in json.dumps(line)
    assert json.dumps(line).count("[[perdure redacted github-token]]") == 4
