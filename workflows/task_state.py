"""What one task knows of itself while it runs; everything here is rebuilt by replaying the history."""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts import names
    from perdure.contracts.calls import CallResult, CallSummary
    from perdure.contracts.escalating import Escalated
    from perdure.contracts.plan import Plan, Reflection
    from perdure.contracts.steps import (
        ForkPoint,
        Limits,
        ModelStep,
        Note,
        OpenedTask,
        PreparedWorkspace,
        Timing,
    )
    from perdure.contracts.task import Check, Cost, Evidence, TaskRequest, TaskStatus, Unpushed, Withheld
    from workflows.budget import LoopGuard, Spending
    from workflows.card import Picture, draw
    from workflows.desk import Desk
    from workflows.host import Host
    from workflows.steps import Runner

MAX_LINES = 500
NOTHING = "nothing"
WARNING = "warning"


@dataclass
class Line:
    """One line of the query ``transcript``."""

    step: int
    kind: str
    title: str
    ok: bool | None = None
    excerpt: str = ""


@dataclass
class TaskState:
    """The parts of a running task, and the picture that people see of it."""

    task_id: str
    request: TaskRequest
    opened: OpenedTask
    runner: Runner
    desk: Desk
    spending: Spending
    picture: Picture
    guard: LoopGuard = field(default_factory=LoopGuard)
    head: str = ""
    step: int = 0
    notes: list[Note] = field(default_factory=list[Note])
    plan: Plan | None = None
    lines: list[Line] = field(default_factory=list[Line])
    checks: tuple[Check, ...] = ()
    asked: dict[tuple[int, int], Cost] = field(default_factory=dict[tuple[int, int], Cost])
    """What the tools of calls asked models for, by step and position, as far as it is charged."""
    commits: list[str] = field(default_factory=list[str])
    pushed: str | None = None
    unpushed: Unpushed | None = None
    """Why the push at the end did not happen, where one was asked for."""
    withheld: list[Withheld] = field(default_factory=list[Withheld])
    evidence: tuple[Evidence, ...] = ()
    summary: str = ""
    commit_message: str = ""
    first_tree: str = ""
    denials: int = 0
    """Calls that people refused, or did not decide in time."""
    refused_by_people: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Calls that a person said no to, by decision and index."""
    stopped_because: str = ""
    last_fault: str = ""
    pause_requested: bool = False
    paused_by: str = ""
    """Who wanted the pause; empty where nobody said."""
    commits_itself: bool = True
    """Whether what is not committed at the end is committed then."""
    asks_models: bool = True
    numbered: int = 0
    began: float = field(default_factory=workflow.time)
    _host: Host | None = None

    @property
    def timing(self) -> Timing:
        """The durations the installation set."""
        return self.opened.timing

    @property
    def original_limits(self) -> Limits:
        """The limits before any extension."""
        return self.opened.limits

    @property
    def host(self) -> Host:
        """The workspace's host; raises RuntimeError before it is set."""
        if self._host is None:
            raise RuntimeError("The host was used before the task was opened.")
        return self._host

    @host.setter
    def host(self, host: Host) -> None:
        self._host = host

    @property
    def worked_s(self) -> float:
        """Seconds since the start without those spent waiting for people."""
        return workflow.time() - self.began - self.desk.waited_s

    def begin_at(self, point: ForkPoint) -> None:
        """Go on from a step of another task. A request of its own is planned anew."""
        self.step = self.numbered = self.spending.steps = point.step
        self.host.fork = point
        self.plan = None if point.asked_anew else point.plan
        self.picture.lineage = f"{point.workflow_id}, step {point.step}"
        self.note(Line(point.step, "fork", f"begun at the end of step {point.step} of {point.workflow_id}"))

    async def heed_reset(self) -> None:
        """Rebuild the files at once where the history was cut, and say what that found."""
        await self.host.heed_reset(self.head)

    def was_reset(self, prepared: PreparedWorkspace) -> None:
        """Take in what a rebuild found. What was spent before a reset stays spent."""
        self.picture.branch = self.host.branch
        self.found_aside(prepared.notes)
        if prepared.spent is not None:
            self.spending.keep(prepared.spent)
        self.show()

    def found_aside(self, notes: Sequence[str]) -> None:
        """Tell people what lay in a folder that was replaced."""
        for note in notes:
            self.note(Line(self.step, WARNING, note))

    def next_step(self) -> int:
        """Begin the next step: its number was never given before, also where one step interrupted another."""
        self.numbered = self.step = max(self.numbered, self.step) + 1
        self.spending.steps = self.numbered
        return self.step

    def charge(self, cost: Cost, warnings: tuple[str, ...]) -> None:
        """Add what a step's model calls used, and keep what went wrong with them (each sentence once)."""
        self.spending.cost = self.spending.cost.plus(cost)
        known = {line.title for line in self.lines if line.kind == WARNING}
        for warning in dict.fromkeys(warnings):
            if warning not in known:
                self.note(Line(self.step, WARNING, warning))

    def charge_call(self, index: int, cost: Cost) -> None:
        """Charge what a call's tool asked a model, of which its preview may have told a part before."""
        if cost == Cost():
            return
        place = (self.step, index)
        self.charge(cost.beyond(self.asked.get(place, Cost())), ())
        self.asked[place] = cost

    def note(self, line: Line) -> None:
        """Add a line to what the query ``transcript`` shows; the newest are kept."""
        self.lines.append(line)
        del self.lines[:-MAX_LINES]

    def reminded(self, number: int, of: str) -> None:
        """Keep that people were reminded."""
        self.note(Line(self.step, "reminder", f"reminder {number}: {of}"))

    def escalated(self, title: str, done: Escalated) -> None:
        """Keep what became of telling somebody else."""
        at = workflow.now().isoformat(timespec="minutes")[:16].replace("T", " ")
        self.desk.escalated = f"{'Escalated' if done.announced else 'Not escalated'} at {at} UTC: {done.said}"
        self.note(
            Line(self.step, "escalation", f"nobody decides about {title}", done.announced, done.said[:300])
        )
        self.show()

    def note_results(self, calls: dict[int, CallSummary], results: tuple[CallResult, ...]) -> None:
        """Keep what a step's calls brought."""
        for result in results:
            self.note(Line(self.step, "call", calls[result.index].title, result.ok, result.excerpt))
            if result.commit:
                self.commits.append(result.commit)
            if result.pushed:
                self.pushed = result.pushed

    def reflected(self, reflection: Reflection, trigger: str) -> None:
        """Keep a reflection and tick what it says is finished."""
        self.note(
            Line(self.step, "reflection", f"{trigger}: {reflection.verdict}", None, reflection.note[:300])
        )
        if self.plan:
            count = len(self.plan.subtasks)
            self.picture.finished = {each for each in reflection.finished_subtasks if 0 <= each < count}

    def files_lost(self, names: Sequence[str], count: int) -> None:
        """Tell the model and people what a rebuilt workspace lacks."""
        if not count:
            return
        more = f" and {count - len(names)} more" if count > len(names) else ""
        listed = f"{', '.join(names)}{more}"
        if self.asks_models:
            text = (
                "The workspace was rebuilt from its last checkpoint, which does not hold what Git ignores. Gone unless "
                f"it is made again: {listed}."
            )
            self.notes.append(Note(kind="rebuilt", text=text[:2_000]))
        self.note(Line(self.step, WARNING, "A rebuilt workspace lacks what Git ignores.", None, listed[:300]))

    def is_model_fault(self, error: ActivityError) -> bool:
        """Whether the model's answer was unusable; remembers what was wrong with it."""
        cause = error.cause
        if not isinstance(cause, ApplicationError) or cause.type != "ModelFault":
            return False
        self.last_fault = cause.message[:600]
        self.note(
            Line(self.step, "warning", "The model's answer could not be used.", False, self.last_fault[:300])
        )
        return True

    def take_notes(self) -> tuple[Note, ...]:
        """The notes for the next model step; what arrives later waits for the one after."""
        taken = tuple(self.notes)
        self.notes.clear()
        return taken

    def model_step(self, trigger: str = "") -> ModelStep:
        """The next step that asks a model; it takes the notes that wait."""
        return ModelStep(
            task_id=self.task_id,
            step=self.step,
            head=self.head,
            mode=self.host.mode,
            safety=self.host.safety,
            notes=self.take_notes(),
            trigger=trigger,
            model=self.request.fork.model if self.request.fork else "",
        )

    # What people see

    def doing(self, text: str, status: TaskStatus | None = None) -> None:
        """Say what the task does now."""
        self.picture.doing = text
        if status is not None:
            self.enter(status)
        self.show()

    def enter(self, status: TaskStatus, *, needs: str = NOTHING) -> None:
        """Change the status, and the search attributes with it."""
        self.picture.status = status.value
        if not self.opened.search_attributes:
            return
        upsert(
            [
                SearchAttributeKey.for_keyword(names.SEARCH_STATUS).value_set(status.value),
                SearchAttributeKey.for_keyword(names.SEARCH_NEEDS).value_set(needs),
                SearchAttributeKey.for_float(names.SEARCH_COST).value_set(self.spending.cost.usd),
            ]
        )

    def show(self) -> None:
        """Draw the card anew."""
        picture = self.picture
        picture.step, picture.cost, picture.limits = self.step, self.spending.cost, self.spending.limits
        picture.plan, picture.pending, picture.remarks = self.plan, self.desk.pending(), self.desk.remarks
        picture.asks_models = self.asks_models
        picture.reminders, picture.escalated = self.desk.reminders, self.desk.escalated
        picture.paused = self.pause_requested
        if self._host is not None and self._host.is_prepared:
            picture.sandbox = self._host.workspace.sandbox
        self.desk.limits_in_use = self.spending.used(self.worked_s)
        workflow.set_current_details(draw(picture))

    @contextlib.contextmanager
    def waiting(self, text: str, *, needs: str) -> Generator[None]:
        """Show that a person is needed while the body waits."""
        before, doing = TaskStatus(self.picture.status), self.picture.doing
        self.picture.doing = text
        self.enter(TaskStatus.WAITING, needs=needs)
        # Not in a "finally": what ends the wait otherwise ends the task, or is the end of this worker's copy of it.
        yield
        self.picture.doing = doing
        self.enter(before)
        self.show()


def upsert(updates: list[SearchAttributeUpdate[Any]]) -> None:
    """Set search attributes."""
    # The SDK leaves the value type of an update open here, and so it is unknown to the checker.
    workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType]
