"""Draws the inbox: a batch once with the tasks that ask for it, questions, and what became of decisions."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from perdure.client.command_line.drawing import (
    demands,
    draw_approval,
    draw_question,
    how_to_approve,
    preview_box,
)
from perdure.client.command_line.output import clean
from perdure.client.command_line.task_table import age
from perdure.client.inbox import Batch, Outcome, WaitingApproval, batches_of
from perdure.client.state import WaitingTask
from perdure.contracts.remembering import memory_sentence

SHOWN_TASKS = 20


def draw_inbox(tasks: Sequence[WaitingTask], *, width: int, options: str = "") -> list[RenderableType]:
    """Everything that waits; ``options`` are the filters that a command about a batch needs again."""
    parts: list[RenderableType] = []
    for batch in batches_of(tasks):
        parts += draw_batch(batch, width=width, options=options)
    return [*parts, *draw_questions(tasks)]


def draw_table(batches: Sequence[Batch], now: datetime) -> RenderableType:
    """A line for each batch."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=True)
    table.add_column("batch", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    table.add_column("call", overflow="fold")
    table.add_column("task", overflow="fold")
    for batch in batches:
        since = age(now - datetime.fromisoformat(batch.first.asked_at))
        others = len(batch.members) - 1
        where = f"{batch.members[0].task} and {others} more" if others else batch.members[0].task
        table.add_row(
            Text(batch.key),
            Text(str(len(batch.members))),
            Text(since),
            clean(f"{batch.first.title} [{batch.first.effect.value}]"),
            clean(where),
        )
    return table


def draw_batch(batch: Batch, *, width: int, options: str = "") -> list[RenderableType]:
    """A batch with everything that a person must know to decide, and how; one approval alone as it always was."""
    if len(batch.members) == 1:
        member = batch.members[0]
        shown = draw_approval(member.approval, width=width)
        return [*draw_member(member), Text(), *shown, how_to_approve(member.approval.id), Rule(style="dim")]
    heading = Text.assemble(
        ("batch ", "bold yellow"), (batch.key, "bold"), f": the same call in {len(batch.members)} approvals"
    )
    parts: list[RenderableType] = [heading]
    for preview, members in batch.previews:
        ids = ", ".join(each.approval.id for each in members)
        parts += preview_box(members[0].approval.title, preview, ids, width=width)
        parts += [line for member in members[:SHOWN_TASKS] for line in draw_member(member)]
        if len(members) > SHOWN_TASKS:
            parts.append(clean(f"and {len(members) - SHOWN_TASKS} more tasks", "dim"))
    parts += demands(batch.first)
    parts.append(clean(memory_sentence(batch.first), "dim"))
    until = min(each.approval.expires_at for each in batch.members)
    parts.append(clean(f"the first until {until}; then it counts as denied", "dim"))
    for verdict in ("approve", "deny"):
        parts.append(clean(f"python starter.py approvals {verdict} --batch {batch.key}{options}", "cyan"))
    return [*parts, Rule(style="dim")]


def draw_member(member: WaitingApproval) -> list[RenderableType]:
    """The task that asks: its id, for whom, where, and what was asked of it."""
    level = member.approval.safety.value if member.approval.safety else ""
    facts = " · ".join(text for text in (member.user, member.repository, level) if text)
    lines: list[RenderableType] = [clean(member.task, "bold")]
    lines += [clean(text, style) for text, style in ((member.summary, ""), (facts, "dim")) if text]
    return lines


def draw_questions(tasks: Sequence[WaitingTask]) -> list[RenderableType]:
    """Questions and what could not be read, task by task."""
    parts: list[RenderableType] = []
    for task in tasks:
        if not (task.questions or task.problem):
            continue
        parts.append(clean(task.id, "bold"))
        if task.summary:
            parts.append(clean(task.summary))
        for question in task.questions:
            parts += [Text(), *draw_question(question)]
        if task.problem:
            if known := _known(task):
                parts.append(clean(known, "dim"))
            parts.append(clean(task.problem, "red"))
            if task.hint:
                parts.append(Text.assemble(("hint: ", "bold"), clean(task.hint)))
        parts.append(Rule(style="dim"))
    return parts


def _known(task: WaitingTask) -> str:
    """What the server's list says of a task that was not heard."""
    needs = {"approval": "waits for an approval", "answer": "waits for an answer"}.get(
        task.needs, task.status
    )
    since = f"started {task.started_at:%Y-%m-%d %H:%M} UTC" if task.started_at else ""
    return " · ".join(text for text in (task.user, task.repository, needs, since) if text)


def draw_outcome(outcome: Outcome) -> RenderableType:
    """One line of what became of a decision."""
    text = f"{outcome.approval_id} in {outcome.task}: {outcome.message}"
    if outcome.hint:
        text += f" hint: {outcome.hint}"
    return clean(text, "" if outcome.done else "red")


def draw_details(batch: Batch, *, width: int) -> list[RenderableType]:
    """Every approval of a batch by itself, with the digest that is checked before it runs."""
    parts: list[RenderableType] = []
    for member in batch.members:
        approval = member.approval
        parts += [*draw_member(member), *draw_approval(approval, width=width)]
        parts.append(clean(f"asked {approval.asked_at}, digest {approval.operation_digest}", "dim"))
        parts.append(Rule(style="dim"))
    return parts
