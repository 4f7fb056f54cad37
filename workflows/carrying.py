"""Handing a task over to a new run: when its event history is long enough, with all that the next run must know."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.continuation import CarriedLine, Continuation, LoopCounts, Undone
    from workflows.acting import Acting
    from workflows.task_state import Line, TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Patch id: histories of before go on as they were recorded, however long they are.
PATCH = "continue-as-new"
#: Of the lines that people see, the newest that fit are carried; the events before are in the history of their run.
LINES_CHARACTERS = 60_000


def is_due(state: TaskState) -> bool:
    """Whether a person moves the task to another version, or this run's history is long enough.

    That is so by the server's word or by the installation's limit.
    """
    info, limit = workflow.info(), state.timing.continue_after_events
    long = info.is_continue_as_new_suggested() or 0 < limit <= info.get_current_history_length()
    # Never while somebody is asked: what waits has an id that belongs to this run.
    asked = state.desk.approvals or state.desk.questions
    if state.desk.leaving and not asked:
        return True
    return long and not asked and workflow.patched(PATCH)


def carried(
    state: TaskState, acting: Acting, *, runs: int, counts: LoopCounts, undone: Undone | None
) -> Continuation:
    """What the next run must know; ``undone`` is None between two steps of the loop."""
    host = state.host
    return Continuation(
        opened=state.opened,
        runs=runs,
        **host.carried(),
        first_tree=state.first_tree,
        head=state.head,
        step=state.step,
        numbered=state.numbered,
        limits=state.spending.limits,
        cost=state.spending.cost,
        dropped=state.spending.dropped,
        worked_s=state.worked_s,
        plan=state.plan,
        finished=tuple(sorted(state.picture.finished)),
        notes=tuple(state.notes),
        lines=_newest(state.lines),
        checks=state.checks,
        commits=tuple(state.commits),
        pushed=state.pushed,
        withheld=tuple(state.withheld),
        denials=state.denials,
        last_fault=state.last_fault,
        paused=state.pause_requested,
        paused_by=state.paused_by,
        granted=tuple(acting.granted),
        installed=tuple(acting.installed),
        seen=state.guard.on(host.checkpoint.tree),
        counts=counts,
        words=state.desk.carried(),
        undone=undone,
        summary=state.summary,
        evidence=state.evidence,
        commit_message=state.commit_message,
    )


def take_up(state: TaskState, given: Continuation) -> None:
    """Put a new state where the run before left off; its desk knows already what people said."""
    state.began = workflow.time() - given.worked_s
    state.head, state.step, state.numbered = given.head, given.step, given.numbered
    state.first_tree, state.plan, state.checks = given.first_tree, given.plan, given.checks
    state.spending.limits, state.spending.cost = given.limits, given.cost
    state.spending.dropped = given.dropped
    state.spending.steps = max(given.step, given.numbered)
    state.notes[:0] = given.notes
    state.lines[:] = [Line(**line.model_dump(exclude={"v"})) for line in given.lines]
    state.commits, state.pushed = list(given.commits), given.pushed
    state.withheld, state.denials = list(given.withheld), given.denials
    state.last_fault = given.last_fault
    state.summary, state.evidence, state.commit_message = given.summary, given.evidence, given.commit_message
    state.guard.seen = dict(given.seen)
    state.picture.finished = set(given.finished)
    state.host.take_up(given)
    if given.opened.forked is not None:
        state.picture.lineage = f"{given.opened.forked.workflow_id}, step {given.opened.forked.step}"
    state.picture.branch = state.host.branch


def _newest(lines: "Sequence[Line]") -> tuple[CarriedLine, ...]:
    room = LINES_CHARACTERS
    kept: list[CarriedLine] = []
    for line in reversed(lines):
        room -= len(line.title) + len(line.excerpt) + 50
        if room < 0:
            break
        kept.append(CarriedLine(**asdict(line)))
    return tuple(reversed(kept))
