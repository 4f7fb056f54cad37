"""Plays cases one by one: what a case asks for that nobody knows, or a case that breaks, ends none of the others."""

import inspect
import json
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

from tests.corpora.report import Miss, Result

CASE = dict[str, Any]
Play = Callable[[CASE], Result | Sequence[Result] | Awaitable[Result | Sequence[Result]]]


class CannotPlay(Exception):
    """What a case asks for that this runner does not know; the words say what."""


class NotHere(CannotPlay):
    """What a case needs that this host does not have."""


def cases_of(place: Path, *keys: str) -> tuple[CASE, list[Any]]:
    """A collection, and the list of its cases; CannotPlay where the file is none."""
    try:
        collection = json.loads(place.read_bytes().decode("utf-8-sig", "surrogateescape"))
    except (OSError, ValueError, RecursionError) as error:
        raise CannotPlay(f"the file cannot be read as JSON: {error}") from error
    if isinstance(collection, list):
        return {}, collection  # pyright: ignore[reportUnknownVariableType]
    for key in keys:
        if isinstance(collection, dict) and isinstance(collection.get(key), list):  # pyright: ignore[reportUnknownMemberType]
            return collection, collection[key]  # pyright: ignore[reportUnknownVariableType]
    raise CannotPlay(f"the file holds no list {' or '.join(map(repr, keys))} of cases")


async def played(
    cases: Sequence[Any], only: str, play: Play, *, name: str = "id", group: str = "case"
) -> list[Result]:
    """What came of each case whose name begins with ``only``; one that cannot be played says why."""
    results: list[Result] = []
    for number, case in enumerate(cases, 1):
        given: Any = cast(CASE, case).get(name) if isinstance(case, dict) else None
        called = given if isinstance(given, str) and given else f"number {number}"
        if not called.startswith(only):
            continue
        try:
            if not isinstance(case, dict):
                raise CannotPlay(f"it is no object but {json.dumps(case)[:60]}")
            made = play({**case, name: called})  # pyright: ignore[reportUnknownArgumentType]
            made = await made if inspect.isawaitable(made) else made
            results += [made] if isinstance(made, Result) else made
        except CannotPlay as error:
            miss = Miss.NOT_HERE if isinstance(error, NotHere) else Miss.NOT_PLAYED
            results.append(Result(called, group, miss, str(error)))
        except Exception as error:
            if isinstance(error, KeyError) and _is_of_this_package(error):
                results.append(Result(called, group, Miss.NOT_PLAYED, f"it has no {error.args[0]!r}"))
            else:
                results.append(Result(called, group, Miss.BROKEN, f"{type(error).__name__}: {error}"))
    return results


def _is_of_this_package(error: Exception) -> bool:
    """Whether it was raised here, where cases are read, and not in what they try."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(Path(__file__).parent)
