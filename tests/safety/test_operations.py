"""An operation's digest covers everything that decides what the operation does."""

from typing import Any

import pytest

from perdure.contracts.errors import InvalidInput
from perdure.safety.operations import operation_digest

OPERATION: dict[str, Any] = {
    "tool": "execute_command",
    "arguments": {"command": ["make", "all"], "note": "ünïcode"},
    "tree": "a" * 40,
    "head": "b" * 40,
    "working_directory": ".",
    "environment": {"PATH": "/usr/bin"},
    "rule": "writing-programs-ask",
    "sandbox_level": "bubblewrap, system call filter",
    "extra": {"remote_head": None},
}


def digest(**changes: Any) -> str:
    """The digest of the operation with some of its parts changed."""
    parts: dict[str, Any] = {**OPERATION, **changes}
    return operation_digest(**parts)


def test_the_digest_never_changes_for_the_same_operation() -> None:
    # An approval may wait for days and be checked by a newer release, so this very value must stay.
    assert digest() == "efe145ca22923d82d459c84622b2de70be70e9e0f7d8df59b3e0fbed53d41d7b"
    reordered = dict(reversed(OPERATION["arguments"].items()))
    assert digest(arguments=reordered) == digest()


@pytest.mark.parametrize("field", sorted(OPERATION))
def test_a_change_of_any_part_changes_the_digest(field: str) -> None:
    value = OPERATION[field]
    changed: object = f"{value}x" if isinstance(value, str) else {**value, "added": "1"}
    assert digest(**{field: changed}) != digest()


def test_extra_facts_are_optional() -> None:
    without = {name: value for name, value in OPERATION.items() if name != "extra"}
    assert operation_digest(**without) == digest(extra={})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises(InvalidInput, match="cannot be digested for an approval"):
        digest(arguments={"value": value})
