"""What the parsers that belong to a language say of a text, run in the sandbox; syntax trees alone take some wrong texts."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import SandboxLimits, View
from tools.diagnostics import Diagnostic, Range, Severity
from tools.programs import how_it_ended, output_text, run_program
from tools.symbols.parsing import Source
from tools.symbols.services import typescript_of
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=30, memory_bytes=1024**3, output_bytes=1024**2)
MOST = 50

PYTHON = """
import json, sys, warnings
warnings.simplefilter("ignore")
found = []
try:
    compile(sys.stdin.buffer.read(), "text", "exec", dont_inherit=True)
except SyntaxError as error:
    found.append([error.lineno or 1, error.offset or 0, error.end_lineno or 0, error.end_offset or 0, error.msg])
except (ValueError, RecursionError, MemoryError) as error:
    found.append([1, 0, 0, 0, str(error) or "nested too deeply"])
print(json.dumps({"by": "Python " + sys.version.split()[0], "found": found}))
"""
JSON = """
import json, sys
found = []
try:
    json.loads(sys.stdin.buffer.read())
except json.JSONDecodeError as error:
    found.append([error.lineno, error.colno, 0, 0, error.msg])
except (ValueError, RecursionError) as error:
    found.append([1, 0, 0, 0, str(error) or "nested too deeply"])
print(json.dumps({"by": "Python's json", "found": found}))
"""
TOML = """
import json, re, sys, tomllib
found = []
try:
    tomllib.loads(sys.stdin.buffer.read().decode())
except (ValueError, RecursionError) as error:
    place = re.search(r" \\(at line (\\d+), column (\\d+)\\)$", str(error))
    line, column = (int(place[1]), int(place[2])) if place else (1, 0)
    found.append([line, column, 0, 0, str(error)[: place.start() if place else None] or "nested too deeply"])
print(json.dumps({"by": "Python's tomllib", "found": found}))
"""
SCRIPT = """
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const ts = createRequire(FOLDER + "/package.json")("typescript");
const text = readFileSync(0, "utf8");
const source = ts.createSourceFile(NAME, text, ts.ScriptTarget.Latest, true);
const found = (source.parseDiagnostics ?? []).slice(0, 50).map((each) => {
  const start = source.getLineAndCharacterOfPosition(each.start);
  const end = source.getLineAndCharacterOfPosition(each.start + each.length);
  const message = ts.flattenDiagnosticMessageText(each.messageText, " ");
  return [start.line + 1, start.character + 1, end.line + 1, end.character + 1, message];
});
console.log(JSON.stringify({ by: "TypeScript " + ts.version, found }));
"""
NAMES = {"javascript": "text.jsx", "typescript": "text.ts", "tsx": "text.tsx"}


class Verdict(NamedTuple):
    """What one parser says."""

    by: str
    found: list[Diagnostic]


async def own_verdict(context: ToolContext, source: Source, path: str) -> Verdict | None:
    """The verdict of the language's own parser; None where there is none for it here."""
    ask = _PARSERS.get(source.language)
    return await ask(context, source, path) if ask is not None else None


def _by_python(program: str, *, projects: bool) -> Callable[..., Coroutine[Any, Any, Verdict]]:
    async def ask(context: ToolContext, source: Source, path: str) -> Verdict:
        python = context.toolchain.python if projects else context.toolchain.own_python
        return await _asked(context, [str(python), "-I", "-c", program], source, path)

    return ask


async def _by_typescript(context: ToolContext, source: Source, path: str) -> Verdict:
    folder, _ = typescript_of(context, path)
    program = SCRIPT.replace("FOLDER", json.dumps(folder)).replace("NAME", json.dumps(NAMES[source.language]))
    argv = [str(context.toolchain.node), "--input-type=module", "-e", program]
    return await _asked(context, argv, source, path)


async def _by_bash(context: ToolContext, source: Source, path: str) -> Verdict:
    finished = await run_program(
        context, ["bash", "-n", "/dev/stdin"], view=View.READ_ONLY, limits=LIMITS, stdin=source.data
    )
    found: list[Diagnostic] = []
    for line in output_text(finished).splitlines():
        place, separator, message = line.removeprefix("/dev/stdin: line ").partition(": ")
        if separator and place.isdigit():
            found.append(Diagnostic(path, Range(int(place)), Severity.ERROR, message, source="bash"))
    if finished.exit_code != 0 and not found:
        raise ToolRejected(
            f"bash could not read the text: {how_it_ended(finished, LIMITS)}.", "Run it instead."
        )
    return Verdict("bash -n", found[:MOST])


async def _asked(context: ToolContext, argv: list[str], source: Source, path: str) -> Verdict:
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS, stdin=source.data)
    said = output_text(finished).strip()
    if finished.exit_code != 0:
        raise ToolRejected(
            f"The parser of {source.language} gave no verdict: {how_it_ended(finished, LIMITS)}. {ending(said, 300)}",
            "Run the program itself with execute_command.",
        )
    answer: dict[str, Any] = json.loads(said.rpartition("\n")[2])
    by = str(answer["by"])
    return Verdict(
        by,
        [
            Diagnostic(path, Range(*place), Severity.ERROR, str(message), source=by)
            for *place, message in answer["found"]
        ],
    )


_PARSERS: dict[str, Callable[[ToolContext, Source, str], Coroutine[Any, Any, Verdict]]] = {
    "python": _by_python(PYTHON, projects=True),
    "json": _by_python(JSON, projects=False),
    "toml": _by_python(TOML, projects=False),
    "javascript": _by_typescript,
    "typescript": _by_typescript,
    "tsx": _by_typescript,
    "bash": _by_bash,
}
