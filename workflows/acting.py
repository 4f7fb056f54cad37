"""Running the calls of a decision: together where that is safe, one by one where a person has to decide."""

from collections.abc import Iterable, Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallResult, CallSummary, Effect, Verdict
    from perdure.contracts.continuation import InstalledBy, Undone
    from perdure.contracts.decisions import QuestionKind
    from perdure.contracts.names import PACKAGE_TOOLS
    from perdure.contracts.steps import ApprovedCall, ExecuteCalls, Executed, Note
    from perdure.contracts.task import Withheld
    from workflows.asking import Asking
    from workflows.host import is_unknown_effect
    from workflows.moving import MovingOver
    from workflows.people import Counter
    from workflows.steps import EXECUTE_CALLS
    from workflows.task_state import Line, TaskState


#: Patch id: histories of before go on without.
INSTALL_AGAIN = "install-again"
#: Patch id: a task of before fails where it is unknown whether a call that nobody was asked about had its effect.
UNKNOWN_IS_ASKED = "an-unknown-effect-is-asked-about"
#: Patch id: in a history of before, a call that the policy newly asks about was left out without a word.
ASKED_LATE = "a-stricter-policy-asks-late"
#: Patch id: in a history of before, a call that is looked at again is previewed again, and the task failed where that could
#: not tell either whether it had happened.
LOOKED_AGAIN = "looking-again-is-by-the-same-approval"


class Acting:
    """Executes decisions of one task."""

    def __init__(
        self,
        state: TaskState,
        asking: Asking,
        granted: Iterable[str] = (),
        installed: Iterable[InstalledBy] = (),
    ) -> None:
        self._state = state
        self._asking = asking
        self._counter = Counter(state, granted)
        self._installed = {each.call.arguments_digest: each for each in installed}
        self._installing = self._lacks_packages = False

    @property
    def installed(self) -> list[InstalledBy]:
        """The calls that installed packages, in order."""
        return list(self._installed.values())

    async def install_again(self) -> None:
        """Run again what installed packages, which no checkpoint holds: the workspace was rebuilt."""
        self._lacks_packages = False
        if not self._installed or self._installing or not workflow.patched(INSTALL_AGAIN):
            return
        state = self._state
        interrupted, self._installing = state.step, True
        try:
            for each in self.installed:
                state.next_step()
                await self.execute(each.decision, (each.call,))
        finally:
            self._installing = False
        # The step that was interrupted goes on under its own number.
        state.step = interrupted

    @property
    def granted(self) -> list[str]:
        """Digests of the arguments of calls that a person approved for the whole task."""
        return self._counter.granted

    async def execute(self, decision: str, calls: tuple[CallSummary, ...], *, failed: bool = False) -> bool:
        """Run the calls of a decision, asking before each that needs a person; True if any failed, or had ``failed``.

        A task that moves to another version leaves with ``MovingOver``, which holds the calls that did not run.
        """
        groups = _groups(calls)
        for position, group in enumerate(groups):
            asked = group[0].verdict is Verdict.ASK
            try:
                ran = await (self._run_asked(decision, group[0]) if asked else self._run(decision, group))
            except MovingOver as moving:
                rest = tuple(call for each in groups[position:] for call in each)
                raise MovingOver(Undone(decision=decision, calls=rest, failed=failed)) from moving
            failed |= any(not result.ok for result in ran)
            if any(_spoils(result, group) for result in ran):
                # A failed change may make the rest of the decision wrong, so the model looks first.
                break
        if self._lacks_packages:
            await self.install_again()
        return failed

    async def _run(self, decision: str, calls: Sequence[CallSummary]) -> tuple[CallResult, ...]:
        wanted = {call.index: (call, ApprovedCall(index=call.index)) for call in calls}
        while True:
            try:
                executed = await self._execute(decision, wanted)
                if executed.stale_approval is None or not workflow.patched(ASKED_LATE):
                    return executed.results
                # Those that read beside it may have run, behind it as well.
                ran = {result.index for result in executed.results}
                rest = [call for call in calls if call.index not in ran]
                return executed.results + await self._ask_late(decision, rest, executed.stale_approval)
            except ActivityError as error:
                if not is_unknown_effect(error) or not workflow.patched(UNKNOWN_IS_ASKED):
                    raise
                if len(calls) > 1:
                    return await self._run_one_by_one(decision, calls)
                note = await self._ask_about_effect(error, decision, calls[0])
                if note is not None:
                    self._refuse(note, calls[0])
                    return ()

    async def _ask_late(
        self, decision: str, calls: Sequence[CallSummary], index: int
    ) -> tuple[CallResult, ...]:
        """Ask about a call that needed nobody when it was decided, then run those after it."""
        place = next(place for place, call in enumerate(calls) if call.index == index)
        ran = await self._run_asked(decision, calls[place])
        rest = calls[place + 1 :]
        if not rest or any(_spoils(result, calls) for result in ran):
            return ran
        return ran + await self._run(decision, rest)

    async def _run_one_by_one(self, decision: str, calls: Sequence[CallSummary]) -> tuple[CallResult, ...]:
        """Find the call that a person has to be asked about; what those before it gave is recorded, and stays."""
        results: list[CallResult] = []
        for call in calls:
            ran = await self._run(decision, (call,))
            results += ran
            if not ran or any(_spoils(result, calls) for result in ran):
                break
        return tuple(results)

    async def _run_asked(self, decision: str, call: CallSummary) -> tuple[CallResult, ...]:
        approved: tuple[CallSummary, ApprovedCall] | None = None
        while True:
            try:
                if approved is None:
                    # Packages are installed again in the middle of another step, which has to be finished first.
                    said = await self._counter.approved(call, decision, withdrawable=not self._installing)
                    if isinstance(said, Note):
                        self._refuse(said, call)
                        return ()
                    approved = said
                await self._asking.pause()
                executed = await self._execute(decision, {call.index: approved})
            except ActivityError as error:
                if not is_unknown_effect(error) or (approved is None and not workflow.patched(LOOKED_AGAIN)):
                    raise
                # What was approved, by a person or by a grant, is checked again before it runs, and nothing else is.
                again = approved if workflow.patched(LOOKED_AGAIN) else None
                # An edited call has another title.
                note = await self._ask_about_effect(error, decision, again[0] if again else call)
                if note is not None:
                    self._refuse(note, again[0] if again else call)
                    return ()
                approved = again
                continue
            if executed.stale_approval is None:
                return executed.results
            approved = None
            because = executed.stale_because or "the files changed after the approval"
            self._state.desk.remark(f"{call.title}: {because}, so it is asked anew.")

    def _refuse(self, note: Note, call: CallSummary) -> None:
        state = self._state
        state.notes.append(note)
        done = note.kind == "done"
        if not done:
            state.denials += 1
            state.withheld.append(Withheld(what=call.title, why=note.text))
        state.note(Line(state.step, note.kind, call.title, done, note.text[:300]))

    async def _ask_about_effect(self, error: ActivityError, decision: str, call: CallSummary) -> Note | None:
        """None to look again; otherwise the note that leaves it undecided."""
        text = f"Whether {call.title!r} happened is unknown. {error.cause} Look again, or leave it as it is?"
        answer = await self._asking.question(
            QuestionKind.EFFECT_UNKNOWN, text, ("look_again", "leave"), silence="leave"
        )
        if answer.choice == "look_again":
            return None
        why = f"Whether it happened is unknown, and a person left it so. {error.cause}"
        return Note(kind="denied", text=why[:2_000], decision=decision, call_index=call.index)

    async def _execute(self, decision: str, calls: dict[int, tuple[CallSummary, ApprovedCall]]) -> Executed:
        state = self._state
        titles = "; ".join(call.title for call, _ in calls.values())
        state.doing(titles[:200])
        timeout_s = sum(call.timeout_s for call, _ in calls.values())
        executed = await state.host.run(
            EXECUTE_CALLS,
            ExecuteCalls,
            Executed,
            number=state.step,
            head=lambda: state.head,
            summary=f"step {state.step}: {titles}",
            extra_s=timeout_s,
            decision=decision,
            calls=tuple(approved for _, approved in calls.values()),
        )
        state.head = executed.head
        state.host.advance(executed.checkpoint)
        state.picture.branch = state.host.branch
        state.files_lost(executed.lost, executed.lost_count)
        for result in executed.results:
            state.charge_call(result.index, result.cost)
        state.found_aside(executed.notes)
        self._lacks_packages |= executed.lost_count > 0
        self._remember_packages(decision, executed.results, calls)
        state.note_results({index: call for index, (call, _) in calls.items()}, executed.results)
        return executed

    def _remember_packages(
        self,
        decision: str,
        results: Sequence[CallResult],
        calls: dict[int, tuple[CallSummary, ApprovedCall]],
    ) -> None:
        for result in results:
            call = calls[result.index][0]
            if call.effect is Effect.NETWORK and call.tool in PACKAGE_TOOLS and result.ok:
                self._installed[call.arguments_digest] = InstalledBy(decision=decision, call=call)


def _groups(calls: Sequence[CallSummary]) -> list[list[CallSummary]]:
    """Neighbours that need no person together, every call that does alone."""
    groups: list[list[CallSummary]] = []
    for call in calls:
        alone = call.verdict is Verdict.ASK
        if groups and not alone and groups[-1][-1].verdict is not Verdict.ASK:
            groups[-1].append(call)
        else:
            groups.append([call])
    return groups


def _spoils(result: CallResult, calls: Sequence[CallSummary]) -> bool:
    effect = next(call.effect for call in calls if call.index == result.index)
    return not result.ok and effect not in (Effect.READ, Effect.RUN)
