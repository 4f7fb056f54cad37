"""How far find_definitions and find_references agree with pyright's and tsserver's own answers.

    python benchmarks/symbol_agreement.py FOLDER…

Each FOLDER is a clone of a repository that symbol_agreement.toml names; the commit is taken from it, without what it
depends on. The table goes to docs/symbol-agreement.md. The exit code is 1 where answers differ otherwise than that file
explains, or agree although it explains a difference.
"""

import argparse
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.language_servers import Pyright, Question, Server, Spot, TypescriptServer
from perdure.contracts.calls import ToolCall
from tools.by_hand.bench import context_on
from tools.registry import Registry
from tools.tool_schemas import ToolContext

ASKED = Path(__file__).with_suffix(".toml")
TABLE = Path(__file__).parents[1] / "docs" / "symbol-agreement.md"
SUFFIXES = {"python": (".py", ".pyi"), "typescript": (".ts", ".tsx", ".js", ".jsx", ".mjs", ".mts")}
CUT = "more; raise limit, or narrow it with path.]"
PLACE = re.compile(r"(\d+):")
TOOLS: Mapping[Question, str] = {"definition": "find_definitions", "references": "find_references"}
Line = tuple[str, int]


@dataclass(frozen=True)
class Symbol:
    """One symbol by its definition."""

    path: str
    line: int
    name: str
    example_of: str

    @classmethod
    def read(cls, key: str, example_of: str) -> "Symbol":
        """From a key of the file: ``path:line name``."""
        at, _, name = key.partition(" ")
        path, _, line = at.rpartition(":")
        return cls(path, int(line), name, example_of)

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


@dataclass(frozen=True)
class Compared:
    """One question about one symbol, and both answers as lines."""

    symbol: Symbol
    question: Question
    at: Line
    ours: frozenset[Line]
    unsure: frozenset[Line]
    theirs: frozenset[Line]

    @property
    def only_ours(self) -> list[str]:
        """What the server does not name."""
        return _shown(self.ours - self.theirs)

    @property
    def only_theirs(self) -> list[str]:
        """What the tool does not name, or names as unsure."""
        missing = self.theirs - self.ours
        return _shown(missing & self.unsure, " unsure") + _shown(missing - self.unsure)

    @property
    def agrees(self) -> bool:
        """Whether both name the same lines."""
        return self.ours == self.theirs

    @property
    def cell(self) -> str:
        """Both counts, for the table."""
        counts = f"{len(self.ours)}" if self.agrees else f"{len(self.ours)} / {len(self.theirs)}"
        return counts if self.agrees else f"**{counts}**"


def _shown(lines: Iterable[Line], more: str = "") -> list[str]:
    return [f"{path}:{line}{more}" for path, line in sorted(lines)]


class Comparison:
    """One repository, open for both."""

    def __init__(self, context: ToolContext, server: Server) -> None:
        self._context, self._server = context, server
        self._registry = Registry.discover()

    async def compared(self, symbol: Symbol) -> list[Compared]:
        """Where it is used, and where a use of it says that it is defined."""
        column = self._column((symbol.path, symbol.line), symbol.name)
        if column is None:
            raise ValueError(f"{symbol} is not on its line.")
        spots = await self._server.spots("references", Spot(symbol.path, symbol.line, column))
        uses = sorted(
            spot for spot in spots if self._column((spot.path, spot.line), symbol.name) == spot.column
        )
        elsewhere = [spot for spot in uses if spot.path != symbol.path]
        use = [Spot(symbol.path, symbol.line, column), *uses, *elsewhere][-1]
        references = await self._both(symbol, "references", (symbol.path, symbol.line), spots)
        meant = await self._server.spots("definition", use)
        return [references, await self._both(symbol, "definition", (use.path, use.line), meant)]

    async def _both(self, symbol: Symbol, question: Question, at: Line, theirs: set[Spot]) -> Compared:
        arguments = {"symbol": symbol.name, "path": at[0], "line": at[1], "limit": 500}
        call = ToolCall(index=0, call_id="compared", tool=TOOLS[question], arguments=arguments)
        output = await self._registry.run(call, self._context)
        sure, unsure = _lines_of(output.content)
        lines = frozenset((spot.path, spot.line) for spot in theirs)
        return Compared(symbol, question, at, sure, unsure, lines)

    def _column(self, at: Line, name: str) -> int | None:
        """The column of the first whole word on the line, which is what the tools take."""
        line = (self._server.root / at[0]).read_text().splitlines()[at[1] - 1]
        found = re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", line)
        return found.start() + 1 if found else None


def _lines_of(content: str) -> tuple[frozenset[Line], frozenset[Line]]:
    """The places of a tool's answer: what it is sure of, and what not."""
    parts: list[set[Line]] = [set(), set()]
    path, part = "", 0
    for line in content.splitlines():
        place = PLACE.match(line)
        if place:
            parts[part].add((path, int(place[1])))
        elif line.startswith("Unsure, "):
            part = 1
        elif line.endswith(CUT) and not part:
            raise ValueError(f"The answer is too long to be compared: {content[:200]!r}")
        else:
            path = line
    return frozenset(parts[0]), frozenset(parts[1])


def explained(given: Mapping[str, Any], one: Compared) -> tuple[str, str]:
    """Why the answers differ, and what is wrong with that explanation; either may be empty."""
    said = given.get("explained", {}).get(f"{one.question} of {one.symbol}")
    if said is None:
        return "", "" if one.agrees else "not explained"
    if one.agrees:
        return said["because"], "explained, but they agree"
    if (said.get("only_ours", []), said.get("only_theirs", [])) != (one.only_ours, one.only_theirs):
        return said["because"], "explained for another difference"
    return said["because"], ""


def section(given: Mapping[str, Any], rows: Sequence[Compared]) -> tuple[list[str], list[str]]:
    """The lines about one repository, and what is wrong."""
    same = sum(row.agrees for row in rows)
    lines = [f"## {given['name']} at `{given['commit'][:12]}`, with {given['server']}", ""]
    lines += [f"{len(rows) // 2} symbols, {same} of {len(rows)} answers are the same line by line.", ""]
    lines += ["| symbol | what it is | definitions | references |", "| --- | --- | --- | --- |"]
    for uses, meant in zip(rows[::2], rows[1::2], strict=True):
        symbol = uses.symbol
        place = f"`{symbol.name}` {symbol.path}:{symbol.line}"
        lines.append(f"| {place} | {symbol.example_of} | {meant.cell} | {uses.cell} |")
    wrong: list[str] = []
    differing = ["", "| question | only the tool | only the server | why |", "| --- | --- | --- | --- |"]
    for row in rows:
        because, fault = explained(given, row)
        if fault:
            wrong.append(
                f"{row.question} of {row.symbol}: {fault}; asked at {row.at[0]}:{row.at[1]}\n"
                f"  only_ours = {row.only_ours}\n  only_theirs = {row.only_theirs}"
            )
        if not row.agrees:
            question = f"{row.question} of `{row.symbol.name}` at {row.at[0]}:{row.at[1]}"
            cells = [question, "<br>".join(row.only_ours), "<br>".join(row.only_theirs), because or fault]
            differing.append(f"| {' | '.join(cells)} |")
    return [*lines, *(differing if same < len(rows) else []), ""], wrong


def server_of(given: Mapping[str, Any], context: ToolContext) -> Server:
    """The language server for a repository, which sees nothing of this environment's packages."""
    node, modules = str(context.toolchain.node), context.toolchain.node_modules
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(context.copy.task_folder)}
    if given["language"] == "python":
        script = str(files("basedpyright") / "langserver.index.js")
        return Pyright([node, script, "--stdio"], context.copy.root, environment)
    script = f"{modules}/typescript/lib/tsserver.js"
    flags = ["--disableAutomaticTypingAcquisition", "--suppressDiagnosticEvents"]
    return TypescriptServer([node, script, *flags], context.copy.root, environment)


def checked_out(clone: Path, commit: str, root: Path) -> list[str]:
    """Make a work tree of a commit; gives its files."""
    git = ["git", "-C", str(root)]
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", clone, root], check=True)
    subprocess.run([*git, "checkout", "--quiet", "-B", "asked", commit], check=True)
    return subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout.splitlines()


async def compared(given: Mapping[str, Any], clone: Path, only: str) -> list[Compared]:
    """Both answers to every question about one repository."""
    rows: list[Compared] = []
    async with contextlib.AsyncExitStack() as closing:
        root = Path(closing.enter_context(tempfile.TemporaryDirectory())).resolve() / "repository"
        paths = await asyncio.to_thread(checked_out, clone, given["commit"], root)
        context = await closing.enter_async_context(context_on(root, os.environ, beat=lambda _: None))
        server = await closing.enter_async_context(server_of(given, context))
        for path in paths:
            if path.endswith(SUFFIXES[given["language"]]):
                server.open(path)
        comparison = Comparison(context, server)
        for key, example_of in given["symbols"].items():
            if only in f"{given['name']} {key}":
                rows += await comparison.compared(Symbol.read(key, example_of))
                print(key, *(row.cell for row in rows[-2:]), file=sys.stderr)
    return rows


async def main(arguments: Sequence[str]) -> int:
    """Compare, write the table and name what is not explained."""
    assert set(get_args(Question)) == set(TOOLS)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument(
        "--only", default="", help="symbols that hold this; the table is printed, not written"
    )
    options = parser.parse_args(arguments)
    asked = tomllib.loads(ASKED.read_text())
    lines = ["# Agreement with language servers", "", *asked["introduction"].splitlines(), ""]
    faults: list[str] = []
    for given in asked["repositories"]:
        clone = next((each for each in options.folders if _has(each, given["commit"])), None)
        if clone is None:
            parser.error(f"no folder is a clone of {given['name']} that has {given['commit']}")
        about, wrong = section(given, await compared(given, clone, options.only))
        lines += about
        faults += wrong
    text = "\n".join(lines).rstrip() + "\n"
    if options.only:
        print(text)
    else:
        TABLE.write_text(text)
    print("\n".join(faults) or "Every difference is explained.")
    return 1 if faults else 0


def _has(clone: Path, commit: str) -> bool:
    asked = ["git", "-C", str(clone), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(asked, check=False, stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
