"""Which tests a change has taken away, by what test files say now and said at an earlier commit.

The earlier tests are read, not run: that takes a fraction of a second, and what a skip takes out of a run is in the text.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perdure.safety.views import SandboxLimits
from tools.symbols.grammars import language_of_path
from tools.symbols.inside import run_inside
from tools.test_changes.written import ORDER, Mark, Written
from tools.test_frameworks.javascript_tests import is_test as is_script_test
from tools.test_frameworks.python_tests import PythonTests
from tools.tool_schemas import ToolContext

PROGRAM = "tools.test_changes.reading_program"
LIMITS = SandboxLimits(time_s=60, output_bytes=32 * 1024**2)
LARGEST_BYTES = 1024**2
MOST_FILES = 400
SHOWN = 10
SCRIPTS = ("javascript", "typescript", "tsx")
GONE = "gone"
WORDS = {
    GONE: "gone",
    Mark.SKIPPED: "newly skipped",
    Mark.LEFT_OUT: "newly left out, because another test of the file is marked as the only one",
    Mark.EXPECTED_TO_FAIL: "newly expected to fail",
    Mark.PERHAPS_SKIPPED: "newly skipped on a condition",
}
SHORT = {**WORDS, Mark.LEFT_OUT: "newly left out by another's 'only'"}

Tests = Mapping[str, Sequence[Written] | None]
"""The tests of files by their paths; None for a file that could not be read."""


@dataclass(frozen=True)
class FewerTests:
    """Tests that counted at the earlier commit and no longer do. Each id is under the word of what became of it."""

    against: str
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    unread: Sequence[str] = ()
    """Changed files with tests that could not be compared."""

    @property
    def headline(self) -> str:
        """``Against base 1a2b3c4d5e6f: 2 tests gone, 1 newly skipped``; empty where no test is missing."""
        counts = [f"{len(ids)} {SHORT[word]}" for word, ids in self.ids.items()]
        if not counts:
            return ""
        first = counts[0].replace(" ", " tests " if len(next(iter(self.ids.values()))) > 1 else " test ", 1)
        return f"Against {self.against}: {', '.join([first, *counts[1:]])}"

    @property
    def report(self) -> str:
        """Every kind with the ids; empty where there is nothing to say."""
        lines: list[str] = []
        if self.ids:
            lines.append(f"TESTS THAT NO LONGER COUNT, against {self.against}:")
        for word, ids in self.ids.items():
            more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
            lines.append(f"- {WORDS[word]} ({len(ids)}): {', '.join(ids[:SHOWN])}{more}")
        if self.unread:
            lines.append(f"Not compared with {self.against}: {', '.join(self.unread[:SHOWN])}.")
        return "\n".join(lines)


async def fewer_tests(
    context: ToolContext, changed: Sequence[str], *, commit: str, against: str
) -> FewerTests:
    """What became of the tests in files that differ from a commit."""
    files = context.copy.files
    languages = await asyncio.to_thread(_languages, context, changed)
    paths = list(languages)[:MOST_FILES]
    earlier = await context.copy.git.contents_at(commit, paths, largest_bytes=LARGEST_BYTES)
    if not earlier:
        return FewerTests(against)
    now = {
        path: files.read(path, limit_bytes=LARGEST_BYTES)
        for path in paths
        if files.exists(path) and files.stat(path).kind == "file"
    }
    before_texts = [(languages[path], data) for path, data in earlier.items()]
    now_texts = [(languages[path], data) for path, data in now.items()]
    answers = await _read(context, [*before_texts, *now_texts])
    before = dict(zip(earlier, answers, strict=False))
    after = dict(zip(now, answers[len(earlier) :], strict=True))
    unread = [path for path in paths if before.get(path, ()) is None or after.get(path, ()) is None]
    return FewerTests(against, _lost(before, after, set(unread)), [*unread, *list(languages)[MOST_FILES:]])


def _languages(context: ToolContext, changed: Sequence[str]) -> dict[str, str]:
    """The language of each path that can hold tests."""
    python = PythonTests(context)
    found: dict[str, str] = {}
    for path in changed:
        language = language_of_path(path)
        name = language.name if language is not None else ""
        if (
            (name == "python" and python.is_test(path))
            or (name in SCRIPTS and is_script_test(path))
            or (name == "go" and path.endswith("_test.go"))
            or name == "rust"
        ):
            found[path] = name
    return found


async def _read(context: ToolContext, texts: Sequence[tuple[str, bytes]]) -> list[Sequence[Written] | None]:
    # One that is larger is cut, and so cannot be read whole.
    request = {
        "texts": [
            (language, data.decode("utf-8", "replace") if len(data) <= LARGEST_BYTES else None)
            for language, data in texts
        ]
    }
    finished = await run_inside(context, PROGRAM, json.dumps(request).encode(), limits=LIMITS)
    if finished.exit_code != 0:
        return [None] * len(texts)
    return [
        None if each is None else [Written(name, Mark(mark)) for name, mark in each]
        for each in json.loads(finished.output)
    ]


def _lost(before: Tests, after: Tests, unread: set[str]) -> dict[str, list[str]]:
    """Ids by what became of the tests; a test that stands in another changed file now has moved."""
    found: dict[str, list[str]] = {}
    moved = {
        each.name: each.mark
        for path, tests in after.items()
        for each in tests or ()
        if each.name not in {one.name for one in before.get(path) or ()}
    }
    for path, tests in before.items():
        if path in unread:
            continue
        now = {each.name: each.mark for each in after.get(path) or ()}
        for each in tests or ():
            mark = now.get(each.name, moved.get(each.name))
            if mark is None:
                found.setdefault(GONE, []).append(f"{path}::{each.name}")
            elif ORDER.index(mark) < ORDER.index(each.mark):
                found.setdefault(mark, []).append(f"{path}::{each.name}")
    return {word: found[word] for word in WORDS if word in found}
