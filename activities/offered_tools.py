"""Which tools a decision is offered: a small set from the beginning, and those that the model found since."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from perdure.contracts.names import MOST_OFFERED_TOOLS
from perdure.contracts.transcript import Entry, EntryKind

ALWAYS_OFFERED = 4
"""The first ones of the set give no place to those that were found."""


class HasEntries(Protocol):
    """A transcript."""

    async def entry(self, task_id: str, digest: str) -> Entry:
        """One entry."""
        ...


async def loaded_tools(record: HasEntries, head: Entry) -> tuple[str, ...]:
    """Names of the tools that were found up to this entry, the latest last, as many as may be offered.

    Each decision records what was loaded when it was made, so only what follows on the last one is read.
    """
    found: list[Sequence[str]] = []
    before: Sequence[str] = ()
    entry = head
    while True:
        if entry.kind is EntryKind.RESULT:
            found.append(entry.body.get("loads", ()))
        if entry.kind is EntryKind.DECISION and "loaded" in entry.body:
            before = entry.body["loaded"]
            break
        if not entry.parent:
            break
        entry = await record.entry(entry.task_id, entry.parent)
    return latest([*before, *(name for names in reversed(found) for name in names)])


def latest(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, at its last place; the oldest fall out where there are too many."""
    once = list(dict.fromkeys(reversed(names)))
    return tuple(reversed(once[: MOST_OFFERED_TOOLS - ALWAYS_OFFERED]))


def offered_names(eager: Sequence[str], loaded: Sequence[str]) -> tuple[str, ...]:
    """What is offered beside ``find_tools``: the set's first names, then what was loaded, then the rest of the set."""
    wanted = [*eager[:ALWAYS_OFFERED], *reversed(loaded), *eager[ALWAYS_OFFERED:]]
    return tuple(dict.fromkeys(wanted))[:MOST_OFFERED_TOOLS]


def loaded_body(loaded: Sequence[str]) -> Mapping[str, Any]:
    """What a decision records of it."""
    return {"loaded": list(loaded)}
