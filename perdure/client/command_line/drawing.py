"""Draws pictures, approvals and questions for people, in any width from 40 columns on."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from perdure.client.command_line.output import clean
from perdure.client.command_line.picture import Line, Picture, Tone
from perdure.contracts.calls import Assurance
from perdure.contracts.decisions import Approval, Question
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.remembering import memory_sentence
from perdure.contracts.task import TaskResult, TaskStatus

WIDE = 72
"""From here on previews stand in a box; below, they are stacked without one."""
RECENT_LINES = 8

_STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "person": "yellow", "faint": "dim"}
_COLOURS = {
    TaskStatus.COMPLETED: "bold green",
    TaskStatus.UNCHANGED: "bold green",
    TaskStatus.WAITING: "bold yellow",
    TaskStatus.FAILED: "bold red",
    TaskStatus.CANCELED: "bold red",
    TaskStatus.INCOMPLETE: "bold red",
    TaskStatus.DENIED: "bold red",
    TaskStatus.BUDGET_EXHAUSTED: "bold red",
}


def draw_line(line: Line) -> Text:
    """One line of what happened, with its step."""
    step = Text(f"{line.step:>3} " if line.step else "    ", style="dim")
    return step.append_text(clean(line.text, _STYLES[line.tone]))


def _steps(lines: Sequence[Line]) -> Table:
    """The lines below each other, each with its step in the margin."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        table.add_row(str(line.step) if line.step else "", clean(line.text, _STYLES[line.tone]))
    return table


def draw(picture: Picture, *, width: int, recent: int = RECENT_LINES) -> RenderableType:
    """The whole picture of a running or finished task."""
    parts: list[RenderableType] = [_headline(picture)]
    parts += _troubles(picture)
    if picture.plan is not None:
        parts.append(_plan(picture))
    lines = [line for line in picture.lines if not line.drawn]
    if recent and lines:
        parts += [Text(), _steps(lines[-recent:])]
    if picture.approval is not None and picture.needs == "approval":
        asked = picture.approval
        parts += [
            Text(),
            *preview_box(asked.title, asked.preview, asked.approval_id, width=width),
            how_to_approve(asked.approval_id),
        ]
    for question in picture.questions:
        parts += [Text(), *draw_question(question)]
    if picture.result is not None:
        parts += [Text(), *_result(picture.result)]
    elif picture.summary:
        parts += [Text(), clean(picture.summary)]
    parts += [Text(), _spending(picture)]
    return Group(*parts)


def draw_block(picture: Picture, *, recent: int = 2) -> RenderableType:
    """One of several tasks: what it does, what happened last, what it waits for."""
    parts: list[RenderableType] = [_headline(picture), *_troubles(picture)]
    lines = [line for line in picture.lines if not line.drawn]
    if recent and lines and picture.result is None:
        parts.append(_steps(lines[-recent:]))
    if picture.approval is not None and picture.needs == "approval":
        asked = picture.approval
        parts += [clean(f"{asked.title}", "bold"), how_to_approve(asked.approval_id)]
    for question in picture.questions:
        parts += draw_question(question)
    if picture.summary:
        parts.append(clean(picture.summary))
    return Group(*parts, _spending(picture), Rule(style="dim"))


def draw_approval(approval: Approval, *, width: int) -> list[RenderableType]:
    """The exact operation, as it would run."""
    return [
        *preview_box(approval.title, approval.preview, approval.id, width=width),
        clean(f"step {approval.step}, until {approval.expires_at}; then it counts as denied", "dim"),
        *demands(approval),
        clean(memory_sentence(approval), "dim"),
    ]


def demands(approval: Approval) -> list[RenderableType]:
    """Why it is asked, and what it takes where that is more than one name."""
    lines: list[RenderableType] = (
        [clean(f"asked by the rule {approval.reason}", "dim")] if approval.reason else []
    )
    if approval.people > 1:
        so_far = ", ".join(each.by for each in approval.consents) or "nobody"
        lines.append(clean(f"{approval.people} different people must approve; so far: {so_far}", "yellow"))
    if approval.assurance is not Assurance.CLAIMED:
        lines.append(clean("a name alone does not count: it is signed with --key", "yellow"))
    return lines


def draw_question(question: Question) -> list[RenderableType]:
    """A question with its choices and how to answer."""
    return [
        Text.assemble(("question ", "bold yellow"), (question.id, "bold")),
        clean(question.text),
        clean(f"choices: {', '.join(question.choices)}"),
        clean(f"python starter.py answer {question.id} {question.choices[0]}", "cyan"),
    ]


def preview_box(title: str, preview: str, id: str, *, width: int) -> list[RenderableType]:
    """The operation's preview under its title and approval id.

    The Markdown is shown as it is written: drawn, it could hide a comment or the target of a link from who approves.
    """
    heading = Text.assemble(("approval ", "bold yellow"), (id, "bold"))
    body = [clean(title, "bold"), Text(), clean(preview.strip())]
    if width < WIDE:
        return [heading, *body]
    return [Panel(Group(*body), title=heading, title_align="left", border_style="yellow")]


def how_to_approve(id: str) -> RenderableType:
    """The two commands that decide an approval."""
    return Group(
        Text(f"python starter.py approve {id}", style="cyan"),
        Text(f"python starter.py deny {id}", style="cyan"),
    )


def _headline(picture: Picture) -> Text:
    text = Text(overflow="fold")
    text.append(picture.status.value, style=_COLOURS.get(picture.status, "bold cyan"))
    if picture.paused:
        text.append(" (paused)", style="bold yellow")
    text.append(f" · {picture.id}", style="dim")
    if picture.scripted:
        text.append(" · scripted", style="bold magenta")
    if picture.branch:
        text.append(" · ").append_text(clean(picture.branch))
    if picture.doing:
        text.append("\n").append_text(clean(picture.doing))
    return text


def _troubles(picture: Picture) -> list[RenderableType]:
    held_up = picture.held_up.text(datetime.now(UTC)) if picture.held_up is not None else ""
    return [clean(text, "red") for text in (picture.trouble, held_up) if text]


def _plan(picture: Picture) -> RenderableType:
    assert picture.plan is not None
    lines = [clean(picture.plan.goal, "bold")]
    for part in picture.plan.subtasks:
        lines.append(clean(f"{'✓' if part.done else '·'} {part.title}", "green" if part.done else ""))
    return Padding(Group(*lines), (1, 0, 0, 0))


def _result(result: TaskResult | MaintenanceResult) -> list[RenderableType]:
    parts: list[RenderableType] = [clean(result.summary, "bold")]
    for check in result.checks:
        style = {"passed": "green", "failed": "red", "skipped": "dim"}[check.status]
        parts.append(clean(f"check {check.name}: {check.status} {check.detail}".rstrip(), style))
    for finding in result.findings if isinstance(result, MaintenanceResult) else ():
        times = f" ({finding.count}×)" if finding.count > 1 else ""
        where = f" {finding.where}" if finding.where else ""
        mark, style = ("fixed", "green") if finding.fixed else ("found", "yellow")
        parts.append(clean(f"{mark}: {finding.what}{times}{where} [{finding.step}]", style))
    for evidence in result.evidence if isinstance(result, TaskResult) else ():
        where = f"step {evidence.step}" if evidence.step is not None else "not shown"
        parts.append(clean(f"{evidence.requirement} ({where}: {evidence.shown_by})", "dim"))
    if result.commits:
        pushed = "pushed" if result.pushed else "not pushed"
        commits = ", ".join(commit[:10] for commit in result.commits)
        parts.append(clean(f"commits {commits} on {result.branch}, {pushed}"))
    parts += [clean(f"not done: {each.what}: {each.why}", "yellow") for each in result.withheld]
    return parts


def _spending(picture: Picture) -> Text:
    cost, limits = picture.cost, picture.limits
    of_usd, of_tokens, of_steps = (
        (f" of {limits.usd:g}", f" of {limits.tokens:,}", f" of {limits.steps}") if limits else ("", "", "")
    )
    text = f"{cost.usd:.4f}{of_usd} USD · {cost.tokens:,}{of_tokens} tokens · step {picture.step}{of_steps}"
    if cost.unpriced_calls:
        text += f" · {cost.unpriced_calls} call(s) without a known price"
    models = ", ".join(cost.models or picture.models)
    return clean(f"{text} · {models}" if models else text, "dim")
