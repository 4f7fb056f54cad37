"""What a playbook looks with passes the policy like every call: commands of its conditions, and the tests that vouch."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from perdure.contracts.calls import Author, Verdict
from perdure.contracts.judging import Standing
from perdure.contracts.task import Mode, Safety
from perdure.maintenance.playbook import Playbook
from perdure.maintenance.shelf import Shelf
from perdure.safety.policy import Policy
from tests.tools.conftest import Bench
from tools.test_comparison import ATTACHMENT, Outcome, RecordedCase, RecordedRun, RecordedTests, compare
from tools.tool_runner import ToolRunner
from tools.tool_schemas import Artifact, Toolchain, ToolOutput
from tools.upkeep import Upkeep, settled

RULE = """
v = 1

[[rule]]
id = "no-looking"
effects = ["run"]
authors = ["playbook"]
verdict = "{verdict}"
reason = "Playbooks run nothing to look."
matches = [{{ effect = "run", author = "playbook" }}]
does_not_match = [{{ effect = "run" }}]
"""
SAYS = "no-looking: Playbooks run nothing to look"
STANDING = Standing(Mode.CHANGE, Safety.CAUTIOUS, Author.PLAYBOOK)
TRUE, FALSE = {"passes": "true"}, {"passes": "false"}
README, NOWHERE = {"file": "README.md"}, {"file": "nowhere.md"}
OTHERWISE = "It does not apply here."


def policy_with(verdict: Verdict) -> Policy:
    """The policy with an administrator's rule on what playbooks look with, where the verdict is not the one that ships."""
    return Policy.load() if verdict is Verdict.BOUNDED else Policy.parse(RULE.format(verdict=verdict.value))


def upkeep_of(bench: Bench, toolchain: Toolchain, verdict: Verdict) -> Upkeep:
    """Upkeep under such a policy."""
    runner = ToolRunner(
        bench.registry,
        policy_with(verdict),
        bench.context.sandbox,
        toolchain,
        lambda task_id, at: bench.ledger,
    )
    return Upkeep(Shelf([]), bench.registry, runner)


def content_of(**condition: Any) -> Mapping[str, Any]:
    """A playbook whose one step has this condition, and whose tests vouch."""
    playbook = Playbook.model_validate(
        {
            "v": 1,
            "title": "Look",
            "about": "Looks at the project.",
            "step": [
                {
                    "id": "look",
                    "title": "Look",
                    "when": [{**condition, "otherwise": OTHERWISE}],
                    "call": [{"tool": "list_directory"}],
                }
            ],
            "check": [{"id": "tests", "title": "tests", "vouches": True, "call": {"tool": "run_tests"}}],
        }
    )
    return playbook.model_dump(mode="json")


async def unmet(upkeep: Upkeep, bench: Bench, **condition: Any) -> str:
    """Why the step does not apply, or nothing."""
    found = await upkeep.unmet(
        bench.copy,
        content_of(**condition),
        ("step",),
        bench.beats.append,
        standing=STANDING,
    )
    return found.get("step:look", "")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"all": [README, TRUE]}, ""),
        ({"all": [README, FALSE]}, OTHERWISE),
        ({"any": [NOWHERE, FALSE]}, OTHERWISE),
        ({"none": [TRUE]}, OTHERWISE),
        ({"none": [NOWHERE, FALSE]}, ""),
    ],
)
async def test_a_condition_holds_or_not_as_files_and_commands_say(
    bench: Bench, toolchain: Toolchain, condition: dict[str, Any], said: str
) -> None:
    upkeep = upkeep_of(bench, toolchain, Verdict.BOUNDED)
    assert await unmet(upkeep, bench, **condition) == said


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Verdict.DENY, "was not run, because the policy denies it"),
        (Verdict.ASK, "was not run: it needs a person's word, and nobody is asked for a look"),
    ],
)
async def test_a_condition_whose_command_may_not_run_is_unmet_and_says_why(
    bench: Bench, toolchain: Toolchain, verdict: Verdict, why: str
) -> None:
    upkeep = upkeep_of(bench, toolchain, verdict)
    for condition in ({"all": [README, TRUE]}, {"any": [NOWHERE, TRUE]}, {"none": [NOWHERE, FALSE]}):
        said = await unmet(upkeep, bench, **condition)
        assert why in said
        assert SAYS in said
        assert said.endswith(").")


async def test_what_files_alone_decide_needs_no_command(bench: Bench, toolchain: Toolchain) -> None:
    upkeep = upkeep_of(bench, toolchain, Verdict.DENY)
    assert await unmet(upkeep, bench, any=[README, FALSE]) == ""
    assert await unmet(upkeep, bench, all=[NOWHERE, TRUE]) == OTHERWISE
    assert await unmet(upkeep, bench, none=[README, FALSE]) == OTHERWISE


async def test_tests_that_may_not_run_vouch_for_nothing(bench: Bench, toolchain: Toolchain) -> None:
    bench.put("test_money.py", "def test_it():\n    assert True\n")
    content = content_of(all=[README])
    before = await upkeep_of(bench, toolchain, Verdict.BOUNDED).vouch(
        bench.copy, content, None, bench.beats.append, standing=STANDING
    )
    assert (before.ran, before.counts["passed"]) == (True, 1)
    for verdict in (Verdict.DENY, Verdict.ASK):
        upkeep = upkeep_of(bench, toolchain, verdict)
        first = await upkeep.vouch(bench.copy, content, None, bench.beats.append, standing=STANDING)
        assert (first.ran, first.held, json.loads(first.cases)["runs"]) == (False, True, [])
        assert first.detail.startswith("The call 'run_tests all tests' was not run")
        assert SAYS in first.detail
        after = await upkeep.vouch(bench.copy, content, before.cases, bench.beats.append, standing=STANDING)
        assert (after.ran, after.held, after.sentence) == (False, False, first.detail)


PAIR = {
    "test_a.py": "import sys\n\ndef test_first():\n    sys.left_behind = {left}\n",
    "test_b.py": "import sys\n\ndef test_second():\n    assert not getattr(sys, 'left_behind', False)\n",
}


async def test_a_test_that_passes_alone_and_fails_beside_the_others_is_broken(
    bench: Bench, toolchain: Toolchain
) -> None:
    upkeep = upkeep_of(bench, toolchain, Verdict.BOUNDED)
    content = content_of(all=[README])
    for name, text in PAIR.items():
        bench.put(name, text.format(left=False))
    before = await upkeep.vouch(bench.copy, content, None, bench.beats.append, standing=STANDING)
    assert before.counts["passed"] == 2
    bench.put("test_a.py", PAIR["test_a.py"].format(left=True))
    after = await upkeep.vouch(bench.copy, content, before.cases, bench.beats.append, standing=STANDING)
    assert (after.held, after.broken) == (False, ("test_b.py::test_second",))


def recorded_run(outcome: Outcome) -> RecordedTests:
    """A run of one test."""
    case = RecordedCase(id="test_a.py::test_first", outcome=outcome)
    return RecordedTests(runs=(RecordedRun(framework="pytest", ran=True, cases=(case,)),))


@pytest.mark.parametrize(("whole", "held"), [("passed", True), ("failed", False)])
async def test_a_failure_is_chance_where_neither_the_test_alone_nor_all_together_show_it_again(
    whole: Outcome, held: bool
) -> None:
    async def again() -> ToolOutput:
        data = recorded_run(whole).model_dump_json().encode()
        return ToolOutput("", artifacts=(Artifact(ATTACHMENT, data),))

    before = recorded_run("passed")
    found = await settled(before, compare(before, recorded_run("failed")), recorded_run("passed"), again)
    assert found.held is held
