"""How a task ended: its status, its result object, and errors in a sentence."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.digests import short_hash
    from perdure.contracts.steps import Closed
    from perdure.contracts.task import Mode, TaskResult, TaskStatus, Withheld
    from workflows.asking import Ending
    from workflows.task_state import TaskState

#: The server's limit; a longer key would fail the workflow task for ever.
MAX_FAIRNESS_BYTES = 64


def fairness_key(user: str) -> str | None:
    """Whose share of the queue a task takes; a name too long for the server is hashed."""
    if not user:
        return None
    return user if len(user.encode()) <= MAX_FAIRNESS_BYTES else short_hash(user)


def final_status(state: TaskState, ending: Ending) -> TaskStatus:
    """The status of a task that neither failed nor was cancelled."""
    if ending is Ending.DONE:
        return TaskStatus.DENIED if nothing_was_possible(state) else TaskStatus.COMPLETED
    if ending is Ending.CHECKS_FAIL:
        return TaskStatus.INCOMPLETE
    spent = bool(state.spending.exhausted(state.worked_s))
    return TaskStatus.BUDGET_EXHAUSTED if spent else TaskStatus.INCOMPLETE


def nothing_was_possible(state: TaskState) -> bool:
    """Whether people denied what was asked for, and nothing was changed in any other way."""
    changed = bool(state.commits) or state.host.checkpoint.tree != state.first_tree
    return state.host.mode is Mode.CHANGE and state.denials > 0 and not changed


def result_of(state: TaskState, status: TaskStatus, summary: str) -> TaskResult:
    """The result object from what the task knows."""
    withheld = list(state.withheld)
    failing = [check for check in state.checks if check.status == "failed"]
    withheld += [Withheld(what=f"check {check.name}", why=check.detail or "it failed") for check in failing]
    return TaskResult(
        status=status,
        summary=summary,
        branch=state.picture.branch or None,
        commits=tuple(dict.fromkeys(state.commits)),
        pushed=state.pushed is not None,
        withheld=tuple(withheld),
        checks=state.checks,
        cost=state.spending.cost,
        steps=state.step,
        evidence=state.evidence,
    )


def as_closed(result: BaseModel, closed: Closed) -> BaseModel:
    """The result in the words that were recorded, from which credentials that people spoke of are taken out."""
    changes: dict[str, object] = {}
    if closed.summary:
        changes["summary"] = closed.summary
    if closed.withheld:
        # What only the result adds, such as checks that failed, comes from steps, which say nothing of the kind.
        given: tuple[Withheld, ...] = getattr(result, "withheld", ())
        changes["withheld"] = (*closed.withheld, *given[len(closed.withheld) :])
    return result.model_copy(update=changes)


def sentence_of(error: ActivityError | ApplicationError) -> str:
    if isinstance(error, ApplicationError):
        return error.message
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.message
    return f"The step {error.activity_type!r} failed: {cause or error}"


def type_of(error: ActivityError | ApplicationError) -> str:
    source = error if isinstance(error, ApplicationError) else error.cause
    return (source.type if isinstance(source, ApplicationError) else None) or "StepFailed"
