"""When a schedule starts runs and under which terms, and how the server describes one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from temporalio.client import (
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from perdure.client.listing import State
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.task import TaskRequest

ScheduleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""Letters, digits, dots, underscores and hyphens; its runs are named ``<id>-<time>``."""
Cron = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Overlap = Literal["skip", "buffer_one", "cancel_other"]
"""What happens when a run is due while the one before still runs or waits for a person."""

LONGEST = timedelta(days=366)
"""No span of a schedule is longer: what is, is a slip of the pen."""

OVERLAPS: dict[Overlap, ScheduleOverlapPolicy] = {
    "skip": ScheduleOverlapPolicy.SKIP,
    "buffer_one": ScheduleOverlapPolicy.BUFFER_ONE,
    "cancel_other": ScheduleOverlapPolicy.CANCEL_OTHER,
}


class ScheduleTimes(BaseModel):
    """When runs are due: by cron lines, at an interval, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: tuple[Cron, ...] = ()
    """Five fields (minute, hour, day of the month, month, day of the week), or ``@daily`` and the like."""
    every: timedelta | None = Field(default=None, ge=timedelta(seconds=1), le=LONGEST)
    offset: timedelta | None = Field(default=None, ge=timedelta(0))
    """Of the interval, from midnight UTC of 1970-01-01 on; shorter than ``every``."""
    time_zone: str = Field(default="UTC", min_length=1, max_length=100)
    """Of the cron lines, such as ``Europe/Zurich``; intervals know none."""
    jitter: timedelta | None = Field(default=None, ge=timedelta(0), le=LONGEST)
    """Each run starts up to so much later, so that many schedules do not start at the same moment."""

    @model_validator(mode="after")
    def _complete(self) -> "ScheduleTimes":
        if not self.cron and self.every is None:
            raise ValueError("a schedule needs a cron line or an interval")
        if self.offset is not None and (self.every is None or self.offset >= self.every):
            raise ValueError("an offset belongs to an interval and is shorter than it")
        return self

    def spec(self) -> ScheduleSpec:
        """As the server takes it."""
        intervals = [] if self.every is None else [ScheduleIntervalSpec(every=self.every, offset=self.offset)]
        return ScheduleSpec(
            cron_expressions=list(self.cron),
            intervals=intervals,
            jitter=self.jitter,
            time_zone_name=self.time_zone if self.cron else None,
        )


class ScheduleTerms(BaseModel):
    """How runs follow each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overlap: Overlap = "skip"
    catch_up: timedelta = Field(default=timedelta(hours=1), ge=timedelta(seconds=10), le=LONGEST)
    """Runs that were due while the server was away are made up for if they are no older than this."""
    pause_on_failure: bool = True
    """Whether the schedule pauses itself when a run fails, so that the same failure is not repeated unseen."""
    paused: bool = False
    """Whether it is made paused."""
    runs: int | None = Field(default=None, ge=1)
    """It stops by itself after so many runs."""
    made_by: str = Field(default="", max_length=64)
    """Who made it; shown with it."""
    note: str = Field(default="", max_length=1_000)

    def policy(self) -> SchedulePolicy:
        """As the server takes it."""
        return SchedulePolicy(
            overlap=OVERLAPS[self.overlap],
            catchup_window=self.catch_up,
            pause_on_failure=self.pause_on_failure,
        )


class ScheduledRun(BaseModel):
    """A run that a schedule started."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The workflow's id."""
    run_id: str
    due_at: datetime
    started_at: datetime
    state: State
    status: str
    """As ``PerdureStatus`` has it, or the server's state."""
    summary: str = ""
    """How it ended, once it did."""


class ListedSchedule(BaseModel):
    """A schedule in the list."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    """``CodingTask`` or ``MaintenanceRun``."""
    summary: str = ""
    paused: bool
    note: str = ""
    made_by: str = ""
    next_runs: tuple[datetime, ...] = ()
    last_run: str = ""
    """Id of the run that was started last."""


class ScheduleDescription(ListedSchedule):
    """One schedule with its runs."""

    request: TaskRequest | MaintenanceRequest | None
    """None where another version of Perdure wrote it."""
    task_queue: str
    times: tuple[str, ...]
    """Sentences."""
    overlap: str
    catch_up: timedelta | None
    pause_on_failure: bool
    remaining_runs: int | None = None
    """None: without an end."""
    runs: int
    skipped: int
    """Times when the run before was not over yet."""
    missed: int
    """Times that were older than the catch-up window when the server came back."""
    recent: tuple[ScheduledRun, ...]
    """Oldest first; the server remembers ten."""
    running: tuple[str, ...]
    """Ids of runs that did not end yet."""


def overlap_of(policy: SchedulePolicy) -> str:
    """Our word for the server's policy; the server's where it is none of ours."""
    ours = {theirs: word for word, theirs in OVERLAPS.items()}
    return ours.get(policy.overlap, policy.overlap.name.lower())


def sentences(spec: ScheduleSpec, written: Sequence[str]) -> tuple[str, ...]:
    """When runs are due; the server keeps cron lines only as calendars, so they are told as they were ``written``."""
    zone = f" ({spec.time_zone_name})" if spec.time_zone_name else ""
    told = [f"cron {line}{zone}" for line in written]
    if not written and spec.calendars:
        told.append(f"{len(spec.calendars)} calendar rule(s){zone}")
    for interval in spec.intervals:
        offset = f", offset {interval.offset}" if interval.offset else ""
        told.append(f"every {interval.every}{offset}")
    if spec.jitter:
        told.append(f"up to {spec.jitter} later")
    return tuple(told)
