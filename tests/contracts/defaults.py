"""The defaults of all that is written to histories: ``python -m tests.contracts.defaults`` adds those that are new.

What is committed is never changed by it. A default that a release has stands in no history, so that another one would
give old histories another meaning.
"""

import importlib
import json
import pkgutil
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

import perdure.contracts
from perdure.contracts.durable import VERSION, Durable

FILE = Path(__file__).with_name("defaults.json")
Defaults = dict[str, dict[str, Any]]


def durable_models() -> set[type[BaseModel]]:
    """Every model that is written without its defaults: the durable ones and those inside them."""
    for module in pkgutil.iter_modules(perdure.contracts.__path__):
        importlib.import_module(f"{perdure.contracts.__name__}.{module.name}")
    found: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = list(subclasses(Durable))
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += [each for field in model.model_fields.values() for each in models_in(field.annotation)]
    return found


def subclasses(model: type[Durable]) -> Iterator[type[Durable]]:
    """Every model that derives from this one."""
    for each in model.__subclasses__():
        if each.__module__.startswith(f"{perdure.contracts.__name__}."):
            yield each
            yield from subclasses(each)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type names."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for each in typing.get_args(annotation):
        yield from models_in(each)


def current() -> Defaults:
    """The defaults as the code has them."""
    return {
        model.__name__: {
            name: to_jsonable_python(field.get_default(call_default_factory=True))
            for name, field in model.model_fields.items()
            if name != VERSION and not field.is_required()
        }
        for model in sorted(durable_models(), key=lambda each: each.__name__)
    }


def committed() -> Defaults:
    """The defaults as histories rely on them."""
    known: Defaults = json.loads(FILE.read_text()) if FILE.exists() else {}
    return known


if __name__ == "__main__":
    known = committed()
    merged = {name: {**fields, **known.get(name, {})} for name, fields in {**known, **current()}.items()}
    FILE.write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n")
    sys.stdout.write(f"{FILE.name}: {sum(map(len, merged.values()))} defaults\n")
