"""What happens while something waits for a person: reminders, an escalation, and the deadline at the end."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow

if TYPE_CHECKING:
    from perdure.contracts.steps import Timing

Escalation = Callable[[int], Coroutine[Any, Any, None]]
"""Tells somebody else; it is given how many reminders there were."""


Ready = Callable[[], bool]
"""Whether it was decided, or withdrawn."""

Reminded = Callable[[int, str], None]
"""Told of each reminder: its number, and of what."""


def unheard(number: int, of: str) -> None:
    """Nobody keeps it."""


def nudged(reminders: int, escalated: str) -> str:
    """How often it was brought to mind, for who reads the denial."""
    tried = [f"{reminders} reminder(s)"] if reminders else []
    tried += ["an escalation"] if escalated else []
    return f" in spite of {' and '.join(tried)}" if tried else ""


@dataclass
class Moments:
    """When the next thing is due, in seconds since it was asked; nothing is due at the deadline or later."""

    timing: "Timing"
    escalates: bool
    _reminded: int = 0
    _next_by_interval_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._next_by_interval_s = self.timing.approval_reminder_s

    @property
    def reminder_s(self) -> float:
        """When the next reminder is due."""
        times = self.timing.approval_reminders_s
        if not times:
            return self._next_by_interval_s
        return times[self._reminded] if self._reminded < len(times) else self.timing.approval_deadline_s

    @property
    def next_s(self) -> float:
        """When the next of all is due, the deadline at the latest."""
        escalation_s = (
            self.timing.approval_escalation_s if self.escalates else self.timing.approval_deadline_s
        )
        return min(self.reminder_s, escalation_s, self.timing.approval_deadline_s)

    def take_reminder(self, elapsed_s: float) -> bool:
        """Whether one is due now; it is over then. After a stop of all workers several of them are one."""
        if elapsed_s < self.reminder_s or elapsed_s >= self.timing.approval_deadline_s:
            return False
        while self.timing.approval_reminders_s and elapsed_s >= self.reminder_s:
            self._reminded += 1
        self._next_by_interval_s = elapsed_s + self.timing.approval_reminder_s
        return True

    def take_escalation(self, elapsed_s: float) -> bool:
        """Whether the escalation is due now; it is over then."""
        if not self.escalates or elapsed_s < self.timing.approval_escalation_s:
            return False
        self.escalates = False
        return elapsed_s < self.timing.approval_deadline_s


async def wait_for(
    ready: Ready,
    timing: "Timing",
    *,
    summary: str,
    remind: Callable[[int], None],
    escalation: Escalation | None,
) -> bool:
    """Wait until it is ready; False at the deadline. Whoever opened the task settled the times, so a history keeps its own.

    An escalation that is under way when it is decided is stopped.
    """
    began = workflow.time()
    due = Moments(timing, escalates=escalation is not None and timing.approval_escalation_s > 0)
    telling: asyncio.Task[None] | None = None
    reminders, said = 0, False
    while not said:
        elapsed_s = workflow.time() - began
        if elapsed_s >= timing.approval_deadline_s:
            break
        try:
            await workflow.wait_condition(
                ready, timeout=timedelta(seconds=due.next_s - elapsed_s), timeout_summary=summary[:200]
            )
            said = True
        except TimeoutError:
            elapsed_s = workflow.time() - began
            if due.take_reminder(elapsed_s):
                reminders += 1
                workflow.logger.warning("reminder %d: %s", reminders, summary)
                remind(reminders)
            if due.take_escalation(elapsed_s) and escalation is not None:
                telling = asyncio.ensure_future(escalation(reminders))
    if telling is not None:
        telling.cancel()
    return said
