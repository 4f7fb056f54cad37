"""What becomes of a model's structured answers: shortened, checked against what really ran, and never for ever."""

from collections.abc import Iterator

import pytest

from activities.model_steps import MARGIN_TOKENS, Thread, smaller_budget, thread_of, warnings_of
from activities.plan import MAX_SUBTASKS, shortened
from activities.propose_publication import wanted_calls
from activities.redaction import redacting
from activities.synthesize import MAX_REQUIREMENTS, evidence_of, one_line
from perdure.contracts.errors import ContextTooLarge
from perdure.contracts.model import ModelReply
from perdure.contracts.plan import Answer, Plan, Requirement, Subtask
from perdure.contracts.steps import ModelStep, Note, ProposePublication
from perdure.contracts.task import Evidence, Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint
from perdure.safety.secrets import Screens
from tests.activities.doors import as_activity


@pytest.fixture(autouse=True)
def door() -> Iterator[None]:
    """What the door sets for each activity."""
    with redacting(Screens().worker):
        yield


POINT = Checkpoint(commit="c", tree="t", head_ref="refs/heads/x", branch_commit="b", staged_tree="s")


def answer(*requirements: tuple[str, int, str]) -> Answer:
    """An answer with these requirements."""
    made = tuple(Requirement(requirement=what, step=step, shown_by=by) for what, step, by in requirements)
    return Answer(summary="Done.", commit_message="Round", requirements=made)


def test_only_steps_that_ran_show_anything() -> None:
    given = answer(("rounds", 2, "tests pass"), ("documented", 9, "trust me"), ("fast", -1, "no step"))
    assert evidence_of(given, {1, 2, 3}) == (
        Evidence(requirement="rounds", step=2, shown_by="tests pass"),
        Evidence(requirement="documented", step=None, shown_by=""),
        Evidence(requirement="fast", step=None, shown_by=""),
    )


def test_evidence_stays_within_the_history() -> None:
    given = answer(*((("x" * 9_000), 1, "y" * 9_000) for _ in range(100)))
    evidence = evidence_of(given, {1})
    assert len(evidence) == MAX_REQUIREMENTS
    assert {(len(each.requirement), len(each.shown_by)) for each in evidence} == {(400, 400)}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Round amounts", "Round amounts"),
        ("\n\n  Round amounts  \nand more", "Round amounts"),
        ("", ""),
        (" \n\t\n", ""),
        ("x" * 300, "x" * 100),
        ("a\u2028b", "a"),
    ],
)
def test_a_commit_message_is_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("budget", "limit", "requested", "smaller"),
    [
        (10_000, 8_000, 8_100, 10_000 - 100 - MARGIN_TOKENS),
        (10_000, 8_000, 9_000, 8_711),
        (10_000, 0, 0, 5_000),
        (10_000, 8_000, 0, 5_000),
        (10_000, 8_000, 7_000, 5_000),
        (10_000, 1_000, 90_000, 512),
        (800, 0, 0, 512),
    ],
)
def test_what_was_too_much_is_sent_smaller(budget: int, limit: int, requested: int, smaller: int) -> None:
    error = ContextTooLarge("Too large.", limit=limit, requested=requested)
    assert smaller_budget(budget, error) == smaller


def test_a_plan_stays_within_the_history_and_a_screen() -> None:
    plan = Plan(
        goal="g" * 9_000,
        subtasks=tuple(Subtask(title="t" * 9_000) for _ in range(99)),
        tools=("n" * 999,) * 99,
        risks=("r" * 9_000,) * 99,
        estimated_steps=7,
    )
    short = shortened(plan)
    assert len(short.subtasks) == MAX_SUBTASKS
    assert len(short.model_dump_json()) < 12_000
    assert shortened(short) == short


def test_warnings_stay_within_the_history() -> None:
    reply = ModelReply(model="m", scripted=False, warnings=("w" * 9_000,) * 99)
    assert [len(warning) for warning in warnings_of(reply)] == [300] * 5


class OneEntry:
    """A record that has one entry."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    async def entry(self, task_id: str, digest: str) -> Entry:
        """The entry."""
        assert (task_id, digest) == (self._entry.task_id, self._entry.digest)
        return self._entry


async def test_a_steps_notes_follow_on_its_head() -> None:
    request = Entry(task_id="t", depth=0, step=0, kind=EntryKind.REQUEST, body={}, at="").sealed()
    step = ModelStep(task_id="t", step=1, head=request.digest, mode=Mode.CHANGE, safety=Safety.CAUTIOUS)
    told = Note(kind="steer", text="Faster.")
    assert await as_activity(thread_of, OneEntry(request), step) == Thread(request, ())
    step = step.model_copy(update={"notes": (told, told)})
    thread = await as_activity(thread_of, OneEntry(request), step)
    assert [note.parent for note in thread.notes] == [request.digest, thread.notes[0].digest]
    assert {note.body["text"] for note in thread.notes} == {"Faster."}
    assert thread.last == thread.notes[1]


@pytest.mark.parametrize(
    ("commit", "push", "tools"),
    [
        (True, True, ["git_commit", "git_push"]),
        (True, False, ["git_commit"]),
        (False, True, ["git_push"]),
        (False, False, []),
    ],
)
def test_publishing_commits_before_it_pushes(*, commit: bool, push: bool, tools: list[str]) -> None:
    step = ProposePublication(
        task_id="t", step=9, head="h", mode=Mode.CHANGE, safety=Safety.CAUTIOUS, epoch=1, dispatch=1,
        checkpoint=POINT, base_commit="b", remote="r", commit_message="Round",
    )  # fmt: skip
    calls = wanted_calls(step, commit=commit, push=push)
    assert [call.tool for call in calls] == tools
    assert [(call.index, call.call_id) for call in calls] == [
        (index, f"publish_9_{index}") for index in range(len(tools))
    ]
    messages = [call.arguments for call in calls if call.tool == "git_commit"]
    assert messages == ([{"message": "Round"}] if commit else [])
