"""One call before the policy: what it is, what it may change, and what the policy says."""

from typing import Protocol

from activities.record import KnowsTasks
from activities.redaction import redaction
from perdure.contracts.calls import Author, CallSummary, Effect, ToolCall, Verdict
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ToolRejected
from perdure.contracts.hidden import escape_hidden
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.task import Mode, Safety

MAX_TITLE = 120
MAX_REASON = 2_000
"""Room for the schema of a tool whose arguments were wrong."""


class JudgesCalls(Protocol):
    """The registry of tools and the policy together."""

    def summarize(self, call: ToolCall) -> tuple[str, Effect, str, float, Named]:
        """Title, effect, digest of the arguments, time limit in seconds and what they name; ToolRejected for what cannot run."""
        ...

    def judge(self, facts: CallFacts) -> Judgement:
        """What the policy says."""
        ...

    def rules_digest(self, standing: Standing) -> str:
        """Digest of all rules that judge such calls."""
        ...


class InMode(Protocol):
    """A step of a task."""

    @property
    def task_id(self) -> str:
        """Whose step it is."""
        ...

    @property
    def mode(self) -> Mode:
        """The task's."""
        ...

    @property
    def safety(self) -> Safety:
        """What the installation granted."""
        ...


async def standing_of(
    record: KnowsTasks, step: InMode, *, author: Author, untrusted: bool = False
) -> Standing:
    """On whose behalf the calls of a step are made."""
    asked = await record.asked(step.task_id)
    return Standing(
        mode=step.mode,
        safety=step.safety,
        author=author,
        untrusted=untrusted,
        user=asked.user,
        repository=asked.repository,
        policy=asked.policy,
    )


def judged(
    call: ToolCall, judge: JudgesCalls, standing: Standing, *, worked_out: Named | None = None
) -> CallSummary:
    """The call as the workflow sees it; what cannot run at all is denied with the words the model needs.

    ``worked_out`` is what it names once the host has looked, such as the branch and the remote of a push.
    """
    try:
        if call.problem:
            raise ToolRejected(f"The arguments of {call.tool!r} cannot be used: {call.problem}")
        title, effect, digest, timeout_s, named = judge.summarize(call)
    except ToolRejected as error:
        return CallSummary(
            index=call.index,
            tool=call.tool[:64],
            title=f"{escape_hidden(call.tool[:64])} (cannot run)"[:MAX_TITLE],
            effect=Effect.READ,
            verdict=Verdict.DENY,
            reason=redaction().text(str(error))[:MAX_REASON],
            arguments_digest=digest_of({"v": 1, "tool": call.tool, "problem": str(error)}),
        )
    found = judge.judge(
        CallFacts(tool=call.tool, effect=effect, standing=standing, named=worked_out or named)
    )
    # What is simply allowed needs no words in the history.
    allowed = found.verdict is Verdict.ALLOW
    return CallSummary(
        index=call.index,
        tool=call.tool,
        title=redaction().text(title)[:MAX_TITLE],
        effect=effect,
        verdict=found.verdict,
        reason="" if allowed else found.reason,
        arguments_digest=digest,
        timeout_s=timeout_s,
        rules=() if allowed else found.rules,
        people=found.people,
        assurance=found.assurance,
        least_sandbox=found.least_sandbox,
        untrusted=standing.untrusted,
        ahead=found.ahead,
    )
