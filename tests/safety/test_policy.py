"""The policy's verdicts through all its layers, and that a file which contradicts itself or oversteps is not loaded."""

import itertools
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.calls import Assurance, Author, Effect, SandboxLevel, Verdict
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.policy import TaskRule
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from perdure.safety.policy_rules import Rule, Situation, Speaks

ALLOW, BOUNDED, ASK, DENY = Verdict
LEVELS = tuple(Safety)
#: What becomes of each effect in a task that changes: cautious, standard, autonomous, and autonomous after untrusted text.
EXPECTED = {
    Effect.READ: (ALLOW, ALLOW, ALLOW, ALLOW),
    Effect.WRITE: (ALLOW, ALLOW, ALLOW, ALLOW),
    Effect.RUN: (BOUNDED, BOUNDED, BOUNDED, BOUNDED),
    Effect.RUN_WRITING: (ASK, ASK, BOUNDED, ASK),
    Effect.NETWORK: (ASK, ASK, BOUNDED, ASK),
    Effect.DESTRUCTIVE: (ASK, ASK, ALLOW, ASK),
    Effect.COMMIT: (ALLOW, ALLOW, ALLOW, ALLOW),
    Effect.PUBLISH: (ASK, ASK, ASK, ASK),
}
RULE = """
v = 1

[[rule]]
id = "a-rule"
{conditions}
reason = "A reason for people."
matches = [{{ {matches} }}]
does_not_match = [{{ {other} }}]
"""


@pytest.fixture(scope="module")
def shipped() -> Policy:
    """The policy without files of the installation."""
    return Policy.load()


def facts(
    effect: Effect = Effect.RUN,
    *,
    tool: str = "",
    mode: Mode = Mode.CHANGE,
    safety: Safety = Safety.CAUTIOUS,
    author: Author = Author.MODEL,
    untrusted: bool = False,
    user: str = "",
    policy: tuple[TaskRule, ...] = (),
    command: str = "",
    paths: tuple[str, ...] = (),
    branches: tuple[str, ...] = (),
) -> CallFacts:
    """A call."""
    standing = Standing(mode, safety, author, untrusted, user, "https://git.example/r", policy)
    return CallFacts(tool, effect, standing, Named(command=command, paths=paths, branches=branches))


def a_rule(
    conditions: str, matches: str = 'effect = "run"', other: str = 'effect = "read", tool = "other"'
) -> str:
    """A layer's file of one rule."""
    return RULE.format(conditions=conditions, matches=matches, other=other)


def verdict(policy: Policy, call: CallFacts) -> Verdict:
    """The verdict alone."""
    return policy.judge(call).verdict


def test_every_effect_has_its_verdict_in_tasks_that_change(shipped: Policy) -> None:
    found = {
        effect: (
            *(verdict(shipped, facts(effect, safety=safety)) for safety in LEVELS),
            verdict(shipped, facts(effect, safety=Safety.AUTONOMOUS, untrusted=True)),
        )
        for effect in Effect
    }
    assert found == EXPECTED


def test_text_that_nobody_vouches_for_never_loosens(shipped: Policy) -> None:
    for effect, safety, author in itertools.product(Effect, Safety, Author):
        plain = shipped.judge(facts(effect, safety=safety, author=author)).verdict
        after = shipped.judge(facts(effect, safety=safety, author=author, untrusted=True)).verdict
        assert list(Verdict).index(after) >= list(Verdict).index(plain)


def test_a_playbooks_program_may_write_at_every_level_and_its_push_asks_all_the_same(shipped: Policy) -> None:
    for safety in Safety:
        for effect, expected in (
            (Effect.RUN_WRITING, BOUNDED),
            (Effect.NETWORK, BOUNDED),
            (Effect.PUBLISH, ASK),
        ):
            assert verdict(shipped, facts(effect, safety=safety, author=Author.PLAYBOOK)) is expected
    assert verdict(shipped, facts(Effect.RUN_WRITING, author=Author.PERDURE)) is ASK


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ANSWER])
def test_tasks_that_only_plan_or_answer_change_nothing(shipped: Policy, mode: Mode) -> None:
    free = {Effect.READ: ALLOW, Effect.RUN: BOUNDED}
    for effect, safety, author in itertools.product(Effect, Safety, Author):
        found = verdict(shipped, facts(effect, mode=mode, safety=safety, author=author))
        assert found is free.get(effect, DENY)


def test_a_verdict_names_all_rules_that_matched_the_deciding_one_first(shipped: Policy) -> None:
    assert shipped.judge(facts(Effect.PUBLISH, mode=Mode.PLAN)) == Judgement(
        DENY,
        "only-changing-tasks-change: A task that only plans or answers changes nothing: no file, no branch, no remote.",
        ("only-changing-tasks-change", "publishing-asks"),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git log --oneline -5 | head", (BOUNDED, BOUNDED, BOUNDED, BOUNDED)),
        ("pytest -q", (ASK, ASK, BOUNDED, ASK)),
        ("cat .env", (ASK, ASK, BOUNDED, ASK)),
        ("echo 'not closed", (ASK, ASK, BOUNDED, ASK)),
        ("rm -rf /", (DENY, DENY, DENY, DENY)),
        ("true; sh -c 'git push -f'", (DENY, DENY, DENY, DENY)),
    ],
)
def test_a_line_of_shell_is_judged_by_its_words(
    shipped: Policy, line: str, expected: tuple[Verdict, ...]
) -> None:
    levels = [(safety, False) for safety in LEVELS] + [(Safety.AUTONOMOUS, True)]
    found = [
        verdict(shipped, facts(command=line, safety=safety, untrusted=after)) for safety, after in levels
    ]
    assert found == list(expected)


def test_a_line_that_writes_is_never_better_than_the_table_nor_than_its_words(shipped: Policy) -> None:
    assert verdict(shipped, facts(Effect.RUN_WRITING, command="ls")) is ASK
    assert verdict(shipped, facts(Effect.RUN_WRITING, command="rm -rf /", author=Author.PLAYBOOK)) is DENY
    assert verdict(shipped, facts(Effect.RUN_WRITING, command="ls", safety=Safety.AUTONOMOUS)) is BOUNDED


def test_the_reason_of_a_line_names_the_word_that_decided(shipped: Policy) -> None:
    assert "'pytest'" in shipped.judge(facts(command="pytest -q")).reason


@pytest.mark.parametrize(
    ("conditions", "speaks", "is_silent"),
    [
        ('commands = ["terraform"]', facts(command="cd x && sudo terraform apply"), facts(command="echo terraform")),
        ('commands = ["git fetch"]', facts(command="/usr/bin/git fetch origin"), facts(command="git log")),
        ('commands = ["npm run *"]', facts(command="npm run x"), facts(command="npm run")),
        ('options = ["--delete"]', facts(command="git branch --delete x"), facts(command="git branch -a")),
        ('paths = ["secrets/**"]', facts(paths=("secrets/a/b",)), facts(paths=("src/secrets.py",))),
        ('paths = ["*.lock"]', facts(paths=("a/b/uv.lock",)), facts(paths=("uv.locked",))),
        ('paths = ["secrets/**"]', facts(command="cat ./secrets/key", paths=(".",)), facts(command="cat a", paths=(".",))),
        ('paths = ["a/secrets/**"]', facts(Effect.DESTRUCTIVE, paths=("a",)), facts(paths=("a",))),
        ('branches = ["release/*"]', facts(branches=("release/1",)), facts(branches=("x",))),
        ('users = ["guest*"]', facts(user="guest-1"), facts(user="ada")),
        ('repositories = ["https://git.example/*"]', facts(), None),
        ('tools = ["git_*"]', facts(tool="git_log"), facts(tool="read_file")),
        ("untrusted = true", facts(untrusted=True), facts()),
    ],
)  # fmt: skip
def test_a_rule_speaks_of_what_its_conditions_name(
    conditions: str, speaks: CallFacts, is_silent: CallFacts | None
) -> None:
    rule = Rule.model_validate(
        {
            **tomllib.loads(conditions),
            "id": "a-rule",
            "reason": "A reason for people.",
            "matches": ({},),
            "does_not_match": ({},),
        }
    )
    assert Speaks(rule)(Situation(speaks))
    assert is_silent is None or not Speaks(rule)(Situation(is_silent))


def test_demands_of_all_layers_add_up() -> None:
    administrator = a_rule(
        'effects = ["publish"]\npeople = 2\nleast_sandbox = "B"', matches='effect = "publish"'
    )
    own = TaskRule(
        id="own-rule",
        effects=(Effect.PUBLISH,),
        reason="This one matters to us.",
        assurance=Assurance.SIGNED,
        least_sandbox=SandboxLevel.C,
    )
    found = Policy.parse(administrator).judge(facts(Effect.PUBLISH, policy=(own,)))
    assert (found.verdict, found.people, found.assurance, found.least_sandbox) == (
        ASK,
        2,
        Assurance.SIGNED,
        SandboxLevel.B,
    )
    assert found.rules == ("publishing-asks", "a-rule", "own-rule")


def test_users_and_tasks_can_only_narrow() -> None:
    user = a_rule('effects = ["write"]\nverdict = "ask"', matches='effect = "write"')
    policy = Policy.parse(people={"ada": user})
    assert verdict(policy, facts(Effect.WRITE, user="ada")) is ASK
    assert verdict(policy, facts(Effect.WRITE, user="bob")) is ALLOW
    own = TaskRule(id="own-rule", paths=("src/**",), verdict="deny", reason="Nothing in src is touched.")
    assert verdict(policy, facts(Effect.WRITE, policy=(own,), paths=("src/a.py",))) is DENY
    with pytest.raises(
        ConfigurationError, match=r"rule 'a-rule' of the policy file 'ada'.*administrator's alone"
    ):
        Policy.parse(people={"ada": a_rule('verdict = "allow"\nloosens = true')})


def test_an_administrator_loosens_only_what_may_be_loosened() -> None:
    loosens = a_rule(
        'commands = ["pytest"]\nverdict = "bounded"\nloosens = true',
        matches='effect = "run", command = "pytest -q", expected = "bounded"',
    )
    policy = Policy.parse(loosens)
    assert verdict(policy, facts(command="pytest -q tests/a.py")) is BOUNDED
    for line in (
        "pytest; ls x",
        "pytest $(date)",
        "pytest > /etc/passwd",
        "pytest 'a b'",
        "rm -rf / && pytest",
    ):
        assert verdict(policy, facts(command=line)) in {ASK, DENY}
    assert verdict(policy, facts(Effect.RUN_WRITING, command="pytest", mode=Mode.PLAN)) is DENY
    assert verdict(policy, facts(command="pytest", untrusted=True)) is ASK
    pushing = a_rule('effects = ["publish"]\nverdict = "allow"\nloosens = true', matches='effect = "publish"')
    assert verdict(Policy.parse(pushing), facts(Effect.PUBLISH)) is ASK


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git push", DENY), ("git -C . push origin", DENY), ("git --no-pager -c a=b --git-dir x push", DENY),
        # Nobody knows which options have a value, so the stricter reading counts.
        ("env -i git -C . push", DENY), ("git -C push status", DENY), ("git --no-pager -p log", ASK), ("git log push", ASK),
        ("grep -e git -e push", ASK), ("git commit -m push", ASK),
    ],
)  # fmt: skip
def test_options_between_its_words_lead_past_no_rule_about_a_command(
    shipped: Policy, line: str, expected: Verdict
) -> None:
    own = TaskRule(id="own-rule", commands=("git push",), verdict="deny", reason="Nothing is pushed here.")
    call = facts(Effect.RUN_WRITING, policy=(own,), command=line)
    assert verdict(shipped, call) is expected


def test_what_is_loosened_for_a_command_has_no_options_between_its_words() -> None:
    loosens = a_rule(
        'commands = ["git status"]\nverdict = "bounded"\nloosens = true',
        matches='effect = "run_writing", command = "git status", expected = "bounded"',
    )
    policy = Policy.parse(loosens)
    assert verdict(policy, facts(Effect.RUN_WRITING, command="git status -s")) is BOUNDED
    assert verdict(policy, facts(Effect.RUN_WRITING, command="git -c alias.x=y status")) is ASK


def test_what_is_loosened_for_some_paths_lets_no_others_through_beside_them() -> None:
    loosens = a_rule(
        'paths = ["build/**"]\neffects = ["destructive"]\nverdict = "allow"\nloosens = true',
        matches='effect = "destructive", paths = ["build/a"], expected = "allow"',
    )
    policy = Policy.parse(loosens)
    assert verdict(policy, facts(Effect.DESTRUCTIVE, paths=("build/a", "build/b"))) is ALLOW
    assert verdict(policy, facts(Effect.DESTRUCTIVE, paths=("build/a", "src/b"))) is ASK
    assert verdict(policy, facts(Effect.DESTRUCTIVE)) is ASK


def test_no_way_to_write_a_repository_leads_past_a_rule_about_it() -> None:
    """Whoever starts a task chooses how its repository is written."""
    loosens = a_rule(
        'repositories = ["/srv/ours/*", "https://git.example/ours/*"]\nverdict = "bounded"\nloosens = true',
        matches='effect = "run_writing", repository = "/srv/ours/a", expected = "bounded"',
    )
    narrows = a_rule(
        'repositories = ["/srv/theirs/*", "https://git.example/theirs/a"]\nverdict = "deny"',
        matches='effect = "run_writing", repository = "/srv/theirs/a"',
    )

    def judged(file: str, repository: str) -> Verdict:
        call = facts(Effect.RUN_WRITING)
        return verdict(
            Policy.parse(file), replace(call, standing=replace(call.standing, repository=repository))
        )

    for name in ("/srv/ours//a", "https://git.example:443/ours/a.git"):
        assert judged(loosens, name) is BOUNDED
    for name in (
        "/srv/ours/../theirs/a", "file:///srv/ours/%2e%2e/theirs/a", "https://git.example/ours/../theirs/a",
        "https://git.example/ours/%2e%2e/theirs/a",
    ):  # fmt: skip
        assert judged(loosens, name) is ASK
    for name in (
        "/srv/ours/../theirs/a", "//srv/theirs/a", "/srv/./theirs/a", "file:///srv/theirs/a", "https://git.example/theirs/a.git",
        "https://GIT.example./theirs//a/", "https://git.example:443/Theirs/%61", "https://git.example/theirs/a/.git",
    ):  # fmt: skip
        assert judged(narrows, name) is DENY, name
    assert judged(narrows, "/srv/Theirs/a") is ASK


def test_no_way_to_write_a_host_leads_past_a_rule_about_it(shipped: Policy) -> None:
    own = TaskRule(
        id="own-rule", hosts=("git.example", "xn--gt-kja.example"), verdict="deny", reason="Not to that one."
    )
    call = facts(Effect.PUBLISH, policy=(own,))
    for name in ("git.example", "GIT.example.", "git.example:8443", "gìt.example"):
        assert verdict(shipped, replace(call, named=Named(hosts=(name,)))) is DENY, name
    assert verdict(shipped, replace(call, named=Named(hosts=("git.example.org",)))) is ASK


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ('commands = ["bash"]\nverdict = "allow"\nloosens = true', "'bash' runs whatever its words name"),
        ('commands = ["make"]\nverdict = "allow"\nloosens = true', "'make' runs whatever its words name"),
        ('commands = ["*"]\nverdict = "allow"\nloosens = true', "would let any program through"),
        ('verdict = "allow"', "takes nothing away"),
        ('verdict = "ask"\nloosens = true', "has the verdict 'allow' or 'bounded'"),
        ('verdict = "ask"\nloosenable = true', "mark of the built-in policy"),
        ('verdict = "maybe"', "in the rule 'a-rule'"),
        ('verdict = "ask"\nsafty = []', "'rule.0.safty', in the rule 'a-rule'"),
        ('verdict = "ask"\nusers = ["bob"]', "it does not speak of"),
        ('verdict = "ask"\nmodes = ["change"]\nauthors = ["model"]', "it speaks of"),
        ('verdict = ', "not valid TOML"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_file_rule_and_what_to_do(
    tmp_path: Path, conditions: str, words: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(a_rule(conditions))
    with pytest.raises(ConfigurationError) as refusal:
        Policy.load(file)
    assert words in str(refusal.value)
    assert str(file) in str(refusal.value)
    assert refusal.value.hint


def test_an_example_that_another_layer_decides_is_refused() -> None:
    text = a_rule('effects = ["run"]\nverdict = "ask"', matches='effect = "run", expected = "deny"')
    with pytest.raises(ConfigurationError, match="it expects 'deny', but 'a-rule' decides 'ask'"):
        Policy.parse(text)


def test_files_of_users_are_named_after_them(tmp_path: Path) -> None:
    (tmp_path / "ada.toml").write_text('v = 1\nroots = ["/srv/ada"]\n')
    policy = Policy.load(people=tmp_path)
    assert policy.roots_for("ada") == (("/srv/ada",),)
    assert policy.roots_for("../ada") == ()
    with pytest.raises(ConfigurationError, match="does not exist"):
        Policy.load(people=tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Policy.load(tmp_path / "nowhere.toml")


def test_the_digest_changes_with_any_rule_of_any_layer(shipped: Policy) -> None:
    rule = a_rule('effects = ["run"]\nverdict = "ask"')
    own = TaskRule(id="own-rule", verdict="ask", reason="This one matters to us.")
    digests = {
        shipped.digest,
        Policy.parse(rule).digest,
        Policy.parse(people={"ada": rule}).digest,
        shipped.digest_for(facts(policy=(own,)).standing),
    }
    assert len(digests) == 4
    assert Policy.load().digest == shipped.digest_for(facts().standing) == shipped.digest
