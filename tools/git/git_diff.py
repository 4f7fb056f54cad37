"""Show changes as a unified diff."""

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.paths import WorkspacePath
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class GitDiff(Arguments):
    """Show the uncommitted changes as a diff, or all changes since a commit or branch."""

    against: str = Field(default="", max_length=250, description="Commit or branch; default the last commit.")
    paths: list[WorkspacePath] = Field(default=[], max_length=100, description="Only these files or folders.")


@tool(
    GitDiff,
    title=lambda a: f"git_diff {' '.join([a.against, *a.paths])}".strip(),
    effect=Effect.READ,
    timeout_s=60,
)
async def git_diff(arguments: GitDiff, context: ToolContext) -> ToolOutput:
    """The diff, or that there is no difference."""
    against = arguments.against or "HEAD"
    text = await context.copy.git.diff(against=against, paths=arguments.paths)
    if not text.strip():
        return ToolOutput(content=f"No difference from {against}.")
    files = text.count("\ndiff --git ") + text.startswith("diff --git ")
    return ToolOutput(
        content=text, summary=f"{files} changed {'file' if files == 1 else 'files'} against {against}"
    )
