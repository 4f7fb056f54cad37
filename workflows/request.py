"""Reading what other programs send: bad input is answered with the field's name, never retried."""

from typing import Any, TypeVar

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, ValidationError

    from perdure.contracts.field_sentences import field_sentences

Model = TypeVar("Model", bound=BaseModel)


#: Stands for an input that was not given; the SDK keeps a payload as it came only for the bare type ``RawValue``.
NO_INPUT = RawValue(Payload())


def read_input(raw: RawValue, model: type[Model], *, what: str) -> Model:
    """The workflow's one argument as a model; a missing one, one that is no JSON and a wrong one are all named."""
    if not raw.payload.metadata:
        raise refusal(f"{what} needs one JSON object as its input, and none was given.", model)
    try:
        value = workflow.payload_converter().from_payload(raw.payload)
    # The converter's errors have no common class; each of them means that the payload cannot be read.
    except Exception as error:
        raise refusal(f"The input of {what} cannot be read as JSON: {error}.", model) from error
    return read(value, model, what=f"The input of {what}")


def read(value: Any, model: type[Model], *, what: str) -> Model:
    """A decoded JSON value as a model; raises ApplicationError ``InvalidInput`` that names each field."""
    if not isinstance(value, dict):
        raise refusal(f"{what} must be a JSON object, not {type(value).__name__}.", model)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal(f"{what} cannot be used. {field_sentences(error)}", model) from error


def refusal(message: str, model: type[BaseModel]) -> ApplicationError:
    """The error for bad input, with the fields that there are."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]
    hint = f" hint: required: {', '.join(required)}; optional: {', '.join(optional)}."
    return ApplicationError(message + hint, type="InvalidInput", non_retryable=True)


def refused(message: str, hint: str) -> ApplicationError:
    """The error of a word of people that is not taken."""
    return ApplicationError(f"{message} hint: {hint}", type="Refused", non_retryable=True)
