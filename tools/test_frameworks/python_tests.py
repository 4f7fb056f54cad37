"""Finds the tests of Python, which interpreter they need, and whether pytest or unittest runs them."""

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from perdure.safety.environment import WORKSPACE
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.paths import Files
from tools.programs import run_program
from tools.test_frameworks import junit, lines
from tools.test_frameworks.commands import REPORT, Command, Helper, Selection, Unable
from tools.test_frameworks.test_names import is_named_so, named_as_tests
from tools.test_frameworks.tree import SCRIPT, beginning, file_of, seen_from, upwards, within
from tools.tool_schemas import ToolContext

CONFTEST = "conftest.py"
SOURCES = "src"
OWN_PYTHON = ".venv/bin/python"
PROBE = "import importlib.util as u; print('pytest' if u.find_spec('pytest') else 'none')"
PROBE_LIMITS = SandboxLimits(time_s=60.0)
UNITTEST = re.compile(r"^\s*(?:import|from)\s[^\n]*\bunittest\b", re.MULTILINE)
PYTEST = re.compile(r"^\s*(?:import|from)\s[^\n]*\bpytest\b|^(?:async )?def test_", re.MULTILINE)
CONFIGURATIONS = {
    "pytest.ini": re.compile(""),
    ".pytest.ini": re.compile(""),
    "pyproject.toml": re.compile(r"^\[tool\.pytest", re.MULTILINE),
    "setup.cfg": re.compile(r"^\[tool:pytest\]", re.MULTILINE),
    "tox.ini": re.compile(r"^\[pytest\]", re.MULTILINE),
}
PROGRAM_AT = "/tmp/unittest_program.py"
UNITTEST_PROGRAM = Path(__file__).with_name("unittest_program.py")
PYTEST_OPTIONS = (
    # A project's own options may name what only the cache's plugin knows, so it stays, with an empty cache each time.
    "--override-ini=cache_dir=/tmp/pytest-cache",
    "--color=no",
    "--tb=short",
    # One file that does not load must not hide what all others say.
    "--continue-on-collection-errors",
    f"--junitxml={REPORT}",
    "--override-ini=junit_family=xunit1",
)


class PythonTests:
    """Sorts files by the folder whose pytest configuration holds for them, and makes their commands."""

    def __init__(self, context: ToolContext) -> None:
        self._context = context
        self._files: Files = context.copy.files
        self._patterns: dict[str, tuple[str, ...]] = {}

    def is_test(self, path: str) -> bool:
        """Whether a file has tests by its name, as the configuration that holds for it names them."""
        if not path.endswith(".py"):
            return False
        folder = self.folder_of(path)
        if folder not in self._patterns:
            self._patterns[folder] = named_as_tests(self._files, folder)
        return is_named_so(path, self._patterns[folder])

    async def commands(
        self, found: Sequence[str], selection: Selection, framework: str = ""
    ) -> list[Command | Unable]:
        """One for each folder with a configuration of its own; ``framework`` is taken as the caller says."""
        named = {*selection.paths, *map(file_of, selection.ids)}
        by_folder: dict[str, list[str]] = {}
        for path in found:
            if not path.endswith(".py"):
                continue
            if path in named or self.is_test(path) or posixpath.basename(path) == CONFTEST:
                by_folder.setdefault(self.folder_of(path), []).append(path)
        if not by_folder and framework:
            by_folder["."] = []
        return [
            await self._command(folder, files, selection, framework)
            for folder, files in sorted(by_folder.items())
        ]

    async def command_for_new(self, path: str) -> Command | Unable:
        """pytest on one test file that need not be there yet."""
        folder = self.folder_of(path)
        python, has_pytest, problem = await self._interpreter(folder)
        if not has_pytest:
            return Unable(
                "pytest", folder, f"The tests need pytest, which is not installed for {python}.{problem}"
            )
        return self._importing(_pytest(folder, Selection(paths=(path,)), python, problem))

    async def interpreter_for(self, path: str) -> tuple[str, ...]:
        """The program that the tests of a file would run on, with the folders that its imports begin in."""
        folder = self.folder_of(path)
        python, _, problem = await self._interpreter(folder)
        return self._importing(
            Command("pytest", folder, (python,), partial(junit.cases_of, folder=folder), problem)
        ).argv

    def folder_of(self, path: str) -> str:
        """The nearest folder with a configuration of pytest, or the root."""
        return next((folder for folder in upwards(path) if self._configured(folder)), ".")

    def _configured(self, folder: str) -> bool:
        return any(
            self._files.exists(within(folder, name))
            and bool(mark.search(beginning(self._files, within(folder, name))))
            for name, mark in CONFIGURATIONS.items()
        )

    async def _command(
        self, folder: str, files: Sequence[str], selection: Selection, framework: str
    ) -> Command | Unable:
        python, has_pytest, problem = await self._interpreter(folder)
        tests = [path for path in files if posixpath.basename(path) != CONFTEST]
        only_unittest = self._only_unittest(folder, tests, len(files) > len(tests))
        if framework == "unittest" or (not framework and only_unittest):
            why = "" if framework else "every test file uses unittest alone"
            return self._importing(_unittest(folder, tests, selection, python, why + problem))
        if not has_pytest:
            return Unable(
                "pytest",
                folder,
                f"The tests need pytest, which is not installed for {python}; install the dependencies first.{problem}",
            )
        why = "" if framework else "the tests are Python's and pytest is installed for it"
        return self._importing(_pytest(folder, selection, python, why + problem))

    def _importing(self, command: Command) -> Command:
        """The command with the folder ``src`` of the project before everything that is installed.

        Else a copy of the project among the installed packages would be tested in place of the files here. Without
        such a folder the folder itself comes first anyway.
        """
        places = [within(above, SOURCES) for above in upwards(within(command.folder, "x"))]
        found = [f"{WORKSPACE}/{place}" for place in places if self._has_modules(place)]
        if not found:
            return command
        return replace(command, argv=("/usr/bin/env", f"PYTHONPATH={':'.join(found)}", *command.argv))

    def _has_modules(self, folder: str) -> bool:
        """Whether modules or packages lie in it, and it is no package itself."""
        files = self._files
        if not files.exists(folder) or files.stat(folder).kind != "folder":
            return False
        if files.exists(within(folder, "__init__.py")):
            return False
        return any(
            entry.name.endswith(".py") or files.exists(f"{folder}/{entry.name}/__init__.py")
            for entry in files.list(folder)
        )

    async def _interpreter(self, folder: str) -> tuple[str, bool, str]:
        """The project's own Python where it runs, else the worker's; whether it has pytest; what was wrong."""
        problem = ""
        for above in upwards(within(folder, "x")):
            path = within(above, OWN_PYTHON)
            if not self._files.exists(path):
                continue
            if (has := await self._probe(f"{WORKSPACE}/{path}")) is not None:
                return f"{WORKSPACE}/{path}", has, ""
            problem = f" ({path} does not run in the sandbox, so the worker's Python is used)"
        python = str(self._context.toolchain.python)
        return python, bool(await self._probe(python)), problem

    async def _probe(self, python: str) -> bool | None:
        """Whether pytest is there; None where the interpreter does not run."""
        finished = await run_program(
            self._context, [python, "-c", PROBE], view=View.READ_ONLY, limits=PROBE_LIMITS
        )
        return finished.output.strip() == b"pytest" if finished.exit_code == 0 else None

    def _only_unittest(self, folder: str, tests: Sequence[str], has_conftest: bool) -> bool:
        if not tests or has_conftest or self._configured(folder):
            return False
        texts = [beginning(self._files, path) for path in tests]
        return all(UNITTEST.search(text) for text in texts) and not any(map(PYTEST.search, texts))


def _pytest(folder: str, selection: Selection, python: str, why: str) -> Command:
    # Ids begin at the folder, whatever folder pytest would take for the root by itself.
    argv = [python, "-m", "pytest", *PYTEST_OPTIONS, "--rootdir=."]
    argv += [f"-k={selection.pattern}"] if selection.pattern else []
    chosen = [
        seen_from(folder, file_of(one)) + one[len(file_of(one)) :]
        for one in (*selection.paths, *selection.ids)
        if _concerns(folder, one)
    ]
    argv += ["--", *chosen] if chosen else []
    return Command("pytest", folder, tuple(argv), partial(junit.cases_of, folder=folder), why)


def _unittest(folder: str, tests: Sequence[str], selection: Selection, python: str, why: str) -> Command:
    choice = {
        "files": [seen_from(folder, path) for path in tests],
        "ids": _unittest_ids(folder, selection),
        "pattern": selection.pattern,
    }
    reader = partial(lines.cases_of, folder=folder, between="::")
    argv = (python, PROGRAM_AT, REPORT, json.dumps(choice))
    return Command("unittest", folder, argv, reader, why, Helper(PROGRAM_AT, UNITTEST_PROGRAM.read_text()))


def _unittest_ids(folder: str, selection: Selection) -> list[str]:
    if not selection.ids:
        return []
    return [
        seen_from(folder, file_of(one)) + one[len(file_of(one)) :]
        for one in (*selection.ids, *selection.paths)
    ]


def _concerns(folder: str, path: str) -> bool:
    """Whether a path or id is Python's and lies in the folder."""
    path = file_of(path)
    if SCRIPT.match(path):
        return False
    return folder == "." or path == folder or path.startswith(f"{folder}/")
