"""How tests of JavaScript and TypeScript are asked for, placed, checked and run, by the framework of their project."""

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from tools.diagnostics import Severity
from tools.editing.symbols import Symbol, tree_of
from tools.node.batch import run_batch
from tools.node.checks import typescript_result
from tools.node.configurations import configuration_of, option_of
from tools.node.conventions import TEST, Conventions, conventions_of, source_paths
from tools.node.exports import DEFAULT, exports
from tools.node.projects import Project, seen_inside
from tools.node.type_checks import type_check_of
from tools.proving.proof_runs import ProofRun
from tools.proving.script_runs import script_runs
from tools.proving.script_tests import faults_of
from tools.proving.sources import Source
from tools.test_frameworks.commands import Command, Selection, Unable
from tools.test_frameworks.javascript_runners import Group, framework_command
from tools.test_frameworks.javascript_tests import is_test
from tools.test_frameworks.node_runner import node_command
from tools.test_frameworks.packages import Package, Packages
from tools.test_frameworks.tree import upwards, within
from tools.tool_schemas import ToolContext

FRAMEWORKS = {
    "node": "node:test (import test from 'node:test'; import assert from 'node:assert/strict')",
    "vitest": "Vitest (import { describe, expect, it } from 'vitest')",
    "jest": "Jest, whose functions are there without an import",
}
INSTRUCTIONS = (
    "Write one complete test file for the named functions of a module, for the framework that is named. Import the module "
    "as it is shown. Every test asserts concrete expected values or what is thrown; snapshots count for nothing. Never skip, "
    "never replace what is tested by a mock, write no files. Expect what the code does."
)
CHECK_S = 240.0
#: What says that declarations of a framework or of Node are not installed, which is no fault of the tests; and that a
#: path ends in .ts, which Node wants.
NOT_OF_THE_TESTS = {"TS2580", "TS2582", "TS2591", "TS2593", "TS2304", "TS7016", "TS5097"}


@dataclass(frozen=True)
class ScriptProofs:
    """Tests of one source file."""

    context: ToolContext
    source: Source
    place: str
    """The new test file."""
    command: Command
    project: Project | None
    conventions: Conventions | None

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return INSTRUCTIONS

    def testable(self, symbols: Sequence[Symbol], *, named: bool) -> list[Symbol]:
        """The symbols that a test can import; ToolRejected for one that was named and cannot be."""
        outside = exports(tree_of(self.source.language, self.source.data).root_node)
        found = [each for each in symbols if each.name.partition(".")[0] in outside and "#" not in each.name]
        hidden = [each.name for each in symbols if each not in found]
        if hidden and (named or not found):
            raise ToolRejected(
                f"{self.source.path!r} does not export {hidden[0]!r}, so no test can import it.",
                "Name what it exports.",
            )
        return found

    def material(self, tested: Sequence[Symbol]) -> str:
        """The question."""
        outside = exports(tree_of(self.source.language, self.source.data).root_node)
        names = ", ".join(
            each.name
            + (" (the default export)" if outside.get(each.name.partition(".")[0]) == DEFAULT else "")
            for each in tested
        )
        return (
            f"Write tests for {names} of {self.source.path}, for the file {self.place}, which imports it from "
            f"{self._specifier()!r} ({'an ES module' if self._is_module() else 'CommonJS: use require'}). "
            f"The framework is {FRAMEWORKS[self.command.framework]}.\n\n{self.source.path}:\n{self.source.text}"
        )

    async def faults_of(self, text: str, tested: Sequence[Symbol]) -> list[str]:
        """What is wrong with the tests before they run: by their syntax, then by the project's type check."""
        faults = faults_of(text, self.place, self.source.path, [each.name for each in tested])
        return faults or await self._wrong_types(text)

    async def run(
        self, jobs: Sequence[Mapping[str, str]], *, time_s: float, cpu_s: int = 0
    ) -> list[ProofRun]:
        """One run for each set of files."""
        return await script_runs(self.context, self.command, jobs, time_s=time_s, cpu_s=cpu_s)

    async def _wrong_types(self, text: str) -> list[str]:
        if self.project is None or self.conventions is None or not self.place.endswith(("ts", "tsx")):
            return []
        check, configuration = type_check_of(self.project, self.conventions, [self.place])
        if check is None:
            return []
        self.context.beat("checking the types of the tests")
        batch = await run_batch(
            self.context,
            [check.command],
            time_s=CHECK_S,
            write={seen_inside(self.place): text, **configuration},
            throw_away=True,
        )
        found = typescript_result(batch.results[0], folder=self.project.folder)
        return [
            f"line {each.range.line}: {each.message} [{check.program.name} {each.rule}]"
            for each in found
            if each.path == self.place
            and each.severity is Severity.ERROR
            and each.rule not in NOT_OF_THE_TESTS
            and "'node:" not in each.message
        ]

    def _is_module(self) -> bool:
        if self.place.endswith((".mjs", ".mts")) or self.command.framework == "vitest":
            return True
        if self.place.endswith((".cjs", ".cts")):
            return False
        return self.conventions is not None and self.conventions.module

    def _specifier(self) -> str:
        """How the test file names the source."""
        found = posixpath.relpath(self.source.path, posixpath.dirname(self.place) or ".")
        found = found if found.startswith(".") else f"./{found}"
        stem, ending = posixpath.splitext(found)
        if self.command.framework == "node" or ending in {".mjs", ".cjs"}:
            return found
        if self.project is not None and ending in {".ts", ".tsx"}:
            configuration = configuration_of(self.project)
            resolution = (
                option_of(self.project.files, configuration, "moduleResolution") if configuration else ""
            )
            return f"{stem}.js" if str(resolution).lower() in {"nodenext", "node16"} else stem
        return stem if not self._is_module() else found


def script_proofs(context: ToolContext, source: Source, named: str | None) -> ScriptProofs:
    """For a source file; ToolRejected where its project's tests cannot be run."""
    files = context.copy.files
    packages = Packages(files)
    above = [package for folder in upwards(source.path) if (package := packages.of(folder))]
    package = next((each for each in above if each.choice[0]), next(iter(above), None))
    framework = (package.choice[0] if package else "") or "node"
    if framework not in FRAMEWORKS:
        raise ToolRejected(
            f"The project's tests are run by {'its own script' if framework == 'script' else framework}, for which no tests "
            "are written here.",
            "It is done for node:test, Vitest and Jest; write these tests by hand.",
        )
    project = Project(context, package) if package else None
    conventions = conventions_of(project) if project else None
    place = _named(context, named) if named else _place(context, source, project, conventions)
    command = _command(context, framework, package, place)
    if isinstance(command, Unable):
        raise ToolRejected(command.why, "Send install_dependencies first.")
    return ScriptProofs(context, source, place, command, project, conventions)


def _command(context: ToolContext, framework: str, package: Package | None, place: str) -> Command | Unable:
    folder = package.folder if package else "."
    group = Group(framework, folder, (place,), package)
    selection = Selection(paths=(place,))
    if context.toolchain.node is None:
        return Unable(framework, folder, "Node is not installed on this worker.")
    if framework == "node":
        return node_command(group, selection, context.toolchain.node)
    return framework_command(group, selection, context.copy.files)


def _named(context: ToolContext, named: str) -> str:
    if context.copy.files.exists(named):
        raise ToolRejected(f"{named!r} exists already.", "Name a file that does not exist yet.")
    if not is_test(named):
        raise ToolRejected(
            f"{named!r} is no name of a file with tests.", "Name it ….test.ts, ….test.js or the like."
        )
    return posixpath.normpath(named)


def _place(
    context: ToolContext, source: Source, project: Project | None, conventions: Conventions | None
) -> str:
    """The new file where the project has its tests: beside the source, in a folder there, or in one for all."""
    folder, name = posixpath.split(source.path)
    stem, ending = posixpath.splitext(name)
    word = conventions.test_ending if conventions else "test"
    shared = _shared_folder(project) if project else ""
    if shared:
        folder = shared
    elif conventions and conventions.test_folder:
        folder = posixpath.join(folder, conventions.test_folder)
    names = [f"{stem}.{word}{ending}", *(f"{stem}-{number}.{word}{ending}" for number in range(2, 100))]
    places = [posixpath.join(folder, each) for each in names]
    return next(each for each in places if not context.copy.files.exists(each))


def _shared_folder(project: Project) -> str:
    """The folder that holds most of a project's tests, where they do not stand with their sources."""
    tests = [path for path in source_paths(project) if is_test(path)]
    counts = Counter(
        folder
        for path in tests
        for folder in (within(project.folder, "test"), within(project.folder, "tests"))
        if path.startswith(f"{folder}/") and TEST.search(path)
    )
    folder, count = counts.most_common(1)[0] if counts else ("", 0)
    return folder if count * 2 > len(tests) else ""
