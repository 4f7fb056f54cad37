"""The statements that import something, read from the text of Python, JavaScript and TypeScript by ripgrep.

It takes a moment on tens of thousands of files, and a file that does not parse is read like any other. What a statement
computes is not seen.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from perdure.safety.views import Finished, SandboxLimits, View
from tools.programs import run_program
from tools.symbols.listing import globs_of
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=60, output_bytes=128 * 1024**2)
LARGEST = "1M"
MARK, BETWEEN = "\x01", "\x02"
"""What begins a statement, whose further lines come without it, and what stands between its parts."""
NOTHING = BETWEEN * 3
# A text of several lines is no statement, whatever it says; it is passed on so that the lines are counted rightly.
PYTHON = (
    r'(?P<text>(?s:""".*?""")'
    r"|(?s:'''.*?'''))"
    r"|(?m:^[ \t]*(?:from[ \t]+(?P<from>\.*[\w.]*)[ \t]+import[ \t]*(?:\((?P<many>[^)]*)\)|(?P<names>(?:[^\n#;(\\]|\\\n)*))"
    r"|import[ \t]+(?P<modules>(?:[^\n#;\\]|\\\n)+)))"
)
SCRIPT = (
    r"(?m:^[ \t]*//[^\n]*)"
    r"|(?m:^[ \t]*(?:import|export)\b(?P<clause>[^'\"`;=()]*?)\bfrom\s*['\"](?P<from>[^'\"\n]+)['\"])"
    r"|(?m:^[ \t]*import\s*['\"](?P<bare>[^'\"\n]+)['\"])"
    r"|(?m:\b(?:require|import)\((?P<gap>\s*)['\"](?P<call>[^'\"\n]+)['\"])"
)
FORMS = {
    "python": (("python",), PYTHON, f"{MARK}$from{BETWEEN}$many$names{BETWEEN}$modules{BETWEEN}$text"),
    "script": (("javascript", "typescript", "tsx"), SCRIPT, f"{MARK}$from$bare$call{BETWEEN}$clause$gap"),
}


@dataclass(frozen=True)
class ImportLine:
    """One imported module."""

    path: str
    line: int
    module: str
    """As it is written: ``..money``, ``./cart``, ``@/lib/cart``."""
    names: tuple[str, ...] = ()
    """Names that are taken from it; ``*`` for all; none where the module itself is taken."""
    last_line: int = 0
    """Where the statement ends."""


Reads: TypeAlias = Callable[[ImportLine, Sequence[str]], Iterator[ImportLine]]


@dataclass(frozen=True)
class ImportLines:
    """All of a workspace."""

    found: Sequence[ImportLine]
    complete: bool
    """False where a limit ended the reading."""


async def import_lines(context: ToolContext) -> ImportLines:
    """Every import of the files that Git does not ignore, by path and line."""
    python, script = await asyncio.gather(_searched(context, "python"), _searched(context, "script"))
    found = [*_statements(python, _of_python), *_statements(script, _of_script)]
    found.sort(key=lambda each: (each.path, each.line, each.module))
    return ImportLines(found, complete=not (python.killed_for or script.killed_for))


async def _searched(context: ToolContext, form: str) -> Finished:
    languages, pattern, shown = FORMS[form]
    argv = [str(context.toolchain.ripgrep), "--no-config", "--hidden", "--no-messages", "--null"]
    argv += ["--multiline", "--only-matching", "--line-number", "--with-filename", "--heading"]
    argv += ["--no-require-git", "--no-ignore-dot", "--no-ignore-global", f"--max-filesize={LARGEST}"]
    argv += ["--color=never", *globs_of(languages), "--glob=!.git"]
    argv += [f"--replace={shown}", f"--regexp={pattern}", "--", "./"]
    return await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)


def _statements(finished: Finished, read: Reads) -> Iterator[ImportLine]:
    """Each statement with all of its lines."""
    path, fragment = "", ""
    place, first, last, said = "", 0, 0, [""]
    for shown in finished.output.decode("utf-8", "surrogateescape").split("\n"):
        if "\0" in shown:
            # A name may go on over several lines.
            name, _, shown = f"{fragment}{shown}".rpartition("\0")
            path = name.removeprefix("./")
        digits, _, text = shown.partition(":")
        fragment = "" if digits.isdecimal() else f"{fragment}{shown}\n" if shown else ""
        if not digits.isdecimal():
            continue
        if text.startswith(MARK):
            yield from _read(ImportLine(place, first, "", last_line=last), said, read)
            place, first, said = path, int(digits), [text[1:].rstrip("\r")]
        else:
            said.append(text)
        last = int(digits)
    yield from _read(ImportLine(place, first, "", last_line=last), said, read)


def _read(at: ImportLine, said: Sequence[str], read: Reads) -> Iterator[ImportLine]:
    """The imports of one statement; none of a text of several lines."""
    return read(at, "\n".join(said).split(BETWEEN)) if not said[0].startswith(NOTHING) else iter(())


def _of_python(at: ImportLine, parts: Sequence[str]) -> Iterator[ImportLine]:
    source, names, modules, *_ = *parts, "", "", ""
    if source:
        bare = re.sub(r"#[^\n]*", "", names).replace("\\", " ")
        yield replace(at, module=source, names=tuple(_first_words(bare)))
    for module in _first_words(modules.replace("\\", " ")):
        if re.fullmatch(r"\w+(\.\w+)*", module):
            yield replace(at, module=module)


def _of_script(at: ImportLine, parts: Sequence[str]) -> Iterator[ImportLine]:
    source, clause, *_ = *parts, "", ""
    if source:
        clause = re.sub(r"\btype\b(?=\s+[\w{*$])", "", clause)
        star = ["*"] if "*" in clause else []
        words = _first_words(re.sub(r"[{}]", ",", clause))
        names = [name for name in words if re.fullmatch(r"[\w$]+", name)]
        yield replace(at, module=source, names=(*star, *names))


def _first_words(listed: str) -> Iterator[str]:
    """``a`` and ``b`` of ``a as x, b``."""
    for part in listed.split(","):
        words = part.split()
        if words:
            yield words[0]
