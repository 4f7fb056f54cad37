"""The demo's second part: a schedule keeps a repository tidy, without any model, and rests where nothing changed."""

import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape

from examples.demo_house import House
from examples.demo_people import Person
from examples.demo_proof import Fact, from_history, read_activities
from examples.demo_view import View
from examples.sample_repository import SampleRepository, git
from perdure.client import ScheduleTerms, ScheduleTimes, events
from perdure.client.errors import TaskEnded
from perdure.client.handle import TaskHandle
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
        view, schedules = self.view, self.house.client.schedules
        view.heading("Upkeep, without a model")
        schedule = f"tidy-{self.sample.path.name}-{secrets.token_hex(3)}"
        request = MaintenanceRequest(repository=str(self.sample.path), playbook=PLAYBOOK, user="demo")
        every = ScheduleTimes(every=timedelta(days=1))
        await schedules.create(schedule, request, times=every, terms=ScheduleTerms(made_by="demo"))
        view.line(f"[dim]schedule[/]  {schedule}: {PLAYBOOK} on {request.repository}, every day")
        try:
            first, result = await self._follow(await schedules.run_now(schedule))
            facts = await self._facts(first, result)
            view.heading("What was kept, and what was not")
            self._result(result)
            view.proof(facts)
            view.heading("The next day, nothing has changed")
            again = await self._again(await schedules.run_now(schedule))
        finally:
            await schedules.delete(schedule)
        return result.status is TaskStatus.COMPLETED and again and all(fact.ok for fact in facts)

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
        view, count = self.view, len(result.commits)
        view.line(f"[dim]status[/]    [bold green]{result.status.value}[/]")
        view.line(f"[dim]summary[/]   {escape(result.summary)}")
        view.line(f"[dim]branch[/]    {escape(result.branch or 'none')}, {'' if result.pushed else 'not '}pushed")
        for subject in git(self.sample.path, "log", "--reverse", "--format=%h %s", *self._range(result)).splitlines():
            view.line(f"          {escape(subject)}")
        if count:
            view.line(f"          [dim]{escape(git(self.sample.path, 'diff', '--shortstat', *self._range(result)))}[/]")
        for check in result.checks:
            view.line(f"[dim]check[/]     {escape(check.name)}: {check.status}  [dim]{escape(check.detail)}[/]")
        for withheld in result.withheld:
            view.line(f"[yellow]not done[/]  {escape(withheld.what)}: {escape(withheld.why)}")
        for finding in result.findings:
            if not finding.fixed:
                where = f" [dim]{escape(finding.where)}[/]" if finding.where else ""
                view.line(f"[dim]remains[/]   {finding.count} × {escape(finding.what)}{where}")
        view.line("")

    def _range(self, result: MaintenanceResult) -> tuple[str, ...]:
        """The commits of the run, as the sample's own clone sees them after a fetch."""
        git(self.sample.path, "fetch", "--quiet", "origin")
        return (f"main..origin/{result.branch}",)

    async def _facts(self, handle: TaskHandle[Any], result: MaintenanceResult) -> list[Fact]:
        """What is shown by others than the run itself."""
        facts = from_history(await read_activities(self.house.temporal, handle.id), None)
        branch = self.sample.path.parent / "looked-at"
        git(self.sample.path.parent, "clone", "--quiet", str(self.sample.origin), str(branch))
        facts.append(self._tests(branch, "main"))
        facts.append(self._tests(branch, result.branch or "main"))
        subjects = git(self.sample.origin, "log", "--format=%s", f"main..{result.branch}").splitlines()
        twice = [subject for subject, count in Counter(subjects).items() if count > 1]
        text = f"{len(subjects)} commits, each of one kind of change"
        facts.append(Fact(bool(subjects) and not twice, "remote", f"made twice: {twice}" if twice else text))
        untouched = git(self.sample.path, "status", "--porcelain") == ""
        facts.append(Fact(untouched, "checkout", "the repository's own files and branches are as they were"))
        return facts

    def _tests(self, folder: Path, branch: str) -> Fact:
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
