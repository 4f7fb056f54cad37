"""Sentences for fields that cannot be used: the same ones from the Web UI, the client and the command line."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

MOST_PROBLEMS = 8
"""More are counted, so that a sentence stays one."""
_MOST_SHOWN = 60


def field_sentences(error: ValidationError) -> str:
    """One sentence a field, the first ones in full and the others counted."""
    problems = error.errors(include_url=False)
    sentences = [_sentence(cast("Mapping[str, Any]", problem)) for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        sentences.append(f"So are {len(problems) - MOST_PROBLEMS} more fields.")
    return " ".join(sentences)


def _sentence(problem: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    field = f"The field {name!r}" if len(name) <= _MOST_SHOWN else f"The field {name[:_MOST_SHOWN] + '…'!r}"
    kind, given = problem["type"], problem.get("input")
    if kind == "missing":
        return f"{field} is missing."
    if kind == "extra_forbidden":
        return f"{field} is unknown."
    if kind == "string_too_short":
        return f"{field} is empty."
    if kind == "string_too_long" and isinstance(given, str):
        limit = problem["ctx"]["max_length"]
        return f"{field} has {len(given):,} characters, and at most {limit:,} are taken."
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"{field} cannot be used: {said}{_shown(name, given)}."


def _shown(name: str, given: object) -> str:
    """The value, where it is short and cannot hold a password."""
    short = given is None or isinstance(given, bool | int | float | str)
    if name == "repository" or not short or len(repr(given)) > _MOST_SHOWN:
        return ""
    return f" (given: {given!r})"
