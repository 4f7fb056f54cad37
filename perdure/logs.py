"""Log lines of the processes: one JSON object a line, or text for people. Entry points call it once.

No line holds a credential. What a task's repository holds (its code, names of its files, what programs printed of them)
is in a line only where the operator agreed to that for the repository; else its length and digest stand in its place.
"""

import fnmatch
import hashlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any, Literal, cast

import structlog

from perdure.contracts.hidden import escape_hidden
from perdure.safety.secrets import Screen, Screens

Line = MutableMapping[str, Any]

_CODE_MAY_BE_LOGGED: ContextVar[bool | None] = ContextVar("code may be logged", default=None)
"""Of the task that is worked for; None where nothing is done for a task."""

PLAIN_FIELDS = frozenset({
    "event", "level", "logger", "timestamp", "task", "task_id", "workflow", "activity", "outcome", "host", "queue", "server",
    "verdict", "artifact",
})  # fmt: skip
"""Fields that hold no content of a repository, whatever they say."""
OF_THE_INSTALLATION = frozenset({
    "StoreUnavailable", "ModelUnavailable", "ConfigurationError", "DiskFull", "ContextTooLarge", "Fenced", "TooSlow"
})  # fmt: skip
"""Failures whose words are about servers and settings."""
SPEAK_OF_TASKS = ("temporalio.workflow", "temporalio.worker")
"""The loggers of workflows, whose lines name what calls are about, and of what hands out work, whose "debug" tells all of it."""


class CodeInLogs:
    """For which repositories the operator lets their content be in log lines."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """``all``, or repositories as glob patterns; one with ``!`` before it is left out of the others."""
        self._patterns = patterns

    def allowed(self, repository: str) -> bool:
        """Whether it is one of them; never for one that is not known."""
        out = [pattern[1:] for pattern in self._patterns if pattern.startswith("!")]
        given = [pattern for pattern in self._patterns if not pattern.startswith("!")]
        if given == ["all"]:
            return not any(_fits(repository, pattern) for pattern in out)
        return any(_fits(repository, pattern) for pattern in given) and not any(
            _fits(repository, pattern) for pattern in out
        )

    def enter(self, repository: str) -> None:
        """From here on the running step works for a task of this repository."""
        _CODE_MAY_BE_LOGGED.set(self.allowed(repository))


def _fits(repository: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(repository, pattern) or fnmatch.fnmatchcase(repository, f"*://{pattern}")


def configure_logging(*, level: str, form: Literal["json", "text"], screens: Screens | None = None) -> None:
    """Send every log record to standard error in the given form; ``extra`` fields become fields of the line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form=form, screens=screens or Screens()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These say every request at "info", which drowns what people look for.
    for noisy in ("httpx", "groq", "asyncio"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING))


def escape_for_people(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """A line's texts without hidden characters, so that none of them can hide or begin another line.

    In JSON nothing hides: its writer escapes whatever is no ASCII.
    """
    for name, value in event.items():
        if isinstance(value, str):
            shown = escape_hidden(value)
            event[name] = shown if name in {"exception", "stack"} else shown.replace("\n", "\\n")
    return event


def formatter(*, form: Literal["json", "text"], screens: Screens) -> logging.Formatter:
    """Makes lines of records."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_content,
        structlog.processors.format_exc_info,
        _without_credentials(screens),
    ]
    if form == "text":
        shared.append(escape_for_people)
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _without_content(_logger: Any, _method: str, line: Line) -> Line:
    """Content withheld where the operator did not agree to it."""
    of_tasks = str(line.get("logger", "")).startswith(SPEAK_OF_TASKS)
    if _CODE_MAY_BE_LOGGED.get() is not False and not (of_tasks and _CODE_MAY_BE_LOGGED.get() is None):
        return line
    plain = PLAIN_FIELDS - {"event"} if of_tasks else PLAIN_FIELDS
    if line.get("outcome") in OF_THE_INSTALLATION:
        plain |= {"because"}
    exception = _exception_of(line.pop("exc_info", None))
    for name, value in line.items():
        if name not in plain and not name.startswith("_") and not isinstance(value, int | float | None):
            line[name] = _withheld(value)
    if exception is not None:
        line["exception"] = "\n".join(_told(exception))
    return line


def _exception_of(given: object) -> BaseException | None:
    """What the record was made for, in any of the ways in which it may say so."""
    if isinstance(given, tuple):
        given = cast("tuple[object, ...]", given)[1]
    if given is True:
        given = sys.exc_info()[1]
    return given if isinstance(given, BaseException) else None


def _told(exception: BaseException) -> Iterator[str]:
    """Where it came about and what kind it is, with those that led to it; not its words."""
    earlier = exception.__cause__ or (None if exception.__suppress_context__ else exception.__context__)
    if earlier is not None:
        yield from _told(earlier)
    for frame in traceback.extract_tb(exception.__traceback__):
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
    yield f"{type(exception).__name__}: {_withheld(str(exception))}"


def _withheld(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"(withheld: {len(text)} characters, sha256 {digest[:12]})"


def _without_credentials(screens: Screens) -> Callable[[Any, str, Line], Line]:
    def redact(_logger: Any, _method: str, line: Line) -> Line:
        screen = screens.of(str(line.get("task") or line.get("task_id") or ""))
        for name, value in line.items():
            if not name.startswith("_"):
                line[name] = _redacted(value, screen)
        return line

    return redact


def _redacted(value: Any, screen: Screen) -> Any:
    if isinstance(value, str):
        return screen.text(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping | list | tuple):
        return screen.value(cast("Any", value))
    return screen.text(repr(value))
