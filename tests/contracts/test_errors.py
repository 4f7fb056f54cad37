"""The error tree: one base, rebuilt from its ``args`` wherever it travels, and drawn as it is."""

import copy
import inspect
import pickle
import re

import pytest

from perdure.contracts import errors
from perdure.contracts.errors import (
    ContextTooLarge,
    LimitReached,
    ModelFault,
    ModelUnavailable,
    NoLongerApproved,
    PerdureError,
    SandboxRefused,
    ToolRejected,
)

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
#: What the constructors of some take beside message and hint.
MORE: dict[type[PerdureError], tuple[object, ...]] = {
    ModelFault: ('{"name": ',),
    ModelUnavailable: (7.5,),
    LimitReached: (7.5,),
    ContextTooLarge: (8_000, 9_500),
}


def made(kind: type[PerdureError]) -> PerdureError:
    """An error of the class with every field filled."""
    return kind("The file 'a.py' is missing.", "send another path.", *MORE.get(kind, ()))


def test_every_error_of_ours_has_one_base() -> None:
    assert len(CLASSES) == 17
    assert [each for each in CLASSES if not issubclass(each, PerdureError)] == []
    bases = {each: each.__base__ for each in CLASSES if each is not PerdureError}
    # What the sandbox refuses, or nobody approved, is met by whoever meets the refusal of a tool.
    assert bases.pop(SandboxRefused) is bases.pop(NoLongerApproved) is ToolRejected
    assert set(bases.values()) == {PerdureError}
    # Something that waits for any error of Python's own must not be met by ours.
    assert PerdureError.__base__ is Exception


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_a_journey(kind: type[PerdureError]) -> None:
    error = made(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), type(error)(*error.args)):
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert again.args == error.args
        assert str(again) == "The file 'a.py' is missing. hint: send another path."


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_needs_only_its_sentence(kind: type[PerdureError]) -> None:
    assert str(kind("The disk is full.")) == "The disk is full."


def test_the_tree_in_the_documentation_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)  +\S", errors.__doc__ or "")
    assert sorted(drawn) == sorted(each.__name__ for each in CLASSES if each is not PerdureError)


def test_what_some_errors_carry_beside_their_words() -> None:
    assert made(ModelFault).__dict__["failed_generation"] == '{"name": '
    assert made(ModelUnavailable).__dict__["retry_after_s"] == 7.5
    assert ModelUnavailable("Busy.").retry_after_s is None
    large = ContextTooLarge("Too large.", limit=8_000, requested=9_500)
    assert (large.limit, large.requested) == (8_000, 9_500)
