"""Write tests for functions that are there, and prove that they would notice a fault."""

import posixpath
from dataclasses import dataclass

from pydantic import BaseModel, Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.editing.changes import Replacement, preview_of_changes, write_all
from tools.editing.symbols import Symbol
from tools.paths import WorkspacePath
from tools.proving.mutants import Mutant, mutants_of
from tools.proving.proof_runs import ProofRun, Score, proof_run, refuse_unless_run, scored
from tools.proving.rounds import Judged, proved
from tools.proving.sources import Source, asked_model, module_of, source_of
from tools.proving.weak_tests import faults_of
from tools.test_frameworks.commands import Command, Unable
from tools.test_frameworks.python_tests import PythonTests
from tools.test_frameworks.tree import walked
from tools.text_files import TextFile
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 600.0
RUN_S = 120.0
INSTRUCTIONS = (
    "Write one complete pytest file for the named functions of a Python module. Import the module by the given name. "
    "Every test asserts concrete expected values or pytest.raises. Never skip, never replace what is tested by a mock, "
    "never write files outside of tmp_path. Expect what the code does."
)


class WrittenTests(BaseModel):
    """The model's answer."""

    tests: str = Field(description="The whole text of the test file.")


class GenerateTests(Arguments):
    """Write pytest tests for functions of a Python file. They must pass, and fail when a function is broken on
    purpose; else nothing is written."""

    path: WorkspacePath = Field(min_length=1, description="The Python file to test.")
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


async def _proved(arguments: GenerateTests, context: ToolContext) -> ProvedTests:
    source = source_of(context, arguments.path)
    symbols = source.chosen(arguments.symbols)
    mutants = [mutant for each in symbols for mutant in mutants_of(source.language, source.data, each)]
    breakable = {mutant.symbol for mutant in mutants}
    tested = [each for each in symbols if each.name in breakable]
    if not tested:
        raise ToolRejected(f"Nothing in {source.path!r} does anything that a test could notice.")
    place = _place(arguments, context, source)
    command = await PythonTests(context).command_for_new(place)
    if isinstance(command, Unable):
        raise ToolRejected(command.why, "Install pytest for the project first.")
    checker = _Checker(context, source, tested, mutants, place, command)
    untestable = tuple(each.name for each in symbols if each.name not in breakable)
    run, score, text = await proved(
        context,
        instructions=INSTRUCTIONS,
        material=_material(source, tested, place),
        answer=WrittenTests,
        judge=checker.judge,
        what="tests",
    )
    after = TextFile(place, text)
    return ProvedTests(Replacement(place, None, None, after, after.encoded()), run, score, untestable)


def _material(source: Source, tested: list[Symbol], place: str) -> str:
    names = ", ".join(each.name for each in tested)
    return (
        f"Write tests for {names} of the module {module_of(source.path)!r}, for the file {place}.\n\n"
        f"{source.path}:\n{source.text}"
    )


def _place(arguments: GenerateTests, context: ToolContext, source: Source) -> str:
    """The new file, whose name no other test file has, since pytest may take both for one module."""
    files = context.copy.files
    named = arguments.test_path
    if named is not None:
        if files.exists(named):
            raise ToolRejected(f"{named!r} exists already.", "Name a file that does not exist yet.")
        if not posixpath.basename(named).startswith("test_") or not named.endswith(".py"):
            raise ToolRejected(f"pytest would not find {named!r}.", "Name it test_….py.")
        return posixpath.normpath(named)
    folder = next((each for each in ("tests", "test") if files.exists(each)), "tests")
    taken = {posixpath.basename(path) for path in walked(files, ["."])}
    stem = posixpath.basename(source.path).removesuffix(".py").strip("_")
    names = [f"test_{stem}.py", *(f"test_{stem}_{number}.py" for number in range(2, 100))]
    return f"{folder}/{next(name for name in names if name not in taken)}"


@dataclass(frozen=True)
class _Checker:
    """Judges answers."""

    context: ToolContext
    source: Source
    tested: list[Symbol]
    mutants: list[Mutant]
    place: str
    command: Command

    async def judge(self, answer: WrittenTests) -> Judged[tuple[ProofRun, Score, str]]:
        text = answer.tests if answer.tests.endswith("\n") else f"{answer.tests}\n"
        faults = faults_of(text, module_of(self.source.path), [each.name for each in self.tested])
        if faults:
            return Judged(None, faults)
        files = {self.place: text}
        run = await proof_run(self.context, self.command, files, time_s=RUN_S)
        refuse_unless_run(run)
        faults = self._faults_of_run(run)
        if faults:
            return Judged(None, faults)
        score = await scored(self.context, self.command, files, self.source.path, self.mutants, good=run)
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
        faults += [f"The tests write {path!r}, outside of tmp_path." for path in run.written]
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
    touches=lambda a: Touches(paths=(a.test_path or "tests",)),
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
