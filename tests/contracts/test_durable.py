"""What is written to histories leaves out what goes without saying, and is read back whole."""

import json
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import to_json

from perdure.contracts.calls import CallResult, CallSummary, Effect, Verdict
from perdure.contracts.continuation import SpokenWords, Taken
from perdure.contracts.durable import Durable
from perdure.contracts.steps import ApprovedCall, Decided, ExecuteCalls, Executed, PreviewCall
from perdure.contracts.task import Cost, Mode, Safety
from perdure.contracts.workspace import Checkpoint
from tests.contracts.defaults import committed, current
from tests.contracts.test_specimens import SPECIMENS, specimen

CHECKPOINT = Checkpoint(
    commit="c" * 40, tree="7" * 40, head_ref="refs/heads/x", branch_commit="b" * 40, staged_tree="5" * 40
)
HOST_STEP: dict[str, Any] = {
    "task_id": "t",
    "step": 4,
    "head": "d" * 64,
    "mode": Mode.CHANGE,
    "safety": Safety.CAUTIOUS,
    "epoch": 1,
    "dispatch": 5,
    "checkpoint": CHECKPOINT,
}
CALL = CallSummary(
    index=0,
    tool="read_file",
    title="read_file a",
    effect=Effect.READ,
    verdict=Verdict.ALLOW,
    arguments_digest="a",
)


def written(model: BaseModel) -> dict[str, Any]:
    """The JSON that Temporal's converter makes of it."""
    return json.loads(to_json(model))


def test_a_result_is_written_without_what_equals_its_default_also_inside() -> None:
    result = CallResult(index=0, tool="read_file", ok=True, excerpt="a, lines 1-2 of 2")
    assert written(Executed(head="h", results=(result,))) == {
        "v": 1,
        "head": "h",
        "results": [{"index": 0, "tool": "read_file", "ok": True, "excerpt": "a, lines 1-2 of 2"}],
    }
    decided = Decided(head="h", calls=(CALL,), done=False, cost=Cost(input_tokens=7, model_calls=1))
    assert written(decided) == {
        "v": 1,
        "head": "h",
        "calls": [
            {
                "index": 0,
                "tool": "read_file",
                "title": "read_file a",
                "effect": "read",
                "verdict": "allow",
                "arguments_digest": "a",
            }
        ],
        "done": False,
        "cost": {"input_tokens": 7, "model_calls": 1},
    }


def test_a_version_that_equals_its_default_is_written_also_inside() -> None:
    step = ExecuteCalls(**HOST_STEP, decision="e" * 64, calls=(ApprovedCall(index=0),))
    assert written(step)["v"] == 1
    assert written(step)["checkpoint"]["v"] == 1
    assert written(step)["calls"] == [{"v": 1, "index": 0}]
    words = SpokenWords(decisions={"id": Taken(said="approve")})
    assert written(words) == {"v": 1, "decisions": {"id": {"v": 1, "said": "approve"}}}


def test_a_result_for_other_programs_says_everything() -> None:
    assert written(Cost())["usd"] == 0.0
    assert written(CALL)["reason"] == ""


def test_a_decision_that_is_the_head_is_said_once() -> None:
    step = ExecuteCalls(**HOST_STEP, decision="d" * 64, calls=())
    assert "decision" not in written(step)
    assert ExecuteCalls.model_validate(written(step)).decided_in == "d" * 64
    earlier = PreviewCall(**HOST_STEP, decision="e" * 64, index=0)
    assert PreviewCall.model_validate(written(earlier)).decided_in == "e" * 64
    assert written(earlier)["decision"] == "e" * 64


@pytest.mark.parametrize("name", SPECIMENS)
def test_what_is_written_is_read_as_the_same(name: str) -> None:
    model = SPECIMENS[name].model_validate(specimen(name))
    assert SPECIMENS[name].model_validate_json(to_json(model)) == model


def test_a_default_never_changes() -> None:
    now = current()
    gone = [
        f"{name}.{field}"
        for name, fields in committed().items()
        for field, default in fields.items()
        if (name, field) not in {(each, inner) for each in now for inner in now[each]}
        or repr(now[name][field]) != repr(default)
    ]
    assert gone == [], "histories rely on these defaults; give the new meaning a new field"


def test_every_default_is_committed() -> None:
    assert committed().keys() == current().keys(), "run python -m tests.contracts.defaults"
    assert committed() == current(), "run python -m tests.contracts.defaults"


def test_the_defaults_of_models_inside_are_looked_at() -> None:
    assert {"Executed", "CallResult", "ArtifactRef", "Cost", "Checkpoint", "TaskRequest", "Budget"} <= set(
        current()
    )
    assert issubclass(Executed, Durable)
