"""Policy files: the one that ships, the administrator's and each user's, read and refused in words."""

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.contracts.calls import Effect, Verdict
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.policy import Patterns, Reason, RuleId
from perdure.safety.command.commands import INTERPRETERS, SHELLS, WRAPPERS
from perdure.safety.policy_rules import Rule

BUILT_IN, ADMINISTRATOR = "built-in", "administrator"
COLUMNS = ("cautious", "standard", "autonomous", "playbooks", "untrusted")
RUNNERS = frozenset(
    [
        "make",
        "just",
        "task",
        "npx",
        "pnpx",
        "bunx",
        "npm",
        "pnpm",
        "yarn",
        "uv",
        "uvx",
        "pipx",
        "poetry",
        "hatch",
        "tox",
        "nox",
        "cargo",
        "go",
        "docker",
        "podman",
        "kubectl",
    ]
)
"""Programs that run whatever a file or a word names, as interpreters and wrappers do."""


class Because(BaseModel):
    """Why cells of a row of the table are as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: Reason


class Row(BaseModel):
    """One row of the table: what becomes of an effect at each safety level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: Effect
    cautious: Verdict
    standard: Verdict
    autonomous: Verdict
    playbooks: Verdict
    """At every level, where a playbook of the operator's makes the call."""
    untrusted: Verdict
    """At every level, at the least, where the call follows untrusted text."""
    loosenable: bool
    """Whether an administrator may loosen it."""
    ahead: bool = False
    """Whether a call that it asks about may be run ahead in a throw-away view."""
    because: dict[RuleId, Because]


class BuiltIn(BaseModel):
    """The file that ships."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Annotated[int, Field(ge=2, le=2)]
    row: Annotated[tuple[Row, ...], Field(min_length=1)]
    rule: tuple[Rule, ...] = ()


class Layer(BaseModel):
    """The file of an administrator or of a user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Annotated[int, Field(ge=1, le=1)]
    roots: Patterns = ()
    """Folders and Git hosts that a task may name, beside those that the settings allow; none: as the settings say."""
    rule: tuple[Rule, ...] = ()


File = TypeVar("File", bound=BaseModel)


def read(path: Path) -> str:
    """The text of a policy file; ConfigurationError where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The policy file {str(path)!r} cannot be read: {error}.",
            "name a readable file of UTF-8 text, or take the setting away.",
        ) from error


def built_in(text: str, *, source: str) -> BuiltIn:
    """The built-in policy, complete: one row an effect, one reason a cell."""
    file = _parsed(BuiltIn, text, source)
    effects = [row.effect for row in file.row]
    if sorted(effects) != sorted(Effect):
        raise ConfigurationError(
            f"The table of the policy file {source!r} has not exactly one row for each effect.",
            f"give it one [[row]] for each of: {', '.join(Effect)}.",
        )
    for row in file.row:
        given = sorted(column for because in row.because.values() for column in because.columns)
        if given != sorted(COLUMNS):
            raise ConfigurationError(
                f"The row {row.effect.value!r} of the policy file {source!r} has not exactly one reason for each column.",
                f"name each of {', '.join(COLUMNS)} in one 'columns' of its reasons.",
            )
    _refuse_doubles([*(name for row in file.row for name in row.because), *ids(file.rule)], source)
    return file


def administrators(text: str, *, source: str) -> Layer:
    """An administrator's file: it may ask and deny, and loosen what is marked so, never for what runs anything."""
    file = _parsed(Layer, text, source)
    _refuse_doubles(ids(file.rule), source)
    for rule in file.rule:
        _refuse(rule, source, _own_marks(rule) or _weak(rule) or _runs_anything(rule))
    return file


def users(text: str, *, source: str) -> Layer:
    """A user's file: it can only narrow."""
    file = _parsed(Layer, text, source)
    _refuse_doubles(ids(file.rule), source)
    for rule in file.rule:
        loosens = "it has 'loosens', which is the administrator's alone" if rule.loosens else ""
        _refuse(rule, source, _own_marks(rule) or loosens or _weak(rule))
    return file


def ids(rules: tuple[Rule, ...]) -> list[str]:
    """The rules' names."""
    return [rule.id for rule in rules]


def _parsed(model: type[File], text: str, source: str) -> File:
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"The policy file {source!r} is not valid TOML: {error}.", "mend the line that it names."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(
            f"The policy file {source!r} is malformed at {_place(text, first['loc'])}: {first['msg']}.",
            f"mend {place!r}; docs/policy.md lists what a rule may say.",
        ) from error


def _place(text: str, location: tuple[int | str, ...]) -> str:
    """The rule that a place lies in, by its name where it has one."""
    place = ".".join(map(str, location))
    if len(location) > 1 and location[0] == "rule" and isinstance(location[1], int):
        name = tomllib.loads(text)["rule"][location[1]].get("id", "")
        return f"{place!r}, in the rule {name!r}"
    return repr(place)


def _refuse(rule: Rule, source: str, problem: str) -> None:
    if problem:
        raise ConfigurationError(
            f"The rule {rule.id!r} of the policy file {source!r} cannot be used: {problem}.",
            "mend the rule or take it away; docs/policy.md says what each layer may do.",
        )


def _refuse_doubles(names: list[str], source: str) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigurationError(
            f"The policy file {source!r} has more than one rule called {doubled[0]!r}.", "rename one of them."
        )


def _own_marks(rule: Rule) -> str:
    return "'loosenable' is a mark of the built-in policy alone" if rule.loosenable else ""


def _weak(rule: Rule) -> str:
    if rule.loosens == (rule.verdict in {Verdict.ALLOW, Verdict.BOUNDED}):
        return ""
    if rule.loosens:
        return "a rule that loosens has the verdict 'allow' or 'bounded'"
    return f"its verdict {rule.verdict!s:} takes nothing away, since the strictest rule wins; one that loosens says 'loosens = true'"


def _runs_anything(rule: Rule) -> str:
    """Why a loosening rule would let through more than it names."""
    if not rule.loosens:
        return ""
    for pattern in rule.commands:
        name = pattern.split()[0]
        if any(sign in name for sign in "*?["):
            return f"{pattern!r} would let any program through"
        if name in SHELLS | INTERPRETERS | WRAPPERS or (name in RUNNERS and len(pattern.split()) < 2):
            return f"{name!r} runs whatever its words name, so that it cannot be let through"
    return ""
