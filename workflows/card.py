"""The card in the Web UI: what the task does or why it waits, in Markdown that fits one screen."""

import json
import re
from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import Assurance, SandboxLevel
    from perdure.contracts.decisions import Approval, Pending, Question
    from perdure.contracts.hidden import escape_hidden
    from perdure.contracts.plan import Plan
    from perdure.contracts.remembering import memory_sentence
    from perdure.contracts.steps import Limits
    from perdure.contracts.task import Cost
    from workflows.consenting import progress

MAX_SUBTASKS_SHOWN = 12
SANDBOX_BANNERS = {
    SandboxLevel.B: "The sandbox here is the weaker one without namespaces (level B).",
    SandboxLevel.C: "There is no sandbox that holds here (level C): no program runs, nothing is changed.",
    SandboxLevel.D: "NO SANDBOX (level D): programs run with the worker's own rights, and every call asks.",
}
QUOTED = "│ "
"""Begins each line of what is quoted in a preview."""
LINE_SHOWN = 56
"""The Web UI's code blocks neither wrap nor show that they go on; its card is this wide on a small screen."""
MARKUP = re.compile(r"[\\`*_{}\[\]()#+\-.!:|&<>~^$]")
"""What the Web UI's Markdown gives a meaning to; HTML too, which could hide all that follows."""


@dataclass
class Picture:
    """Everything the card shows."""

    request: str = ""
    doing: str = "starting"
    status: str = "planning"
    step: int = 0
    branch: str = ""
    sandbox: SandboxLevel | None = None
    """How much of the sandbox holds where the workspace is; None before it is known."""
    lineage: str = ""
    """The task and step that it was begun at, where it is a fork."""
    scripted: bool = False
    models: tuple[str, ...] = ()
    plan: Plan | None = None
    finished: set[int] = field(default_factory=set[int])
    cost: Cost = field(default_factory=Cost)
    limits: Limits | None = None
    pending: Pending = field(default_factory=Pending)
    remarks: list[str] = field(default_factory=list[str])
    reminders: int = 0
    escalated: str = ""
    paused: bool = False
    asks_models: bool = True


def draw(picture: Picture) -> str:
    """The card as Markdown."""
    parts = [f"**{plain(picture.request[:200])}**"] if picture.request else []
    parts.append(_headline(picture))
    parts += [_approval(approval, picture) for approval in picture.pending.approvals]
    parts += [_question(question, picture) for question in picture.pending.questions]
    parts += [f"> **Not taken:** {plain(remark)}" for remark in picture.remarks]
    if picture.plan:
        parts.append(_plan(picture.plan, picture.finished))
    parts.append(_cost(picture))
    return "\n\n".join(parts)


def _headline(picture: Picture) -> str:
    state = "paused" if picture.paused else picture.status
    line = f"**{state}** · step {picture.step}"
    if not (picture.pending.approvals or picture.pending.questions):
        # What waits has its own part below.
        line += f" · {plain(picture.doing)}"
    if picture.branch:
        line += f" · branch {code(picture.branch)}"
    if picture.sandbox:
        line += f" · sandbox level {picture.sandbox.value}"
    if picture.lineage:
        line += f" · forked from {code(picture.lineage)}"
    if picture.sandbox and picture.sandbox is not SandboxLevel.A:
        line += f"\n\n> **{SANDBOX_BANNERS[picture.sandbox]}**"
    if picture.scripted:
        line += "\n\n**scripted**: the answers come from a script, not from a language model."
    return line


def plain(text: str) -> str:
    """Text of unknown origin in one line that means nothing but itself."""
    return escape_hidden(MARKUP.sub(r"\\\g<0>", " ".join(text.split())))


def code(text: str) -> str:
    """The text as one line of code, letter by letter."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence, padding = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{padding}{escape_hidden(' '.join(text.split()))}{padding}{fence}"


def folded(markdown: str) -> str:
    """The Markdown with the long lines of its code blocks folded, and a word on that."""
    lines: list[str] = []
    fence, cut = "", False
    for line in markdown.splitlines():
        opening = re.match(r"`{3,}", line)
        if opening and not fence:
            fence = opening[0]
        elif line.rstrip() == fence:
            fence = ""
        elif fence and len(line) > LINE_SHOWN:
            # What is quoted keeps its sign on each line, so that none of it can look like a line of ours.
            sign = QUOTED if line.startswith(QUOTED) else ""
            rest, room = line.removeprefix(sign), LINE_SHOWN - len(sign)
            parts = [sign + rest[at : at + room] for at in range(0, len(rest), room)]
            line, cut = " ↩\n".join(parts), True
        lines.append(line)
    if cut:
        lines += ["", "(↩ stands where a long line is folded.)"]
    return "\n".join(lines)


def _paste(value: dict[str, object]) -> str:
    # On several lines as the Web UI itself writes JSON: it does not move the dialog's button while it puts it in order.
    return f"```json\n{json.dumps(value, indent=2)}\n```"


def _time(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"


def _late(picture: Picture) -> str:
    """That it waits for long."""
    told = f" {plain(picture.escalated)}" if picture.escalated else ""
    return (f" Reminded {picture.reminders} time(s)." if picture.reminders else "") + told


def _approval(approval: Approval, picture: Picture) -> str:
    late = _late(picture)
    return "\n\n".join(
        [
            f"### Waiting for your approval `{approval.id}`",
            code(approval.title),
            folded(escape_hidden(approval.preview)),
            *_demands(approval),
            f"Until {_time(approval.expires_at)}; then it counts as denied.{late} *More Actions*, *Send an Update*, "
            "`decide`, with this (or `deny` with a `reason`, or `edit` with new `arguments`):",
            _paste(_word_for(approval)),
            plain(memory_sentence(approval)),
        ]
    )


def _word_for(approval: Approval) -> dict[str, object]:
    word: dict[str, object] = {
        "approval_id": approval.id,
        "verdict": "approve",
        "reason": "",
        "by": "your name",
    }
    # Nobody approves what they have not seen all of without giving back what stands for all of it.
    return {**word, "operation_digest": approval.operation_digest} if approval.hidden else word


def _demands(approval: Approval) -> list[str]:
    """What it takes to approve, where that is more than one name, and why it is asked."""
    lines = [f"Asked by the rule {plain(approval.reason)}"] if approval.reason else []
    if approval.sandbox in set(SandboxLevel):
        lines.append(f"It would run at sandbox level {approval.sandbox}.")
    if approval.people > 1:
        lines.append(f"**{approval.people} different people must approve**; {plain(progress(approval))}.")
    if approval.assurance is not Assurance.CLAIMED:
        lines.append(
            "**A name alone does not count**: it is approved by a signature, with `python starter.py approve "
            f"{approval.id} --key FILE`."
        )
    if approval.hidden:
        lines.append(
            f"**{approval.hidden:,} characters are not shown here**: `python starter.py show --approval {approval.id}` "
            "shows all of it with its digest."
        )
    return lines


def _question(question: Question, picture: Picture) -> str:
    late = _late(picture)
    return "\n\n".join(
        [
            f"### A question for you `{question.id}`",
            f"{plain(question.text)}{late}",
            f"Choices: {', '.join(f'`{choice}`' for choice in question.choices)}. Until {_time(question.expires_at)}; "
            f"then it counts as `{question.silence}`. *More Actions*, *Send an Update*, `answer`, with:",
            _paste({"question_id": question.id, "choice": question.choices[0], "by": "your name"}),
        ]
    )


def _plan(plan: Plan, finished: set[int]) -> str:
    # The Web UI's Markdown knows a list only after an empty line, and no boxes to tick.
    lines = [f"**Plan:** {plain(plan.goal)}", ""]
    for position, subtask in enumerate(plan.subtasks[:MAX_SUBTASKS_SHOWN]):
        lines.append(f"- {'✓' if position in finished else '○'} {plain(subtask.title)}")
    hidden = len(plan.subtasks) - MAX_SUBTASKS_SHOWN
    if hidden > 0:
        lines.append(f"- … and {hidden} more")
    return "\n".join(lines)


def _cost(picture: Picture) -> str:
    cost, limits = picture.cost, picture.limits
    if limits is None:
        return ""
    if not picture.asks_models:
        return (
            f"{picture.step} of {limits.steps} steps · at most {limits.minutes:g} minutes · no model is asked"
        )
    text = f"{cost.usd:.4f} of {limits.usd:g} USD · {cost.tokens:,} of {limits.tokens:,} tokens"
    text += f" · {picture.step} of {limits.steps} steps"
    if cost.unpriced_calls:
        text += f" · {cost.unpriced_calls} call(s) without a known price"
    if picture.models:
        text += f" · {', '.join(picture.models)}"
    return text
