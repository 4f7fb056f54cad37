"""The quality gate: syntax, lint, types of JavaScript projects, then tests, of what differs from the base commit."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from perdure.contracts.calls import CallKey, ToolCall
from perdure.contracts.errors import ToolRejected
from perdure.contracts.task import Check
from perdure.safety.secrets.cutting import beginning
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.added_lines import secrets_added
from perdure.workspace.working_copy import WorkingCopy
from tools.checking.script_gate import script_checks
from tools.model_view import for_model
from tools.programs import output_text, run_program
from tools.registry import Registry
from tools.syntax import PARSED_BYTES, has_grammar, syntax_error
from tools.test_comparison import ATTACHMENT, RecordedRun, recorded
from tools.test_frameworks.javascript_tests import is_test as is_javascript_test
from tools.tool_runner import ToolRunner
from tools.tool_schemas import ToolContext

LINT_LIMITS = SandboxLimits(time_s=120.0)
#: Rules that find defects, not taste: syntax, undefined names, misuse that fails at run time.
RUFF_RULES = "E9,F63,F7,F82"
MAX_TEST_FILES = 40
#: How much of a test file is searched for the names of what changed.
READ_BYTES = 256 * 1024
MODEL_CHARACTERS = 4_000
PYTHON_TEST = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")
PYTHON = re.compile(r"\.pyi?$")
JAVASCRIPT = re.compile(r"\.[cm]?[jt]sx?$")


class QualityGate:
    """Checks a working copy; each check says what it looked at, or why it was skipped."""

    def __init__(self, runner: ToolRunner, registry: Registry) -> None:
        self._runner = runner
        self._registry = registry

    async def __call__(
        self, copy: WorkingCopy, *, base_commit: str, beat: Callable[[str], None]
    ) -> tuple[Sequence[Check], str, int]:
        """Results in order, the text the model reads about failures, and how many files changed."""
        changed = sorted(await copy.git.diff_names(base_commit))
        present = [path for path in changed if copy.files.exists(path)]
        context = self._context(copy, beat)
        texts: list[str] = []
        checks = [await asyncio.to_thread(syntax, copy, present, texts)]
        checks.append(await self._lint(context, present, texts))
        checks += await script_checks(context, changed, base_commit=base_commit, texts=texts)
        checks += await self._tests(context, changed, texts)
        checks += await added_secrets(context, base_commit, texts) if changed else []
        screen = context.screen
        said = [check.model_copy(update={"detail": screen.text(check.detail)}) for check in checks]
        return said, screen.text("\n\n".join(texts)), len(changed)

    def _context(self, copy: WorkingCopy, beat: Callable[[str], None]) -> ToolContext:
        # The gate has no call of its own; nothing that it runs keeps anything under a key.
        key = CallKey(task_id="", run_id="", step=0, call_index=0)
        return self._runner.context(
            copy=copy, key=key, requested_at=datetime.now(UTC), beat=beat, approved={}
        )

    async def _lint(self, context: ToolContext, present: Sequence[str], texts: list[str]) -> Check:
        files = [path for path in present if PYTHON.search(path)]
        if not files:
            return Check(name="lint", status="skipped", detail="no Python file changed")
        # Isolated: a configuration in the repository may name plugins or switch rules off.
        argv = [
            str(context.toolchain.ruff),
            "check",
            "--isolated",
            "--no-cache",
            "--select",
            RUFF_RULES,
            "--output-format",
            "concise",
        ]
        finished = await run_program(context, [*argv, "--", *files], view=View.READ_ONLY, limits=LINT_LIMITS)
        output = output_text(finished)
        if finished.exit_code == 0:
            return Check(name="lint", status="passed", detail=f"ruff on {counted(files, 'file')}")
        texts.append(f"Lint failed:\n{for_model(output, limit=MODEL_CHARACTERS)}")
        return Check(name="lint", status="failed", detail=first_line(output))

    async def _tests(self, context: ToolContext, changed: Sequence[str], texts: list[str]) -> list[Check]:
        tracked = await asyncio.to_thread(all_files, context.copy)
        checks: list[Check] = []
        for language, source, is_test in (
            ("Python", PYTHON, PYTHON_TEST.search),
            ("JavaScript", JAVASCRIPT, is_javascript_test),
        ):
            touched = [path for path in changed if source.search(path)]
            if not touched:
                continue
            known = [path for path in tracked if is_test(path)]
            tests = await asyncio.to_thread(related_tests, context.copy, touched, known)
            checks += await self._run_tests(context, language, tests, texts)
        return checks or [Check(name="tests", status="skipped", detail="no file with tests changed")]

    async def _run_tests(
        self, context: ToolContext, language: str, tests: Sequence[str], texts: list[str]
    ) -> list[Check]:
        """One check for each framework that the tests are for."""
        if not tests:
            return [Check(name=f"tests ({language})", status="skipped", detail="no test names what changed")]
        arguments: dict[str, Any] = {"paths": list(tests)}
        call = ToolCall(index=0, call_id="gate", tool="run_tests", arguments=arguments)
        try:
            output = await self._registry.run(call, context)
        except ToolRejected as error:
            # What looked like tests belongs to no framework that is known here.
            return [Check(name=f"tests ({language})", status="skipped", detail=beginning(error.message, 200))]
        record = next(one.data for one in output.artifacts if one.name == ATTACHMENT)
        checks = [check_of(run) for run in recorded(record).runs]
        if any(check.status == "failed" for check in checks):
            texts.append(f"Tests failed:\n{for_model(output.content, limit=MODEL_CHARACTERS)}")
        return checks


async def added_secrets(context: ToolContext, base_commit: str, texts: list[str]) -> list[Check]:
    """A failed check where the work adds credentials, which no commit may; else none, since that goes without saying."""
    patch = await context.copy.git.diff(against=base_commit)
    places = await asyncio.to_thread(secrets_added, patch, context.screen.findings)
    if not places:
        return []
    named = "; ".join(map(str, places[:20]))
    texts.append(
        f"The work adds what looks like a credential, and no commit may: {named}. Take it out, and have the program read it "
        "from its environment; a made-up value of a test must not look like one."
    )
    return [Check(name="secrets", status="failed", detail=named[:200])]


def check_of(run: RecordedRun) -> Check:
    """The check of one framework's run."""
    name = f"tests ({run.framework})" if run.folder == "." else f"tests ({run.framework} in {run.folder})"
    if not run.started:
        # No work of the model can mend this, so it must not be sent back to it as a failure.
        return Check(name=name, status="skipped", detail=beginning(run.why, 200))
    return Check(name=name, status="passed" if run.succeeded else "failed", detail=beginning(run.said, 200))


def syntax(copy: WorkingCopy, present: Sequence[str], texts: list[str]) -> Check:
    """Whether every changed file with a known grammar parses."""
    problems: list[str] = []
    for path in present:
        facts = copy.files.stat(path)
        # What has no grammar here, and what is too large to be written by hand, is not read at all.
        if facts.kind != "file" or not has_grammar(path) or facts.bytes > PARSED_BYTES:
            continue
        problem = syntax_error(path, copy.files.read(path))
        if problem:
            problems.append(f"{path}: {problem}")
    if problems:
        texts.append("Syntax errors:\n" + "\n".join(problems[:20]))
        return Check(name="syntax", status="failed", detail=beginning(problems[0], 200))
    if not present:
        return Check(name="syntax", status="skipped", detail="no file changed")
    return Check(name="syntax", status="passed", detail=f"{counted(present, 'changed file')} parsed")


def related_tests(copy: WorkingCopy, touched: Sequence[str], tests: Sequence[str]) -> list[str]:
    """Changed tests, and those that name a changed module; every test of a small suite."""
    if len(tests) <= MAX_TEST_FILES:
        return list(tests)
    stems = {PurePosixPath(path).stem for path in touched} - {"__init__", "index", "conftest"}
    named = re.compile(r"\b(" + "|".join(map(re.escape, sorted(stems))) + r")\b") if stems else None
    related = [path for path in tests if path in touched or (named and named.search(_beginning(copy, path)))]
    return related[:MAX_TEST_FILES]


def _beginning(copy: WorkingCopy, path: str) -> str:
    return copy.files.read(path, limit_bytes=READ_BYTES).decode("utf-8", "replace")


def all_files(copy: WorkingCopy) -> list[str]:
    """Every file outside folders that hold others' code, by its path from the root."""
    found: list[str] = []
    folders = ["."]
    while folders:
        folder = folders.pop()
        for entry in copy.files.list(folder):
            path = entry.name if folder == "." else f"{folder}/{entry.name}"
            if entry.kind == "folder" and entry.name not in {
                ".git",
                "node_modules",
                ".venv",
                "venv",
                "__pycache__",
            }:
                folders.append(path)
            elif entry.kind == "file":
                found.append(path)
    return sorted(found)


def counted(things: Sequence[str], noun: str) -> str:
    """``1 file`` or ``3 files``."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def first_line(text: str) -> str:
    """The first line that says something, at most 200 characters."""
    return beginning(next((line.strip() for line in text.splitlines() if line.strip()), ""), 200)
