"""``make demo``: one real bug, mended while the worker is killed and its files are removed, with the proof that another
host went on with the same files and nothing ran twice; then a scheduled playbook tidies a second repository; and at last a
script is altered after a person approved it, and does not run.

Environment: ``GROQ_API_KEY`` asks Groq instead of the script; ``REPOSITORY`` and ``REQUEST`` work on your own;
``KEEP=1`` leaves the servers up until Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from temporalio.api.enums.v1 import PendingActivityState

from examples.demo_consent import Consent
from examples.demo_house import House, open_house
from examples.demo_people import Person
from examples.demo_proof import (
    Fact,
    Kill,
    from_database,
    from_history,
    from_model_log,
    from_move,
    from_remote,
    move_of,
    read_activities,
)
from examples.demo_upkeep import Upkeep
from examples.demo_view import View
from examples.sample_repository import (
    SampleRepository,
    git,
    make_release_repository,
    make_sample_repository,
    make_untidy_repository,
)
from perdure.client import events
from perdure.client.errors import TaskEnded
from perdure.client.handle import TaskHandle
from perdure.contracts.errors import ConfigurationError, PerdureError
from perdure.contracts.task import TaskRequest, TaskResult, TaskStatus
from perdure.memory.record import Record
from perdure.settings import Settings, load_settings

SAMPLE_REQUEST = (
    "A customer complains: an invoice with a voucher is a cent too high, and tests/test_invoice.py shows it. "
    "Find out where the cent is lost, mend it there, and add a test that would have caught it."
)
STEPS_BEFORE_THE_KILL = 4
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED

#: Events that say that a piece of work is done.
FINISHED = (
    events.Opened,
    events.Prepared,
    events.Planned,
    events.Decided,
    events.ApprovalAsked,
    events.Executed,
    events.Reflected,
    events.Checked,
    events.Written,
    events.Finished,
)


@dataclass(frozen=True)
class Job:
    """What the demo works on. ``sample`` is None for a person's own repository."""

    repository: str
    request: str
    sample: SampleRepository | None


class Demo:
    """One task from its start to its proof."""

    def __init__(self, view: View, house: House, job: Job, person: Person) -> None:
        self.view, self.house, self.job, self.person = view, house, job, person
        self.kill: Kill | None = None
        self.killed_at = 0.0
        self.finished = 0
        self.resumed = False

    async def run(self) -> bool:
        """Whether the task ended well and every fact holds."""
        view = self.view
        view.heading("The task")
        view.line(f"[dim]request[/]   {self.job.request}")
        view.line(f"[dim]in[/]        {self.job.repository}")
        handle = await self.house.client.start(
            TaskRequest(request=self.job.request, repository=self.job.repository, user="demo")
        )
        view.line(f"[dim]Web UI[/]    {self.house.page_of(handle.id)}\n")
        result = await self._follow(handle)
        facts = await self._facts(handle, result)
        view.heading("Was anything done twice?")
        view.proof(facts)
        view.heading("What came out")
        view.result(result, self._diff(result), self.house.page_of(handle.id))
        return result.status is TaskStatus.COMPLETED and all(fact.ok for fact in facts)

    async def _follow(self, handle: TaskHandle) -> TaskResult:
        """Print, interrupt and decide until the task ends; a worker that ends by itself ends the demo too."""
        await self.house.worker.needed_by(self._watch(handle))
        try:
            return await handle.result()
        except TaskEnded as error:
            self.view.line(f"[red]{error}[/]")
            if not isinstance(error.result, TaskResult):
                raise
            return error.result

    async def _watch(self, handle: TaskHandle) -> None:
        async for event in handle.events():
            if isinstance(event, FINISHED):
                await self._say_where_it_resumed(handle, event)
            self.view.show(event)
            if isinstance(event, events.Stuck):
                raise PerdureError(
                    f"The worker cannot go on with the workflow: {event.because}", "read its log."
                )
            if isinstance(event, events.Doing) and self._is_the_moment(event):
                await self._interrupt(handle, event.title)
            elif isinstance(event, events.ApprovalAsked) and not event.refused:
                await self.person.decide(handle, event)
            elif isinstance(event, events.Waiting) and event.needs == "answer":
                await self.person.answer(handle)

    def _is_the_moment(self, event: events.Doing) -> bool:
        half_way = len(self.view.finished_steps) >= STEPS_BEFORE_THE_KILL
        return self.kill is None and half_way and event.activity == "execute_calls"

    async def _interrupt(self, handle: TaskHandle, title: str) -> None:
        """Kill the worker while a tool runs, take its files away, and start another one as another host."""
        if not await self._tool_runs(handle.id):
            return
        worker = self.house.worker
        killed_pid = worker.pid
        await worker.kill()
        self.kill = await self._state_at_death(handle.id)
        where = f"in the middle of {escape(title)}" if self.kill.name else "between two steps"
        self.view.line(
            f"\n[bold red]kill -9 {killed_pid}[/]: the worker is dead, {where} "
            f"[dim](after event {self.kill.after_event} of the history)[/]"
        )
        self.killed_at = time.monotonic()
        await worker.lose_host()
        self.view.line("[bold red]rm -r workspaces[/]: the files of every task on that host are gone")
        pid = await worker.start()
        self.view.line(
            f"[bold green]another worker[/] started as process {pid} on another host; nobody tells it anything"
        )

    async def _say_where_it_resumed(self, handle: TaskHandle, event: events.Event) -> None:
        """Called for each finished piece of work; says something for the first step after the kill."""
        if self.kill is None or self.resumed or event.event_id <= self.kill.after_event:
            self.finished += 1
            return
        if isinstance(event, events.Prepared):
            # The files are there again; the step follows.
            return
        self.resumed = True
        move = move_of(await read_activities(self.house.temporal, handle.id), self.kill)
        self.view.line(
            f"[bold green]resumed at step {event_step(event)}[/] {move.text}; done "
            f"{time.monotonic() - self.killed_at:.0f} s after the kill, after {self.finished} pieces of work before it"
        )

    async def _tool_runs(self, workflow_id: str) -> bool:
        """Wait until a worker holds the tool call, and a moment longer; False where that was not seen."""
        workflow = self.house.temporal.get_workflow_handle(workflow_id)
        for _ in range(250):
            described = await workflow.describe()
            for pending in described.raw_description.pending_activities:
                if pending.activity_type.name == "execute_calls" and pending.state == STARTED:
                    await asyncio.sleep(0.1)
                    return True
            await asyncio.sleep(0.02)
        return False

    async def _state_at_death(self, workflow_id: str) -> Kill:
        """How far the history is now that nobody can add to it, and what was running."""
        described = await self.house.temporal.get_workflow_handle(workflow_id).describe()
        activities = await read_activities(self.house.temporal, workflow_id)
        running = [activity for activity in activities if activity.completed is None]
        attempts = [pending.attempt for pending in described.raw_description.pending_activities]
        if not running or not attempts:
            return Kill(described.history_length)
        return Kill(
            described.history_length, running[-1].scheduled, running[-1].name, running[-1].step, attempts[-1]
        )

    async def _facts(self, handle: TaskHandle, result: TaskResult) -> list[Fact]:
        activities = await read_activities(self.house.temporal, handle.id)
        facts = from_history(activities, self.kill)
        if self.kill is not None:
            facts += from_move(move_of(activities, self.kill))
        head = next(a.head for a in reversed(activities) if a.head)
        record = await Record.connect(self.house.database_url)
        try:
            facts += from_database(await record.entries(handle.task_id, head))
        finally:
            await record.close()
        if self.house.scripted is not None:
            facts += from_model_log(self.house.scripted.requests, self.kill)
        if self.job.sample is not None:
            facts += from_remote(self.job.sample.origin, result, "main")
        if self.kill is None:
            facts.append(Fact(True, "demo", "the task ended before the worker could be killed"))
        return facts

    def _diff(self, result: TaskResult) -> str:
        """The change, from the remote where it was pushed; a person's own repository shows it itself."""
        if self.job.sample is None or not result.pushed or result.branch is None:
            return ""
        return git(self.job.sample.origin, "diff", f"main...{result.branch}")


def event_step(event: events.Event) -> str:
    """The step of an event, where it has one."""
    return str(getattr(event, "step", "")) or event.kind


def settle_job(settings: Settings, folder: Path, environment: dict[str, str]) -> Job:
    """The sample, or what REPOSITORY and REQUEST name; raises ConfigurationError where they cannot be worked on."""
    repository, request = environment.get("REPOSITORY", ""), environment.get("REQUEST", "")
    if bool(repository) != bool(request):
        missing = "REQUEST" if repository else "REPOSITORY"
        raise ConfigurationError(f"{missing} is not set.", "set REPOSITORY and REQUEST together, or neither.")
    if not repository:
        sample = make_sample_repository(folder)
        return Job(str(sample.path), SAMPLE_REQUEST, sample)
    if settings.groq_api_key is None and settings.model_script is None:
        raise ConfigurationError(
            "The demo's script knows only the sample repository, and GROQ_API_KEY is not set.",
            "set GROQ_API_KEY, or leave REPOSITORY and REQUEST out.",
        )
    path = Path(repository).expanduser()
    return Job(str(path.resolve()) if path.exists() else repository, request, None)


async def main(arguments: argparse.Namespace, console: Console) -> int:
    """Open the house, run the demo, close everything."""
    began = time.monotonic()
    here = asyncio.current_task()
    assert here is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, here.cancel)
    settings = load_settings()
    folder = settings.home / "demo" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder.mkdir(parents=True, exist_ok=True)
    view = View(console)
    job = settle_job(settings, folder, dict(os.environ))
    async with AsyncExitStack() as closing:
        view.heading("The house")
        house = await open_house(closing, settings, folder, sample=job.sample is not None)
        for line in house.lines:
            view.line(line)
        person = Person(view, may_approve=arguments.approve or job.sample is not None)
        well = await Demo(view, house, job, person).run()
        if job.sample is not None:
            untidy = make_untidy_repository(folder / "upkeep")
            well = await Upkeep(View(console), house, untidy, person).run() and well
        if house.scripted is not None:
            # A language model might find another way than the script, and there would be nothing to alter.
            release = make_release_repository(folder / "release")
            well = await Consent(View(console), house, release, person, folder).run() and well
        if os.environ.get("KEEP", "") not in ("", "0"):
            view.line(
                f"\n[bold]KEEP is set:[/] the servers and the worker stay up until Ctrl-C. Web UI: {house.web_ui}"
            )
            # Ctrl-C is how the person says that it is enough: no failure, and everything is closed in order.
            with contextlib.suppress(asyncio.CancelledError):
                await house.worker.unexpected_end()
    view.line(f"\n[dim]{time.monotonic() - began:.0f} s in all; everything that was started is stopped[/]")
    return 0 if well else 1


def enter() -> int:
    """The entry point: exit code 0 when all went well, 1 when not, 2 when the demo could not run, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--approve", action="store_true", help="approve without asking where there is no terminal"
    )
    console = Console(soft_wrap=True)
    try:
        return asyncio.run(main(parser.parse_args(), console))
    except PerdureError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("\nStopped.")
        return 130


if __name__ == "__main__":
    sys.exit(enter())
