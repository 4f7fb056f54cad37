"""Create a branch in the workspace."""

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.safety.display import inline_code
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool


class CreateBranch(Arguments):
    """Create a branch at the last commit and switch to it. The task already has a branch of its own."""

    name: str = Field(min_length=1, max_length=200, description="Name of the new branch.")


def _touches(arguments: CreateBranch) -> Touches:
    return Touches(refs=("HEAD", f"refs/heads/{arguments.name}"))


async def _preview(arguments: CreateBranch, context: ToolContext) -> Preview:
    branch, head = await context.copy.git.branch(), await context.copy.git.head()
    name = inline_code(arguments.name, 200)
    markdown = (
        f"Creates the branch {name} at `{head}` (the head of {inline_code(branch, 200)}) and switches to it."
    )
    return Preview(
        title=one_line(f"create_branch {arguments.name}"),
        markdown=markdown,
        facts={"head": head, "branch": branch},
    )


@tool(
    CreateBranch,
    title=lambda a: f"create_branch {a.name}",
    effect=Effect.COMMIT,
    timeout_s=60,
    preview=_preview,
    touches=_touches,
)
async def create_branch(arguments: CreateBranch, context: ToolContext) -> ToolOutput:
    """Create the branch; ToolRejected for a bad or taken name."""
    await context.copy.git.create_branch(arguments.name)
    head = await context.copy.git.head()
    return ToolOutput(content=f"Created branch {arguments.name} at {head[:12]} and switched to it.")
