"""Compares two runs of a project's tests, from what run_tests attaches as ``cases.json``."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from perdure.contracts.errors import InvalidInput

ATTACHMENT = "cases.json"
MEDIA_TYPE = "application/json"
SHOWN_IDS = 3
#: run_tests takes at most so many ids; where more tests newly fail, chance is no explanation.
MOST_RERUN = 50

Outcome: TypeAlias = Literal["passed", "failed", "skipped"]


class RecordedCase(BaseModel):
    """One test of a run: its id is the same in the next run of the same tests."""

    model_config = ConfigDict(frozen=True)

    id: str
    outcome: Outcome


class RecordedRun(BaseModel):
    """What one framework said of one folder's tests."""

    model_config = ConfigDict(frozen=True)

    framework: str
    folder: str = "."
    ran: bool
    """Whether a whole report was there: not where nothing could be started, nor where a limit ended it."""
    started: bool = True
    """False where something is missing that no change of the files mends, such as dependencies."""
    why: str = ""
    """Why it did not run; empty where it did."""
    said: str = ""
    """One line for people: counts, exit code and time."""
    succeeded: bool = False
    """Whether something passed, nothing failed and the framework itself said so."""
    cases: tuple[RecordedCase, ...] = ()


class RecordedTests(BaseModel):
    """The attachment ``cases.json`` of one call of run_tests."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    runs: tuple[RecordedRun, ...] = ()

    @property
    def ran(self) -> bool:
        """Whether at least one framework gave a whole report."""
        return any(run.ran for run in self.runs)

    def outcomes(self) -> dict[str, Outcome]:
        """Every test's outcome by its id; where a second framework ran a test of the same id, with that one's name."""
        found: dict[str, Outcome] = {}
        for run in self.runs:
            for case in run.cases:
                other = f"{case.id} ({run.framework} in {run.folder})"
                found[other if case.id in found else case.id] = case.outcome
        return found


class Comparison(BaseModel):
    """How the outcomes of two runs differ. Every tuple holds ids, sorted."""

    model_config = ConfigDict(frozen=True)

    passed_before: int
    """How many tests passed before; with none there is nothing that could have been broken."""
    newly_failing: tuple[str, ...] = ()
    """Failed after and did not fail before: also a test, or a file that does not load, that was not there."""
    vanished: tuple[str, ...] = ()
    """Passed before and is gone."""
    newly_skipped: tuple[str, ...] = ()
    """Passed before and is skipped."""
    newly_passing: tuple[str, ...] = ()
    """Passed after and did not pass before."""
    stopped: tuple[str, ...] = ()
    """Why a framework that gave a report, or ended with success, before did not after; one sentence each."""

    @property
    def held(self) -> bool:
        """Whether every test that passed still passes and nothing newly fails."""
        return not (self.newly_failing or self.vanished or self.newly_skipped or self.stopped)

    @property
    def rerunnable(self) -> tuple[str, ...]:
        """Ids to give to run_tests as ``paths`` to see whether the failures were chance; empty where they are none."""
        chance = not (self.vanished or self.newly_skipped or self.stopped)
        return self.newly_failing if chance and len(self.newly_failing) <= MOST_RERUN else ()

    def sentence(self) -> str:
        """The comparison for people."""
        changes = [
            f"{_tests(ids)} {what} ({_shown(ids)})"
            for ids, what in (
                (self.newly_failing, "newly failing"),
                (self.vanished, "gone that passed"),
                (self.newly_skipped, "newly skipped"),
                (self.newly_passing, "newly passing"),
            )
            if ids
        ]
        if not self.passed_before:
            said = "No test passed before, so the tests cannot tell whether something broke"
        elif self.held:
            said = f"All {self.passed_before} tests that passed before still pass"
            said = "The one test that passed before still passes" if self.passed_before == 1 else said
        else:
            said = f"{self.passed_before} tests passed before"
        return "; ".join([said, *changes, *self.stopped]) + "."


def recorded(data: bytes) -> RecordedTests:
    """The attachment's content; InvalidInput where it is none of this version."""
    try:
        return RecordedTests.model_validate_json(data)
    except ValidationError as error:
        raise InvalidInput(
            f"The record of a test run cannot be read: {error.errors()[0]['msg']}.", "run the tests again."
        ) from error


def compare(before: RecordedTests, after: RecordedTests) -> Comparison:
    """What changed between two runs of the same tests."""
    old, new = before.outcomes(), after.outcomes()
    passed = [case for case, outcome in old.items() if outcome == "passed"]
    return Comparison(
        passed_before=len(passed),
        newly_failing=_newly("failed", old, new),
        vanished=_sorted(case for case in passed if case not in new),
        newly_skipped=_sorted(case for case in passed if new.get(case) == "skipped"),
        newly_passing=_newly("passed", old, new),
        stopped=_stopped(before, after),
    )


def rerun_settled(comparison: Comparison, rerun: RecordedTests) -> Comparison:
    """The comparison without the newly failing tests that passed when they alone ran again."""
    again: Mapping[str, Outcome] = rerun.outcomes()
    lasting = tuple(case for case in comparison.newly_failing if again.get(case) != "passed")
    return comparison.model_copy(update={"newly_failing": lasting})


def _newly(outcome: Outcome, old: Mapping[str, Outcome], new: Mapping[str, Outcome]) -> tuple[str, ...]:
    return _sorted(case for case, now in new.items() if now == outcome and old.get(case) != outcome)


def _stopped(before: RecordedTests, after: RecordedTests) -> tuple[str, ...]:
    ran = {(run.framework, run.folder): run for run in after.runs}
    said: list[str] = []
    for run in before.runs:
        now = ran.get((run.framework, run.folder))
        where = "" if run.folder == "." else f" in {run.folder!r}"
        if run.ran and not (now and now.ran):
            why = now.why if now else "its tests were not found"
            said.append(f"{run.framework}{where} gave a report before and none after: {why}".rstrip(". "))
        elif (
            now and run.succeeded and not now.succeeded and not any(c.outcome == "failed" for c in now.cases)
        ):
            # Such as an error outside every test, or too little of the code covered.
            said.append(
                f"{run.framework}{where} ended with success before and not after: {now.said}".rstrip(". ")
            )
    return tuple(said)


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))


def _tests(ids: tuple[str, ...]) -> str:
    return f"{len(ids)} test{'' if len(ids) == 1 else 's'}"


def _shown(ids: tuple[str, ...]) -> str:
    more = [f"and {len(ids) - SHOWN_IDS} more"] if len(ids) > SHOWN_IDS else []
    return ", ".join([*ids[:SHOWN_IDS], *more])
