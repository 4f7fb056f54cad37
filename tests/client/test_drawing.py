"""Pictures, approvals and questions as people see them, in 40 columns and with hostile content."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from perdure.client import WaitingTask, events
from perdure.client.command_line.change import Painter
from perdure.client.command_line.drawing import draw, draw_block, draw_line
from perdure.client.command_line.inbox_drawing import draw_inbox
from perdure.client.command_line.picture import Picture
from perdure.client.command_line.telling import tell
from perdure.contracts.calls import CallResult, CallSummary, Effect, Verdict
from perdure.contracts.decisions import Approval, Question, QuestionKind
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.plan import Plan, Reflection, Subtask
from perdure.contracts.steps import Limits
from perdure.contracts.task import Check, Cost, Safety, TaskRequest, TaskResult, TaskStatus, Withheld

WHERE: dict[str, Any] = {"event_id": 1, "run_id": "r", "at": datetime(2026, 11, 23, tzinfo=UTC)}
LONG = "a-very-long-branch-name/that-has-no-place-to-break-it-anywhere-at-all"
APPROVAL = Approval(
    id="0a1b2c3d4e5f",
    operation_digest="0" * 64,
    step=14,
    call=0,
    tool="git_push",
    effect=Effect.PUBLISH,
    title=f"git_push {LONG}",
    preview=f"Pushes `{LONG}`.\n\n<!-- and a hidden word -->\n\n- one commit",
    asked_at="2026-11-23T10:00:00+00:00",
    expires_at="2026-11-30T10:00:00+00:00",
)
QUESTION = Question(
    id="q81d2c07e5f3",
    kind=QuestionKind.BUDGET,
    text="The budget is reached: 40 steps. Extend it, wrap up with what is there, or stop?",
    choices=("extend", "wrap_up", "stop"),
    asked_at="2026-11-23T10:00:00+00:00",
)
CALL = CallSummary(
    index=0,
    tool="read_file",
    title="read_file app.py",
    effect=Effect.READ,
    verdict=Verdict.ALLOW,
    arguments_digest="0",
)


def drawn(*parts: RenderableType, width: int = 40, colours: bool = False) -> str:
    """What a terminal of this width shows."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="standard" if colours else None
    )
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def story(*, request: str = "Mend the rounding", excerpt: str = "3 lines") -> Picture:
    """A task that is in its first step."""
    picture = Picture(id="task-mend-the-rounding-1a2b3c")
    plan = Plan(
        goal="Mend it",
        subtasks=(Subtask(title="find"), Subtask(title="mend")),
        tools=(),
        risks=(),
        estimated_steps=2,
    )
    cost = Cost(usd=0.01, input_tokens=1_000, output_tokens=50, model_calls=1)
    reflection = Reflection(verdict="continue", note="Half is done.", finished_subtasks=(0, 7))
    for event in (
        events.Started(**WHERE, request=TaskRequest(request=request, repository="/srv/shop")),
        events.Opened(
            **WHERE,
            safety=Safety.CAUTIOUS,
            limits=Limits(usd=5, tokens=2_000_000, minutes=120, steps=100),
            models={"plan": "a/model"},
            scripted=True,
        ),
        events.Prepared(
            **WHERE, branch=LONG, base_branch="main", base_commit="ab" * 20, host_id="h", restored=False
        ),
        events.Planned(**WHERE, plan=plan, model="a/model", cost=cost),
        events.Doing(**WHERE, activity="decide", title="step 1: decide", step=1),
        events.Decided(
            **WHERE, step=1, calls=(CALL,), done=False, said="I look.", model="a/model", cost=cost
        ),
        events.Executed(
            **WHERE, step=1, results=(CallResult(index=0, tool="read_file", ok=True, excerpt=excerpt),)
        ),
        events.Reflected(**WHERE, step=1, reflection=reflection, model="a/model", cost=cost),
    ):
        tell(picture, event)
    return picture


def test_lines_of_a_run_end_with_what_was_not_done_and_name_no_model_where_none_is_asked() -> None:
    picture = Picture(id="maintain-shop-python-hygiene-1a2b3c")
    limits = Limits(usd=5, tokens=2_000_000, minutes=120, steps=100)
    opened = events.Opened(**WHERE, safety=Safety.CAUTIOUS, limits=limits, models={}, scripted=False)
    assert tell(picture, opened) == []
    result = MaintenanceResult(
        status=TaskStatus.COMPLETED,
        summary="Nothing kept.\n",
        withheld=(Withheld(what="Format with ruff", why="The project uses black.\nIt says so."),),
    )
    ended = events.Ended(**WHERE, status=TaskStatus.COMPLETED, summary=result.summary, result=result)
    assert [line.text for line in tell(picture, ended)] == [
        "completed: Nothing kept.",
        "not done: Format with ruff: The project uses black.",
    ]
    assert drawn(draw(picture, width=80), width=80).count("not done: Format with ruff") == 1


@pytest.mark.parametrize("width", [40, 60, 100])
def test_every_picture_fits_its_width(width: int) -> None:
    picture = story()
    asked = events.ApprovalAsked(
        **WHERE,
        approval_id=APPROVAL.id,
        step=14,
        call=0,
        tool="git_push",
        title=APPROVAL.title,
        preview=APPROVAL.preview,
    )
    tell(picture, asked)
    tell(
        picture, events.Waiting(**WHERE, text=f"waiting for a decision on {APPROVAL.title}", needs="approval")
    )
    picture.questions = (QUESTION,)
    waiting = WaitingTask(id=f"task-{LONG}", summary="Mend it", approvals=(APPROVAL,), questions=(QUESTION,))
    text = drawn(draw(picture, width=width), *draw_inbox([waiting], width=width), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_list_of_approvals_is_stacked_and_complete() -> None:
    text = drawn(*draw_inbox([WaitingTask(id="task-1", summary="Mend it", approvals=(APPROVAL,))], width=40))
    assert "approval 0a1b2c3d4e5f\n" in text
    assert "python starter.py approve 0a1b2c3d4e5f\n" in text
    assert "│" not in text
    assert LONG in text.replace("\n", "")


def test_the_preview_is_shown_as_it_is_written() -> None:
    for width in (40, 100):
        assert "<!-- and a hidden word -->" in drawn(
            *draw_inbox([WaitingTask(id="t", approvals=(APPROVAL,))], width=width), width=width
        )


def test_the_picture_shows_plan_cost_model_and_step() -> None:
    text = drawn(draw(story(), width=100), width=100)
    assert "✓ find" in text
    assert "· mend" in text
    assert "0.0300 of 5 USD · 3,150 of 2,000,000 tokens · step 1 of 100 · a/model" in text
    assert "scripted" in text
    assert "✓ read_file app.py → 3 lines" in text


def test_the_end_shows_result_checks_and_what_was_withheld() -> None:
    picture = story()
    result = TaskResult(
        status=TaskStatus.INCOMPLETE,
        summary="The rounding is mended.",
        branch="perdure/x",
        commits=("ab" * 20,),
        withheld=(Withheld(what="push", why="a person denied it"),),
        checks=(Check(name="tests", status="failed", detail="1 failed"),),
        cost=Cost(usd=1.5),
    )
    tell(picture, events.Ended(**WHERE, status=result.status, summary=result.summary, result=result))
    text = drawn(draw(picture, width=100), width=100)
    assert text.startswith("incomplete")
    for part in (
        "check tests: failed 1 failed",
        "not done: push: a person denied it",
        "abababab",
        "not pushed",
        "1.5000",
    ):
        assert part in text
    assert picture.status is TaskStatus.INCOMPLETE


def test_nothing_of_unknown_origin_reaches_the_terminal_raw() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J[red]not markup[/red] \u202eevil\u200b"
    picture = story(request=hostile, excerpt=hostile)
    waiting = WaitingTask(
        id="t",
        summary=hostile,
        approvals=(APPROVAL.model_copy(update={"preview": hostile, "title": hostile}),),
    )
    text = drawn(
        draw(picture, width=100),
        *draw_inbox([waiting], width=100),
        *map(draw_line, picture.lines),
        width=100,
        colours=True,
    )
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "[red]not markup[/red]" in text


def test_waiting_ends_with_the_next_step_and_a_pause_shows() -> None:
    picture = story()
    tell(picture, events.Waiting(**WHERE, text="waiting for an answer: budget", needs="answer"))
    assert (picture.status, picture.needs) == (TaskStatus.WAITING, "answer")
    tell(picture, events.Doing(**WHERE, activity="check_work", title="quality gate"))
    assert (picture.status, picture.needs) == (TaskStatus.CHECKING, "nothing")
    tell(picture, events.Spoken(**WHERE, what="pause"))
    assert picture.status is TaskStatus.WAITING
    tell(picture, events.Spoken(**WHERE, what="resume"))
    assert picture.status is TaskStatus.CHECKING


def test_a_rewound_task_starts_its_picture_over() -> None:
    picture = story()
    lines = len(picture.lines)
    tell(picture, events.Rewound(**WHERE))
    assert (picture.plan, picture.cost, picture.step) == (None, Cost(), 0)
    assert len(picture.lines) == lines + 1


def test_every_kind_of_event_can_be_told() -> None:
    told = {kind.model_fields["kind"].default for kind in events.Happened.__subclasses__()}
    from perdure.client.command_line import telling

    assert told == set(telling.TELLERS)


def test_a_block_of_several_tasks_fits_and_says_what_its_task_waits_for() -> None:
    picture = Picture(id="task-mend-the-rounding-1a2b3c")
    asked = events.ApprovalAsked(
        **WHERE,
        approval_id=APPROVAL.id,
        step=14,
        call=0,
        tool="git_push",
        title=f"git_push {LONG}",
        preview="x",
    )
    waiting = events.Waiting(**WHERE, text="waiting for a decision", needs="approval")
    for event in (asked, waiting, events.HeldUp.now("No worker polls task queue 'perdure'.")):
        tell(picture, event)
    text = drawn(draw_block(picture))
    assert max(map(len, text.splitlines())) <= 40
    for part in ("waiting", "python starter.py approve 0a1b2c3d4e5f", "No worker polls task queue"):
        assert part in text


def test_what_holds_a_task_up_is_drawn_with_the_time_that_is_left_and_goes_with_the_next_event() -> None:
    picture = Picture(id="task")
    soon = datetime.now(UTC) + timedelta(seconds=30)
    held_up = events.HeldUp.now("PostgreSQL at 'db' does not answer.", attempt=4, next_attempt_at=soon)
    [line] = tell(picture, held_up)
    assert line.text.startswith("waits: PostgreSQL at 'db' does not answer (attempt 4, next try in ")
    later = held_up.model_copy(update={"attempt": 5, "next_attempt_at": None})
    assert tell(picture, later) == []
    assert "(attempt 5)" in drawn(draw(picture, width=80), width=80)
    tell(picture, events.Doing(**WHERE, activity="decide", title="choose the next calls"))
    assert "waits" not in drawn(draw(picture, width=80), width=80)


def test_lines_of_a_diff_are_coloured_and_harmless() -> None:
    painter = Painter()
    lines = {
        "diff --git a/app.sql b/app.sql": "bold",
        "--- a/app.sql": "bold",
        "+++ b/app.sql": "bold",
        "@@ -1,3 +1,2 @@ context": "cyan",
        " kept": "",
        "--- a remark": "red",
        "-old": "red",
        "+++ counted": "green",
        "--- a/next.sql": "bold",
        "+++ b/next.sql": "bold",
        "@@ -1 +1 @@": "cyan",
        "-one": "red",
        "+another": "green",
        "\\ No newline at end of file": "",
    }
    assert {line: painter.draw(line).style for line in lines} == lines
    assert "\x1b" not in drawn(painter.draw("+\x1b[2Jgone"))
