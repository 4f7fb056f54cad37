"""The rules of policy files, and whether one speaks of a call."""

import functools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.judging import CallFacts, Named, Standing
from perdure.contracts.policy import Conditions, Demands, Patterns, Reason, RuleId, TaskPolicy, TaskRule
from perdure.contracts.repositories import host_name, is_path, one_spelling, spellings
from perdure.contracts.task import Mode, Safety
from perdure.safety.command.analysis import Analysis, analyse
from perdure.safety.command.commands import UNKNOWN, Ran, commands_of
from perdure.safety.command.trees import tree_of
from perdure.safety.command.words import TooLarge
from perdure.safety.environment import WORKSPACE

KEPT_LINES = 512
LITERAL_LINE = re.compile(r"[\w@%+:,./][\w@%+:,./ =-]*")
"""Words and blanks alone: nothing that a shell reads otherwise than it is written."""


class Example(BaseModel):
    """A call that a rule must, or must not, speak of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = ""
    effect: Effect = Effect.READ
    mode: Mode = Mode.CHANGE
    safety: Safety = Safety.CAUTIOUS
    author: Author = Author.MODEL
    untrusted: bool = False
    user: str = ""
    repository: str = ""
    command: str = ""
    paths: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    policy: TaskPolicy = ()
    expected: Verdict | None = None
    """What becomes of it in the end, all rules together."""

    def facts(self) -> CallFacts:
        """The example as the policy is asked of it."""
        standing = Standing(
            self.mode, self.safety, self.author, self.untrusted, self.user, self.repository, self.policy
        )
        named = Named(self.command, self.paths, self.branches, self.remotes, self.hosts)
        return CallFacts(self.tool, self.effect, standing, named)


class Rule(Conditions, Demands):
    """A rule of a policy file."""

    id: RuleId
    modes: tuple[Mode, ...] = ()
    safety: tuple[Safety, ...] = ()
    authors: tuple[Author, ...] = ()
    untrusted: bool | None = None
    users: Patterns = ()
    repositories: Patterns = ()
    analysis: tuple[Literal["allow", "bounded", "ask", "deny"], ...] = ()
    """What the analysis says of the line of shell that the call runs; a call that runs none is not spoken of."""
    verdict: Verdict | None = None
    """None: it only adds demands."""
    loosens: bool = False
    """Whether the verdict takes the place of what the built-in policy lets an administrator loosen."""
    loosenable: bool = False
    """Of the built-in policy: whether an administrator may loosen it."""
    ahead: bool | None = None
    """Whether a call may be run ahead in a throw-away view. None: where the rule asks, no; else it says nothing of that."""
    reason: Reason
    matches: Annotated[tuple[Example, ...], Field(min_length=1)]
    does_not_match: Annotated[tuple[Example, ...], Field(min_length=1)]


@functools.lru_cache(maxsize=KEPT_LINES)
def analysed(line: str) -> Analysis:
    """The analysis of a line as it runs in a workspace."""
    return analyse(line, workspace=WORKSPACE)


@functools.lru_cache(maxsize=KEPT_LINES)
def commands_in(line: str) -> tuple[Ran, ...]:
    """Every command of a line; those before it became too many to look into, where it is refused anyway."""
    found: list[Ran] = []
    try:
        found.extend(commands_of(tree_of(line.encode("utf-8", "replace"))))
    except TooLarge:
        return tuple(found)
    return tuple(found)


def is_plain(line: str) -> bool:
    """Whether a line is one command of plain words, without anything before its program."""
    ran = commands_in(line) if LITERAL_LINE.fullmatch(line) else ()
    return len(ran) == 1 and ran[0].words == tuple(line.split())


class Situation:
    """A call, with what is worked out of it once for all rules."""

    def __init__(self, facts: CallFacts) -> None:
        self.facts = facts
        self.standing = facts.standing
        self.line = facts.named.command if facts.named.command.strip() else ""

    @functools.cached_property
    def analysis(self) -> Analysis | None:
        """Of the line of shell; None where none runs."""
        return analysed(self.line) if self.line else None

    @functools.cached_property
    def commands(self) -> tuple[Ran, ...]:
        """Every command of the line."""
        return commands_in(self.line) if self.line else ()

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """Paths that the arguments name, and words of the line that may be some."""
        named = self.facts.named.paths
        if not self.line:
            return named
        folder = named[0] if named else "."
        words = (word for ran in self.commands for word in ran.words[1:] if UNKNOWN not in word)
        return tuple(dict.fromkeys((*named, *_spellings(words, folder))))


def _spellings(words: Iterable[str], folder: str) -> Iterator[str]:
    for word in words:
        for text in dict.fromkeys((word, word.rpartition("=")[2])):
            plain = text.removeprefix(f"{WORKSPACE}/")
            if plain and not plain.startswith("-"):
                yield posixpath.normpath(posixpath.join(folder, plain))


Test = Callable[[Situation], bool]


class Speaks:
    """Whether a rule speaks of a call."""

    def __init__(self, rule: Rule | TaskRule) -> None:
        self._tests = [*_tests_of_conditions(rule), *(_tests_of_rule(rule) if isinstance(rule, Rule) else ())]

    def __call__(self, situation: Situation) -> bool:
        """Whether every condition of the rule fits."""
        return all(test(situation) for test in self._tests)


def _tests_of_conditions(rule: Conditions) -> Iterator[Test]:
    if rule.effects:
        effects = frozenset(rule.effects)
        yield lambda one: one.facts.effect in effects
    if rule.tools:
        tool = _any_of(rule.tools)
        yield lambda one: tool(one.facts.tool)
    if rule.paths:
        yield _names_path(rule.paths, every=isinstance(rule, Rule) and rule.loosens)
    if rule.commands:
        starts = [tuple(map(_fits, pattern.split())) for pattern in rule.commands]
        exactly = isinstance(rule, Rule) and rule.loosens
        yield lambda one: any(
            _begins(ran, start, exactly=exactly) for ran in one.commands for start in starts
        )
    if rule.options:
        option = _any_of(rule.options)
        yield lambda one: any(option(word) for ran in one.commands for word in ran.words[1:])
    if rule.branches:
        branch = _any_of(rule.branches)
        yield lambda one: any(map(branch, one.facts.named.branches))
    if rule.remotes:
        remote = _any_address(rule.remotes)
        yield lambda one: any(map(remote, one.facts.named.remotes))
    if rule.hosts:
        host = _any_of(tuple(each.lower().rstrip(".") for each in rule.hosts))
        yield lambda one: any(host(host_name(each)) for each in one.facts.named.hosts)


def _tests_of_rule(rule: Rule) -> Iterator[Test]:
    if rule.modes:
        yield lambda one: one.standing.mode in rule.modes
    if rule.safety:
        yield lambda one: one.standing.safety in rule.safety
    if rule.authors:
        yield lambda one: one.standing.author in rule.authors
    if rule.untrusted is not None:
        yield lambda one: one.standing.untrusted is rule.untrusted
    if rule.users:
        user = _any_of(rule.users)
        yield lambda one: user(one.standing.user)
    if rule.repositories:
        repository = _any_address(rule.repositories)
        if rule.loosens:
            # What loosens must not be reached by a way to write a repository that leads to another one.
            repository = _one_address(rule.repositories)
        yield lambda one: repository(one.standing.repository)
    if rule.analysis:
        yield lambda one: one.analysis is not None and one.analysis.verdict.value in rule.analysis
    if rule.loosens and rule.commands:
        # What is let through must be read without doubt: one command of plain words.
        yield lambda one: is_plain(one.line)


def _fits(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(translate(pattern), re.DOTALL)
    return lambda text: expression.match(text) is not None


def _any_of(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    tests = [_fits(pattern) for pattern in patterns]
    return lambda text: any(test(text) for test in tests)


def _any_address(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether any way to write a repository fits; at hosts in capital and in small letters."""
    exact, small = _any_of(patterns), _any_of(tuple(map(str.lower, patterns)))
    return lambda named: any(
        exact(each) or (not is_path(each) and small(each.lower())) for each in spellings(named)
    )


def _one_address(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether the one spelling of a repository fits, whatever else it is written like."""
    fits = _any_of(patterns)
    return lambda named: fits(one_spelling(named))


def _begins(ran: Ran, start: tuple[Callable[[str], bool], ...], *, exactly: bool) -> bool:
    """Whether a command begins with these words; unless ``exactly``, with options, and what may be their values, between them."""
    words = (ran.name, *ran.words[1:])
    # Behind which words the next one may stand: an option may have a value, and nobody knows which have.
    places = {0}
    for number, fits in enumerate(start):
        if number and not exactly:
            places = _beyond_options(words, places)
        places = {place + 1 for place in places if place < len(words) and fits(words[place])}
    return bool(places)


def _beyond_options(words: tuple[str, ...], places: set[int]) -> set[int]:
    found, waiting = set(places), list(places)
    while waiting:
        place = waiting.pop()
        if place < len(words) and words[place].startswith("-"):
            beyond = {place + 1, place + 2} - found
            found |= beyond
            waiting += beyond
    return found


def _names_path(patterns: tuple[str, ...], *, every: bool) -> Test:
    """Whether one of the paths that a call names fits, or ``every`` one: what loosens may not let others through beside it."""
    expressions = [re.compile(_path_expression(pattern)) for pattern in patterns]
    folders = [_literal_folder(pattern) for pattern in patterns]

    def all_fit(one: Situation) -> bool:
        return bool(one.paths) and all(
            any(each.fullmatch(path) for each in expressions) for path in one.paths
        )

    if every:
        return all_fit

    def speaks(one: Situation) -> bool:
        if any(each.fullmatch(path) for path in one.paths for each in expressions):
            return True
        # What changes a folder changes all below it.
        return one.facts.effect.changes_workspace and any(
            path == "." or folder == path or folder.startswith(f"{path}/")
            for path in one.paths
            for folder in folders
        )

    return speaks


def _literal_folder(pattern: str) -> str:
    """The part of a pattern before what may stand for anything."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return "/".join(parts)


def _path_expression(pattern: str) -> str:
    """A pattern without a slash fits a name in any folder; ``**`` stands for any folders, also none."""
    spelled = pattern if "/" in pattern else f"**/{pattern}"
    parts = spelled.split("/")
    made = ""
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            made += ".*" if last else "(?:[^/]+/)*"
        else:
            made += "".join({"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign)) for sign in part)
            made += "" if last else "/"
    # A folder that is named stands for itself and for what it holds.
    return made.removesuffix("/.*") + "(?:/.*)?" if made.endswith("/.*") else made
