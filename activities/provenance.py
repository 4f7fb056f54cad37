"""What a decision followed: which texts the model had read when it made it, and whether one of them was untrusted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from activities.model_steps import Thread
from perdure.contracts.envelopes import Trust, origin_label
from perdure.contracts.model import ToolSchema
from perdure.contracts.transcript import Entry, EntryKind

MOST_NAMED = 16
"""As many texts are recorded with a decision, the newest; all of them are counted."""
TOLD = 3
"""As many of them go into the history."""

FindsSigns = Callable[[str], tuple[str, ...]]
"""The signs in a text that it was written for an agent, by name."""

_READ = {
    EntryKind.WORKSPACE: ("the workspace", "overview"),
    EntryKind.RESULT: ("a tool", "text"),
    EntryKind.CHECKS: ("the checks of the work", "text"),
}
"""Kinds of entries that nobody vouches for, what they are called, and where their text is."""
_BY_PERSON = frozenset({"steer", "denied"})


class HasEntries(Protocol):
    """A transcript."""

    async def entry(self, task_id: str, digest: str) -> Entry:
        """One entry."""
        ...


@dataclass
class Provenance:
    """What was read since a person spoke last, and whether anything untrusted was read at all.

    Untrusted text stays in the conversation, and a person's word does not take it out: only a rewind does.
    """

    follows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    count: int = 0
    untrusted: bool = False

    def read(self, entry: Entry, signs: FindsSigns) -> None:
        """Go on by one entry."""
        if entry.kind is EntryKind.REQUEST or (
            entry.kind is EntryKind.NOTE and entry.body.get("kind") in _BY_PERSON
        ):
            self.follows, self.count = [], 0
        if entry.kind not in _READ:
            return
        origin, place = _READ[entry.kind]
        trust = Trust(entry.body.get("trust") or Trust.REPOSITORY)
        found = signs(str(entry.body.get(place) or ""))
        self.untrusted = self.untrusted or trust is Trust.FOREIGN or bool(found)
        named = str(entry.body.get("origin") or entry.body.get("tool") or origin)
        followed: dict[str, Any] = {"entry": entry.digest, "step": entry.step, "origin": origin_label(named)}
        followed |= {"trust": trust.value, "signs": list(found)}
        self.follows = [*self.follows, followed][-MOST_NAMED:]
        self.count += 1

    def body(self) -> Mapping[str, Any]:
        """What the decision's entry records of it."""
        return {"follows": self.follows, "followed": self.count, "untrusted": self.untrusted}

    def told(self) -> tuple[str, ...]:
        """The same in a few short lines for the history, the newest first; what is untrusted comes before the rest."""
        newest = self.follows[::-1]
        ordered = [each for each in newest if _is_untrusted(each)]
        ordered += [each for each in newest if not _is_untrusted(each)]
        shown = [_line(each) for each in ordered[:TOLD]]
        if self.count > len(shown):
            shown.append(f"and {self.count - len(shown)} more")
        return tuple(shown)


async def provenance_of(
    record: HasEntries, thread: Thread, tools: Sequence[ToolSchema], signs: FindsSigns
) -> Provenance:
    """What a decision follows; only what came after the decision before it is looked at.

    Words of others are untrusted in the descriptions of ``tools`` too.
    """
    after: list[Entry] = []
    known = Provenance()
    entry = thread.head
    while True:
        if entry.kind is EntryKind.DECISION and "follows" in entry.body:
            body = entry.body
            known = Provenance(list(body["follows"]), int(body["followed"]), bool(body["untrusted"]))
            break
        after.append(entry)
        if not entry.parent:
            break
        entry = await record.entry(entry.task_id, entry.parent)
    for each in [*reversed(after), *thread.notes]:
        known.read(each, signs)
    known.untrusted = known.untrusted or any(tool.foreign for tool in tools)
    return known


def _is_untrusted(followed: Mapping[str, Any]) -> bool:
    return followed["trust"] == Trust.FOREIGN or bool(followed["signs"])


def _line(followed: Mapping[str, Any]) -> str:
    signs = f", holds {', '.join(followed['signs'])}" if followed["signs"] else ""
    return f"step {followed['step']}: {followed['origin'][:60]} ({followed['trust']}{signs}) {followed['entry'][:12]}"
