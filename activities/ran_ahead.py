"""What calls did when they were run ahead: kept byte by byte, as an artifact, until it is done or dropped."""

import hashlib

from temporalio import activity

from activities.record import KeepsArtifacts, ReadsArtifacts
from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import ConfigurationError, InvalidInput, NoLongerApproved
from perdure.contracts.outcomes import NOT_AHEAD, RanAhead
from perdure.contracts.steps import ApprovedCall

NAME = "what the call did when it was run ahead"
MEDIA_TYPE = "application/vnd.perdure.delta"
GONE = "what it did when it was run ahead is no longer in the record as it was"


async def kept_ahead(record: KeepsArtifacts, task_id: str, ahead: RanAhead) -> ArtifactRef | None:
    """Keep it and count it; None where the call was not run ahead."""
    if ahead.digest or ahead.why_not:
        outcome = "ran" if ahead.digest else "not_run"
        meter = activity.metric_meter().with_additional_attributes({"outcome": outcome})
        meter.create_counter("perdure_runs_ahead", "Calls that were run ahead of an approval").add(1)
        activity.logger.info(
            "a call was %s",
            f"run ahead: {ahead.digest}" if ahead.digest else f"not run ahead: {ahead.why_not}",
        )
    if not ahead.digest:
        return None
    return await record.put_artifact(task_id, NAME, ahead.data, MEDIA_TYPE)


async def brought_ahead(record: ReadsArtifacts, task_id: str, approved: ApprovedCall) -> RanAhead:
    """What was approved of it; NoLongerApproved where the record has it no more, or has something else."""
    if approved.ahead is None:
        return NOT_AHEAD
    try:
        data = await record.artifact(task_id, approved.ahead.id)
    except (InvalidInput, ConfigurationError) as error:
        raise NoLongerApproved(GONE) from error
    # What its digest is now is compared with what was approved, as a part of the operation's own.
    return RanAhead(data=data, digest=hashlib.sha256(data).hexdigest())
