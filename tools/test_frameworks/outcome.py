"""What a framework's run came to: for the model in short, and whole as the record that two runs are compared by."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.safety.secrets.cutting import beginning, ending
from tools.model_view import for_model
from tools.test_comparison import RecordedCase, RecordedRun, RecordedTests
from tools.test_frameworks.cases import TestCase

SHOWN_FAILURES = 5
SHOWN_NAMES = 30
DETAIL_CHARACTERS = 1_200
OUTPUT_CHARACTERS = 3_000


@dataclass(frozen=True)
class FrameworkRun:
    """What one framework said."""

    framework: str
    folder: str
    cases: list[TestCase] | None
    """None where it gave no readable report."""
    exit_code: int | None
    ended: str
    output: str
    why: str = ""
    """Why this framework; empty where it was named."""
    unable: str = ""
    """Why it could not be started; empty where it was."""
    none_said: str = ""
    """What it says where it was to choose the tests by itself and chose none."""

    @property
    def counts(self) -> Counter[str]:
        """How many passed, failed and were skipped."""
        return Counter(case.outcome for case in self.cases or [])

    @property
    def succeeded(self) -> bool:
        """Whether something passed and nothing failed; or nothing was affected, where the framework was to choose."""
        return self.is_unaffected or (
            self.exit_code == 0 and self.counts["passed"] > 0 and self.counts["failed"] == 0
        )

    @property
    def is_unaffected(self) -> bool:
        """Whether the framework itself found no test that the change affects."""
        return (
            bool(self.none_said) and self.exit_code == 0 and not self.cases and self.none_said in self.output
        )

    @property
    def place(self) -> str:
        """The framework, and the folder where it is not the root."""
        return self.framework if self.folder == "." else f"{self.framework} in {self.folder}"

    @property
    def headline(self) -> str:
        """``pytest: 3 passed, 1 failed, exit code 1 after 0.8 s``."""
        counts = self.counts
        if self.unable:
            return f"{self.place}: not started. {self.unable}"
        if self.is_unaffected:
            return f"{self.place}: no tests are affected"
        if not counts:
            return f"{self.place}: no tests ran, {self.ended}"
        numbers = ", ".join(
            f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome]
        )
        problem = "" if self.succeeded or counts["failed"] else ", but that is not success"
        return f"{self.place}: {numbers}, {self.ended}{problem}"


def record_of(runs: Sequence[FrameworkRun]) -> RecordedTests:
    """Every test's outcome, for the comparison with another run."""
    return RecordedTests(
        runs=tuple(
            RecordedRun(
                framework=run.framework,
                folder=run.folder,
                ran=run.cases is not None,
                started=not run.unable,
                why="" if run.cases is not None else run.unable or run.headline,
                said=run.headline,
                succeeded=run.succeeded,
                cases=tuple(RecordedCase(id=case.id, outcome=case.outcome) for case in run.cases or []),
            )
            for run in runs
        )
    )


def report_of(run: FrameworkRun) -> str:
    """The headline, the names of failing tests, and what the first of them said."""
    failed = [case for case in run.cases or [] if case.outcome == "failed"]
    parts = [run.headline + (f"\n({run.framework}: {run.why})" if run.why else "")]
    if failed:
        names = [f"- {case.id}" for case in failed[:SHOWN_NAMES]]
        more = [f"- and {len(failed) - SHOWN_NAMES} more"] if len(failed) > SHOWN_NAMES else []
        parts.append("\n".join(["Failing:", *names, *more]))
    parts += [f"{case.id}:\n{_cut(case.detail)}" for case in failed[:SHOWN_FAILURES]]
    # A file that cannot even be loaded may fail without a word in the report, so the output has to speak.
    silent = run.framework == "script" or any("::" not in case.id for case in failed)
    if run.output and not run.succeeded and (not failed or silent):
        parts.append(f"Output:\n{for_model(run.output, limit=OUTPUT_CHARACTERS)}")
    return "\n\n".join(parts)


def _cut(detail: str) -> str:
    if len(detail) <= DETAIL_CHARACTERS:
        return detail
    kept = DETAIL_CHARACTERS // 2
    return f"{beginning(detail, kept)}\n[…]\n{ending(detail, kept)}"
