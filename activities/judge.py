"""One call before the policy: what it is, what it may change, and what the policy says."""

from typing import Protocol

from perdure.contracts.calls import Author, CallSummary, Effect, ToolCall, Verdict
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ToolRejected
from perdure.contracts.task import Mode, Safety

MAX_TITLE = 120
MAX_REASON = 2_000
"""Room for the schema of a tool whose arguments were wrong."""


class JudgesCalls(Protocol):
    """The registry of tools and the policy together."""

    def summarize(self, call: ToolCall) -> tuple[str, Effect, str, float]:
        """Title, effect, digest of the arguments and time limit in seconds; ToolRejected for what cannot run."""
        ...

    def judge(self, *, effect: Effect, mode: Mode, safety: Safety, author: Author) -> tuple[Verdict, str]:
        """The verdict and its reason."""
        ...


def judged(call: ToolCall, judge: JudgesCalls, *, mode: Mode, safety: Safety, author: Author) -> CallSummary:
    """The call as the workflow sees it; what cannot run at all is denied with the words the model needs."""
    try:
        if call.problem:
            raise ToolRejected(f"The arguments of {call.tool!r} cannot be used: {call.problem}")
        title, effect, digest, timeout_s = judge.summarize(call)
    except ToolRejected as error:
        return CallSummary(
            index=call.index,
            tool=call.tool[:64],
            title=f"{call.tool[:64]} (cannot run)",
            effect=Effect.READ,
            verdict=Verdict.DENY,
            reason=str(error)[:MAX_REASON],
            arguments_digest=digest_of({"v": 1, "tool": call.tool, "problem": str(error)}),
        )
    verdict, reason = judge.judge(effect=effect, mode=mode, safety=safety, author=author)
    return CallSummary(
        index=call.index,
        tool=call.tool,
        title=title[:MAX_TITLE],
        effect=effect,
        verdict=verdict,
        # What is simply allowed needs no words in the history.
        reason="" if verdict is Verdict.ALLOW else reason,
        arguments_digest=digest,
        timeout_s=timeout_s,
    )
