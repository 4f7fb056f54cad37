"""Asks Babel whether an edit breaks JavaScript or TypeScript: its own grammar knows more than the one of tree-sitter.

Tree-sitter takes ``const x;`` or a second ``let`` of one name, and stumbles over syntax that is newer than it is.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from perdure.safety.views import SandboxLimits, View
from tools.editing.changes import Change
from tools.editing.parsing_gate import refuse_broken, refuse_new_syntax_errors
from tools.programs import run_program
from tools.syntax import TREES
from tools.text_files import TextFile
from tools.tool_schemas import ToolContext

PROGRAM = Path(__file__).with_name("babel_errors.cjs")
PARSER = Path("@babel", "parser")
LIMITS = SandboxLimits(time_s=20, output_bytes=4 * 1024**2)
MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True)
class _Pair:
    """One changed file, before and after."""

    change: Change
    before: TextFile | None
    after: TextFile


async def refuse_broken_files(context: ToolContext, changes: Sequence[Change]) -> str:
    """ToolRejected for the first file that parsed before and would no longer parse.

    Scripts are judged by Babel where Node and our own tool-chain are installed, all others by tree-sitter. Gives a line
    to be told where scripts had to be judged by tree-sitter as well; else an empty text.
    """
    scripts = [pair for change in changes if (pair := _script(change)) is not None]
    if not scripts:
        refuse_new_syntax_errors(changes)
        return ""
    answers = await _asked(context, scripts)
    if isinstance(answers, str):
        refuse_new_syntax_errors(changes)
        return f"{answers}, so the syntax of JavaScript was checked by tree-sitter alone, which lets some errors pass."
    judged = {id(pair.change) for pair in scripts}
    refuse_new_syntax_errors([change for change in changes if id(change) not in judged])
    for pair, (before, after) in zip(scripts, answers, strict=True):
        known = Counter(each["message"] for each in before)
        if any(each["fatal"] for each in before):
            continue
        for each in after:
            known[each["message"]] -= 1
            if known[each["message"]] < 0:
                refuse_broken(pair.change.target, pair.after.text, f"line {each['line']}: {each['message']}")
    return ""


def _script(change: Change) -> _Pair | None:
    """The change where it leaves a script of a size that is parsed."""
    suffix = PurePosixPath(change.target).suffix.lower()
    if change.after is None or suffix not in TREES or change.data_after == change.data_before:
        return None
    texts = [one.text for one in (change.before, change.after) if one is not None]
    if sum(map(len, texts)) > MOST_CHARACTERS:
        return None
    return _Pair(change, change.before, change.after)


async def _asked(
    context: ToolContext, pairs: Sequence[_Pair]
) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] | str:
    """Babel's errors before and after; why there are none where it is missing, or does not end well on this source."""
    modules, node = context.toolchain.node_modules, context.toolchain.node
    if node is None:
        return "Node is not installed"
    if modules is None or not (modules / PARSER).is_dir():
        return "Babel is not installed"
    texts = [_text(pair, file) for pair in pairs for file in (pair.before, pair.after)]
    request = {"parser": str(modules / PARSER), "texts": texts}
    finished = await run_program(
        context,
        [str(node), "-e", PROGRAM.read_text()],
        view=View.READ_ONLY,
        limits=LIMITS,
        stdin=json.dumps(request).encode("utf-8"),
    )
    if finished.exit_code != 0:
        # Such as a source that is nested too deeply: what tree-sitter says of it stands.
        return "Babel could not read this source"
    found: list[list[dict[str, Any]]] = json.loads(finished.output)
    return list(zip(found[::2], found[1::2], strict=True))


def _text(pair: _Pair, file: TextFile | None) -> dict[str, Any]:
    suffix = PurePosixPath(pair.change.path if file is pair.before else pair.change.target).suffix.lower()
    return {
        "text": file.text if file is not None else "",
        "typescript": suffix in {".ts", ".tsx", ".cts", ".mts"},
        "jsx": suffix in {".js", ".jsx", ".tsx", ".mjs", ".cjs"},
        "commonjs": suffix in {".cjs", ".cts"},
    }
