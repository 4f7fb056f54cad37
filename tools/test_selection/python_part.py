"""Which tests of Python a change affects."""

import json
import posixpath
import re
from collections.abc import Sequence

from perdure.safety.views import SandboxLimits
from perdure.workspace.paths import Files
from tools.programs import how_it_ended
from tools.symbols.inside import run_inside
from tools.test_frameworks.tree import beginning, upwards, within
from tools.test_selection.kinds import Kind
from tools.test_selection.parts import Part, reached
from tools.tool_schemas import ToolContext

PROGRAM = "tools.test_selection.imports_program"
LIMITS = SandboxLimits(time_s=120, output_bytes=64 * 1024**2)
NAME = "Python"
#: Where a project tells pytest to load a module for every test.
PLUGIN = re.compile(r"(?<![\w-])-p[ =]?(?!no:)([A-Za-z_][\w.]*)")
CONFIGURATIONS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "setup.cfg", "tox.ini")


async def python_part(
    context: ToolContext, found: Sequence[str], tests: Sequence[str], kinds: dict[str, Kind]
) -> Part:
    """The tests that lead to a changed file by imports; all where settings changed, or data that no file names."""
    settings = [path for path, kind in kinds.items() if kind is Kind.SETTINGS]
    if settings:
        return Part(NAME, tests, f"{settings[0]} changed, which every test may depend on")
    sources = [path for path, kind in kinds.items() if kind is Kind.SOURCE]
    others = [path for path, kind in kinds.items() if kind in {Kind.DATA, Kind.NOTHING}]
    if not kinds:
        return Part(NAME, tests)
    python_files = sorted({*(path for path in found if path.endswith((".py", ".pyi"))), *sources})
    request = {
        "files": python_files,
        "tests": list(tests),
        "named": others,
        "plugins": _plugins(context.copy.files, tests),
    }
    finished = await run_inside(context, PROGRAM, json.dumps(request).encode(), limits=LIMITS)
    if finished.exit_code != 0:
        return Part(NAME, tests, f"the imports could not be read ({how_it_ended(finished, LIMITS)})")
    edges = {path: set(uses) for path, uses in json.loads(finished.output).items()}
    named = {each for uses in edges.values() for each in uses}
    unnamed = [path for path, kind in kinds.items() if kind is Kind.DATA and path not in named]
    if unnamed:
        return Part(NAME, tests, f"{unnamed[0]} changed and no file names it, so its readers are not known")
    return Part(NAME, tests, chosen=reached(edges, [*sources, *others], tests))


def _plugins(files: Files, tests: Sequence[str]) -> list[str]:
    folders = {folder for test in tests for folder in upwards(test)}
    places = [within(folder, name) for folder in sorted(folders) for name in CONFIGURATIONS]
    texts = [beginning(files, path) for path in places if files.exists(path) and _is_file(files, path)]
    return sorted({name for text in texts for name in PLUGIN.findall(text)})


def _is_file(files: Files, path: str) -> bool:
    return files.stat(path).kind == "file" and bool(posixpath.basename(path))
