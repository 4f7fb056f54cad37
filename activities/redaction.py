"""What a step gives away passes the task's redaction: entries, answers, results, failures and signs of life.

The door sets it for each activity. Without it nothing can be given away: that is an error, never a text as it is.
"""

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


class Redacts(Protocol):
    """Takes credentials out; the same object where there are none."""

    def text(self, text: str) -> str:
        """A text."""
        ...

    def data(self, data: bytes) -> bytes:
        """The bytes of a text."""
        ...

    def value(self, value: Any) -> Any:
        """A JSON value."""
        ...

    def model(self, model: Model) -> Model:
        """A model."""
        ...


class RedactsTasks(Protocol):
    """The redaction of each task."""

    def of(self, task_id: str, *, repository: str = "") -> Redacts:
        """As far as this worker knows the task's secrets; empty: what is no task's."""
        ...


_CURRENT: ContextVar[Redacts] = ContextVar("redaction")


def redaction() -> Redacts:
    """The one of the running activity; LookupError where no door was passed."""
    return _CURRENT.get()


def use(redacts: Redacts) -> None:
    """This one from here on: more is known of the task's secrets."""
    _CURRENT.set(redacts)


@contextlib.contextmanager
def redacting(redacts: Redacts) -> Generator[None]:
    """This one in the body."""
    token = _CURRENT.set(redacts)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def is_text(media_type: str) -> bool:
    """Whether bytes of this media type are text that people and models read."""
    return media_type.startswith("text/") or media_type.partition(";")[0] == "application/json"
