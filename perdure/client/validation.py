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
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        optional = [name for name, field in kind.model_fields.items() if not field.is_required()]
        hint = f"optional: {', '.join(optional)}."
        if required:
            hint = f"required: {', '.join(required)}; {hint}"
        raise InvalidInput(field_sentences(error), f"mend the fields that are named; {hint}") from error
