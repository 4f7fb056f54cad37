"""Log lines of the processes: one JSON object a line, or text for people. Entry points call it once."""

import logging
import sys
from typing import Literal

import structlog

from perdure.contracts.hidden import escape_hidden


def configure_logging(*, level: str, form: Literal["json", "text"]) -> None:
    """Send every log record to standard error in the given form; ``extra`` fields become fields of the line."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if form == "text":
        shared.append(escape_for_people)
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
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
