"""For how long a yes to an approval may hold: what people are told of the choice, and what is refused."""

from perdure.contracts.calls import Effect
from perdure.contracts.decisions import Approval

DECIDED_EACH_TIME = {
    Effect.PUBLISH: "What leaves the workspace is decided each time, so it cannot be remembered.",
    Effect.DESTRUCTIVE: "What takes something away is decided each time, so it cannot be remembered.",
}
DAY_S = 86_400


def memory_problem(approval: Approval, remember: str) -> tuple[str, str] | None:
    """Why a yes cannot be remembered so, with a hint; None where it can."""
    if remember == "once":
        return None
    if approval.effect in DECIDED_EACH_TIME:
        return DECIDED_EACH_TIME[approval.effect], "use 'once'."
    if approval.not_remembered:
        return f"A yes to this call cannot be remembered: {approval.not_remembered}", "use 'once'."
    if remember == "repository" and not approval.remember_s:
        return (
            "remember 'repository' is not offered by the worker that asked: it can be kept for this task only.",
            "use 'once' or 'task'.",
        )
    return None


def memory_sentence(approval: Approval) -> str:
    """What may be remembered of a yes, and until when it would hold."""
    if problem := memory_problem(approval, "task"):
        return f"It holds once: {approval.not_remembered or problem[0]}"
    text = "It holds once; with remember 'task' exactly this call is not asked again until the task ends"
    if approval.remember_s:
        text += f", with 'repository' not in any task of this repository for {_span(approval.remember_s)}"
    return f"{text}, as long as the policy asks as it does now."


def _span(seconds: float) -> str:
    if seconds % DAY_S == 0:
        return f"{seconds / DAY_S:g} day(s)"
    return f"{seconds / 3600:.3g} hour(s)"
