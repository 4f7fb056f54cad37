"""Playbooks described for people and programs: what each part does, what it needs, and what decides that it is kept."""

import json

from pydantic import BaseModel, ConfigDict

from perdure.maintenance.playbook import Call, Condition, Sign
from perdure.maintenance.shelf import Filed


class Described(BaseModel):
    """A part of a description."""

    model_config = ConfigDict(frozen=True)


class PartDescription(Described):
    """A set-up, step or check."""

    id: str = ""
    """Nothing for a set-up."""
    title: str
    does: tuple[str, ...]
    """Its calls: the tool, and its arguments as JSON."""
    needs: tuple[str, ...]
    """What must hold, else the part is left out."""
    needs_tests: bool = False
    """Whether tests must vouch for what it changes."""
    commit: str = ""
    """Message of its commit; nothing where it changes nothing that is kept."""
    report: str = ""
    """How findings are read from its output."""
    vouches: bool = False
    """Whether its tests decide what is kept."""


class PlaybookDescription(Described):
    """A whole playbook."""

    id: str
    file: str
    title: str
    about: str
    digest: str
    minutes: float
    changed_files: int
    changed_lines: int
    """For each step, as ``changed_files``."""
    needs: tuple[str, ...]
    """What must hold, else nothing is done."""
    setup: tuple[PartDescription, ...]
    steps: tuple[PartDescription, ...]
    checks: tuple[PartDescription, ...]


def described(filed: Filed) -> PlaybookDescription:
    """All that a playbook says, in words."""
    playbook = filed.playbook
    return PlaybookDescription(
        id=filed.id,
        file=str(filed.file),
        title=playbook.title,
        about=playbook.about,
        digest=filed.digest,
        minutes=playbook.limits.minutes,
        changed_files=playbook.limits.changed_files,
        changed_lines=playbook.limits.changed_lines,
        needs=_needs(playbook.precheck),
        setup=tuple(
            PartDescription(title=each.title, does=_does(each.call), needs=_needs(each.when))
            for each in playbook.setup
        ),
        steps=tuple(
            PartDescription(
                id=each.id,
                title=each.title,
                does=_does(each.call),
                needs=_needs(each.when),
                needs_tests=each.needs_tests and bool(each.commit),
                commit=each.commit,
                report=each.report or "",
            )
            for each in playbook.step
        ),
        checks=tuple(
            PartDescription(
                id=each.id,
                title=each.title,
                does=_does((each.call,)),
                needs=_needs(each.when),
                vouches=each.vouches,
            )
            for each in playbook.check
        ),
    )


def _does(calls: tuple[Call, ...]) -> tuple[str, ...]:
    return tuple(
        " ".join([call.tool, *(f"{name}={json.dumps(value)}" for name, value in call.arguments.items())])
        for call in calls
    )


def _needs(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(_condition(condition) for condition in conditions)


def _condition(condition: Condition) -> str:
    kinds = {"all of: ": condition.all, "one of: ": condition.any, "none of: ": condition.none}
    return "; ".join(
        # One that must be there needs no such words.
        f"{'' if len(signs) == 1 and signs is not condition.none else kind}{', '.join(map(_sign, signs))}"
        for kind, signs in kinds.items()
        if signs
    )


def _sign(sign: Sign) -> str:
    if sign.passes:
        return f"`{sign.passes}` succeeds"
    if sign.manifest:
        return f"{sign.manifest} has {'.'.join(sign.has)}"
    return f"a file {sign.file}" + (f" that holds {sign.text!r}" if sign.text else "")
