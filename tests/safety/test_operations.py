"""An operation's digest covers everything that decides what the operation does, and which operation it is."""

from dataclasses import fields, replace

import pytest

from perdure.contracts.calls import Assurance, CallKey, CallSummary, Effect, SandboxLevel, Verdict
from perdure.contracts.errors import InvalidInput
from perdure.safety.operations import Ruling, Seal, operation_digest

RULING = Ruling(
    reason="writing-programs-ask: A program may change the files.",
    rules=("writing-programs-ask",),
    policy_digest="p" * 64,
    people=1,
    assurance="claimed",
    least_sandbox="B",
    sandbox="bubblewrap, system call filter",
)
SEAL = Seal(
    tool="execute_command",
    arguments={"command": ["make", "all"], "note": "ünïcode"},
    tree="a" * 40,
    head="b" * 40,
    working_directory=".",
    environment={"PATH": "/usr/bin"},
    ruling=RULING,
    key=CallKey(task_id="task", run_id="run", step=3, call_index=1),
    facts={"remote_head": None},
)


def test_the_digest_never_changes_for_the_same_operation() -> None:
    # An approval may wait for days and be checked by a newer release, so this very value must stay.
    assert operation_digest(SEAL) == "5a902ba98ae5438ed8aca26bd3f2444e695919700c136acff12e7a65d9bba61e"
    reordered = dict(reversed(list(SEAL.arguments.items())))
    assert operation_digest(replace(SEAL, arguments=reordered)) == operation_digest(SEAL)


CHANGED: dict[str, Seal] = {
    "tool": replace(SEAL, tool="git_push"),
    "arguments": replace(SEAL, arguments={"command": ["make", "all"], "note": "unicode"}),
    "tree": replace(SEAL, tree="c" * 40),
    "head": replace(SEAL, head="c" * 40),
    "working_directory": replace(SEAL, working_directory="app"),
    "environment": replace(SEAL, environment={"PATH": "/tmp:/usr/bin"}),
    "facts": replace(SEAL, facts={"remote_head": "d" * 40}),
    "ruling": replace(SEAL, ruling=replace(RULING, rules=("writing-programs-ask", "another"))),
    "key": replace(SEAL, key=SEAL.key.model_copy(update={"run_id": "after a reset"})),
}
OF_RULING = {
    "reason": "another", "rules": (), "policy_digest": "q" * 64, "people": 2, "assurance": "signed",
    "least_sandbox": "A", "sandbox": "none",
}  # fmt: skip


def test_a_change_of_any_part_changes_the_digest() -> None:
    assert set(CHANGED) == {field.name for field in fields(Seal)}
    assert set(OF_RULING) == {field.name for field in fields(Ruling)}
    stricter = [replace(SEAL, ruling=replace(RULING, **{name: value})) for name, value in OF_RULING.items()]
    elsewhere = [
        replace(SEAL, key=SEAL.key.model_copy(update={name: value}))
        for name, value in {"task_id": "other", "run_id": "other", "step": 4, "call_index": 0}.items()
    ]
    digests = [operation_digest(each) for each in (SEAL, *CHANGED.values(), *stricter, *elsewhere)]
    assert len(set(digests)) == len(digests)


def test_a_ruling_is_what_the_policy_says_of_a_call() -> None:
    summary = CallSummary(
        index=0, tool="make", title="make", effect=Effect.RUN, verdict=Verdict.ASK, reason="why", arguments_digest="",
        rules=("a", "b"), people=2, assurance=Assurance.SIGNED, least_sandbox=SandboxLevel.B,
    )  # fmt: skip
    assert Ruling.of(summary, policy_digest="p", sandbox="s") == Ruling(
        "why", ("a", "b"), "p", 2, "signed", "B", "s"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises(InvalidInput, match="cannot be digested for an approval"):
        operation_digest(replace(SEAL, arguments={"value": value}))
