"""The card in the Web UI: what the task does or why it waits, in Markdown that fits one screen."""

import json
from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.decisions import Approval, Pending, Question
    from perdure.contracts.plan import Plan
    from perdure.contracts.steps import Limits
    from perdure.contracts.task import Cost

MAX_SUBTASKS_SHOWN = 12
MAX_PREVIEW_SHOWN = 2_500


@dataclass
class Picture:
    """Everything the card shows."""

    doing: str = "starting"
    status: str = "planning"
    step: int = 0
    branch: str = ""
    scripted: bool = False
    models: tuple[str, ...] = ()
    plan: Plan | None = None
    finished: set[int] = field(default_factory=set[int])
    cost: Cost = field(default_factory=Cost)
    limits: Limits | None = None
    pending: Pending = field(default_factory=Pending)
    remarks: list[str] = field(default_factory=list[str])
    reminders: int = 0
    paused: bool = False


def draw(picture: Picture) -> str:
    """The card as Markdown."""
    parts = [_headline(picture)]
    parts += [_approval(approval, picture.reminders) for approval in picture.pending.approvals]
    parts += [_question(question, picture.reminders) for question in picture.pending.questions]
    parts += [f"> **Not taken:** {remark}" for remark in picture.remarks]
    if picture.plan:
        parts.append(_plan(picture.plan, picture.finished))
    parts.append(_cost(picture))
    return "\n\n".join(parts)


def _headline(picture: Picture) -> str:
    state = "paused" if picture.paused else picture.status
    line = f"**{state}** · step {picture.step} · {picture.doing}"
    if picture.branch:
        line += f" · branch `{picture.branch}`"
    if picture.scripted:
        line += "\n\n**scripted**: the answers come from a script, not from a language model."
    return line


def _approval(approval: Approval, reminders: int) -> str:
    paste = json.dumps({"approval_id": approval.id, "verdict": "approve", "by": "your name"})
    late = f" Reminded {reminders} time(s)." if reminders else ""
    return "\n\n".join(
        [
            f"### Waiting for your approval `{approval.id}`",
            f"**{approval.title}** (step {approval.step}). Until {approval.expires_at}; then it counts as denied.{late}",
            approval.preview[:MAX_PREVIEW_SHOWN],
            "Send the update `decide` with this (or `deny` with a `reason`, or `edit` with new `arguments`):",
            f"```json\n{paste}\n```",
        ]
    )


def _question(question: Question, reminders: int) -> str:
    paste: dict[str, object] = {"question_id": question.id, "choice": question.choices[0], "by": "your name"}
    late = f" Reminded {reminders} time(s)." if reminders else ""
    return "\n\n".join(
        [
            f"### A question for you `{question.id}`",
            f"{question.text}{late}",
            f"Choices: {', '.join(f'`{choice}`' for choice in question.choices)}. Until {question.expires_at}; "
            f"then it counts as `{question.choices[-1]}`. Send the update `answer` with:",
            f"```json\n{json.dumps(paste)}\n```",
        ]
    )


def _plan(plan: Plan, finished: set[int]) -> str:
    lines = [f"**Plan:** {plan.goal}"]
    for position, subtask in enumerate(plan.subtasks[:MAX_SUBTASKS_SHOWN]):
        lines.append(f"- [{'x' if position in finished else ' '}] {subtask.title}")
    hidden = len(plan.subtasks) - MAX_SUBTASKS_SHOWN
    if hidden > 0:
        lines.append(f"- … and {hidden} more")
    return "\n".join(lines)


def _cost(picture: Picture) -> str:
    cost, limits = picture.cost, picture.limits
    if limits is None:
        return ""
    text = f"{cost.usd:.4f} of {limits.usd:g} USD · {cost.tokens:,} of {limits.tokens:,} tokens"
    text += f" · {picture.step} of {limits.steps} steps"
    if cost.unpriced_calls:
        text += f" · {cost.unpriced_calls} call(s) without a known price"
    if picture.models:
        text += f" · {', '.join(picture.models)}"
    return text
