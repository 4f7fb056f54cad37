"""What a change of the policy would have made of calls that were recorded, and narrow rules for what people always approve."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.errors import InvalidInput
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.command.commands import INTERPRETERS, SHELLS, WRAPPERS
from perdure.safety.policy import STRICTNESS, Policy
from perdure.safety.policy_files import RUNNERS
from perdure.safety.policy_rules import is_plain

OFTEN = 3
"""So many approvals of the same words make a suggestion."""
COLLECTION = "commands.json"


@dataclass(frozen=True)
class RecordedCall:
    """A call that a task made, or a case of a collection."""

    facts: CallFacts
    title: str
    where: str
    """Such as the task and its step."""
    approved: bool = False
    """Whether a person approved it."""


@dataclass(frozen=True)
class Change:
    """A call that the changed policy judges otherwise."""

    call: RecordedCall
    before: Judgement
    after: Judgement

    @property
    def loosens(self) -> bool:
        """Whether less is asked or denied of it than before."""
        return _weight(self.after) < _weight(self.before)


def changes(before: Policy, after: Policy, calls: Iterable[RecordedCall]) -> list[Change]:
    """The calls whose verdict or demands differ, those that are loosened first."""
    found = [Change(call, before.judge(call.facts), after.judge(call.facts)) for call in calls]
    return sorted(
        (each for each in found if _weight(each.before) != _weight(each.after)),
        key=lambda each: (not each.loosens, each.call.where),
    )


def _weight(judgement: Judgement) -> tuple[int, int, str, str]:
    level = judgement.least_sandbox
    # The letters of levels and words of assurance sort as they weigh: A is the most, claimed the least.
    demanded = "" if level is None else chr(ord("Z") - ord(level.value))
    return STRICTNESS[judgement.verdict], judgement.people, judgement.assurance.value, demanded


@dataclass(frozen=True)
class Suggestion:
    """A rule for the administrator's file, with what speaks for it."""

    approvals: int
    text: str


def suggestions(policy: Policy, calls: Sequence[RecordedCall]) -> list[Suggestion]:
    """Rules for plain commands that people approved over and over: never for what runs whatever its words name."""
    counted: Counter[tuple[str, Effect]] = Counter()
    for call in calls:
        line = call.facts.named.command
        if call.approved and is_plain(line) and not _runs_anything(line):
            counted[_beginning(line), call.facts.effect] += 1
    made: list[Suggestion] = []
    for (words, effect), times in counted.most_common():
        asks = policy.judge(_asked(words, effect)).verdict is Verdict.ASK
        if times >= OFTEN and asks:
            made.append(Suggestion(times, _rule(words, effect, times)))
    return made


def _beginning(line: str) -> str:
    words = line.split()
    return " ".join(words[:2]) if len(words) > 1 and not words[1].startswith("-") else words[0]


def _runs_anything(line: str) -> bool:
    return line.split()[0].rpartition("/")[2] in SHELLS | INTERPRETERS | WRAPPERS | RUNNERS


def _asked(words: str, effect: Effect) -> CallFacts:
    standing = Standing(Mode.CHANGE, Safety.CAUTIOUS, Author.MODEL)
    return CallFacts("execute_command", effect, standing, Named(command=words))


def _rule(words: str, effect: Effect, times: int) -> str:
    quoted = json.dumps(words)
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words.lower())
    return f"""[[rule]]
id = "often-approved-{name.strip("-")[:40]}"
effects = ["{effect.value}"]
commands = [{quoted}]
verdict = "bounded"
loosens = true
reason = "People approved this command {times} times."
matches = [{{ effect = "{effect.value}", command = {quoted} }}]
does_not_match = [{{ effect = "{effect.value}", command = {json.dumps(f"{words} && ls")} }}]
"""


def cases_in(folder: Path) -> list[RecordedCall]:
    """The lines of every ``commands.json`` below a folder, as calls of a cautious task."""
    files = sorted(folder.rglob(COLLECTION))
    if not files:
        raise InvalidInput(
            f"There is no {COLLECTION} below {str(folder)!r}.", "name a folder of collections."
        )
    return [call for file in files for call in _cases_of(file)]


def _cases_of(file: Path) -> list[RecordedCall]:
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"The file {str(file)!r} is no JSON: {error}.", "mend it.") from error
    kinds = content.values() if isinstance(content, dict) else [content]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    found: list[RecordedCall] = []
    for cases in kinds:  # pyright: ignore[reportUnknownVariableType]
        for case in cases if isinstance(cases, list) else []:  # pyright: ignore[reportUnknownVariableType]
            line = case.get("command") if isinstance(case, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if isinstance(line, str):
                where = f"{file.name} {case.get('id', '?')}"  # pyright: ignore[reportUnknownMemberType]
                found.append(RecordedCall(_asked(line, Effect.RUN), line, where))
    return found
