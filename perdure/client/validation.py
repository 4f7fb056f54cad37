"""Validates what a caller gives, once, with a sentence that names each bad field."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from perdure.contracts.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)


def valid(kind: type[Model], **fields: Any) -> Model:
    """A model made from these fields; InvalidInput says which of them cannot be used, and why."""
    try:
        return kind(**fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise InvalidInput(
            " ".join(_sentence(problem["loc"], problem["msg"]) for problem in problems)
        ) from error


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    return f"{name!r} cannot be used: {message.removeprefix('Value error, ')}."
