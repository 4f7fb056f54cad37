"""The commands for the tests that a change can affect, with the reasons."""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from tools.test_frameworks.commands import Command, Selection, Unable
from tools.test_frameworks.compiled_tests import OF_COMPILED, CompiledTests
from tools.test_frameworks.javascript_tests import JavaScriptTests, refuse_without_tests
from tools.test_frameworks.plans import OF_PYTHON
from tools.test_frameworks.python_tests import CONFTEST, PythonTests
from tools.test_frameworks.tree import present, walked
from tools.test_selection.change import Change
from tools.test_selection.compiled_part import compiled_part
from tools.test_selection.kinds import Family, Kind, homes_of, kind_of
from tools.test_selection.parts import Part
from tools.test_selection.python_part import python_part
from tools.test_selection.script_part import script_part
from tools.tool_schemas import ToolContext

Plan = Command | Unable


@dataclass(frozen=True)
class Choice:
    """What is to run, and what was decided for each language."""

    plans: Sequence[Plan]
    parts: Sequence[Part]
    change: Change

    @property
    def headline(self) -> str:
        """``No tests are affected by the change since base 1a2b3c4d5e6f (2 files)``, or how many files are."""
        count = len(self.change.paths)
        files = "1 file" if count == 1 else f"{count} files"
        since = f"since {self.change.against} ({files})"
        if not self.plans:
            return f"No tests are affected by the change {since}, so none ran"
        if any(part.by_itself for part in self.parts):
            return f"Only tests that the change {since} affects"
        chosen = sum(len(part.files if part.all_because else part.chosen) for part in self.parts)
        total = sum(len(part.files) for part in self.parts)
        return f"{chosen} of {total} test file{'' if total == 1 else 's'}, by the change {since}"

    @property
    def report(self) -> str:
        """The headline, and for each language which files were chosen and why."""
        return "\n".join([f"{self.headline}.", *(part.report for part in self.parts)])


class Choosing:
    """Judges the tests at and below ``paths`` by a change."""

    def __init__(
        self, context: ToolContext, change: Change, *, framework: str, paths: Sequence[str], pattern: str
    ) -> None:
        self._context = context
        self._change = change
        self._wanted = "" if framework == "auto" else framework
        self._paths = tuple(present(context.copy.files, path) for path in paths)
        self._selection = Selection(paths=self._paths, pattern=pattern)
        self._plans: list[Plan] = []
        self._parts: list[Part] = []
        self._found: list[str] = []
        self._inside: list[str] = []
        self._homes: dict[str, Set[Family]] = {}

    async def choice(self) -> Choice:
        """What is to run; ToolRejected where there are no tests at all."""
        if any("::" in path for path in self._paths):
            raise ToolRejected(
                "With affected whole files are chosen, and paths names single tests.",
                "Name files or folders in paths, or leave affected out.",
            )
        files = self._context.copy.files
        self._found = await asyncio.to_thread(walked, files, ["."])
        self._homes = await asyncio.to_thread(homes_of, self._found)
        self._inside = self._found
        if self._paths:
            self._inside = await asyncio.to_thread(walked, files, self._paths)
        if not self._wanted or self._wanted in OF_PYTHON:
            await self._python()
        for name in OF_COMPILED:
            if not self._wanted or self._wanted == name:
                await self._compiled(name)
        if self._wanted not in (*OF_PYTHON, *OF_COMPILED):
            await self._scripts()
        if not self._parts:
            raise refuse_without_tests(self._selection)
        return Choice(tuple(self._plans), tuple(self._parts), self._change)

    def _kinds(self, family: Family) -> dict[str, Kind]:
        return {path: kind_of(path, family, self._homes) for path in self._change.paths}

    async def _python(self) -> None:
        python = PythonTests(self._context)
        tests = await asyncio.to_thread(lambda: [path for path in self._inside if python.is_test(path)])
        if not tests:
            return
        part = await python_part(self._context, self._found, tests, self._kinds("python"))
        self._parts.append(part)
        if part.all_because:
            self._plans += await python.commands(self._inside, self._selection, self._wanted)
        elif part.chosen:
            folders = {python.folder_of(path) for path in part.chosen}
            conftests = [
                path
                for path in self._found
                if path.rpartition("/")[2] == CONFTEST and python.folder_of(path) in folders
            ]
            chosen = Selection(paths=tuple(part.chosen), pattern=self._selection.pattern)
            self._plans += await python.commands([*conftests, *part.chosen], chosen, self._wanted)

    async def _compiled(self, name: Family) -> None:
        compiled = CompiledTests(self._context.copy.files, self._context.toolchain)
        by_folder = await asyncio.to_thread(compiled.by_folder, name, self._inside)
        for folder, tests in sorted(by_folder.items()):
            part = await compiled_part(self._context, name, folder, tests, self._kinds(name))
            self._parts.append(part)
            if part.all_because:
                self._plans += compiled.commands(tests, self._selection, name)
            elif part.chosen:
                chosen = Selection(paths=tuple(part.chosen), pattern=self._selection.pattern)
                self._plans += compiled.commands(list(part.chosen), chosen, name)

    async def _scripts(self) -> None:
        scripts = JavaScriptTests(self._context.copy.files, self._context.toolchain)
        groups = await asyncio.to_thread(scripts.groups, self._inside, self._selection, self._wanted)
        kinds = self._kinds("script")
        for group in groups:
            judged = await script_part(self._context, group, kinds, is_narrowed=bool(self._paths))
            part = judged.part
            self._parts.append(part)
            if part.all_because:
                self._plans.append(scripts.command(group, self._selection))
            elif part.by_itself:
                self._plans.append(scripts.command(group, self._selection, judged.related))
            elif part.chosen:
                chosen = Selection(paths=judged.group.files, pattern=self._selection.pattern)
                self._plans.append(scripts.command(judged.group, chosen))
