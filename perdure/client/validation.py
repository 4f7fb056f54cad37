"""Validates what a caller gives, once, with a sentence that names each bad field."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from perdure.contracts.errors import InvalidInput
from perdure.contracts.field_sentences import field_sentences

Model = TypeVar("Model", bound=BaseModel)


def valid(kind: type[Model], **fields: Any) -> Model:
    """A model made from these fields; InvalidInput says which of them cannot be used, and why."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise InvalidInput(field_sentences(error)) from error
