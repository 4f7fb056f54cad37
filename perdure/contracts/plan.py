"""What the model gives in structured form: the plan, a reflection, the final answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Subtask(BaseModel):
    """One part of the plan."""

    model_config = ConfigDict(frozen=True)

    title: str
    done: bool = False


class Plan(BaseModel):
    """How the model means to meet the request."""

    model_config = ConfigDict(frozen=True)

    goal: str
    subtasks: tuple[Subtask, ...]
    tools: tuple[str, ...]
    risks: tuple[str, ...]
    estimated_steps: int


class Reflection(BaseModel):
    """A look back at the work so far.

    ``verdict``: ``continue`` as planned, ``change_course`` (the note says how), ``done`` when every requirement is met
    and shown, ``stuck`` when a person is needed.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Literal["continue", "change_course", "done", "stuck"]
    note: str
    finished_subtasks: tuple[int, ...]
    """Positions in the plan, from 0, of the subtasks that are finished."""


class Requirement(BaseModel):
    """One requirement of the request, and the step that shows it is met (-1: none)."""

    model_config = ConfigDict(frozen=True)

    requirement: str
    step: int
    shown_by: str


class Answer(BaseModel):
    """The final answer with its evidence."""

    model_config = ConfigDict(frozen=True)

    summary: str
    commit_message: str = Field(description="One line in the imperative for the commit of the work.")
    requirements: tuple[Requirement, ...]
