"""Which modules import which, and whether that agrees with what is declared."""

from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.dependencies.graphs import Analysis, cycles_of, mermaid_of, most_imported
from tools.dependencies.python_imports import python_analysis
from tools.dependencies.script_imports import script_analysis
from tools.paths import WorkspacePath, existing_folder
from tools.tool_schemas import Arguments, Artifact, ToolContext, ToolOutput, tool

SHOWN = 20
MOST_IMPORTED = 10
MEANINGS = {
    "missing": "imported, but not declared",
    "misplaced": "imported, but declared for development only",
    "unused": "declared, but never imported",
}


class AnalyzeDependencies(Arguments):
    """Import graph of the Python and the JavaScript or TypeScript of the workspace: cycles, most imported modules, packages
    that are missing or unused; on request a Mermaid picture."""

    path: WorkspacePath = Field(default=".", min_length=1, description="Folder of a package.json.")
    module: str = Field(
        default="", max_length=300, description="Show what this one imports and is imported by."
    )
    mermaid: bool = Field(default=False, description="Also a Mermaid picture of the graph.")


@tool(
    AnalyzeDependencies,
    title=lambda a: f"analyze_dependencies {a.module or a.path}",
    effect=Effect.READ,
    timeout_s=480,
)
async def analyze_dependencies(arguments: AnalyzeDependencies, context: ToolContext) -> ToolOutput:
    """One part for each language that the workspace has."""
    folder = existing_folder(context.copy, arguments.path)
    analyses = [
        each for each in (await python_analysis(context), await script_analysis(context, folder)) if each
    ]
    if not analyses:
        raise ToolRejected(
            "There is neither a Python package nor a package.json here.",
            "Send path with the folder of a JavaScript project.",
        )
    if arguments.module and not any(arguments.module in _names(each) for each in analyses):
        near = [name for each in analyses for name in _names(each) if arguments.module in name][:5]
        raise ToolRejected(
            f"There is no module {arguments.module!r} in the graph.",
            f"Send one of: {', '.join(near)}." if near else "Send it without module to see what there is.",
        )
    parts = [_described(each, arguments) for each in analyses]
    artifacts = tuple(
        Artifact(f"imports-{number}.mmd", mermaid_of(each.edges).encode(), "text/vnd.mermaid; charset=utf-8")
        for number, each in enumerate(analyses, 1)
        if arguments.mermaid
    )
    return ToolOutput(
        content="\n\n".join("\n".join(part) for part in parts),
        summary="; ".join(part[0] for part in parts),
        artifacts=artifacts,
    )


def _names(analysis: Analysis) -> set[str]:
    return {*analysis.edges, *(name for names in analysis.packages.values() for name in names)}


def _described(analysis: Analysis, arguments: AnalyzeDependencies) -> list[str]:
    edges = analysis.edges
    cycles = cycles_of(edges)
    count = sum(map(len, edges.values()))
    head = f"{len(edges)} modules, {count} imports, {len(cycles)} {'cycle' if len(cycles) == 1 else 'cycles'}"
    lines = [f"{head}, {len(analysis.problems)} packages to look at, by {analysis.engine}", *analysis.notes]
    if arguments.module:
        if arguments.module in _names(analysis):
            lines += _around(analysis, arguments.module)
        return lines
    lines += [f"cycle: {' → '.join(cycle)}" for cycle in cycles[:SHOWN]]
    lines += [f"[{len(cycles) - SHOWN} more cycles.]"] if len(cycles) > SHOWN else []
    for kind, meaning in MEANINGS.items():
        found = [each for each in analysis.problems if each.kind == kind]
        if found:
            lines.append(f"{kind} ({meaning}):")
            lines += [f"  {each.package}{_places(each.places)}" for each in found[:SHOWN]]
            lines += [f"  [{len(found) - SHOWN} more.]"] if len(found) > SHOWN else []
    most = ", ".join(f"{name} ({times})" for name, times in most_imported(edges, MOST_IMPORTED))
    lines += [f"most imported: {most}"] if most else []
    return [*lines, "```mermaid", mermaid_of(edges), "```"] if arguments.mermaid else lines


def _around(analysis: Analysis, module: str) -> list[str]:
    by = sorted(
        name
        for name in analysis.edges
        if module in analysis.edges[name] or module in analysis.packages.get(name, set())
    )
    imports = sorted({*analysis.edges.get(module, set()), *analysis.packages.get(module, set())})
    return [
        f"{module} imports: {', '.join(imports) or 'nothing'}",
        f"imported by: {', '.join(by) or 'nothing'}",
    ]


def _places(places: Sequence[str]) -> str:
    return f" ({', '.join(places)})" if places else ""
