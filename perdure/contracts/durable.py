"""What every model that is written to the event history has in common: a version, and no byte for what goes without saying.

A history ends at 50 MB, is sent whole to every worker that takes a task over, and lives as long as the task. So what
equals its default is left out when a model is written, and filled in when it is read. This holds only as long as **a
default never changes** once a release has it: another meaning takes a new field, or a new ``v``. The defaults stand in
``tests/contracts/defaults.json``, and a test compares.
"""

from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

VERSION = "v"


class Durable(BaseModel):
    """A model that is written to the event history; fields added later have defaults, which are left out."""

    model_config = ConfigDict(frozen=True)

    v: int = 1

    @model_serializer(mode="wrap")
    def without_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What differs from its default, in the models inside as well; the version always stays."""
        written: dict[str, Any] = write(self)
        _leave_out(self, written)
        return written


def _leave_out(model: BaseModel, written: dict[str, Any]) -> None:
    for name, field in type(model).model_fields.items():
        if name == VERSION or name not in written:
            continue
        value = getattr(model, name)
        if not field.is_required() and value == field.get_default(call_default_factory=True):
            del written[name]
        else:
            _look_inside(value, written[name])


def _look_inside(value: object, written: object) -> None:
    """Leave out defaults of a model in a field, or of those in a tuple or in a mapping's values."""
    if isinstance(value, BaseModel) and isinstance(written, dict):
        _leave_out(value, cast("dict[str, Any]", written))
    elif isinstance(value, tuple):
        _look_inside_each(cast("Iterable[object]", value), cast("Iterable[object]", written))
    elif isinstance(value, dict) and isinstance(written, dict):
        _look_inside_each(
            cast("dict[str, object]", value).values(), cast("dict[str, object]", written).values()
        )


def _look_inside_each(values: Iterable[object], written: Iterable[object]) -> None:
    for value, each in zip(values, written, strict=True):
        _look_inside(value, each)
