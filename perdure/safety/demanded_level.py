"""What the sandbox's level of a host makes of a verdict: below what is demanded a call is refused, without one it asks."""

from dataclasses import replace

from perdure.contracts.calls import Effect, SandboxLevel, Verdict
from perdure.contracts.judging import SANDBOX_LEVEL, Judgement
from perdure.safety.report import MEANING

LEAST = SandboxLevel.B
"""What every effect needs, where the policy does not demand more."""


def held_to_level(judgement: Judgement, effect: Effect, level: SandboxLevel) -> Judgement:
    """The judgement on a host of this level. A denial stays one; reading needs no sandbox unless a rule says so."""
    if judgement.verdict is Verdict.DENY:
        return judgement
    least = judgement.least_sandbox or (None if effect is Effect.READ else LEAST)
    chosen = level is SandboxLevel.D and least is not SandboxLevel.A
    if chosen:
        # The operator chose that, so it is not below what is demanded by default; but a person sees every call.
        words = f"{SANDBOX_LEVEL}: {MEANING[level]}."
        return replace(judgement, verdict=Verdict.ASK, reason=words, rules=(SANDBOX_LEVEL, *judgement.rules))
    if least is not None and level.is_below(least):
        words = (
            f"{SANDBOX_LEVEL}: The sandbox refuses this call, which is no fault of it: it needs level {least.value} or better, and "
            f"this host has level {level.value} ({MEANING[level]})."
        )
        return replace(judgement, verdict=Verdict.DENY, reason=words, rules=(SANDBOX_LEVEL, *judgement.rules))
    return judgement
