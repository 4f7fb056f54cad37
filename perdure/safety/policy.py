"""What may run, what a person is asked and what is refused: the table and the rules of all layers, the strictest first.

Layers are the built-in policy, the administrator's file, the user's file and the task's own rules. Each may narrow;
only the administrator may loosen, and only what the built-in policy marks so. ``docs/policy.md`` explains it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Self

from perdure.contracts.calls import Assurance, Author, Effect, SandboxLevel, Verdict
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import CallFacts, Judgement, Standing
from perdure.contracts.policy import Demands, TaskRule
from perdure.safety.command.analysis import Analysis
from perdure.safety.policy_files import (
    ADMINISTRATOR,
    BUILT_IN,
    BuiltIn,
    Layer,
    Row,
    administrators,
    built_in,
    read,
    users,
)
from perdure.safety.policy_rules import Example, Rule, Situation, Speaks

SHIPPED = "perdure/safety/policy.toml"
STRICTNESS = {verdict: number for number, verdict in enumerate(Verdict)}
NO_DEMANDS = Demands()
USER, TASK = "user", "task"
LAYERS = (ADMINISTRATOR, USER, TASK)


@dataclass(frozen=True)
class Match:
    """One rule, or cell of the table, that speaks of a call."""

    layer: str
    """``built-in``, ``administrator``, ``user`` or ``task``."""
    rule: str
    verdict: Verdict | None
    reason: str
    demands: Demands = NO_DEMANDS
    loosenable: bool = False
    loosens: bool = False
    ahead: bool | None = None
    """Whether it lets the call be run ahead; None where it says nothing of that."""
    stands: bool = True
    """False where the administrator loosened it."""


@dataclass(frozen=True)
class Explanation:
    """A verdict, with all that led to it."""

    judgement: Judgement
    matches: tuple[Match, ...]
    analysis: Analysis | None
    """Of the line of shell, where the call runs one."""


@dataclass(frozen=True)
class Source:
    """A layer with the rules made ready."""

    name: str
    """For people: the file."""
    layer: str
    rules: tuple[tuple[Rule | TaskRule, Speaks], ...]
    roots: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, layer: str, file: Layer | BuiltIn) -> Self:
        """The layer that a file holds."""
        roots = file.roots if isinstance(file, Layer) else ()
        return cls(name, layer, tuple((rule, Speaks(rule)) for rule in file.rule), roots)

    @property
    def examples(self) -> int:
        """How many examples its rules have."""
        return sum(len(r.matches) + len(r.does_not_match) for r, _ in self.rules if isinstance(r, Rule))

    def matches(self, situation: Situation) -> list[Match]:
        """Its rules that speak of a call."""
        return [_match(self.layer, rule, situation) for rule, speaks in self.rules if speaks(situation)]


class Policy:
    """All layers together."""

    def __init__(
        self, shipped: BuiltIn, administrator: Layer | None = None, people: Mapping[str, Layer] | None = None,
        *, administrator_file: str = "", people_files: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._rows: dict[Effect, Row] = {row.effect: row for row in shipped.row}
        self._shipped = Source.of(SHIPPED, BUILT_IN, shipped)
        self._administrator = (
            Source.of(administrator_file or ADMINISTRATOR, ADMINISTRATOR, administrator)
            if administrator
            else None
        )
        files = people_files or {}
        self._people = {
            user: Source.of(files.get(user, f"{user}'s file"), USER, layer)
            for user, layer in (people or {}).items()
        }
        self.digest = digest_of(
            {
                "v": 2,
                "built_in": shipped.model_dump(mode="json"),
                "administrator": administrator.model_dump(mode="json") if administrator else None,
                "users": {user: layer.model_dump(mode="json") for user, layer in (people or {}).items()},
            }
        )
        """Changes whenever any rule of any file does."""
        self._check_examples()

    @classmethod
    def load(cls, administrator: Path | None = None, people: Path | None = None) -> Self:
        """The policy that ships with these files; ConfigurationError names file and rule of what cannot be used."""
        shipped = resources.files("perdure.safety").joinpath("policy.toml").read_text(encoding="utf-8")
        files = _user_files(people)
        return cls(
            built_in(shipped, source=SHIPPED),
            administrators(read(administrator), source=str(administrator)) if administrator else None,
            {user: users(read(file), source=str(file)) for user, file in files.items()},
            administrator_file=str(administrator or ""),
            people_files={user: str(file) for user, file in files.items()},
        )

    @classmethod
    def parse(cls, administrator: str = "v = 1", people: Mapping[str, str] | None = None) -> Self:
        """The policy that ships with layers given as text."""
        shipped = resources.files("perdure.safety").joinpath("policy.toml").read_text(encoding="utf-8")
        return cls(
            built_in(shipped, source=SHIPPED),
            administrators(administrator, source=ADMINISTRATOR),
            {user: users(text, source=user) for user, text in (people or {}).items()},
        )

    def judge(self, facts: CallFacts) -> Judgement:
        """What becomes of a call."""
        return self.explain(facts).judgement

    def explain(self, facts: CallFacts, *, layers: Collection[str] = LAYERS) -> Explanation:
        """What becomes of a call, rule by rule, by these layers on top of the built-in policy."""
        situation = Situation(facts)
        found = [*self._cells(facts), *self._shipped.matches(situation)]
        if self._administrator and ADMINISTRATOR in layers:
            own = self._administrator.matches(situation)
            found = _loosened(found, [each for each in own if each.loosens])
            found += [each for each in own if not each.loosens]
        layer = self._people.get(facts.standing.user)
        if layer and USER in layers:
            found += layer.matches(situation)
        if TASK in layers:
            found += _of_task(facts.standing, situation)
        return Explanation(_judgement(found), tuple(found), situation.analysis)

    def digest_for(self, standing: Standing) -> str:
        """The digest of all that judges calls of a task, its own rules included."""
        own = [rule.model_dump(mode="json") for rule in standing.policy]
        return digest_of({"v": 1, "policy": self.digest, "task": own}) if own else self.digest

    @property
    def files(self) -> tuple[tuple[str, int, int], ...]:
        """Name, number of rules and of their examples, of each file."""
        sources = [each for each in (self._shipped, self._administrator, *self._people.values()) if each]
        return tuple((each.name, len(each.rules), each.examples) for each in sources)

    def roots_for(self, user: str) -> tuple[tuple[str, ...], ...]:
        """Lists of folders and hosts; a task of this user may name what each of them holds."""
        layers = (self._administrator, self._people.get(user))
        return tuple(layer.roots for layer in layers if layer and layer.roots)

    def _cells(self, facts: CallFacts) -> list[Match]:
        row, standing = self._rows[facts.effect], facts.standing
        level = "playbooks" if standing.author is Author.PLAYBOOK else standing.safety.value
        found = [_cell(row, level)]
        if standing.untrusted and STRICTNESS[row.untrusted] > STRICTNESS[getattr(row, level)]:
            found.append(_cell(row, "untrusted"))
        return found

    def _check_examples(self) -> None:
        """Refuse a rule whose examples do not hold."""
        for source in (self._shipped, self._administrator, *self._people.values()):
            for rule, speaks in source.rules if source else ():
                if isinstance(rule, Rule) and source:
                    for example in rule.matches:
                        self._check(source, rule, example, speaks, should=True)
                    for example in rule.does_not_match:
                        self._check(source, rule, example, speaks, should=False)

    def _check(self, source: Source, rule: Rule, example: Example, speaks: Speaks, *, should: bool) -> None:
        facts = example.facts()
        shown = example.model_dump(mode="json", exclude_defaults=True)
        wrong = ""
        if speaks(Situation(facts)) is not should:
            wrong = f"it {'does not speak' if should else 'speaks'} of {shown!r}"
        elif example.expected is not None:
            below = {BUILT_IN: (), ADMINISTRATOR: LAYERS[:1]}
            found = self.explain(facts, layers=below.get(source.layer, LAYERS)).judgement
            if found.verdict is not example.expected:
                wrong = (
                    f"for {shown!r} it expects {example.expected.value!r}, but {found.rules[0]!r} decides "
                    f"{found.verdict.value!r}"
                )
        if wrong:
            raise ConfigurationError(
                f"The rule {rule.id!r} of the policy file {source.name!r} has an example that does not hold: {wrong}.",
                "mend the rule or its example.",
            )


def _user_files(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigurationError(
            f"The folder of users' policy files {str(folder)!r} does not exist.",
            "make it, or take the setting away.",
        )
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def _cell(row: Row, column: str) -> Match:
    name, because = next(each for each in row.because.items() if column in each[1].columns)
    verdict = Verdict(getattr(row, column))
    loosenable = row.loosenable and column != "untrusted"
    return Match(BUILT_IN, name, verdict, because.reason, loosenable=loosenable, ahead=row.ahead)


def _match(layer: str, rule: Rule | TaskRule, situation: Situation) -> Match:
    reason = rule.reason
    loosenable = loosens = False
    ahead: bool | None = None
    verdict: Verdict | None = Verdict(rule.verdict) if rule.verdict else None
    if isinstance(rule, Rule):
        loosenable, loosens, ahead = rule.loosenable, rule.loosens, rule.ahead
        if rule.analysis and situation.analysis:
            reason = f"{reason} {situation.analysis.reason}"
    return Match(layer, rule.id, verdict, reason, rule, loosenable, loosens, ahead)


def _loosened(found: list[Match], loosening: list[Match]) -> list[Match]:
    """What is left of the built-in policy's word where the administrator loosens it."""
    if not loosening:
        return found
    least = max(loosening, key=_strictness)
    kept = [
        replace(one, stands=not (one.loosenable and _strictness(one) > _strictness(least))) for one in found
    ]
    return [*kept, *loosening]


def _of_task(standing: Standing, situation: Situation) -> list[Match]:
    return [_match(TASK, rule, situation) for rule in standing.policy if Speaks(rule)(situation)]


def _strictness(one: Match) -> int:
    return STRICTNESS[one.verdict] if one.verdict else -1


def _judgement(found: list[Match]) -> Judgement:
    standing = [one for one in found if one.stands]
    deciding = max(standing, key=_strictness)
    others = [one for one in standing if one is not deciding]
    # The strictest first, so that the list reads as it was decided.
    ordered = [deciding, *sorted(others, key=_strictness, reverse=True)]
    levels = [one.demands.least_sandbox for one in standing if one.demands.least_sandbox]
    return Judgement(
        verdict=deciding.verdict or Verdict.ASK,
        reason=f"{deciding.rule}: {deciding.reason}",
        rules=tuple(one.rule for one in ordered),
        people=max(one.demands.people for one in standing),
        assurance=max((one.demands.assurance for one in standing), key=list(Assurance).index),
        least_sandbox=min(levels, key=list(SandboxLevel).index) if levels else None,
        ahead=_may_run_ahead(standing),
    )


def _may_run_ahead(standing: list[Match]) -> bool:
    """Whether everybody who asks lets it be run ahead, and nobody forbids it."""
    asking = [one for one in standing if one.verdict is Verdict.ASK]
    forbidden = any(one.ahead is False and (one.layer != BUILT_IN or one in asking) for one in standing)
    return bool(asking) and all(one.ahead for one in asking) and not forbidden
