"""The policy's verdicts, and that a policy which contradicts itself is not loaded."""

import itertools
from importlib import resources

import pytest

from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import CallFacts, Judgement, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy

SHIPPED = resources.files("perdure.safety").joinpath("policy.toml").read_text()
READING = '"read", "write", "run", "run_writing", "network", "destructive", "commit", "publish"'
EVERYTHING = f"""
v = 1
[[rule]]
id = "everything"
effects = [{READING}]
verdict = "ask"
reason = "Whatever it is, a person is asked."
examples = [{{ effect = "read", mode = "plan", safety = "standard", expected = "ask" }}]
"""

ALL_LEVELS = list(Safety)
EXPECTED = {
    Effect.READ: dict.fromkeys(ALL_LEVELS, Verdict.ALLOW),
    Effect.WRITE: dict.fromkeys(ALL_LEVELS, Verdict.ALLOW),
    Effect.COMMIT: dict.fromkeys(ALL_LEVELS, Verdict.ALLOW),
    Effect.RUN: dict.fromkeys(ALL_LEVELS, Verdict.BOUNDED),
    Effect.RUN_WRITING: {
        Safety.CAUTIOUS: Verdict.ASK,
        Safety.STANDARD: Verdict.ASK,
        Safety.AUTONOMOUS: Verdict.BOUNDED,
    },
    Effect.NETWORK: {
        Safety.CAUTIOUS: Verdict.ASK,
        Safety.STANDARD: Verdict.ASK,
        Safety.AUTONOMOUS: Verdict.BOUNDED,
    },
    Effect.DESTRUCTIVE: {
        Safety.CAUTIOUS: Verdict.ASK,
        Safety.STANDARD: Verdict.ASK,
        Safety.AUTONOMOUS: Verdict.ALLOW,
    },
    Effect.PUBLISH: dict.fromkeys(ALL_LEVELS, Verdict.ASK),
}
ALLOWED_WITHOUT_CHANGES = {Effect.READ: Verdict.ALLOW, Effect.RUN: Verdict.BOUNDED}


def test_every_effect_has_its_verdict_in_tasks_that_change() -> None:
    policy = Policy.load()
    verdicts = {
        effect: {safety: verdict_of(policy, effect, safety=safety) for safety in Safety} for effect in Effect
    }
    assert verdicts == EXPECTED


def verdict_of(
    policy: Policy, effect: Effect, *, mode: Mode = Mode.CHANGE, safety: Safety, author: Author = Author.MODEL
) -> Verdict:
    """The verdict alone."""
    return policy.judge(CallFacts("", effect, Standing(mode, safety, author))).verdict


def test_a_playbooks_program_may_write_at_every_level_and_its_push_asks_all_the_same() -> None:
    policy = Policy.load()
    for safety in Safety:
        writing = verdict_of(policy, Effect.RUN_WRITING, safety=safety, author=Author.PLAYBOOK)
        assert writing is Verdict.BOUNDED
        installing = verdict_of(policy, Effect.NETWORK, safety=safety, author=Author.PLAYBOOK)
        assert installing is Verdict.BOUNDED
        assert verdict_of(policy, Effect.PUBLISH, safety=safety, author=Author.PLAYBOOK) is Verdict.ASK
    own = verdict_of(policy, Effect.RUN_WRITING, safety=Safety.CAUTIOUS, author=Author.PERDURE)
    assert own is Verdict.ASK


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ANSWER])
def test_tasks_that_only_plan_or_answer_change_nothing(mode: Mode) -> None:
    policy = Policy.load()
    for effect, safety, author in itertools.product(Effect, Safety, Author):
        verdict = verdict_of(policy, effect, mode=mode, safety=safety, author=author)
        assert verdict is ALLOWED_WITHOUT_CHANGES.get(effect, Verdict.DENY)


def test_a_verdict_names_its_rule_and_says_why() -> None:
    standing = Standing(Mode.CHANGE, Safety.AUTONOMOUS, Author.MODEL)
    assert Policy.load().judge(CallFacts("git_push", Effect.PUBLISH, standing)) == Judgement(
        Verdict.ASK,
        "publishing-asks: What leaves the machine cannot be taken back, so a person decides at every safety level.",
        ("publishing-asks",),
    )


def test_the_digest_changes_with_any_rule() -> None:
    changed = SHIPPED.replace("Reading inside the workspace", "Reading within the workspace")
    assert Policy.load().digest == Policy.parse(SHIPPED).digest
    assert Policy.parse(changed).digest != Policy.load().digest
    assert len(Policy.load().digest) == 64


def test_a_complete_policy_of_one_rule_is_accepted() -> None:
    verdict = verdict_of(
        Policy.parse(EVERYTHING), Effect.RUN, mode=Mode.PLAN, safety=Safety.CAUTIOUS, author=Author.PERDURE
    )
    assert verdict is Verdict.ASK


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('expected = "ask"', 'expected = "allow"', "rule 'everything' has an example that does not hold"),
        (READING, '"read"', "no rule for effect write, mode change, safety cautious"),
        ('verdict = "ask"', 'verdict = "maybe"', "malformed at 'rule.0.verdict'"),
        ('verdict = "ask"', 'verdict = "ask"\nsafty = []', "malformed at 'rule.0.safty'"),
        ('id = "everything"', 'id = "Every thing"', "malformed at 'rule.0.id'"),
        ('"Whatever it is, a person is asked."', '"ask"', "malformed at 'rule.0.reason'"),
        ("v = 1", "v = 2", "malformed at 'v'"),
        ("v = 1", "v = ", "not valid TOML"),
        ("examples = [", "examples = []\nunused = [", "malformed at 'rule.0.examples'"),
    ],
)
def test_a_broken_policy_is_refused(old: str, new: str, words: str) -> None:
    assert old in EVERYTHING
    with pytest.raises(ConfigurationError, match=words):
        Policy.parse(EVERYTHING.replace(old, new))


def test_two_rules_for_one_combination_are_refused() -> None:
    second = EVERYTHING.replace("v = 1", "").replace('"everything"', '"twice"')
    with pytest.raises(ConfigurationError, match="rules 'everything' and 'twice' both decide effect read"):
        Policy.parse(EVERYTHING + second)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="more than one rule called 'everything'"):
        Policy.parse(EVERYTHING + EVERYTHING.replace("v = 1", ""))


def test_a_denial_comes_before_other_rules() -> None:
    denial = """
[[rule]]
id = "no-publishing"
effects = ["publish"]
verdict = "deny"
reason = "Nothing leaves this machine."
examples = [{ effect = "publish", mode = "change", safety = "autonomous", expected = "deny" }]
"""
    policy = Policy.parse(EVERYTHING + denial)
    standing = Standing(Mode.CHANGE, Safety.CAUTIOUS, Author.PLAYBOOK)
    found = policy.judge(CallFacts("git_push", Effect.PUBLISH, standing))
    assert (found.verdict, found.reason) == (Verdict.DENY, "no-publishing: Nothing leaves this machine.")


def test_an_example_that_another_rule_decides_is_refused() -> None:
    denial = """
[[rule]]
id = "no-reading"
effects = ["read"]
verdict = "deny"
reason = "Nothing may be read here."
examples = [{ effect = "read", mode = "change", safety = "autonomous", expected = "deny" }]
"""
    with pytest.raises(ConfigurationError, match="but the rule 'no-reading' decides 'deny'"):
        Policy.parse(EVERYTHING + denial)
