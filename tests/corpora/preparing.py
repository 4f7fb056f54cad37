"""Cases that are played beside each other: each is made ready by itself, so that one that cannot be ends none of the others."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tests.corpora.playing import CASE, CannotPlay
from tests.corpora.report import Miss, Result

Ready = TypeVar("Ready")


def made_ready(
    cases: Sequence[Any], only: str, prepare: Callable[[CASE, str], Ready]
) -> tuple[list[Ready], list[Result]]:
    """Those that can be played, and why the others cannot.

    ``prepare`` is given the case and a name for it that no other has, of letters, digits and hyphens, for files and workflows.
    """
    ready: list[Ready] = []
    left: list[Result] = []
    for number, case in enumerate(cases, 1):
        given = case.get("id") if isinstance(case, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        called = given if isinstance(given, str) and given else f"number {number}"
        if not called.startswith(only):
            continue
        name = f"{re.sub(r'[^A-Za-z0-9]+', '-', called)[:40].strip('-')}-{number}"
        try:
            if not isinstance(case, dict):
                raise CannotPlay(f"it is no object but {json.dumps(case)[:60]}")
            ready.append(prepare({**case, "id": called}, name))  # pyright: ignore[reportUnknownArgumentType]
        except CannotPlay as error:
            left.append(Result(called, "case", Miss.NOT_PLAYED, str(error)))
        except KeyError as error:
            left.append(Result(called, "case", Miss.NOT_PLAYED, f"it has no {error.args[0]!r}"))
        except Exception as error:
            left.append(Result(called, "case", Miss.NOT_PLAYED, f"{type(error).__name__}: {error}"))
    return ready, left


def text_of(case: Mapping[str, Any], field: str) -> str:
    """The text of a field; CannotPlay where it is something else, KeyError where it is not there."""
    value = case[field]
    if not isinstance(value, str):
        raise CannotPlay(f"its {field!r} is no text but {json.dumps(value)[:60]}")
    return value


def unknown_fields(case: Mapping[str, Any], known: set[str]) -> tuple[str, ...]:
    """Words for the account of what nobody looked at."""
    return tuple(f"field {name!r} is not known and was not looked at" for name in sorted(case.keys() - known))
