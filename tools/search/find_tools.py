"""Find tools that are not offered yet."""

import json

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.model import ToolSchema
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

MOST_FOUND = 4


class FindTools(Arguments):
    """Find further tools, such as for tests, symbols, Git, packages, types or documentation. What is found can be
    called from your next answer on."""

    query: str = Field(min_length=1, max_length=500, description="What you want to do, in a few words.")
    limit: int = Field(default=3, ge=1, le=MOST_FOUND, description="Most tools.")


@tool(FindTools, title=lambda a: f"find_tools {a.query}", effect=Effect.READ, timeout_s=10)
async def find_tools(arguments: FindTools, context: ToolContext) -> ToolOutput:
    """Names, descriptions and arguments of the tools that fit best; they are offered from the next decision on."""
    found = [
        schema
        for schema in context.catalogue.find(arguments.query, limit=arguments.limit + 1)
        if schema.name != find_tools.name
    ][: arguments.limit]
    if not found:
        names = ", ".join(context.catalogue.names)
        return ToolOutput(
            content=f"No tool fits {arguments.query!r}. There are: {names}.", summary="no tool fits"
        )
    names = ", ".join(schema.name for schema in found)
    content = "\n".join([f"Found {names}. Their arguments as JSON Schema:", *map(_shown, found)])
    return ToolOutput(content=content, summary=f"found {names}", loads=tuple(schema.name for schema in found))


def _shown(schema: ToolSchema) -> str:
    parameters = json.dumps(schema.parameters, ensure_ascii=False, separators=(",", ":"))
    return f"{schema.name}: {schema.description}\n{parameters}"
