"""What each event changes in the picture, and the lines that tell it."""

from collections.abc import Callable
from typing import Any

from perdure.client import events
from perdure.client.command_line.picture import WENT_WELL, Line, Picture
from perdure.contracts.calls import Verdict
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.repositories import strip_credentials
from perdure.contracts.task import TaskResult, TaskStatus

_STAGES = {
    "open_task": TaskStatus.PLANNING,
    "prepare_workspace": TaskStatus.PLANNING,
    "plan": TaskStatus.PLANNING,
    "decide": TaskStatus.WORKING,
    "check_work": TaskStatus.CHECKING,
    "synthesize": TaskStatus.PUBLISHING,
    "propose_publication": TaskStatus.PUBLISHING,
}
"""Activity → the stage it begins; the others belong to whatever stage there is."""

_WORDS = {
    "approve": "approved",
    "deny": "denied",
    "edit": "changed the call",
    "answer": "answered",
    "steer": "said",
    "pause": "paused the task",
    "resume": "let the task go on",
    "cancel": "cancelled the task",
}


def tell(picture: Picture, event: events.Event) -> list[Line]:
    """Take an event into the picture; gives the lines that tell it, which ``picture.lines`` then holds too."""
    told = TELLERS[event.kind](picture, event)
    picture.lines += told
    return told


def _started(picture: Picture, event: events.Started) -> list[Line]:
    if event.continued or event.request is None:
        return []
    task = event.request
    picture.repository = task.repository
    if isinstance(task, MaintenanceRequest):
        picture.request = f"maintenance: {task.playbook}"
        return [Line(text=f"{picture.request} of {strip_credentials(task.repository)}", drawn=True)]
    picture.request = task.request
    picture.mode, picture.safety = task.mode.value, task.safety.value
    return [Line(text=f"{_first_line(task.request)} ({task.mode}, {task.safety})", drawn=True)]


def _rewound(picture: Picture, _: events.Rewound) -> list[Line]:
    picture.start_over()
    return [Line(text="The task was taken back to an earlier step. What still stands:", tone="person")]


def _opened(picture: Picture, event: events.Opened) -> list[Line]:
    picture.limits, picture.scripted, picture.safety = event.limits, event.scripted, event.safety.value
    picture.models = tuple(sorted(set(event.models.values())))
    label = "scripted: a script answers, no language model" if event.scripted else ", ".join(picture.models)
    # A maintenance run asks no model.
    asked = [Line(text=f"model: {label}", tone="faint", drawn=True)] if label else []
    return [*asked, *_warnings(event.warnings)]


def _prepared(picture: Picture, event: events.Prepared) -> list[Line]:
    picture.branch = event.branch
    what = "workspace restored" if event.restored else "workspace ready"
    text = f"{what}: branch {event.branch} from {event.base_branch} ({event.base_commit[:10]})"
    return [Line(text=text, tone="faint"), *_warnings(event.warnings)]


def _doing(picture: Picture, event: events.Doing) -> list[Line]:
    picture.doing, picture.trouble, picture.held_up = event.title, "", None
    picture.wait_no_more()
    picture.stage = _STAGES.get(event.activity, picture.stage)
    picture.step = max(picture.step, event.step or 0)
    return []


def _retried(picture: Picture, event: events.Retried) -> list[Line]:
    because = f": {_first_line(event.because)}" if event.because else ""
    text = f"{event.activity} needed attempt {event.attempt}{because}"
    return [Line(step=picture.step, text=text, tone="faint")]


def _planned(picture: Picture, event: events.Planned) -> list[Line]:
    picture.plan = event.plan
    picture.cost = picture.cost.plus(event.cost)
    parts = [
        Line(text=f"  {number}. {part.title}", drawn=True)
        for number, part in enumerate(event.plan.subtasks, start=1)
    ]
    return [Line(text=f"plan: {event.plan.goal}", drawn=True), *parts]


def _decided(picture: Picture, event: events.Decided) -> list[Line]:
    picture.cost = picture.cost.plus(event.cost)
    picture.calls.update({f"{event.step}/{call.index}": call for call in event.calls})
    told: list[Line] = []
    if event.said:
        told.append(Line(step=event.step, text=_first_line(event.said), tone="faint"))
    if event.done:
        told.append(Line(step=event.step, text="says it is done"))
    told += [
        Line(step=event.step, text=f"refused: {call.title}: {call.reason}", tone="bad")
        for call in event.calls
        if call.verdict is Verdict.DENY
    ]
    return told


def _approval_asked(picture: Picture, event: events.ApprovalAsked) -> list[Line]:
    if event.refused:
        return [Line(step=event.step, text=f"refused: {event.title}: {event.refused}", tone="bad")]
    picture.approval = event
    return []


def _approval_decided(picture: Picture, event: events.ApprovalDecided) -> list[Line]:
    people = ", ".join(f"{each.by} ({each.assurance.value})" for each in event.consents)
    by = f" by {people or event.by}" if event.outcome in ("approved", "denied", "edited") else ""
    text = f"approval {event.approval_id}: {event.outcome}{by}; operation {event.operation_digest[:12]}"
    return [Line(step=event.step, text=text, tone="faint")]


def _waiting(picture: Picture, event: events.Waiting) -> list[Line]:
    picture.needs, picture.doing = event.needs, event.text
    waits = f" {picture.approval.approval_id}" if picture.approval is not None else ""
    return [Line(step=picture.step, text=f"{event.text}{waits}", tone="person")]


def _spoken(picture: Picture, event: events.Spoken) -> list[Line]:
    if event.what in {"pause", "resume"}:
        picture.paused = event.what == "pause"
    if event.what in {"approve", "deny", "edit", "answer"}:
        picture.wait_no_more()
    said = f": {event.text}" if event.text else ""
    return [
        Line(step=picture.step, text=f"{event.by or 'somebody'} {_WORDS[event.what]}{said}", tone="person")
    ]


def _executed(picture: Picture, event: events.Executed) -> list[Line]:
    told: list[Line] = []
    for result in event.results:
        call = picture.calls.get(f"{event.step}/{result.index}")
        title = call.title if call is not None else result.tool
        excerpt = f" → {_first_line(result.excerpt)}" if result.excerpt else ""
        mark, tone = ("✓", "good") if result.ok else ("✗", "bad")
        told.append(
            Line.model_validate({"step": event.step, "text": f"{mark} {title}{excerpt}", "tone": tone})
        )
    return told


def _reflected(picture: Picture, event: events.Reflected) -> list[Line]:
    picture.cost = picture.cost.plus(event.cost)
    if picture.plan is not None:
        done = set(event.reflection.finished_subtasks)
        marked = (
            part.model_copy(update={"done": position in done})
            for position, part in enumerate(picture.plan.subtasks)
        )
        picture.plan = picture.plan.model_copy(update={"subtasks": tuple(marked)})
    verdict = event.reflection.verdict.replace("_", " ")
    return [Line(step=event.step, text=f"looks back: {verdict}: {_first_line(event.reflection.note)}")]


def _checked(picture: Picture, event: events.Checked) -> list[Line]:
    picture.checks = event.checks
    return [
        Line.model_validate(
            {
                "step": picture.step,
                "text": f"check {check.name}: {check.status}{f', {check.detail}' if check.detail else ''}",
                "tone": {"passed": "good", "failed": "bad", "skipped": "faint"}[check.status],
            }
        )
        for check in event.checks
    ]


def _written(picture: Picture, event: events.Written) -> list[Line]:
    picture.cost = picture.cost.plus(event.cost)
    return []


def _finished(picture: Picture, event: events.Finished) -> list[Line]:
    return (
        [Line(step=picture.step, text=f"{event.activity}: {event.note}", tone="faint")] if event.note else []
    )


def _step_failed(picture: Picture, event: events.StepFailed) -> list[Line]:
    text = f"{event.activity} failed: {_first_line(event.because)}"
    return [Line(step=picture.step, text=text, tone="bad")]


def _stuck(picture: Picture, event: events.Stuck) -> list[Line]:
    picture.trouble = f"the worker cannot go on: {_first_line(event.because)}"
    return [Line(step=picture.step, text=picture.trouble, tone="bad")]


def _held_up(picture: Picture, event: events.HeldUp) -> list[Line]:
    before, picture.held_up = picture.held_up, event if event.because else None
    if not event.because or (before is not None and before.because == event.because):
        return []
    return [Line(step=picture.step, text=event.text(event.at), tone="bad", drawn=True)]


def _ended(picture: Picture, event: events.Ended) -> list[Line]:
    picture.wait_no_more()
    picture.paused, picture.trouble, picture.held_up, picture.doing = False, "", None, ""
    picture.ended, picture.summary, picture.result = event.status, event.summary, event.result
    if event.result is not None:
        picture.checks = event.result.checks
        if isinstance(event.result, TaskResult):
            picture.cost = event.result.cost
        picture.branch = event.result.branch or picture.branch
    tone = "good" if event.status in WENT_WELL else "bad"
    text = f"{event.status}: {_first_line(event.summary)}"
    withheld = event.result.withheld if event.result is not None else ()
    return [
        Line.model_validate({"text": text, "tone": tone, "drawn": True}),
        *(
            Line(text=f"not done: {each.what}: {_first_line(each.why)}", tone="person", drawn=True)
            for each in withheld
        ),
    ]


def _warnings(warnings: tuple[str, ...]) -> list[Line]:
    return [Line(text=f"warning: {warning}", tone="person") for warning in warnings]


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else ""


TELLERS: dict[str, Callable[[Picture, Any], list[Line]]] = {
    "started": _started,
    "rewound": _rewound,
    "opened": _opened,
    "prepared": _prepared,
    "doing": _doing,
    "retried": _retried,
    "planned": _planned,
    "decided": _decided,
    "approval_asked": _approval_asked,
    "approval_decided": _approval_decided,
    "waiting": _waiting,
    "spoken": _spoken,
    "executed": _executed,
    "reflected": _reflected,
    "checked": _checked,
    "written": _written,
    "finished": _finished,
    "step_failed": _step_failed,
    "stuck": _stuck,
    "held_up": _held_up,
    "ended": _ended,
}
