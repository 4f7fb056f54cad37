"""Where settings come from: variables of a ``.env`` file, what is wrong with them, and how a default is written there."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from perdure.contracts.errors import ConfigurationError


def variables_in(file: Path) -> dict[str, str]:
    """What a ``.env`` file sets; nothing where there is none."""
    if not file.is_file():
        return {}
    return {
        name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None
    }


def refuse_unknown(combined: Mapping[str, str], *, known: Collection[str], prefix: str) -> None:
    """ConfigurationError for a variable of ours that no setting has, with the name that may have been meant."""
    for name in combined:
        if name.startswith(prefix) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see .env.example for the variables there are."
            raise ConfigurationError(f"{name} is set, but no setting has this name.", hint)


def sentences_of(error: ValidationError, variables: Mapping[str, str]) -> Iterator[str]:
    """One sentence a bad value; the value itself is left out, since it may be a secret."""
    for problem in error.errors(include_url=False, include_input=False):
        where = str(problem["loc"][0]) if problem["loc"] else ""
        name = variables.get(where, where)
        yield f"{name} cannot be used: {problem['msg'].removeprefix('Value error, ')}."


def written(default: object) -> str:
    """A default as ``.env.example`` has it."""
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(default, float):
        return f"{default:g}" if default < 1e5 else f"{default:.0f}"
    return str(default)
