"""What may run, what a person is asked and what is refused: rules of ``policy.toml``, checked when they load."""

import itertools
import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import CallFacts, Judgement
from perdure.contracts.task import Mode, Safety


class Example(BaseModel):
    """One combination and the verdict that its rule must give it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: Effect
    mode: Mode
    safety: Safety
    author: Author = Author.MODEL
    expected: Verdict


class Rule(BaseModel):
    """One rule: for whom it speaks, what it decides, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,60}$")]
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = tuple(Mode)
    safety: Annotated[tuple[Safety, ...], Field(min_length=1)] = tuple(Safety)
    authors: Annotated[tuple[Author, ...], Field(min_length=1)] = tuple(Author)
    verdict: Verdict
    reason: Annotated[str, Field(pattern=r"^[A-Z].{10,}\.$")]
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]

    def speaks_for(self, combination: "Combination") -> bool:
        """Whether this rule is about the combination."""
        return (
            combination.effect in self.effects
            and combination.mode in self.modes
            and combination.safety in self.safety
            and combination.author in self.authors
        )


class Combination(NamedTuple):
    """What a verdict depends on."""

    effect: Effect
    mode: Mode
    safety: Safety
    author: Author

    def __str__(self) -> str:
        return f"effect {self.effect}, mode {self.mode}, safety {self.safety}, author {self.author}"


class PolicyFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Annotated[int, Field(ge=1, le=1)]
    rule: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Policy:
    """The rules, complete and consistent: each combination has exactly one verdict."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._deciding = {combination: _deciding(rules, combination) for combination in _combinations()}
        for rule in rules:
            for example in rule.examples:
                self._check(rule, example)

    @classmethod
    def load(cls) -> Self:
        """The policy that ships with Perdure; ConfigurationError names a rule that contradicts its examples."""
        return cls.parse(
            resources.files("perdure.safety").joinpath("policy.toml").read_text(encoding="utf-8")
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """The policy written in the text, checked like the one that ships."""
        try:
            file = PolicyFile.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"The policy is not valid TOML: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ConfigurationError(f"The policy is malformed at {place!r}: {first['msg']}.") from error
        names = [rule.id for rule in file.rule]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ConfigurationError(f"The policy has more than one rule called {doubled[0]!r}.")
        return cls(file.rule)

    def judge(self, facts: CallFacts) -> Judgement:
        """The verdict, and the rule that gave it."""
        standing = facts.standing
        rule = self._deciding[Combination(facts.effect, standing.mode, standing.safety, standing.author)]
        return Judgement(rule.verdict, f"{rule.id}: {rule.reason}", (rule.id,))

    @property
    def digest(self) -> str:
        """Digest of all rules; it changes whenever one does."""
        return digest_of({"v": 1, "rules": [rule.model_dump(mode="json") for rule in self._rules]})

    def _check(self, rule: Rule, example: Example) -> None:
        """Refuse a rule whose example is decided otherwise, or by another rule."""
        combination = Combination(example.effect, example.mode, example.safety, example.author)
        deciding = self._deciding[combination]
        if deciding is rule and rule.verdict is example.expected:
            return
        raise ConfigurationError(
            f"The policy's rule {rule.id!r} has an example that does not hold: for {combination} it expects "
            f"{example.expected.value!r}, but the rule {deciding.id!r} decides {deciding.verdict.value!r}.",
            "mend the rule or its example in policy.toml",
        )


def _combinations() -> Iterator[Combination]:
    return itertools.starmap(Combination, itertools.product(Effect, Mode, Safety, Author))


def _deciding(rules: tuple[Rule, ...], combination: Combination) -> Rule:
    """The one rule that decides a combination: a denial before all others, else the only one that speaks."""
    speaking = [rule for rule in rules if rule.speaks_for(combination)]
    denying = [rule for rule in speaking if rule.verdict is Verdict.DENY]
    if denying:
        return denying[0]
    if not speaking:
        raise ConfigurationError(
            f"The policy has no rule for {combination}.", "add one: every combination needs a verdict"
        )
    if len(speaking) > 1:
        names = " and ".join(repr(rule.id) for rule in speaking)
        raise ConfigurationError(
            f"The policy's rules {names} both decide {combination}.", "make their conditions disjoint"
        )
    return speaking[0]
