"""The demo's second part: a schedule keeps a repository tidy, without any model, and rests where nothing changed."""

import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape

from examples.demo_house import House
from examples.demo_people import Person
from examples.demo_proof import Fact, from_history, from_remote, read_activities
from examples.demo_view import View
from examples.sample_repository import SampleRepository, git
from perdure.client import ScheduleTerms, ScheduleTimes, events
from perdure.client.errors import TaskEnded
from perdure.client.handle import TaskHandle
from perdure.contracts.errors import PerdureError
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.task import TaskStatus

PLAYBOOK = "python-hygiene"
TESTS_S = 120


@dataclass
class Upkeep:
    """A schedule's first run to its end, and a second one that finds nothing to do."""

    view: View
    house: House
    sample: SampleRepository
    person: Person
    steps: list[str] = field(default_factory=list[str])

    async def run(self) -> bool:
        """Whether both runs ended as they should and every fact holds."""
        view, schedules, worker = self.view, self.house.client.schedules, self.house.worker
        view.heading("Upkeep, without a model")
        schedule = f"tidy-{self.sample.path.name}-{secrets.token_hex(3)}"
        request = MaintenanceRequest(repository=str(self.sample.path), playbook=PLAYBOOK, user="demo")
        every = ScheduleTimes(every=timedelta(days=1))
        await schedules.create(schedule, request, times=every, terms=ScheduleTerms(made_by="demo"))
        view.line(f"[dim]schedule[/]  {schedule}: {PLAYBOOK} on {request.repository}, every day")
        try:
            first, result = await worker.needed_by(self._follow(await schedules.run_now(schedule)))
            facts = await self._facts(first, result)
            view.heading("What was kept, and what was not")
            self._result(result)
            view.proof(facts)
            if result.status is not TaskStatus.COMPLETED:
                # The schedule would do everything again, and ask again.
                return False
            view.heading("The next day, nothing has changed")
            again = await worker.needed_by(self._again(await schedules.run_now(schedule)))
        finally:
            await schedules.delete(schedule)
        return again and all(fact.ok for fact in facts)

    async def _follow(self, id: str) -> tuple[TaskHandle[Any], MaintenanceResult]:
        """Print a run, decide what it asks, and give its result."""
        handle = await self.house.client.task(id)
        self.view.line(f"[dim]Web UI[/]    {self.house.page_of(handle.id)}\n")
        async for event in handle.events():
            if isinstance(event, events.Doing):
                self._doing(event)
            elif isinstance(event, events.ApprovalAsked) and not event.refused:
                await self.person.decide(handle, event)
            elif isinstance(event, events.Waiting) and event.needs == "answer":
                await self.person.answer(handle)
            elif isinstance(event, events.Prepared) and event.restored:
                self.view.line("        [yellow]↩ taken back:[/] the files are as they were before the step")
            else:
                self.view.show(event)
            if isinstance(event, events.Stuck):
                raise PerdureError(
                    f"The worker cannot go on with the workflow: {event.because}", "read its log."
                )
        try:
            result: MaintenanceResult = await handle.result()
        except TaskEnded as error:
            self.view.line(f"[red]{error}[/]")
            if not isinstance(error.result, MaintenanceResult):
                raise
            result = error.result
        return handle, result

    def _doing(self, event: events.Doing) -> None:
        """One line for each thing that the playbook says, not for each activity that it takes."""
        title = event.title.partition(": ")[2] if event.title.startswith("step ") else event.title
        if event.activity in {"follow_playbook", "vouch_by_tests"} and title not in self.steps[-1:]:
            self.steps.append(title)
            self.view.line(f"[bold cyan]›[/] {escape(title)}")

    async def _again(self, id: str) -> bool:
        began = time.monotonic()
        handle = await self.house.client.task(id)
        result = await handle.result()
        took = time.monotonic() - began
        self.view.line(f"[dim]status[/]    [bold green]{result.status.value}[/] [dim]after {took:.1f} s[/]")
        self.view.line(f"[dim]summary[/]   {escape(result.summary)}")
        return result.status is TaskStatus.UNCHANGED

    def _result(self, result: MaintenanceResult) -> None:
        """Everything that the run says of itself, the diff by its size."""
        view = self.view
        colour = "green" if result.status is TaskStatus.COMPLETED else "yellow"
        view.line(f"[dim]status[/]    [bold {colour}]{result.status.value}[/]")
        view.line(f"[dim]summary[/]   {escape(result.summary)}")
        view.line(f"[dim]branch[/]    {escape(result.branch or 'none')}, {'' if result.pushed else 'not '}pushed")
        if result.pushed:
            self._pushed(f"main..{result.branch}")
        for check in result.checks:
            view.line(f"[dim]check[/]     {escape(check.name)}: {check.status}  [dim]{escape(check.detail)}[/]")
        for withheld in result.withheld:
            view.line(f"[yellow]not done[/]  {escape(withheld.what)}: {escape(withheld.why)}")
        for finding in result.findings:
            if not finding.fixed:
                where = f" [dim]{escape(finding.where)}[/]" if finding.where else ""
                view.line(f"[dim]remains[/]   {finding.count} × {escape(finding.what)}{where}")
        view.line("")

    def _pushed(self, span: str) -> None:
        """The commits on the remote, and the size of all of them together, counted as the approval counted it."""
        origin = self.sample.origin
        for subject in git(origin, "log", "--reverse", "--format=%h %s", span).splitlines():
            self.view.line(f"          {escape(subject)}")
        size = git(origin, "diff", "--shortstat", "--diff-algorithm=histogram", span)
        self.view.line(f"          [dim]{escape(size)}[/]")

    async def _facts(self, handle: TaskHandle[Any], result: MaintenanceResult) -> list[Fact]:
        """What is shown by others than the run itself."""
        facts = from_history(await read_activities(self.house.temporal, handle.id), None)
        return facts + shown_by_repositories(self.sample, result)


def shown_by_repositories(sample: SampleRepository, result: MaintenanceResult) -> list[Fact]:
    """The tests before, and after where something was pushed; what the remote holds; that nobody touched the rest."""
    folder = sample.path.parent / "looked-at"
    git(folder.parent, "clone", "--quiet", str(sample.origin), str(folder))
    facts = [_tests(folder, "main")]
    if result.pushed and result.branch is not None:
        facts.append(_tests(folder, result.branch))
    facts += from_remote(sample.origin, result, "main")
    seen = git(sample.path, "status", "--porcelain"), git(sample.path, "branch", "--format=%(refname:short)")
    as_they_were = seen == ("", "main")
    text = f"the repository's own files and branches are {'' if as_they_were else 'not '}as they were"
    return [*facts, Fact(as_they_were, "checkout", text)]


def _tests(folder: Path, branch: str) -> Fact:
    """The project's tests on a branch, run by the demo itself."""
    git(folder, "checkout", "--quiet", branch)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=TESTS_S,
    )
    last = (done.stdout.strip().splitlines() or ["pytest said nothing"])[-1]
    return Fact(done.returncode == 0, "pytest", f"{branch}: {last}")
