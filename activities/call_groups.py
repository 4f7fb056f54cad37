"""Which calls of a decision run together, and what a step reports of them."""

from collections.abc import Mapping, Sequence

from perdure.contracts.calls import CallResult, CallSummary, Refuser, Verdict
from perdure.contracts.judging import SANDBOX_LEVEL
from perdure.contracts.outcomes import RanCall
from perdure.contracts.steps import ApprovedCall, ExecuteCalls, Executed
from perdure.contracts.workspace import Checkpoint


def denied(summary: CallSummary) -> RanCall:
    """What a call comes to that the policy, or the sandbox's level, denies."""
    by_sandbox: Refuser = "sandbox" if SANDBOX_LEVEL in summary.rules else ""
    return RanCall(ok=False, for_model=summary.reason, refused_by=by_sandbox)


def executed(
    step: ExecuteCalls,
    head: str,
    results: Mapping[int, CallResult],
    checkpoint: Checkpoint,
    *,
    stale: int | None = None,
) -> Executed:
    """What the step reports."""
    return Executed(
        head=head,
        results=tuple(results[index] for index in sorted(results)),
        checkpoint=None if checkpoint == step.checkpoint else checkpoint,
        stale_approval=stale,
    )


def grouped(calls: Sequence[ApprovedCall], summaries: dict[int, CallSummary]) -> list[list[ApprovedCall]]:
    """Consecutive read-only calls that need no person together, every other call alone."""
    groups: list[list[ApprovedCall]] = []
    for each in calls:
        summary = summaries[each.index]
        parallel = summary.effect.may_run_in_parallel and summary.verdict is not Verdict.ASK
        if parallel and groups and _is_parallel(groups[-1][-1], summaries):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _is_parallel(each: ApprovedCall, summaries: dict[int, CallSummary]) -> bool:
    summary = summaries[each.index]
    return summary.effect.may_run_in_parallel and summary.verdict is not Verdict.ASK
