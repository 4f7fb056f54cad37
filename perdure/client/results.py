"""Events made from the results of activities: one function an activity, by the activity's name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from perdure.client import events
from perdure.contracts import decision_records, digests, steps, upkeep


@dataclass(frozen=True)
class Where:
    """Which history event tells of it."""

    event_id: int
    run_id: str
    at: Any

    def fields(self) -> dict[str, Any]:
        """The fields that every event has."""
        return {"event_id": self.event_id, "run_id": self.run_id, "at": self.at}


def _opened(where: Where, _: steps.OpenTask, opened: steps.OpenedTask) -> events.Event:
    return events.Opened(
        **where.fields(),
        safety=opened.safety,
        limits=opened.limits,
        models=opened.models,
        scripted=opened.scripted,
        warnings=opened.warnings,
    )


def _opened_maintenance(
    where: Where, _: upkeep.OpenMaintenance, opened: upkeep.OpenedMaintenance
) -> events.Event:
    granted = opened.opened
    return events.Opened(
        **where.fields(),
        safety=granted.safety,
        limits=granted.limits,
        models=granted.models,
        scripted=granted.scripted,
        warnings=granted.warnings,
    )


def _prepared(where: Where, asked: steps.PrepareWorkspace, prepared: steps.PreparedWorkspace) -> events.Event:
    workspace = prepared.workspace
    return events.Prepared(
        **where.fields(),
        branch=workspace.branch,
        base_branch=workspace.base_branch,
        base_commit=workspace.base_commit,
        host_id=workspace.host_id,
        restored=asked.reason != "start",
        warnings=workspace.warnings,
    )


def _planned(where: Where, _: steps.ModelStep, made: steps.PlanMade) -> events.Event:
    return events.Planned(**where.fields(), plan=made.plan, model=made.model, cost=made.cost)


def _decided(where: Where, asked: steps.ModelStep, decided: steps.Decided) -> events.Event:
    return events.Decided(
        **where.fields(),
        step=asked.step,
        calls=decided.calls,
        done=decided.done,
        said=decided.said,
        model=decided.model,
        cost=decided.cost,
    )


def _previewed(where: Where, asked: steps.PreviewCall, previewed: steps.Previewed) -> events.Event:
    handle = digests.approval_id(
        operation_digest=previewed.operation_digest,
        task_id=asked.task_id,
        run_id=previewed.run_id,
        step=asked.step,
        call=asked.index,
        decided=asked.decided,
    )
    return events.ApprovalAsked(
        **where.fields(),
        approval_id=handle,
        step=asked.step,
        call=asked.index,
        tool=previewed.tool,
        title=previewed.title,
        preview=previewed.preview,
        refused=previewed.refused,
    )


def _decided_about(
    where: Where, asked: decision_records.RecordDecision, _: decision_records.DecisionRecorded
) -> events.Event:
    approval = asked.approval
    return events.ApprovalDecided(
        **where.fields(),
        approval_id=approval.id,
        step=asked.step,
        title=approval.title,
        outcome=asked.outcome,
        by=asked.by,
        consents=asked.consents,
        operation_digest=approval.operation_digest,
        shown_digest=approval.shown_digest,
    )


def _executed(where: Where, asked: steps.ExecuteCalls, executed: steps.Executed) -> events.Event:
    return events.Executed(**where.fields(), step=asked.step, results=executed.results)


def _reflected(where: Where, asked: steps.ModelStep, reflected: steps.Reflected) -> events.Event:
    return events.Reflected(
        **where.fields(),
        step=asked.step,
        reflection=reflected.reflection,
        model=reflected.model,
        cost=reflected.cost,
    )


def _checked(where: Where, _: steps.CheckWork, checked: steps.Checked) -> events.Event:
    return events.Checked(**where.fields(), checks=checked.checks)


def _written(where: Where, _: steps.ModelStep, written: steps.Synthesized) -> events.Event:
    return events.Written(
        **where.fields(),
        summary=written.summary,
        evidence=written.evidence,
        model=written.model,
        cost=written.cost,
    )


@dataclass(frozen=True)
class Reading:
    """How one activity is read: the models of its input and result, and the event they make."""

    given: type[BaseModel]
    result: type[BaseModel]
    make: Callable[[Where, Any, Any], events.Event]


READINGS: dict[str, Reading] = {
    "open_task": Reading(steps.OpenTask, steps.OpenedTask, _opened),
    "follow_playbook": Reading(upkeep.FollowPlaybook, steps.Decided, _decided),
    "open_maintenance": Reading(upkeep.OpenMaintenance, upkeep.OpenedMaintenance, _opened_maintenance),
    "prepare_workspace": Reading(steps.PrepareWorkspace, steps.PreparedWorkspace, _prepared),
    "plan": Reading(steps.ModelStep, steps.PlanMade, _planned),
    "decide": Reading(steps.ModelStep, steps.Decided, _decided),
    "preview_call": Reading(steps.PreviewCall, steps.Previewed, _previewed),
    "record_decision": Reading(
        decision_records.RecordDecision, decision_records.DecisionRecorded, _decided_about
    ),
    "execute_calls": Reading(steps.ExecuteCalls, steps.Executed, _executed),
    "reflect": Reading(steps.ModelStep, steps.Reflected, _reflected),
    "check_work": Reading(steps.CheckWork, steps.Checked, _checked),
    "synthesize": Reading(steps.ModelStep, steps.Synthesized, _written),
}
"""Activities whose results are told in an event of their own; the others are told as ``Finished``."""
