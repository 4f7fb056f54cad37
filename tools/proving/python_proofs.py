"""How tests of Python are asked for, placed, checked and run, by pytest."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from tools.editing.symbols import Symbol
from tools.proving.proof_runs import ProofRun, proof_runs
from tools.proving.sources import Source, module_of
from tools.proving.weak_tests import faults_of
from tools.test_frameworks.commands import Command, Unable
from tools.test_frameworks.python_tests import PythonTests
from tools.test_frameworks.tree import walked
from tools.tool_schemas import ToolContext

INSTRUCTIONS = (
    "Write one complete pytest file for the named functions of a Python module. Import the module by the given name. "
    "Every test asserts concrete expected values or pytest.raises. Never skip, never replace what is tested by a mock, "
    "never write files outside of tmp_path. Expect what the code does."
)


@dataclass(frozen=True)
class PythonProofs:
    """Tests of one source file."""

    context: ToolContext
    source: Source
    place: str
    """The new test file."""
    command: Command

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return INSTRUCTIONS

    def testable(self, symbols: Sequence[Symbol], *, named: bool) -> list[Symbol]:
        """The symbols that a test can import: all."""
        return list(symbols)

    def material(self, tested: Sequence[Symbol]) -> str:
        """The question."""
        names = ", ".join(each.name for each in tested)
        return (
            f"Write tests for {names} of the module {module_of(self.source.path)!r}, for the file {self.place}.\n\n"
            f"{self.source.path}:\n{self.source.text}"
        )

    async def faults_of(self, text: str, tested: Sequence[Symbol]) -> list[str]:
        """What is wrong with the tests before they run."""
        return faults_of(text, module_of(self.source.path), [each.name for each in tested])

    async def run(
        self, jobs: Sequence[Mapping[str, str]], *, time_s: float, cpu_s: int = 0
    ) -> list[ProofRun]:
        """One run for each set of files."""
        return await proof_runs(self.context, self.command, jobs, time_s=time_s, cpu_s=cpu_s)


async def python_proofs(context: ToolContext, source: Source, named: str | None) -> PythonProofs:
    """For a source file; ToolRejected where its project's tests cannot be run."""
    place = _place(context, source, named)
    command = await PythonTests(context).command_for_new(place)
    if isinstance(command, Unable):
        raise ToolRejected(command.why, "Install pytest for the project first.")
    return PythonProofs(context, source, place, command)


def _place(context: ToolContext, source: Source, named: str | None) -> str:
    """The new file, whose name no other test file has, since pytest may take both for one module."""
    files = context.copy.files
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
