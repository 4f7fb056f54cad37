"""Identities by which rows are found, stated as what a caller's key must have."""

from typing import Protocol


class StepKey(Protocol):
    """A step of one run of a task; a ``CallKey`` is one. A step number is used once in a run, also after a rewind."""

    @property
    def task_id(self) -> str:
        """The task."""
        ...

    @property
    def run_id(self) -> str:
        """The run of its workflow."""
        ...

    @property
    def step(self) -> int:
        """The step's number."""
        ...


class AnswerKey(StepKey, Protocol):
    """What a stored answer is an answer to."""

    @property
    def purpose(self) -> str:
        """Such as ``decide`` or ``plan``; one answer for each in a step."""
        ...
