"""The demo's third part: a person approves a script, another hand alters it before it runs, and it does not run."""

import asyncio
import difflib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from examples.demo_house import House
from examples.demo_people import Person
from examples.demo_proof import Fact
from examples.demo_view import View
from examples.sample_repository import SampleRepository
from perdure.client import events
from perdure.client.errors import TaskEnded
from perdure.client.handle import TaskHandle
from perdure.contracts.decisions import Approval
from perdure.contracts.errors import PerdureError
from perdure.contracts.task import TaskRequest, TaskResult

REQUEST = "Make the release notes: run scripts/release.sh."
SCRIPT = "scripts/release.sh"
ADDED = "rm -r notices  # added by another hand, after a person had said yes\n"
REASON = "It is not the script that was approved."


@dataclass
class Consent:
    """One task whose approved script is altered while it waits to run."""

    view: View
    house: House
    sample: SampleRepository
    person: Person
    hosts: Path
    """The folder of the demo's hosts, which have the task's files."""
    approved: Approval | None = None
    asked_anew: Approval | None = None
    files: Path | None = None
    before: str = ""
    """The script as it was approved."""
    let_run: bool = False
    """Whether the person approved the altered script as well, having seen what differs."""
    remarks: list[str] = field(default_factory=list[str])
    ran: list[str] = field(default_factory=list[str])
    """What ran of all that was decided."""

    async def run(self) -> bool:
        """Whether the altered script was held back, and every fact shows it."""
        view = self.view
        view.heading("Approved, then altered")
        view.line(f"[dim]request[/]   {REQUEST}")
        handle = await self.house.client.start(
            TaskRequest(request=REQUEST, repository=str(self.sample.path), user="demo")
        )
        view.line(f"[dim]Web UI[/]    {self.house.page_of(handle.id)}\n")
        await self.house.worker.needed_by(self._follow(handle))
        result = await self._result(handle)
        view.line(f"\n[dim]status[/]    [bold]{result.status.value}[/]")
        for withheld in result.withheld:
            view.line(f"[yellow]not done[/]  {escape(withheld.what)}: {escape(withheld.why)}")
        if self.approved is None:
            view.line("[dim]Nothing was approved, so there was nothing to alter.[/]")
            return True
        facts = self._facts()
        view.heading("Did it run?")
        view.proof(facts)
        return all(fact.ok for fact in facts)

    async def _follow(self, handle: TaskHandle[TaskResult]) -> None:
        async for event in handle.events():
            self.view.show(event)
            if isinstance(event, events.Executed):
                self.ran += [result.tool for result in event.results]
            if isinstance(event, events.Stuck):
                raise PerdureError(
                    f"The worker cannot go on with the workflow: {event.because}", "read its log."
                )
            if isinstance(event, events.ApprovalAsked) and not event.refused:
                await self._decide(handle, event)
            elif isinstance(event, events.Waiting) and event.needs == "answer":
                await self.person.answer(handle)

    async def _decide(self, handle: TaskHandle[TaskResult], event: events.ApprovalAsked) -> None:
        if self.approved is None:
            await self._first(handle, event)
        elif self.asked_anew is None:
            await self._anew(handle, event)
        else:
            await self.person.decide(handle, event)

    async def _first(self, handle: TaskHandle[TaskResult], event: events.ApprovalAsked) -> None:
        """Let the person decide; what they approved is altered before it runs, which a pause makes time for."""
        await handle.pause()
        approval = await self.person.decide(handle, event)
        if approval is not None:
            self.approved = approval
            self.files = await asyncio.to_thread(self._alter)
            self.view.line(
                f"\n[bold red]another hand[/] adds a line to {SCRIPT} in the workspace, before it runs:"
            )
            self.view.line(f"          [red]+ {escape(ADDED.rstrip())}[/]\n")
        await handle.resume()

    def _alter(self) -> Path:
        """Add a line to the script in the task's files, as any program of this machine's user could."""
        [script] = self.hosts.glob(f"host-*/workspaces/*/*/tree/{SCRIPT}")
        self.before = script.read_text()
        with script.open("a") as stream:
            stream.write(ADDED)
        return script.parents[1]

    async def _anew(self, handle: TaskHandle[TaskResult], event: events.ApprovalAsked) -> None:
        """Show why it did not run and what differs; then somebody has to decide about the script as it is now."""
        self.remarks = list((await handle.status()).remarks)
        self.asked_anew = await self.person.waiting(handle, event.approval_id)
        if self.approved is None or self.asked_anew is None or self.files is None:
            return
        for remark in self.remarks:
            self.view.line(f"[bold green]held back[/] {escape(remark)}")
        before, after = self.approved.preview.splitlines(), self.asked_anew.preview.splitlines()
        self.view.line("[dim]What it asks now, beside what was approved:[/]")
        for line in difflib.unified_diff(before, after, "approved", "now", n=0, lineterm=""):
            if not line.startswith(("@@", "---", "+++")):
                self.view.line(f"          [{'green' if line[0] == '-' else 'red'}]{escape(line)}[/]")
        await handle.pause()
        if sys.stdin.isatty():
            self.let_run = await self.person.decide(handle, event) is not None
        else:
            self.view.line("[yellow]There is no terminal to ask at; what was altered is denied.[/]")
            await handle.deny(self.asked_anew.id, reason=REASON, by="demo")
        if not self.let_run:
            # Otherwise the line would stand among the task's own changes.
            (self.files / SCRIPT).write_text(self.before)
        await handle.resume()

    async def _result(self, handle: TaskHandle[TaskResult]) -> TaskResult:
        try:
            return await handle.result()
        except TaskEnded as error:
            self.view.line(f"[red]{error}[/]")
            if not isinstance(error.result, TaskResult):
                raise
            return error.result

    def _facts(self) -> list[Fact]:
        assert self.files is not None
        anew = (
            self.approved is not None
            and self.asked_anew is not None
            and self.approved.id != self.asked_anew.id
        )
        facts = [
            Fact(anew, "workflow", "the altered script was asked about anew, under another id"),
            Fact(
                any("changed after the approval" in remark for remark in self.remarks),
                "workflow",
                "the task says why: something changed after the approval",
            ),
        ]
        if self.let_run:
            return [
                *facts,
                Fact(True, "person", "who saw what differs let it run; that was another approval"),
            ]
        untouched = (self.files / "notices").is_dir() and not (self.files / "RELEASE.md").exists()
        return [
            *facts,
            Fact(
                "execute_command" not in self.ran, "event history", "the step that was to run it ran nothing"
            ),
            Fact(
                untouched,
                "workspace",
                "neither the script nor the added line left a trace: notices/ is there, RELEASE.md is not",
            ),
        ]
