"""Following a playbook: set up, test, then step after step, each kept as a commit of its own or taken back."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.maintenance import Finding
    from perdure.contracts.steps import Decided
    from perdure.contracts.task import Check, TaskStatus, Withheld
    from perdure.contracts.upkeep import (
        ChangeMeasured,
        CheckOutline,
        ConditionsSeen,
        FollowPlaybook,
        LookAtConditions,
        MeasureChange,
        PlaybookOutline,
        ReadReport,
        ReportRead,
        StepOutline,
        VouchByTests,
        Vouched,
    )
    from perdure.contracts.workspace import Checkpoint
    from workflows.acting import Acting
    from workflows.asking import Asking
    from workflows.steps import (
        FOLLOW_PLAYBOOK,
        LOOK_AT_CONDITIONS,
        MEASURE_CHANGE,
        READ_REPORT,
        VOUCH_BY_TESTS,
    )
    from workflows.task_state import Line, TaskState

SHOWN_TESTS = 5


class Upkeep:
    """Follows the playbook of one run."""

    def __init__(self, state: TaskState, playbook: PlaybookOutline, asking: Asking, acting: Acting) -> None:
        self._state = state
        self._playbook = playbook
        self._asking = asking
        self._acting = acting
        self._unmet: dict[str, str] = {}
        self._before: Vouched | None = None
        self._after: Vouched | None = None
        self._reports: dict[str, list[tuple[Finding, ...]]] = {}
        self._set_up_for = -1
        self._setup_problems: dict[str, str] = {}
        self._failed = False
        self._kept: list[str] = []

    async def run(self) -> TaskStatus:
        """All of it up to the last check; says with which status the run ends."""
        state = self._state
        self._unmet = await self._conditions("precheck")
        if "precheck" in self._unmet:
            self._withhold(self._playbook.title, self._unmet["precheck"])
            return TaskStatus.INCOMPLETE
        if not await self._begin():
            return TaskStatus.INCOMPLETE
        spent = False
        for position, step in enumerate(self._playbook.steps):
            await self._asking.pause()
            reached = state.spending.exhausted(state.worked_s)
            spent = spent or bool(reached)
            if reached:
                self._withhold(step.title, f"The budget was reached before it: {', '.join(reached)}.")
            elif await self._step(step):
                state.picture.finished.add(position)
            state.show()
        await self._last_checks()
        if spent:
            return TaskStatus.BUDGET_EXHAUSTED
        return TaskStatus.INCOMPLETE if self._failed else TaskStatus.COMPLETED

    def findings(self) -> tuple[Finding, ...]:
        """What the last reports say, and what the work between the first and the last of a form took away."""
        found: list[Finding] = []
        for reports in self._reports.values():
            remaining = {_rule(each): each.count for each in reports[-1]}
            for each in reports[0]:
                gone = each.count - remaining.get(_rule(each), 0)
                if gone > 0:
                    found.append(each.model_copy(update={"count": gone, "fixed": True}))
            found += reports[-1]
        return tuple(found)

    def summary(self) -> str:
        """What happened, in sentences."""
        kept = len(self._kept)
        said = [f"{self._playbook.title}: {_counted(kept, 'change')} kept" + _listed(self._kept) + "."]
        if self._after and self._after.sentence:
            said.append(self._after.sentence)
        elif self._before:
            said.append(f"Tests: {self._before.detail}".rstrip(".") + ".")
        remaining = sum(each.count for each in self.findings() if not each.fixed)
        if self._reports:
            said.append(f"{_counted(remaining, 'finding')} remain." if remaining else "No findings remain.")
        if self._state.withheld:
            said.append(f"{_counted(len(self._state.withheld), 'thing')} not done, each with its reason.")
        return " ".join(said)

    # Before the steps

    async def _begin(self) -> bool:
        """Set up, see what applies and how the tests are; False where no step's work could be told apart."""
        state = self._state
        await self._set_up()
        state.host.after_rebuild = self._set_up if self._playbook.setup else None
        state.host.pinned = bool(self._playbook.setup)
        for title, problem in self._setup_problems.items():
            self._withhold(title, problem)
        measured = await self._measure()
        if measured.files:
            shown = ", ".join(measured.first)
            why = (
                f"The set-up changed {_counted(measured.files, 'file')} that the project does not ignore ({shown}), "
                "so its changes could not be told from those of a step."
            )
            self._withhold(self._playbook.title, why)
            return False
        self._unmet |= await self._conditions("steps")
        vouching = self._vouching()
        if vouching is not None:
            self._before = await self._vouch(f"{vouching.title}, before anything is changed", None)
            self._check(f"{vouching.title} before", self._before)
        return True

    async def _set_up(self) -> None:
        """Run the set-up, again from its beginning where the workspace is rebuilt while it runs."""
        state = self._state
        interrupted = state.step
        while self._set_up_for != state.host.rebuilds:
            rebuilds = state.host.rebuilds
            self._setup_problems.clear()
            for number, title in enumerate(self._playbook.setup):
                part = f"setup:{number}"
                if part in self._unmet or state.host.rebuilds != rebuilds:
                    continue
                problem = await self._follow(part, f"set up: {title}")
                if problem:
                    self._setup_problems[title] = problem
            self._set_up_for = rebuilds
        # The step that was interrupted goes on under its own number.
        state.step = interrupted or state.step

    def _vouching(self) -> CheckOutline | None:
        return next(
            (
                check
                for check in self._playbook.checks
                if check.vouches and f"check:{check.id}" not in self._unmet
            ),
            None,
        )

    # One step

    async def _step(self, step: StepOutline) -> bool:
        """True where it was done, also where there was nothing to change."""
        unmet = self._unmet.get(f"step:{step.id}")
        if unmet is None and step.needs_tests and not self._can_vouch():
            unmet = "No test passed before, so nothing could tell whether the change breaks something."
        if unmet is not None:
            self._withhold(step.title, unmet)
            return False
        state = self._state
        before = state.host.checkpoint
        problem = await self._follow(f"step:{step.id}", step.title, report=step)
        if problem:
            self._failed = True
            return await self._take_back(step, before, problem)
        if state.host.checkpoint.tree == before.tree:
            state.note(Line(state.step, "step", f"{step.title}: nothing to change", True))
            return True
        problem = await self._objection(step)
        if problem:
            return await self._take_back(step, before, problem)
        if not step.commits:
            return await self._take_back(
                step, before, "It changed files, but its playbook has no commit for it."
            )
        problem = await self._follow(f"commit:{step.id}", f"commit: {step.title}")
        if problem:
            self._failed = True
            return await self._take_back(step, before, problem)
        self._kept.append(step.title)
        state.note(Line(state.step, "step", f"{step.title}: kept", True))
        return True

    async def _objection(self, step: StepOutline) -> str:
        """Why the change may not stay; empty where it may."""
        limits, measured = self._playbook, await self._measure()
        if measured.files > limits.changed_files:
            return f"It changed {measured.files:,} files; the playbook allows {limits.changed_files:,} for each step."
        if measured.lines > limits.changed_lines:
            return f"It changed {measured.lines:,} lines; the playbook allows {limits.changed_lines:,} for each step."
        if not self._can_vouch():
            return ""
        after = await self._vouch(f"tests after: {step.title}", self._before)
        if after.held:
            self._after = after
            return ""
        shown = ", ".join(after.broken[:SHOWN_TESTS])
        more = len(after.broken) - SHOWN_TESTS
        names = f" ({shown}{f' and {more} more' if more > 0 else ''})" if shown else ""
        return f"Tests that passed before do not pass after it{names}. {after.sentence}".strip()

    async def _take_back(self, step: StepOutline, before: Checkpoint, why: str) -> bool:
        state = self._state
        taken_back = ""
        if state.host.checkpoint != before:
            state.doing(f"taking back: {step.title}")
            await state.host.take_back(state.head, before)
            taken_back = " It was taken back."
        self._withhold(step.title, f"{why}{taken_back}")
        return False

    def _can_vouch(self) -> bool:
        return self._before is not None and self._before.passed > 0

    # After the steps

    async def _last_checks(self) -> None:
        state = self._state
        state.doing("checking the result", TaskStatus.CHECKING)
        vouching = self._vouching()
        if vouching is not None and self._before is not None:
            after = self._after if self._kept else self._before
            if after is not None:
                self._check(f"{vouching.title} after", after)
        for check in self._playbook.checks:
            if check.vouches:
                continue
            unmet = self._unmet.get(f"check:{check.id}")
            if unmet is not None:
                self._add(Check(name=check.title, status="skipped", detail=unmet[:200]))
                continue
            problem = await self._follow(f"check:{check.id}", f"check: {check.title}")
            status = "failed" if problem else "passed"
            self._add(Check(name=check.title, status=status, detail=problem[:200] or self._last_excerpt()))

    # The pieces

    async def _follow(self, part: str, doing: str, *, report: StepOutline | None = None) -> str:
        """Run the calls of a part one by one; what went wrong, or an empty text."""
        state = self._state
        number = state.next_step()
        state.doing(doing)
        decided = await state.runner.run(
            FOLLOW_PLAYBOOK,
            FollowPlaybook(
                task_id=state.task_id,
                step=number,
                head=state.head,
                mode=state.host.mode,
                safety=state.host.safety,
                part=part,
            ),
            Decided,
            summary=f"step {number}: {doing}",
        )
        state.head = decided.head
        refused = len(state.withheld)
        for call in decided.calls:
            # One by one, so that after a crash none of them is found half of a recorded group.
            failed = await self._acting.execute(decided.head, (call,))
            if len(state.withheld) > refused:
                return state.withheld.pop().why
            if failed:
                return f"{call.title} failed: {self._last_excerpt()}"
        if report is not None and report.report:
            await self._read(report, decided, number)
        return ""

    async def _read(self, step: StepOutline, decided: Decided, number: int) -> None:
        state = self._state
        read = await state.runner.run(
            READ_REPORT,
            ReadReport(
                task_id=state.task_id,
                step=number,
                head=state.head,
                decision=decided.head,
                index=decided.calls[-1].index,
                playbook_step=step.id,
                report=step.report,
            ),
            ReportRead,
            summary=f"read the report of: {step.title}",
        )
        if read.problem:
            self._withhold(f"report of: {step.title}", read.problem)
        else:
            self._reports.setdefault(step.report, []).append(read.findings)

    async def _conditions(self, part: str) -> dict[str, str]:
        state = self._state
        number = state.next_step()
        state.doing("looking at what the playbook needs")
        seen = await state.host.run(
            LOOK_AT_CONDITIONS,
            LookAtConditions,
            ConditionsSeen,
            number=number,
            head=lambda: state.head,
            summary=f"step {number}: see which conditions of the playbook hold",
            part=part,
        )
        return seen.unmet

    async def _vouch(self, doing: str, before: Vouched | None) -> Vouched:
        state = self._state
        number = state.next_step()
        state.doing(doing)
        vouched = await state.host.run(
            VOUCH_BY_TESTS,
            VouchByTests,
            Vouched,
            number=number,
            head=lambda: state.head,
            summary=f"step {number}: {doing}",
            before=before.cases if before else None,
        )
        state.head = vouched.head
        state.note(Line(number, "check", doing, vouched.held, (vouched.sentence or vouched.detail)[:300]))
        return vouched

    async def _measure(self) -> ChangeMeasured:
        state = self._state
        number = state.next_step()
        return await state.host.run(
            MEASURE_CHANGE,
            MeasureChange,
            ChangeMeasured,
            number=number,
            head=lambda: state.head,
            summary=f"step {number}: measure what changed",
        )

    def _withhold(self, what: str, why: str) -> None:
        state = self._state
        state.withheld.append(Withheld(what=what, why=why))
        state.note(Line(state.step, "withheld", what, False, why[:300]))

    def _check(self, name: str, vouched: Vouched) -> None:
        if not vouched.ran:
            status = "skipped"
        else:
            status = "passed" if vouched.held and not vouched.failed and vouched.passed else "failed"
        self._add(Check(name=name, status=status, detail=vouched.detail[:200]))

    def _add(self, check: Check) -> None:
        self._state.checks = (*self._state.checks, check)
        self._state.note(Line(self._state.step, "check", check.name, check.status != "failed", check.detail))

    def _last_excerpt(self) -> str:
        lines = [line for line in self._state.lines if line.kind == "call"]
        return lines[-1].excerpt if lines else "it did not run"


def _rule(finding: Finding) -> str:
    return finding.what.partition(" ")[0]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listed(titles: list[str]) -> str:
    return f" ({'; '.join(titles)})" if titles else ""
