"""The imports of a Python project by grimp, and its declared packages by deptry; both read files and import nothing."""

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import Finished, SandboxLimits, View
from tools.dependencies.graphs import Analysis, Problem
from tools.programs import how_it_ended, output_text, run_program
from tools.symbols.inside import run_inside
from tools.symbols.listing import source_files
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=120, output_bytes=64 * 1024**2)
DECLARATIONS = ("pyproject.toml", "requirements.txt", "requirements.in")
# deptry writes its report to a file only, and what it says for people beside it.
DEPTRY = '"$0" -I -m deptry . --json-output /tmp/report.json >/tmp/said 2>&1; cat /tmp/report.json || cat /tmp/said'
# Whether another package brings the third (DEP003) is said of this installation's packages, not of the project's.
KINDS = {"DEP001": "missing", "DEP002": "unused", "DEP003": "missing", "DEP004": "misplaced"}
MOST_PLACES = 3


async def python_analysis(context: ToolContext) -> Analysis | None:
    """The analysis; None where there is no Python package."""
    paths = await source_files(context, ("python",))
    roots = _packages(paths)
    if not roots:
        return None
    request = {
        "roots": sorted({f"{WORKSPACE}/{root}".rstrip("/") for root in roots.values()}),
        "packages": sorted(roots),
    }
    finished = await run_inside(
        context, "tools.dependencies.imports_program", json.dumps(request).encode(), limits=LIMITS
    )
    answer = _answer(finished, "grimp")
    external = set(answer["external"])
    edges = {module: set(targets) for module, targets in answer["edges"].items() if module not in external}
    problems, notes = await _declared(context, _own_names(paths))
    return Analysis(
        engine="grimp and deptry",
        edges={module: targets - external for module, targets in edges.items()},
        packages={module: targets & external for module, targets in edges.items()},
        problems=problems,
        notes=notes,
    )


def _packages(paths: Sequence[str]) -> dict[str, str]:
    """The outermost packages by name, with the folder that each is imported from."""
    folders = {posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py"}
    tops = sorted(folder for folder in folders if folder and posixpath.dirname(folder) not in folders)
    found: dict[str, str] = {}
    for folder in tops:
        name = posixpath.basename(folder)
        if name.isidentifier():
            found.setdefault(name, posixpath.dirname(folder))
    return found


def _own_names(paths: Sequence[str]) -> frozenset[str]:
    """What the project itself may be imported as: its packages and modules, wherever an import path may begin."""
    packages = {posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py"}
    names: set[str] = set()
    for path in paths:
        *folders, module = path.removesuffix(".py").split("/")
        # Below a package nothing begins.
        begins = next(
            (depth for depth in range(1, len(folders) + 1) if "/".join(folders[:depth]) in packages), None
        )
        names.add(folders[begins - 1] if begins else module)
        if not begins and len(folders) == 1 + (folders[:1] == ["src"]):
            names.add(folders[-1])
    return frozenset(names)


async def _declared(context: ToolContext, own: frozenset[str]) -> tuple[list[Problem], list[str]]:
    if not any(context.copy.files.exists(name) for name in DECLARATIONS):
        return [], [f"Nothing declares the project's packages ({', '.join(DECLARATIONS)})."]
    argv = ["/bin/sh", "-c", DEPTRY, str(context.toolchain.own_python)]
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    text = output_text(finished)
    if not text.lstrip().startswith("["):
        return [], [f"deptry could not read what the project declares: {ending(text.strip(), 300)}"]
    places: dict[tuple[str, str], list[str]] = {}
    for each in json.loads(text):
        kind = KINDS.get(each["error"]["code"])
        # deptry knows the project's own names at its root only, and not those of a src folder.
        if kind and not (kind == "missing" and each["module"] in own):
            where = each["location"]
            line = f":{where['line']}" if where.get("line") else ""
            places.setdefault((kind, each["module"]), []).append(f"{where['file']}{line}")
    return [
        Problem(kind, name, tuple(found[:MOST_PLACES])) for (kind, name), found in sorted(places.items())
    ], []


def _answer(finished: Finished, who: str) -> dict[str, Any]:
    said = output_text(finished)
    start = said.find("{")
    if finished.exit_code != 0 or start < 0:
        last = ending(said.strip().rpartition("\n")[2], 400)
        raise ToolRejected(
            f"{who} gave no answer: {how_it_ended(finished, LIMITS)}. {last}",
            "Mend the file that it names; validate_syntax finds those that do not parse.",
        )
    return json.loads(said[start:])
