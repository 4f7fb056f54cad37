"""What a call's arguments name, for the rules of the policy."""

import functools
import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.functional_validators import AfterValidator

from perdure.contracts.judging import Named
from perdure.workspace.working_copy import WorkingCopy
from tools.paths import from_root, resolved

BRANCHES = "refs/heads/"
MOST_BELOW = 20_000
"""Files of a folder that rules are asked about one by one."""


def named_in(given: BaseModel, *, paths: Iterable[str], refs: Iterable[str], command: str = "") -> Named:
    """Every path among the arguments, those that the call will change, branches, and the line of shell."""
    found = [path for path in (*paths_in(given), *paths) if path]
    # Behind a link ``..`` leads to where only the host knows, so such a path is kept as it is written as well.
    detours = [path for path in found if ".." in path.split("/")]
    spelled = dict.fromkeys([*map(posixpath.normpath, found), *detours])
    branches = [ref.removeprefix(BRANCHES) for ref in refs if ref.startswith(BRANCHES)]
    return Named(command=command, paths=tuple(spelled), branches=tuple(dict.fromkeys(branches)))


def named_here(copy: WorkingCopy, named: Named, *, changes: bool) -> Named:
    """The same with where the paths lead in the files as they are: behind links, and what the folders hold where it ``changes``.

    ToolRejected where something on the way is replaced at that very moment.
    """
    found = dict.fromkeys(named.paths)
    for path in named.paths:
        real = posixpath.normpath(resolved(copy.root, path))
        found[real] = None
        if changes and real != "." and real != ".." and not real.startswith(("/", "../")):
            found |= dict.fromkeys(_below(copy.root, real))
    return replace(named, paths=tuple(found))


def _below(root: Path, folder: str) -> list[str]:
    """The files below a folder; ``.``, which may be any file, where there are very many."""
    found: list[str] = []
    for place, _, names in os.walk(root / folder):
        above = os.path.relpath(place, root)
        found += [f"{above}/{name}" for name in names]
        if len(found) > MOST_BELOW:
            return ["."]
    return found


def paths_in(given: BaseModel) -> Iterator[str]:
    """The values of all fields that are paths of the workspace, also deeper down."""
    for name in type(given).model_fields:
        yield from _paths(getattr(given, name), is_path=name in _path_fields(type(given)))


def _paths(value: object, *, is_path: bool) -> Iterator[str]:
    if isinstance(value, str):
        if is_path:
            yield value
    elif isinstance(value, BaseModel):
        yield from paths_in(value)
    elif isinstance(value, list | tuple):
        for each in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _paths(each, is_path=is_path)  # pyright: ignore[reportUnknownArgumentType]


@functools.cache
def _path_fields(model: type[BaseModel]) -> frozenset[str]:
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if _is_path(field.annotation, field.metadata))


def _is_path(annotation: Any, metadata: Iterable[object]) -> bool:
    if any(isinstance(each, AfterValidator) and each.func is from_root for each in metadata):
        return True
    inner: tuple[Any, ...] = get_args(annotation)
    return any(_is_path(each, getattr(each, "__metadata__", ())) for each in inner)
