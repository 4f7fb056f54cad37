"""Say which branch is checked out and what differs from its last commit."""

from perdure.contracts.calls import Effect
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SHOWN_CHANGES = 200


class GitStatus(Arguments):
    """Show the branch, its last commit and the changed files."""


@tool(GitStatus, title=lambda _: "git_status", effect=Effect.READ, timeout_s=60)
async def git_status(arguments: GitStatus, context: ToolContext) -> ToolOutput:
    """Branch, commit and one line for each changed file."""
    git = context.copy.git
    branch, head, changes = await git.branch(), await git.head(), await git.status()
    text = [
        f"On branch {branch} at {head[:12]}; {len(changes) or 'no'} changed {'file' if len(changes) == 1 else 'files'}"
    ]
    text += [f"{change.status} {shown_path(change.path)}" for change in changes[:SHOWN_CHANGES]]
    if len(changes) > SHOWN_CHANGES:
        text.append(f"[and {len(changes) - SHOWN_CHANGES} more]")
    return ToolOutput(content="\n".join(text), summary=text[0])
