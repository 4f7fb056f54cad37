"""What maintenance runs need of tools: playbooks checked against them, conditions, tests that vouch, measured changes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from perdure.contracts.calls import CallKey, Effect, ToolCall, Verdict
from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.maintenance import Finding
from perdure.contracts.upkeep import CheckOutline, PlaybookOutline, StepOutline
from perdure.maintenance.playbook import Playbook
from perdure.maintenance.reports import findings_of
from perdure.maintenance.shelf import Filed, Shelf
from perdure.workspace.working_copy import WorkingCopy
from tools.conditions import unmet_conditions
from tools.registry import Registry
from tools.test_comparison import ATTACHMENT, Comparison, RecordedTests, compare, recorded, rerun_settled
from tools.tool_runner import ToolRunner
from tools.tool_schemas import ToolContext, ToolOutput

SHOWN_BROKEN = 10
Runs = Callable[[str, Mapping[str, Any]], Awaitable[ToolOutput | ToolRejected]]
"""Runs a tool with these arguments, if the policy lets it."""
RunsAgain = Callable[[], Awaitable[ToolOutput | ToolRejected]]
"""Runs all the tests that vouch once more."""
NO_RECORD = b'{"v":1,"runs":[]}'


@dataclass(frozen=True)
class TestsSaid:
    """One run of the tests that vouch, compared with an earlier one where there is one."""

    cases: bytes
    ran: bool
    counts: Mapping[str, int]
    detail: str
    held: bool = True
    broken: tuple[str, ...] = ()
    sentence: str = ""


class Upkeep:
    """Reads playbooks and answers what maintenance asks of a working copy."""

    def __init__(self, shelf: Shelf, registry: Registry, runner: ToolRunner) -> None:
        self._shelf = shelf
        self._registry = registry
        self._runner = runner

    def playbook(self, name: str) -> tuple[PlaybookOutline, float, dict[str, Any]]:
        """Outline, minutes and content of a playbook; ConfigurationError where a tool would refuse one of its calls."""
        filed = self._shelf.playbook(name)
        for part, calls in filed.playbook.calls().items():
            for index, call in enumerate(calls):
                try:
                    self._registry.summarize(
                        ToolCall(index=index, call_id=part, tool=call.tool, arguments=call.arguments)
                    )
                except ToolRejected as error:
                    raise ConfigurationError(
                        f"The playbook {name!r} cannot be used: {part}, call {index + 1}: {error.message}",
                        "mend the call in its file.",
                    ) from error
        return outline_of(filed), filed.playbook.limits.minutes, filed.playbook.model_dump(mode="json")

    def calls(self, content: Mapping[str, Any], part: str) -> list[tuple[str, dict[str, Any]]]:
        """Tool and arguments of each call of a part."""
        calls = Playbook.model_validate(content).calls()[part]
        return [(call.tool, dict(call.arguments)) for call in calls]

    async def unmet(
        self,
        copy: WorkingCopy,
        content: Mapping[str, Any],
        parts: Sequence[str],
        beat: Callable[[str], None],
        *,
        standing: Standing,
    ) -> dict[str, str]:
        """Sentences of conditions that do not hold, or that only a command could decide which the policy keeps back."""
        command = CallFacts("", Effect.RUN, standing)
        refusal = self._refusal("A command that a condition of the playbook names", command)
        context = self._context(copy, beat)
        return await unmet_conditions(Playbook.model_validate(content), parts, context, refusal=refusal)

    async def vouch(
        self,
        copy: WorkingCopy,
        content: Mapping[str, Any],
        before: bytes | None,
        beat: Callable[[str], None],
        *,
        standing: Standing,
    ) -> TestsSaid:
        """Run the tests that vouch; those that newly fail run once more, since some tests fail by chance."""
        check = Playbook.model_validate(content).vouching
        if check is None:
            return TestsSaid(NO_RECORD, False, {}, "The playbook names no tests.")
        run = partial(self._run, self._context(copy, beat), standing)
        output = await run(check.call.tool, check.call.arguments)
        if isinstance(output, ToolRejected):
            lost = before is not None and recorded(before).ran
            return TestsSaid(
                NO_RECORD, False, {}, output.message, held=not lost, sentence=output.message if lost else ""
            )
        cases = _record_in(output)
        after = recorded(cases)
        outcomes = list(after.outcomes().values())
        counts = {kind: outcomes.count(kind) for kind in ("passed", "failed", "skipped")}
        said = TestsSaid(cases, after.ran, counts, output.summary or output.content.partition("\n")[0])
        if before is None:
            return said
        again = partial(run, check.call.tool, check.call.arguments)
        return await self._compared(run, again, said, recorded(before), after)

    async def _compared(
        self, run: Runs, again: RunsAgain, said: TestsSaid, before: RecordedTests, after: RecordedTests
    ) -> TestsSaid:
        comparison = compare(before, after)
        if comparison.rerunnable:
            alone = await run("run_tests", {"paths": list(comparison.rerunnable)})
            if not isinstance(alone, ToolRejected):
                comparison = await settled(before, comparison, recorded(_record_in(alone)), again)
        return TestsSaid(
            said.cases,
            said.ran,
            said.counts,
            said.detail,
            held=comparison.held,
            broken=broken_of(comparison)[:SHOWN_BROKEN],
            sentence=comparison.sentence(),
        )

    async def _run(
        self, context: ToolContext, standing: Standing, tool: str, arguments: Mapping[str, Any]
    ) -> ToolOutput | ToolRejected:
        """What the call brings; what cannot run, or may not without somebody being asked, is rejected."""
        call = ToolCall(index=0, call_id="upkeep", tool=tool, arguments=dict(arguments))
        try:
            outline = self._registry.summarize(call)
            facts = CallFacts(tool, outline.effect, standing, outline.named)
            refusal = self._refusal(f"The call {outline.title!r}", facts)
            if refusal:
                raise ToolRejected(refusal)
            return await self._registry.run(call, context)
        except ToolRejected as error:
            return error

    def _refusal(self, what: str, facts: CallFacts) -> str:
        """Why the policy keeps back what a playbook looks with; nothing where it may run."""
        found = self._runner.judge(facts)
        reason = found.reason.rstrip(".")
        if found.verdict is Verdict.DENY:
            return f"{what} was not run, because the policy denies it ({reason})."
        if found.verdict is Verdict.ASK:
            return f"{what} was not run: it needs a person's word, and nobody is asked for a look ({reason})."
        return ""

    async def measure(self, copy: WorkingCopy) -> tuple[Sequence[str], int]:
        """Paths that differ from the branch's head, and lines added and taken away."""
        paths = await copy.git.diff_names("HEAD")
        if not paths:
            return [], 0
        difference = await copy.git.diff(against="HEAD")
        lines = [line for line in difference.splitlines() if line.startswith(("+", "-"))]
        headers = [line for line in lines if line.startswith(("+++ ", "--- "))]
        return paths, len(lines) - len(headers)

    def findings(self, report: str, text: str, *, step: str) -> tuple[Finding, ...]:
        """What a report says; ToolRejected where the text holds none."""
        return findings_of(report, text, step=step)

    def _context(self, copy: WorkingCopy, beat: Callable[[str], None]) -> ToolContext:
        # These have no call of their own; nothing that they run keeps anything under a key.
        key = CallKey(task_id="", run_id="", step=0, call_index=0)
        return self._runner.context(
            copy=copy, key=key, requested_at=datetime.now(UTC), beat=beat, approved={}
        )


async def settled(
    before: RecordedTests, comparison: Comparison, alone: RecordedTests, again: RunsAgain
) -> Comparison:
    """The comparison without what failed by chance.

    A test that passes alone may fail beside the others because of the change, so all of them run once more then.
    """
    found = rerun_settled(comparison, alone)
    if not found.held:
        return found
    whole = await again()
    if isinstance(whole, ToolRejected):
        return comparison
    once_more = recorded(_record_in(whole))
    stopped = compare(before, once_more).stopped
    return rerun_settled(comparison, once_more).model_copy(update={"stopped": stopped})


def broken_of(comparison: Comparison) -> tuple[str, ...]:
    """Tests that speak against a change."""
    return (*comparison.newly_failing, *comparison.vanished, *comparison.newly_skipped)


def outline_of(filed: Filed) -> PlaybookOutline:
    """What the workflow needs to know."""
    playbook = filed.playbook
    return PlaybookOutline(
        id=filed.id,
        title=playbook.title,
        digest=filed.digest,
        setup=tuple(setup.title for setup in playbook.setup),
        steps=tuple(
            StepOutline(
                id=step.id,
                title=step.title,
                calls=len(step.call),
                needs_tests=step.needs_tests,
                commits=bool(step.commit),
                report=step.report or "",
            )
            for step in playbook.step
        ),
        checks=tuple(
            CheckOutline(id=check.id, title=check.title, vouches=check.vouches) for check in playbook.check
        ),
        changed_files=playbook.limits.changed_files,
        changed_lines=playbook.limits.changed_lines,
    )


def _record_in(output: ToolOutput) -> bytes:
    return next((each.data for each in output.artifacts if each.name == ATTACHMENT), NO_RECORD)
