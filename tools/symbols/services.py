"""Asks the language services: jedi for Python, TypeScript's own for JavaScript and TypeScript. Both run in the sandbox."""

import json
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.workspace.paths import Files
from tools.programs import how_it_ended, output_text, run_program
from tools.symbols.answers import Answer, Place
from tools.symbols.inside import OURS, run_inside
from tools.test_frameworks.tree import upwards, within
from tools.tool_schemas import ToolContext

Wanted = Literal["definitions", "references"]
ANSWER_S = 60.0
PYTHON_LIMITS = SandboxLimits(time_s=ANSWER_S + 30, memory_bytes=2 * 1024**3)
NODE_LIMITS = SandboxLimits(time_s=ANSWER_S + 30, memory_bytes=4 * 1024**3, output_bytes=32 * 1024**2)
TYPESCRIPT_PROGRAM = Path(__file__).with_name("typescript_program.mjs")
MOST_ROOTS = 50
JEDI_SURENESS = (
    "imports and inferred types are followed; uses on values whose type it cannot tell are listed as unsure."
)
TYPESCRIPT_SURENESS = "types are followed; what is reached by a computed name is not seen."


async def ask_python(
    context: ToolContext,
    wanted: Wanted,
    path: str,
    line: int,
    name: str,
    *,
    among: Sequence[str],
    every: Sequence[str],
) -> Answer:
    """What jedi says of the name on a line; ``among`` may hold uses, ``every`` are the Python files of the workspace."""
    request = {
        "wanted": wanted,
        "file": f"{WORKSPACE}/{path}",
        "line": line,
        "name": name,
        "roots": [_inside(root) for root in import_roots(context.copy.files, every)],
        "ours": [str(OURS)],
        "candidates": [f"{WORKSPACE}/{each}" for each in among if each.endswith((".py", ".pyi"))],
        "time_s": ANSWER_S,
    }
    finished = await run_inside(
        context, "tools.symbols.python_program", json.dumps(request).encode(), limits=PYTHON_LIMITS
    )
    said = _answer(finished, PYTHON_LIMITS, "jedi")
    return _read(said, f"jedi {said['version']}", JEDI_SURENESS)


async def ask_typescript(
    context: ToolContext, wanted: Wanted, path: str, line: int, name: str, *, among: Sequence[str]
) -> Answer:
    """What the TypeScript language service says of the name on a line; ``among`` may hold uses."""
    service, whose = typescript_of(context, path)
    request = {
        "typescript": service,
        "wanted": wanted,
        "file": f"{WORKSPACE}/{path}",
        "line": line,
        "name": name,
        "candidates": [f"{WORKSPACE}/{each}" for each in among],
    }
    argv = [str(context.toolchain.node), "--max-old-space-size=3072", "--input-type=module"]
    argv += ["-e", TYPESCRIPT_PROGRAM.read_text()]
    stdin = json.dumps(request).encode()
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=NODE_LIMITS, stdin=stdin)
    said = _answer(finished, NODE_LIMITS, "The TypeScript language service")
    by = said["configuration"]
    options = f" with {_outside(by)}" if by else " without a tsconfig.json"
    return _read(said, f"TypeScript {said['version']} of {whose}{options}", TYPESCRIPT_SURENESS)


def typescript_of(context: ToolContext, path: str) -> tuple[str, str]:
    """The nearest TypeScript with a language service, as the sandbox sees it, and whose it is; ToolRejected where none is."""
    if context.toolchain.node is None:
        raise ToolRejected("Node is not installed here.", "The operator runs `make setup`.")
    for folder in upwards(path):
        place = within(folder, "node_modules/typescript")
        # TypeScript 7 has no language service for other programs.
        if _has_service(context.copy.files, place):
            return f"{WORKSPACE}/{place}", "the project"
    ours = context.toolchain.node_modules
    if ours is None:
        raise ToolRejected(
            "Neither the project nor this installation has TypeScript.",
            "Send install_dependencies if the project depends on it; else the operator runs `make setup`.",
        )
    return str(ours / "typescript"), "Perdure"


def _has_service(files: Files, place: str) -> bool:
    try:
        version = str(json.loads(files.read(f"{place}/package.json", limit_bytes=1024**2))["version"])
    except (ToolRejected, ValueError, LookupError, TypeError):
        return False
    major = version.partition(".")[0]
    return major.isdigit() and 4 <= int(major) < 7


def import_roots(files: Files, paths: Sequence[str]) -> list[str]:
    """Folders that imports begin in: above the packages, ``src``, and the site-packages of an environment in the project."""
    folders = {posixpath.dirname(path) for path in paths}
    packages = {posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py"}
    roots = {posixpath.dirname(folder) for folder in packages}
    roots |= {"", *({"src"} & {folder.partition("/")[0] for folder in folders})}
    found = sorted((root for root in roots if root not in packages), key=lambda root: (root.count("/"), root))
    return [*found[:MOST_ROOTS], *_site_packages(files)]


def _site_packages(files: Files) -> list[str]:
    for environment in (".venv", "venv"):
        lib = f"{environment}/lib"
        if files.exists(lib) and files.stat(lib).kind == "folder":
            return [
                f"{lib}/{entry.name}/site-packages"
                for entry in files.list(lib)
                if entry.name.startswith("python") and files.exists(f"{lib}/{entry.name}/site-packages")
            ]
    return []


def _answer(finished: Finished, limits: SandboxLimits, who: str) -> dict[str, Any]:
    said = output_text(finished)
    start = said.find("{")
    if finished.exit_code == 0 and start >= 0:
        try:
            return json.loads(said[start:])
        except ValueError:
            pass
    last = ending(said.strip().rpartition("\n")[2], 300)
    raise ToolRejected(
        f"{who} gave no answer: {how_it_ended(finished, limits)}. {last}".strip(),
        "Use grep_search for the name.",
    )


def _read(said: dict[str, Any], engine: str, sureness: str) -> Answer:
    return Answer(
        engine=engine,
        sureness=sureness,
        places=_places(said["places"]),
        unsure=_places(said["unsure"]),
        complete=said["complete"],
    )


def _places(given: Sequence[dict[str, Any]]) -> list[Place]:
    found: dict[Place, Place] = {}
    for each in given:
        path = each["path"]
        inside = path.startswith(f"{WORKSPACE}/")
        shown = _outside(path) if inside else _shown_elsewhere(path, str(each.get("module", "")))
        place = Place(shown, each["line"], each["column"], each["kind"], each.get("defines", False), inside)
        if place not in found or place.defines:
            found[place] = place
    return sorted(found)


def _shown_elsewhere(path: str, module: str) -> str:
    """A file of the standard library or of the compiler, by what people know it as."""
    for mark in ("/node_modules/", "/site-packages/", "/python3"):
        if mark in path:
            return path[path.rindex(mark) + 1 :]
    return path or f"module {module}"


def _inside(path: str) -> str:
    return f"{WORKSPACE}/{path}".rstrip("/")


def _outside(path: str) -> str:
    return path.removeprefix(f"{WORKSPACE}/")
