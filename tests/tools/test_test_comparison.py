"""Two runs of the same tests: what broke, what is gone, and what is no reason to take a change back."""

import pytest

from perdure.contracts.errors import InvalidInput
from tools.test_comparison import (
    MOST_RERUN,
    Comparison,
    Outcome,
    RecordedCase,
    RecordedRun,
    RecordedTests,
    compare,
    recorded,
    rerun_settled,
)

SPECIMEN = b"""{"v":1,"runs":[{"framework":"pytest","folder":".","ran":true,"started":true,"why":"","cases":[
{"id":"tests/test_a.py::test_x","outcome":"passed"}]}]}"""


def run_of(framework: str = "pytest", folder: str = ".", **outcomes: Outcome) -> RecordedRun:
    cases = tuple(RecordedCase(id=id, outcome=outcome) for id, outcome in outcomes.items())
    return RecordedRun(framework=framework, folder=folder, ran=True, cases=cases)


def record(*runs: RecordedRun, **outcomes: Outcome) -> RecordedTests:
    return RecordedTests(runs=runs or (run_of(**outcomes),))


def test_reads_what_the_first_version_wrote() -> None:
    assert recorded(SPECIMEN) == RecordedTests(
        runs=(
            RecordedRun(
                framework="pytest",
                ran=True,
                cases=(RecordedCase(id="tests/test_a.py::test_x", outcome="passed"),),
            ),
        )
    )


@pytest.mark.parametrize("data", [b"", b"[]", b'{"v":2,"runs":[]}', b'{"v":1,"runs":[{"ran":true}]}'])
def test_refuses_what_is_no_record(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="The record of a test run cannot be read: "):
        recorded(data)


def test_every_kind_of_change_is_told_apart() -> None:
    before = record(
        stays="passed",
        breaks="passed",
        goes="passed",
        sleeps="passed",
        mends="failed",
        wakes="skipped",
        bad="failed",
    )
    after = record(
        stays="passed",
        breaks="failed",
        sleeps="skipped",
        mends="passed",
        wakes="failed",
        bad="failed",
        new="failed",
    )
    found = compare(before, after)
    assert found == Comparison(
        passed_before=4,
        newly_failing=("breaks", "new", "wakes"),
        vanished=("goes",),
        newly_skipped=("sleeps",),
        newly_passing=("mends",),
    )
    assert not found.held
    assert found.sentence() == (
        "4 tests passed before; 3 tests newly failing (breaks, new, wakes); 1 test gone that passed (goes); "
        "1 test newly skipped (sleeps); 1 test newly passing (mends)."
    )


def test_tests_that_failed_before_may_fail_or_go() -> None:
    found = compare(record(a="passed", b="failed", c="failed"), record(a="passed", b="failed"))
    assert found.held
    assert found.sentence() == "The one test that passed before still passes."


def test_without_a_test_that_passed_nothing_is_claimed() -> None:
    found = compare(record(a="failed"), record(a="failed"))
    assert found.held
    assert found.sentence() == ("No test passed before, so the tests cannot tell whether something broke.")


def test_a_framework_that_gives_no_report_any_more_does_not_hold() -> None:
    before = record(run_of(a="passed"), run_of("vitest", "web", b="failed"))
    killed = RecordedRun(framework="vitest", folder="web", ran=False, why="killed by its time limit of 3 s.")
    found = compare(before, record(run_of(a="passed"), killed))
    assert not found.held
    assert found.stopped == (
        "vitest in 'web' gave a report before and none after: killed by its time limit of 3 s",
    )
    assert found.rerunnable == ()
    gone = compare(before, record(run_of(a="passed")))
    assert gone.stopped == ("vitest in 'web' gave a report before and none after: its tests were not found",)


def test_a_framework_that_never_ran_is_no_loss() -> None:
    missing = RecordedRun(framework="jest", ran=False, started=False, why="node_modules is missing.")
    assert compare(record(run_of(a="passed"), missing), record(run_of(a="passed"), missing)).held


def test_success_that_is_lost_outside_every_test_does_not_hold() -> None:
    def ended(succeeded: bool, **outcomes: Outcome) -> RecordedTests:
        run = run_of("vitest", **outcomes)
        return record(run.model_copy(update={"succeeded": succeeded, "said": "2 passed, exit code 1"}))

    found = compare(ended(True, a="passed", b="passed"), ended(False, a="passed", b="passed"))
    assert not found.held
    assert found.stopped == ("vitest ended with success before and not after: 2 passed, exit code 1",)
    assert compare(ended(False, a="passed"), ended(False, a="passed")).held
    # What failed is told as such, and may be chance.
    assert compare(ended(True, a="passed"), ended(False, a="failed")).stopped == ()


def test_one_id_under_two_frameworks_is_two_tests() -> None:
    before = record(run_of("jest", a="passed"), run_of("vitest", "web", a="passed"))
    after = record(run_of("jest", a="failed"), run_of("vitest", "web", a="passed"))
    assert compare(before, after).newly_failing == ("a",)
    other = record(run_of("jest", a="passed"), run_of("vitest", "web", a="failed"))
    assert compare(before, other).newly_failing == ("a (vitest in web)",)


def test_failures_that_a_rerun_does_not_show_are_settled() -> None:
    found = compare(record(a="passed", b="passed"), record(a="failed", b="failed"))
    assert found.rerunnable == ("a", "b")
    assert rerun_settled(found, record(a="passed", b="failed")).newly_failing == ("b",)
    assert rerun_settled(found, record(a="passed", b="passed")).held
    # A rerun that came to nothing shows nothing.
    assert rerun_settled(found, RecordedTests()).newly_failing == ("a", "b")


def test_what_cannot_be_chance_is_not_run_again() -> None:
    assert compare(record(a="passed", b="passed"), record(a="failed")).rerunnable == ()
    many: dict[str, Outcome] = {f"t{number}": "failed" for number in range(MOST_RERUN + 1)}
    assert compare(record(a="passed"), record(a="passed", **many)).rerunnable == ()


def test_a_long_list_is_cut_for_people() -> None:
    after: dict[str, Outcome] = {f"t{number}": "failed" for number in range(5)}
    found = compare(record(a="passed"), record(a="passed", **after))
    assert "5 tests newly failing (t0, t1, t2, and 2 more)" in found.sentence()
