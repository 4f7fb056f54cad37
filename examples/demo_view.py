"""What the demo prints: one line for each thing that happened, and the result at the end."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from examples.demo_proof import Fact
from perdure.client import events
from perdure.client.command_line.drawing import preview_box
from perdure.contracts.calls import CallSummary
from perdure.contracts.decisions import Approval
from perdure.contracts.task import Cost, TaskResult, TaskStatus

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]"}
_CHECKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]–[/]"}


class View:
    """Prints a task as it happens. ``seen`` says how many calls finished."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.finished_steps: set[int] = set()
        self._calls: dict[tuple[int, int], CallSummary] = {}

    def heading(self, text: str) -> None:
        """The start of a part."""
        self.console.print()
        self.console.rule(f"[bold]{escape(text)}[/]", align="left", style="dim")

    def line(self, text: str) -> None:
        """One line with marks of rich."""
        self.console.print(text, highlight=False)

    def show(self, event: events.Event) -> None:
        """Print what an event tells, if it is for people."""
        told = getattr(self, f"_{event.kind}", None)
        if told is not None:
            told(event)

    def _opened(self, event: events.Opened) -> None:
        models = ", ".join(sorted(set(event.models.values())))
        label = "  [yellow]scripted[/]: a script answers, no language model" if event.scripted else ""
        if models:
            self.line(f"[dim]model[/]     {escape(models)}{label}")
        for warning in event.warnings:
            self.line(f"[yellow]warning[/]   {escape(warning)}")

    def _prepared(self, event: events.Prepared) -> None:
        what = "restored" if event.restored else "cloned"
        self.line(f"[dim]workspace[/] {what}, branch {escape(event.branch)} from {event.base_commit[:10]}")

    def _planned(self, event: events.Planned) -> None:
        self.line(f"[dim]plan[/]      {escape(event.plan.goal)}")
        for number, subtask in enumerate(event.plan.subtasks, start=1):
            self.line(f"          {number}. {escape(subtask.title)}")

    def _decided(self, event: events.Decided) -> None:
        self._calls.update({(event.step, call.index): call for call in event.calls})
        if event.said:
            self.line(f"\n[bold cyan]step {event.step:<2}[/]   [italic]{escape(event.said)}[/]")

    def _executed(self, event: events.Executed) -> None:
        self.finished_steps.add(event.step)
        for result in event.results:
            call = self._calls.get((event.step, result.index))
            excerpt = (result.excerpt.strip().splitlines() or [""])[0]
            title = call.title if call else result.tool
            self.line(f"        {_MARKS[result.ok]} {escape(title)}  [dim]{escape(shortened(excerpt))}[/]")

    def _reflected(self, event: events.Reflected) -> None:
        colour = {"change_course": "yellow", "stuck": "red", "done": "green"}.get(
            event.reflection.verdict, "blue"
        )
        verdict = event.reflection.verdict.replace("_", " ")
        self.line(f"        [{colour}]↺ {verdict}[/]: {escape(event.reflection.note)}")

    def _retried(self, event: events.Retried) -> None:
        self.line(
            f"        [magenta]⟲ {event.activity}, attempt {event.attempt}[/] [dim]{escape(shortened(event.because))}[/]"
        )

    def _step_failed(self, event: events.StepFailed) -> None:
        self.line(f"        [magenta]⟲ {event.activity}[/] [dim]{escape(shortened(event.because))}[/]")

    def _stuck(self, event: events.Stuck) -> None:
        self.line(f"        [red]the worker cannot go on:[/] {escape(event.because[:300])}")

    def _checked(self, event: events.Checked) -> None:
        self.line("\n[dim]checks[/]")
        for check in event.checks:
            self.line(f"        {_CHECKS[check.status]} {escape(check.name)}  [dim]{escape(check.detail)}[/]")

    def _spoken(self, event: events.Spoken) -> None:
        self.line(
            f"        [yellow]{event.what}[/] by {escape(event.by or 'somebody')}  [dim]{escape(event.text)}[/]"
        )

    def show_approval(self, approval: Approval) -> None:
        """Everything that the person approves, wrapped and never cut off."""
        self.console.print()
        for part in preview_box(approval.title, approval.preview, approval.id, width=self.console.width):
            self.console.print(part, soft_wrap=False)

    def proof(self, facts: Sequence[Fact]) -> None:
        """The facts, one a line."""
        for fact in facts:
            self.line(f" {_MARKS[fact.ok]} [dim]{fact.source:<13}[/] {escape(fact.text)}")

    def result(self, result: TaskResult, diff: str, web_ui: str) -> None:
        """Branch, evidence, cost, steps, the diff and where to look."""
        colour = "green" if result.status is TaskStatus.COMPLETED else "yellow"
        pushed = "pushed to origin" if result.pushed else "not pushed"
        count = len(result.commits)
        self.line(f"[dim]status[/]    [bold {colour}]{result.status.value}[/]")
        self.line(f"[dim]summary[/]   {escape(result.summary)}")
        self.line(f"[dim]branch[/]    {escape(result.branch or 'none')}")
        self.line(f"          {count} commit{'' if count == 1 else 's'}, {pushed}")
        for withheld in result.withheld:
            self.line(f"[dim]withheld[/]  {escape(withheld.what)}: {escape(withheld.why)}")
        self.line(f"[dim]steps[/]     {result.steps}")
        self.line(f"[dim]cost[/]      {cost_line(result.cost)}")
        self.line(f"[dim]Web UI[/]    {escape(web_ui)}")
        self.line("\n[bold]Evidence[/]")
        for evidence in result.evidence:
            shown = f"step {evidence.step}: {evidence.shown_by}" if evidence.step is not None else "not shown"
            self.line(f" {_MARKS[evidence.step is not None]} {escape(evidence.requirement)}")
            self.line(f"   [dim]{escape(shown)}[/]")
        if diff:
            self.line("\n[bold]Diff[/]")
        for line in diff.splitlines():
            self.console.print(line, style=_diff_style(line), markup=False, highlight=False)


def _diff_style(line: str) -> str:
    if line.startswith(("diff ", "index ", "--- ", "+++ ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "none")


def shortened(text: str, limit: int = 120) -> str:
    """The text on one line, with a mark where it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def cost_line(cost: Cost) -> str:
    """What the models used, and whether it was money at all."""
    tokens = f"{cost.input_tokens:,} tokens in, {cost.output_tokens:,} out, {cost.model_calls} model calls"
    if cost.scripted:
        return f"[yellow]scripted[/]: nothing was paid ({tokens})"
    unpriced = f", {cost.unpriced_calls} calls of unknown price" if cost.unpriced_calls else ""
    return f"${cost.usd:.4f} ({tokens}{unpriced})"
