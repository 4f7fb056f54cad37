"""Copies of transcripts: a fork begins with another task's entries, sealed anew under its own id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.contracts.transcript import Entry, EntryKind
from perdure.memory.entries import Entries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

BATCH = 200


class Forks(Entries):
    """The part of the record that copies transcripts."""

    async def copy_transcript(
        self, *, source: str, head: str, task_id: str, about: Mapping[str, Any], request: str, at: datetime
    ) -> str:
        """Copy the chain that ends in ``head``, with the artifacts that it names; gives the copy's head.

        Digests cover the task's id and artifacts' ids its key, so both are new, and what refers to them is changed with
        them. ``about`` replaces fields of the first entry. ``request`` follows as a person's word where it is neither
        the first entry's nor was said before. The same again makes the same copy.
        """
        digests: dict[str, str] = {}
        artifacts: dict[str, str] = {}
        copied: list[Entry] = []
        last: Entry | None = None
        for entry in await self.entries(source, head):
            body = await self._adopted(source, task_id, entry.body, digests, artifacts)
            if last is None:
                body |= about
            last = _after(last, task_id, entry, body)
            digests[entry.digest] = last.digest
            copied.append(last)
        assert last is not None
        if request not in {
            str(entry.body.get("request") or entry.body.get("text") or "") for entry in copied
        }:
            said = {"v": 1, "kind": "steer", "text": request, "decision": "", "call_index": -1}
            note = last.model_copy(update={"kind": EntryKind.NOTE, "at": at.isoformat()})
            copied.append(_after(last, task_id, note, said))
        for first in range(0, len(copied), BATCH):
            await self.append(copied[first : first + BATCH])
        return copied[-1].digest

    async def _adopted(
        self,
        source: str,
        task_id: str,
        body: Mapping[str, Any],
        digests: Mapping[str, str],
        artifacts: dict[str, str],
    ) -> dict[str, Any]:
        """The body with the copy's digests and artifacts in the place of the source's."""
        adopted = dict(body)
        decision = adopted.get("decision")
        if isinstance(decision, str) and decision in digests:
            adopted["decision"] = digests[decision]
        named: list[dict[str, Any]] = list(adopted.get("artifacts") or [])
        for reference in named:
            id = str(reference["id"])
            if id not in artifacts:
                data = await self.artifact(source, id)
                kept = await self.put_artifact(
                    task_id, str(reference["name"]), data, str(reference["media_type"])
                )
                artifacts[id] = kept.id
        if named:
            adopted["artifacts"] = [{**each, "id": artifacts[str(each["id"])]} for each in named]
        return adopted


def _after(last: Entry | None, task_id: str, entry: Entry, body: Mapping[str, Any]) -> Entry:
    return Entry(
        task_id=task_id,
        parent=last.digest if last else "",
        depth=last.depth + 1 if last else 0,
        step=entry.step,
        kind=entry.kind,
        body=dict(body),
        at=entry.at,
    ).sealed()
