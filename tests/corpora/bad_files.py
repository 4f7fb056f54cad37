"""``bad_files.json`` with ``bad_files.py``, which builds them: hostile files, read and edited by the tools."""

import asyncio
import contextlib
import fcntl
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from perdure.contracts.calls import Effect, ToolCall
from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import ToolBench, lend, tool_bench
from tests.corpora.mounts import play_mount
from tests.corpora.playing import CannotPlay, NotHere, cases_of, played
from tests.corpora.report import Miss, Result
from tools.registry import Registry
from tools.text_files import TextFile, text_or_kind
from tools.tool_schemas import ToolOutput

FOUND_BY = "bad_files.json"
BUILDER = "bad_files.py"
GUIDE_S = 10.0
MOST_WORDS = 50
LARGE_BYTES = 64 * 1024**2
CASE = dict[str, Any]
REFUSING = ("refused", "clear error", "not found", "asks")


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Build the files once, and give each to the tools."""
    collection, cases = cases_of(place, "files")
    builder = _builder_of(place)
    registry, sandbox = Registry.discover(), await probed_sandbox()
    with tool_bench(registry, sandbox) as bench:
        command = [sys.executable, str(builder), str(bench.workspace)]
        built = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True)
        if built.returncode:
            raise CannotPlay(f"{builder.name} ended with exit code {built.returncode}: {built.stderr[-200:]}")
        skipped = [line for line in built.stdout.splitlines() if line.startswith("skipped ")]
        lend(bench)

        async def play(case: CASE) -> Result:
            left_out = [line for line in skipped if line.startswith(f"skipped {case['name']} ")]
            if left_out:
                raise NotHere(f"its builder says: {left_out[0]}")
            return await _Case(bench, case).result()

        results = await played(cases, only, play, name="name", group="file")
    disks: list[Any] = collection.get("mounts", [])
    return results + await played(disks, only, play_mount, name="name", group="disk")


def _builder_of(place: Path) -> Path:
    """The program that makes the files: beside the collection, or in one of the folders above it."""
    for folder in (place.parent, *list(place.parent.resolve().parents)[:3]):
        if (folder / BUILDER).is_file():
            return folder / BUILDER
    raise CannotPlay(f"{BUILDER}, which makes the files, is not beside it")


class _Case:
    """One file, read and then edited."""

    def __init__(self, bench: ToolBench, case: CASE) -> None:
        name: str = case["name"]
        self.case = case
        self.name = os.fsdecode(name.encode("latin1")) if case.get("bytes_name") else name
        self.file = bench.workspace / self.name
        self.bench, self.known = bench, dict[str, str]()

    async def result(self) -> Result:
        """Whether reading and editing went as they should."""
        started = time.monotonic()
        problems: list[str] = []
        said = ""
        before = self._state()
        if before == ("nothing",):
            raise CannotPlay("its builder did not make it here")
        try:
            if not self.case["name"].startswith("vanishing"):
                problems.append(await self._read())
            if self._state() != before:
                problems.append("reading changed it")
            problems.append(await (self._raced() if self.case.get("race") else self._edit()))
        except (PerdureError, OSError, ValueError) as error:
            return Result(self.case["name"], "file", Miss.BROKEN, f"{type(error).__name__}: {error}")
        seconds = time.monotonic() - started
        problems = [problem for problem in problems if problem]
        miss = None
        if problems:
            lost = any("changed" in problem or "lost" in problem for problem in problems)
            miss = Miss.WRONG_FILE if lost else Miss.WRONG_OUTCOME
        elif seconds > GUIDE_S:
            miss = Miss.SLOW
        return Result(self.case["name"], "file", miss, "; ".join(problems), said, seconds)

    async def _call(self, tool: str, **arguments: Any) -> ToolOutput:
        async def seen(path: str) -> str:
            return self.known.get(path, "")

        call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)
        output = await self.bench.registry.run(call, replace(self.bench.context, seen=seen))
        self.known.update(output.seen)
        return output

    def _state(self) -> tuple[Any, ...]:
        """What is there, without following a link."""
        if not os.path.lexists(self.file):
            return ("nothing",)
        facts = self.file.lstat()
        small = self.file.is_file() and not self.file.is_symlink() and facts.st_size < LARGE_BYTES
        return facts.st_mode, facts.st_size, self.file.read_bytes() if small else b""

    async def _read(self) -> str:
        wanted = self.case["read"].casefold()
        folder = self.file.is_dir() and not self.file.is_symlink()
        if wanted.startswith("search/list"):
            await self._call("list_directory", path=".", depth=3)
            return ""
        tool = "list_directory" if folder and not wanted.startswith(REFUSING) else "read_file"
        try:
            output = await self._call(tool, path=self.name)
        except ToolRejected as refusal:
            allowed = wanted.startswith(REFUSING) or "refused" in wanted or "binary" in wanted
            return "" if allowed else f"reading was refused: {refusal.message}"
        spared = ("asks", "or decoded", *(["skip as root"] if os.geteuid() == 0 else []))
        if wanted.startswith(REFUSING) and not any(word in wanted for word in spared):
            return "was read"
        head = output.content.partition("\n")[0]
        if wanted.startswith("binary") and "is not text" not in head:
            return "no notice that it is binary"
        if wanted.startswith("notice") and ";" not in head:
            return "no notice of its encoding"
        if wanted.startswith("flags") and "invisible characters" not in head:
            return "no notice of invisible characters"
        return ""

    async def _edit(self) -> str:
        wanted = self.case["edit"].casefold()
        if wanted == "n/a" or (self.file.is_dir() and not wanted.startswith(REFUSING)):
            return ""
        before = self._state()
        decoded = text_or_kind(self.name, before[2]) if len(before) == 3 else ""
        word, expected = _change(decoded) if isinstance(decoded, TextFile) else ("x", b"")
        arguments = {"path": self.name, "blocks": [{"search": word, "replace": f"<{word}>"}]}
        call = ToolCall(index=0, call_id="call_1", tool="edit_file", arguments=arguments)
        try:
            if self.bench.registry.summarize(call).effect is Effect.DESTRUCTIVE:
                return "" if "asks" in wanted else "editing asks"
            await self._call("edit_file", **arguments)
        except ToolRejected as refusal:
            if self._state() != before:
                return "a refused edit changed it"
            # The word that is changed may be code, and a file that parses is not broken.
            breaks = "no longer parse" in refusal.message
            refusable = breaks or not wanted.startswith("edit keeps") or not expected
            return "" if refusable else f"editing was refused: {refusal.message}"
        root_may = os.geteuid() == 0 and self.case["name"].startswith("noperm")
        if wanted.startswith(REFUSING) and "or kept" not in wanted and not root_may:
            return "was edited"
        if not expected:
            return "was edited"
        mode, _, data = self._state()
        if mode & 0o6000:
            return "its set-uid bit was carried over to new content"
        return "" if (mode & 0o777, data) == (before[0] & 0o777, expected) else "other bytes were changed"

    async def _raced(self) -> str:
        """Somebody else changes it, deletes it or holds it between reading and writing."""
        name = self.case["name"]
        if name.startswith("locked"):
            with self.file.open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                return await self._edit()
        if name.startswith("vanishing"):
            self.file.unlink()
        else:
            with contextlib.suppress(ToolRejected):
                await self._call("read_file", path=self.name)
            with self.file.open("ab") as file:
                file.write(b"by somebody else\n")
        before = self._state()
        try:
            await self._call("write_file", path=self.name, content="mine\n")
        except ToolRejected:
            return "" if self._state() == before else "a refused write changed it"
        return "" if before == ("nothing",) else "what somebody else wrote was lost"


def _change(file: TextFile) -> tuple[str, bytes]:
    """A text that stands once in the file, and the file's bytes once it stands in angle brackets.

    Where there is none, a text that stands there several times, and no bytes: such an edit is refused.
    """
    words = re.finditer(r"[^\s\ud800-\udfff\x00-\x1f]{1,40}", file.text)
    for found in itertools.islice(words, MOST_WORDS):
        word = found[0]
        if file.text.count(word) == 1:
            return word, file.with_text(file.text.replace(word, f"<{word}>")).encoded()
    found = re.search(r"\S", file.text)
    if not found:
        return "x", b""
    once = file.text.count(found[0]) == 1
    return found[0], file.with_text(file.text.replace(found[0], f"<{found[0]}>")).encoded() if once else b""
