"""Guards of the loop: the budget, and calls that repeat without effect."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallSummary
    from perdure.contracts.steps import MAX_STEPS, Limits
    from perdure.contracts.task import Cost
    from workflows.request import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The same call on the same files for the third time is looked at; one more is asked about.
REPEATS_TO_REFLECT = 3
#: Each takes about 120 bytes in the event history of the run that goes on.
MOST_CARRIED = 500


@dataclass
class Spending:
    """What the task used of its limits. Minutes are those of work: waiting for people is free."""

    limits: Limits
    cost: Cost = field(default_factory=Cost)
    steps: int = 0
    dropped: Cost = field(default_factory=Cost)
    """The part of ``cost`` that went into steps which were taken back."""

    def keep(self, spent: "Cost") -> None:
        """After a reset: what was spent in all runs stays spent."""
        missing = spent.beyond(self.cost)
        self.dropped = self.dropped.plus(missing)
        self.cost = self.cost.plus(missing)

    def used(self, worked_s: float) -> dict[str, float]:
        """Use by limit name."""
        return {
            "usd": self.cost.usd,
            "tokens": float(self.cost.tokens),
            "minutes": worked_s / 60,
            "steps": float(self.steps),
        }

    def exhausted(self, worked_s: float) -> list[str]:
        """Limits that are reached, such as ``steps (10 of 10)``."""
        limits = self.limits.model_dump(exclude={"v"})
        used = self.used(worked_s)
        return [
            f"{name} ({_number(used[name])} of {_number(limits[name])})"
            for name in ("usd", "tokens", "minutes", "steps")
            if used[name] >= limits[name]
        ]

    def extend(self, new: "Mapping[str, float] | None", original: Limits, worked_s: float) -> None:
        """Set new totals; with none given, add the original limit again to each that is reached."""
        if new:
            changes = dict(new)
        else:
            reached = {each.split(" ")[0] for each in self.exhausted(worked_s)}
            first = original.model_dump(exclude={"v"})
            used = self.used(worked_s)
            changes = {name: used[name] + first[name] for name in reached}
        whole = {"tokens", "steps"}
        changes = {name: int(value) if name in whole else value for name, value in changes.items()}
        self.limits = self.limits.model_copy(update=changes)


@dataclass
class LoopGuard:
    """Counts calls with equal arguments on equal files."""

    seen: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, calls: "Sequence[CallSummary]", tree: str) -> tuple[int, str]:
        """How often the most repeated of these calls was asked for on these files, and its title."""
        most, title = 0, ""
        for call in calls:
            key = f"{call.tool}:{call.arguments_digest}:{tree}"
            self.seen[key] = self.seen.get(key, 0) + 1
            if self.seen[key] > most:
                most, title = self.seen[key], call.title
        return most, title

    def on(self, tree: str) -> dict[str, int]:
        """The counts on these files, for the run that goes on: of very many the calls that were new last."""
        found = [(key, count) for key, count in self.seen.items() if key.endswith(f":{tree}")]
        return dict(found[-MOST_CARRIED:])

    def forget(self, calls: "Sequence[CallSummary]", tree: str) -> None:
        """A person said to go on: count these calls from the start."""
        for call in calls:
            self.seen.pop(f"{call.tool}:{call.arguments_digest}:{tree}", None)


def _number(value: float) -> str:
    return f"{value:g}" if value < 1000 else f"{value:,.0f}"


def check_extension(budget: "Mapping[str, float] | None", in_use: "Mapping[str, float]") -> None:
    """ApplicationError where these new limits cannot be given."""
    for name, limit in (budget or {}).items():
        if name not in in_use:
            raise refused(
                f"{name!r} is no limit of a budget.", f"the limits are: {', '.join(sorted(in_use))}."
            )
        if not math.isfinite(limit):
            raise refused(f"The new limit of {name} is no number.", "give the new total as a number.")
        if name == "steps" and limit > MAX_STEPS:
            raise refused(f"A task may take {MAX_STEPS} steps at most.", "give it a second task instead.")
        if limit <= in_use[name]:
            raise refused(
                f"The new limit of {name} is {limit:g}, but {in_use[name]:g} are already used.",
                "a budget is the new total, so give more than what is used.",
            )
