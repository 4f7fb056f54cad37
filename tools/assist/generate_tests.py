"""Write tests for functions that are there, and prove that they would notice a fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.editing.changes import Replacement, preview_of_changes, write_all
from tools.editing.symbols import PYTHON, Symbol
from tools.paths import WorkspacePath
from tools.proving.mutants import Mutant, mutants_of
from tools.proving.proof_runs import ProofRun, Score, refuse_unless_run, scored
from tools.proving.python_proofs import python_proofs
from tools.proving.rounds import Judged, proved
from tools.proving.script_proofs import script_proofs
from tools.proving.sources import asked_model, source_of
from tools.test_frameworks.commands import Command
from tools.text_files import TextFile
from tools.tool_schemas import ANYTHING, Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 600.0
RUN_S = 120.0
SCRIPTS = ("javascript", "typescript", "tsx")


class WrittenTests(BaseModel):
    """The model's answer."""

    tests: str = Field(description="The whole text of the test file.")


class GenerateTests(Arguments):
    """Write tests for functions of a Python, JavaScript or TypeScript file (pytest, node:test, Vitest, Jest). They must
    pass, and fail when a function is broken on purpose; else nothing is written."""

    path: WorkspacePath = Field(min_length=1, description="The file to test.")
    symbols: list[str] = Field(
        default=[], max_length=8, description="Functions, e.g. Cart.total; default public ones."
    )
    test_path: WorkspacePath | None = Field(default=None, description="The new test file; None: chosen.")


@dataclass(frozen=True)
class ProvedTests:
    """Tests that hold."""

    change: Replacement
    run: ProofRun
    score: Score
    untestable: tuple[str, ...]


def _title(arguments: GenerateTests) -> str:
    which = f" ({', '.join(arguments.symbols)})" if arguments.symbols else ""
    return f"generate_tests {arguments.path}{which}"


class ProvesTests(Protocol):
    """Tests of one source file, in the way of its language."""

    @property
    def place(self) -> str:
        """The new test file."""
        ...

    @property
    def command(self) -> Command:
        """How the tests are run."""
        ...

    @property
    def instructions(self) -> str:
        """What the model is told."""
        ...

    def testable(self, symbols: Sequence[Symbol], *, named: bool) -> list[Symbol]:
        """The symbols that a test can reach."""
        ...

    def material(self, tested: Sequence[Symbol]) -> str:
        """The question."""
        ...

    async def faults_of(self, text: str, tested: Sequence[Symbol]) -> list[str]:
        """What is wrong with the tests before they run."""
        ...

    async def run(
        self, jobs: Sequence[Mapping[str, str]], *, time_s: float, cpu_s: int = 0
    ) -> list[ProofRun]:
        """One run for each set of files."""
        ...


async def _proved(arguments: GenerateTests, context: ToolContext) -> ProvedTests:
    source = source_of(context, arguments.path, parsed=(PYTHON, *SCRIPTS))
    symbols = source.chosen(arguments.symbols)
    proofs: ProvesTests = (
        await python_proofs(context, source, arguments.test_path)
        if source.language == PYTHON
        else script_proofs(context, source, arguments.test_path)
    )
    symbols = proofs.testable(symbols, named=bool(arguments.symbols))
    mutants = [mutant for each in symbols for mutant in mutants_of(source.language, source.data, each)]
    breakable = {mutant.symbol for mutant in mutants}
    tested = [each for each in symbols if each.name in breakable]
    if not tested:
        raise ToolRejected(f"Nothing in {source.path!r} does anything that a test could notice.")
    checker = _Checker(context, proofs, source.path, tested, mutants)
    untestable = tuple(each.name for each in symbols if each.name not in breakable)
    run, score, text = await proved(
        context,
        instructions=proofs.instructions,
        material=proofs.material(tested),
        answer=WrittenTests,
        judge=checker.judge,
        what="tests",
    )
    after = TextFile(proofs.place, text)
    return ProvedTests(Replacement(proofs.place, None, None, after, after.encoded()), run, score, untestable)


@dataclass(frozen=True)
class _Checker:
    """Judges answers."""

    context: ToolContext
    proofs: ProvesTests
    path: str
    tested: list[Symbol]
    mutants: list[Mutant]

    async def judge(self, answer: WrittenTests) -> Judged[tuple[ProofRun, Score, str]]:
        text = answer.tests if answer.tests.endswith("\n") else f"{answer.tests}\n"
        faults = await self.proofs.faults_of(text, self.tested)
        if faults:
            return Judged(None, faults)
        files = {self.proofs.place: text}
        self.context.beat("running the tests")
        run = (await self.proofs.run([files], time_s=RUN_S))[0]
        refuse_unless_run(run, self.proofs.command.framework)
        faults = self._faults_of_run(run)
        if faults:
            return Judged(None, faults)
        self.context.beat(f"breaking {', '.join(each.name for each in self.tested)}")
        score = await scored(self.proofs.run, files, self.path, self.mutants, good=run)
        faults = [f"{name} passed once and then did not." for name in score.unsteady]
        if not faults:
            faults = [self._unnoticed(each, score) for each in self.tested if not score.proves(each.name)]
        return Judged(None, faults) if faults else Judged((run, score, text))

    def _faults_of_run(self, run: ProofRun) -> list[str]:
        faults = [f"The file cannot be loaded: {each}" for each in run.errors]
        faults += [
            f"{name} fails on the code as it is: {run.cases[name].detail}" for name in run.of("failed")
        ]
        faults += [f"{name} is skipped, and every test has to run." for name in run.of("skipped")]
        faults += [f"The tests write {path!r}, outside of temporary folders." for path in run.written]
        return faults or ([] if run.of("passed") else ["No test ran."])

    def _unnoticed(self, symbol: Symbol, score: Score) -> str:
        survived = [str(each) for each in score.survived if each.symbol == symbol.name]
        shown = "; ".join(survived) or "no assertion failed, whatever was broken"
        return f"The tests of {symbol.name} still pass when it is broken: {shown}."


async def _preview(arguments: GenerateTests, context: ToolContext) -> Preview:
    done = await _proved(arguments, context)
    return preview_of_changes(_title(arguments), [done.change])


@tool(
    GenerateTests,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=LONGEST_S,
    preview=_preview,
    touches=lambda a: Touches(paths=(a.test_path,)) if a.test_path else ANYTHING,
)
async def generate_tests(arguments: GenerateTests, context: ToolContext) -> ToolOutput:
    """The tests that were written, and what proves them."""
    done = await _proved(arguments, context)
    write_all(context.copy.files, [done.change])
    score, passed = done.score, len(done.run.of("passed"))
    parts = [
        f"Wrote {done.change.path}: {passed} tests by {asked_model(context)}. They pass twice, and notice {score.shown} of "
        "the breaks that were tried on what they test.",
    ]
    if score.survived:
        parts.append("Not noticed: " + "; ".join(f"{each.symbol}, {each}" for each in score.survived) + ".")
    if score.unclear:
        parts.append(f"Not counted, because the tests did not end or load: {len(score.unclear)}.")
    if done.untestable:
        parts.append(f"Nothing to break in, so not proved: {', '.join(done.untestable)}.")
    parts.append(f"\n{done.change.after.text.rstrip()}")
    return ToolOutput(
        content="\n".join(parts),
        summary=f"wrote {done.change.path}, {passed} tests, mutation score {score.shown}",
        changed_paths=(done.change.path,),
    )
