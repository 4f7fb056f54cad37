"""The imports of a JavaScript project by dependency-cruiser, compared with what its package.json declares."""

import json
import posixpath
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import SandboxLimits, View
from tools.dependencies.graphs import Analysis, Problem
from tools.node.configurations import configuration_of
from tools.node.projects import Project, node_of, our_modules, project_of
from tools.programs import how_it_ended, output_text, run_program
from tools.test_frameworks.packages import Packages
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=180, memory_bytes=4 * 1024**3, output_bytes=64 * 1024**2)
PROGRAM = "dependency-cruiser/bin/dependency-cruise.mjs"
LEFT_OUT = r"(^|/)(node_modules|\.next|dist|build|coverage|\.git|\.venv)(/|$)"
MOST_PLACES = 3


async def script_analysis(context: ToolContext, folder: str) -> Analysis | None:
    """The analysis of the project that a folder belongs to; None where there is no package.json."""
    if Packages(context.copy.files).of(folder) is None:
        return None
    project = project_of(context, folder)
    argv = [node_of(context), str(our_modules(context) / PROGRAM), "--no-config", "--output-type", "json"]
    argv += ["--do-not-follow", "node_modules", "--exclude", LEFT_OUT.replace("node_modules|", "")]
    argv += ["--ts-pre-compilation-deps"]
    configuration = configuration_of(project)
    if configuration is not None:
        argv += ["--ts-config", posixpath.relpath(configuration, project.folder)]
    finished = await run_program(
        context, [*argv, "."], view=View.READ_ONLY, limits=LIMITS, working_directory=project.folder
    )
    text = output_text(finished)
    start = text.find("{")
    if finished.exit_code != 0 or start < 0:
        raise ToolRejected(
            f"dependency-cruiser gave no answer: {how_it_ended(finished, LIMITS)}. {ending(text.strip(), 400)}",
            "Mend what it names, or send path of a smaller project.",
        )
    return _analysis(project, json.JSONDecoder().raw_decode(text[start:])[0])


def _analysis(project: Project, report: dict[str, Any]) -> Analysis:
    edges: dict[str, set[str]] = {}
    packages: dict[str, set[str]] = {}
    missing: dict[str, list[str]] = {}
    unresolved: list[str] = []
    for module in report["modules"]:
        source = module["source"]
        if "node_modules/" in source or module.get("coreModule") or module.get("couldNotResolve"):
            continue
        edges[source], packages[source] = set(), set()
        for each in module["dependencies"]:
            name = _package_of(each["module"])
            if each["coreModule"]:
                continue
            if _is_local(each):
                if each["couldNotResolve"]:
                    unresolved.append(f"{source} imports {each['module']!r}")
                else:
                    edges[source].add(each["resolved"])
                continue
            packages[source].add(name)
            if name not in project.dependencies and name != project.package.content.get("name"):
                missing.setdefault(name, []).append(source)
    used = {name for names in packages.values() for name in names}
    problems = [
        Problem("missing", name, tuple(found[:MOST_PLACES])) for name, found in sorted(missing.items())
    ]
    problems += [Problem("unused", name) for name in _declared(project) if name not in used]
    notes = [f"Not found: {'; '.join(unresolved[:5])}."] if unresolved else []
    return Analysis("dependency-cruiser", edges, packages, problems, notes)


def _is_local(each: dict[str, Any]) -> bool:
    types = set(each["dependencyTypes"])
    resolved = not each["couldNotResolve"] and "node_modules/" not in each["resolved"]
    return each["module"].startswith((".", "/")) or bool(types & {"local", "aliased"}) or resolved


def _package_of(name: str) -> str:
    parts = name.split("/")
    return "/".join(parts[:2]) if name.startswith("@") else parts[0]


def _declared(project: Project) -> list[str]:
    """What runs with the project; tools for development are used in ways that no import shows."""
    given = project.package.content.get("dependencies")
    return sorted(cast("dict[str, Any]", given)) if isinstance(given, dict) else []
