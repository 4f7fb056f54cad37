"""Which tools a decision is offered, as the transcript tells it."""

from collections.abc import Sequence
from typing import Any

from activities.offered_tools import latest, loaded_body, loaded_tools, offered_names
from perdure.contracts.transcript import Entry, EntryKind

SET = ("read", "edit", "grep", "run", "tests", "list", "write", "diff")


class Transcript:
    """A chain of entries; ``asked`` is which ones were looked up."""

    def __init__(self, bodies: Sequence[tuple[EntryKind, dict[str, Any]]]) -> None:
        self.by_digest: dict[str, Entry] = {}
        self.asked: list[str] = []
        parent = ""
        for depth, (kind, body) in enumerate(bodies):
            digest = f"d{depth}"
            self.head = Entry(
                task_id="t",
                parent=parent,
                depth=depth,
                step=depth,
                kind=kind,
                body=body,
                at="",
                digest=digest,
            )
            self.by_digest[digest] = self.head
            parent = digest

    async def entry(self, task_id: str, digest: str) -> Entry:
        self.asked.append(digest)
        return self.by_digest[digest]


BEGIN = (EntryKind.REQUEST, dict[str, Any]())


def found(*names: str) -> tuple[EntryKind, dict[str, Any]]:
    """A result that loads tools."""
    return EntryKind.RESULT, {"loads": list(names)}


def decided(*loaded: str) -> tuple[EntryKind, dict[str, Any]]:
    """A decision that was made with these loaded."""
    return EntryKind.DECISION, {"calls": [], **loaded_body(loaded)}


async def test_what_was_found_stays_loaded() -> None:
    transcript = Transcript(
        [BEGIN, decided(), found("a"), decided("a"), found(), decided("a"), found("b", "c")]
    )
    assert await loaded_tools(transcript, transcript.head) == ("a", "b", "c")
    assert transcript.asked == ["d5"]


async def test_transcripts_of_before_hold_nothing_loaded() -> None:
    transcript = Transcript([BEGIN, (EntryKind.DECISION, {"calls": []}), (EntryKind.RESULT, {"index": 0})])
    assert await loaded_tools(transcript, transcript.head) == ()


async def test_the_oldest_of_the_found_falls_out() -> None:
    transcript = Transcript([BEGIN, decided("a", "b", "c", "d"), found("e"), found("a")])
    assert await loaded_tools(transcript, transcript.head) == ("c", "d", "e", "a")
    assert latest(["a", "b", "a"]) == ("b", "a")


def test_at_most_eight_are_offered_and_the_first_of_the_set_always() -> None:
    assert offered_names(SET, ()) == SET
    assert set(offered_names(SET, ("x", "y"))) == {"read", "edit", "grep", "run", "x", "y", "tests", "list"}
    assert set(offered_names(SET, ("w", "x", "y", "z"))) == {
        "read",
        "edit",
        "grep",
        "run",
        "w",
        "x",
        "y",
        "z",
    }
    assert set(offered_names(SET, ("diff", "read"))) == set(SET)
    assert offered_names((), ("x",)) == ("x",)
