"""Tools of others for tests: as a file, and as an installed package with an entry point."""

from pathlib import Path

TOOL = '''"""Counts words."""

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class Count(Arguments):
    """Count the words of a file."""

    path: str = Field(description="The file.")


@tool(Count, title=lambda a: f"{name} {{a.path}}", effect=Effect.{effect}, timeout_s=10)
async def {name}(arguments: Count, context: ToolContext) -> ToolOutput:
    """How many words there are."""
    words = context.copy.files.read(arguments.path).split()
    return ToolOutput(f"{{len(words)}} words counted by {name}")
'''


def put_tool_file(folder: Path, name: str, *, effect: str = "READ") -> Path:
    """A file that holds one tool of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(TOOL.format(name=name, effect=effect))
    return file


def install_package(site: Path, module: str, entries: dict[str, str]) -> None:
    """Metadata of an installed package with these entry points, each ``name: module:object``."""
    folder = site / f"{module}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (folder / "entry_points.txt").write_text("\n".join(["[perdure.tools]", *lines, ""]))
