"""Steps on a host: which call is meant, under which token, and in which folder."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.host_steps import Held, Host, call_of
from perdure.contracts.calls import ArtifactRef, CallKey, CallResult, Token, ToolCall
from perdure.contracts.errors import ToolRejected, WorkspaceLost
from perdure.contracts.steps import HostStep
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint
from tests.activities.doors import as_activity, no_secrets

POINT = Checkpoint(commit="c", tree="t", head_ref="refs/heads/x", branch_commit="b", staged_tree="s")
STEP = HostStep(
    task_id="task-1", step=3, head="h", mode=Mode.CHANGE, safety=Safety.CAUTIOUS, epoch=2, dispatch=9, checkpoint=POINT
)  # fmt: skip


def entry(kind: EntryKind, body: Mapping[str, Any], digest: str) -> Entry:
    """An entry of the transcript under a name instead of its digest."""
    return Entry(task_id="task-1", depth=0, step=3, kind=kind, body=dict(body), at="", digest=digest)


def decision(digest: str, *arguments: dict[str, Any]) -> Entry:
    """A decision with a call for each of the arguments."""
    calls = [
        ToolCall(index=index, call_id=f"c{index}", tool="write_file", arguments=each, problem="none" * index)
        for index, each in enumerate(arguments)
    ]
    return entry(EntryKind.DECISION, {"calls": [call.model_dump(mode="json") for call in calls]}, digest)


def edit(of: str, index: int, **arguments: Any) -> Entry:
    """A person's edit."""
    return entry(
        EntryKind.EDIT, {"decision": of, "index": index, "arguments": arguments}, f"edit-{arguments}"
    )


TRANSCRIPT = [
    decision("first", {"path": "a"}, {"path": "b"}),
    edit("first", 1, path="edited"),
    decision("second", {"path": "c"}, {"path": "d"}),
    edit("first", 0, path="late"),
    edit("second", 1, path="draft"),
    edit("second", 1, path="final"),
]


@pytest.mark.parametrize(
    ("of", "index", "path"),
    [("first", 0, "late"), ("first", 1, "edited"), ("second", 0, "c"), ("second", 1, "final")],
)
async def test_a_call_is_what_was_decided_with_its_latest_edit(of: str, index: int, path: str) -> None:
    call = await call_of(House(Claim()), TRANSCRIPT, of, index)
    assert (call.index, call.call_id, call.arguments) == (index, f"c{index}", {"path": path})


async def test_an_edit_heals_arguments_that_could_not_be_read() -> None:
    unread = decision("only", {}, {})
    house = House(Claim())
    assert (await call_of(house, [unread], "only", 1)).problem == "none"
    assert (await call_of(house, [unread, edit("only", 1, path="a")], "only", 1)).problem == ""


@pytest.mark.parametrize(("of", "index"), [("third", 0), ("first", 2), ("", 0)])
async def test_a_call_that_is_nowhere_is_no_call(of: str, index: int) -> None:
    with pytest.raises(WorkspaceLost, match=f"no call {index}"):
        await call_of(House(Claim()), TRANSCRIPT, of, index)


@dataclass
class Claim:
    """What the record grants."""

    generation: int = 4
    fresh: bool = False
    stored: dict[int, CallResult] = field(default_factory=dict[int, CallResult])
    checkpoint: Checkpoint = POINT
    head: str = ""


@dataclass
class House:
    """Leases and folders; ``deeds`` is what was done, in order."""

    granted: Claim
    deeds: list[Any] = field(default_factory=list[Any])
    vanished: bool = False

    async def claim(
        self,
        *,
        key: CallKey,
        token: Token,
        host_id: str,
        checkpoint: Checkpoint,
        changing: bool,
        calls: Collection[int] | None,
    ) -> Claim:
        self.deeds.append(("claim", str(key), token, host_id, changing, calls))
        return self.granted

    async def materialised(self, *, task_id: str, token: Token) -> None:
        self.deeds.append("materialised")

    async def settled(self, *, task_id: str, token: Token, checkpoint: Checkpoint) -> None:
        self.deeds.append(("settled", checkpoint))

    async def open(self, task_id: str, generation: int, *, checkpoint: Checkpoint | None = None) -> str:
        self.deeds.append(("open", generation))
        return "opened"

    async def require(self, task_id: str, generation: int) -> None:
        self.deeds.append(("require", generation))
        if self.vanished:
            raise WorkspaceLost(f"Generation {generation} is gone.")

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> str:
        self.deeds.append(("materialise", generation, checkpoint))
        return "made anew"

    async def keep_unrecorded(self, task_id: str, *, recorded: Checkpoint, at: datetime) -> None:
        self.deeds.append(("keep what is beyond", recorded))

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        raise AssertionError("Nothing was found that is to be kept.")

    async def artifact(self, task_id: str, id: str) -> bytes:
        raise AssertionError("No arguments were kept apart.")

    async def discard_before(self, task_id: str, generation: int) -> None:
        self.deeds.append(("discard before", generation))


async def held(house: House, *, attempt: int = 1, fault: Exception | None = None) -> Held[str]:
    """The workspace in the hands of this attempt, which may come upon a fault there."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt, workflow_run_id="run-1")

    async def hold() -> Held[str]:
        async with Host[str]("host-a", house, house, no_secrets).hold(STEP) as held:
            house.deeds.append("looked at")
            if fault is not None:
                raise fault
            return held

    return await as_activity(hold, environment=environment)


async def test_a_good_folder_is_opened_under_the_attempts_token() -> None:
    house = House(Claim())
    assert (await held(house, attempt=5)).copy == "opened"
    token = Token(epoch=2, dispatch=9, attempt=5)
    assert house.deeds == [
        ("claim", "task-1/run-1/3/0", token, "host-a", False, ()),
        ("open", 4),
        "looked at",
        ("require", 4),
    ]


async def test_a_folder_that_may_be_spoilt_is_made_anew_before_it_is_called_good() -> None:
    house = House(Claim(generation=7, fresh=True))
    assert (await held(house, attempt=1)).copy == "made anew"
    assert house.deeds[1:] == [
        ("keep what is beyond", POINT),
        ("materialise", 7, POINT),
        ("discard before", 7),
        "materialised",
        "looked at",
        ("require", 7),
    ]


@pytest.mark.parametrize(
    "fault", [None, FileNotFoundError("README.md"), ToolRejected("There is no README.md.")]
)
async def test_what_was_seen_in_a_folder_that_vanished_counts_for_nothing(fault: Exception | None) -> None:
    with pytest.raises(WorkspaceLost):
        await held(House(Claim(), vanished=True), fault=fault)


async def test_a_fault_in_a_folder_that_is_still_there_is_told_as_it_is() -> None:
    with pytest.raises(ToolRejected, match="no README"):
        await held(House(Claim()), fault=ToolRejected("There is no README.md."))
