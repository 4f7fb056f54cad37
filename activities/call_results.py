"""What is kept of a call that ran: in the transcript, in the history, in the metrics."""

from collections.abc import Sequence

from temporalio import activity

from perdure.contracts.calls import ArtifactRef, CallResult, CallSummary, ToolCall, Verdict
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.outcomes import RanCall

EXCERPT = 300


def result_body(
    decision: str, call: ToolCall, outcome: RanCall, artifacts: Sequence[ArtifactRef], *, grant: str = ""
) -> dict[str, object]:
    """The transcript's record of a result; ``grant`` is what was remembered and why nobody was asked."""
    seen = {"seen": dict(outcome.seen)} if outcome.seen else {}
    granted = {"grant": grant} if grant else {}
    ahead = {"ahead": outcome.ahead} if outcome.ahead else {}
    return {
        **seen,
        **granted,
        **ahead,
        "decision": decision,
        "index": call.index,
        "call_id": call.call_id,
        "tool": call.tool,
        "ok": outcome.ok,
        "text": outcome.for_model,
        "artifacts": [artifact.model_dump(mode="json") for artifact in artifacts],
        "commit": outcome.commit,
        "pushed": outcome.pushed,
        "changed_paths": list(outcome.changed_paths),
        "duration_s": outcome.duration_s,
        "loads": list(outcome.loads),
        "trust": outcome.trust.value,
        "refused_by": outcome.refused_by,
    }


def call_result(
    call: ToolCall, outcome: RanCall, artifacts: tuple[ArtifactRef, ...], *, changed: bool
) -> CallResult:
    """What the workflow learns."""
    return CallResult(
        index=call.index,
        tool=call.tool[:64],
        ok=outcome.ok,
        excerpt=escape_hidden((outcome.excerpt or outcome.for_model)[:EXCERPT])[:EXCERPT],
        artifacts=artifacts,
        changed=changed,
        commit=outcome.commit,
        pushed=outcome.pushed,
        refused_by=outcome.refused_by,
    )


def count_tool_call(call: ToolCall, summary: CallSummary, *, ok: bool) -> None:
    """Add the call to the metrics; a name the model made up is not a label."""
    known = summary.verdict is not Verdict.DENY
    meter = activity.metric_meter().with_additional_attributes(
        {"tool": call.tool if known else "refused", "outcome": "ok" if ok else "failed"}
    )
    meter.create_counter("perdure_tool_calls", "Tool calls by outcome").add(1)
