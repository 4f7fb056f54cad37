"""Say which branch is checked out, how far it is from where the task began, and what differs from its last commit."""

from perdure.contracts.calls import Effect
from perdure.workspace.history import History
from perdure.workspace.program import GitFailed
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SHOWN_CHANGES = 200


class GitStatus(Arguments):
    """Show the branch, its last commit and the changed files."""


@tool(GitStatus, title=lambda _: "git_status", effect=Effect.READ, timeout_s=60)
async def git_status(arguments: GitStatus, context: ToolContext) -> ToolOutput:
    """Branch, commit and one line for each changed file, with Git's two letters: staged, then changed since."""
    copy = context.copy
    branch, head, changes = await copy.git.branch(), await copy.git.head(), await copy.git.status()
    first = f"On branch {branch} at {head[:12]}{await _ahead(context, head)}; "
    first += f"{len(changes) or 'no'} changed {'file' if len(changes) == 1 else 'files'}"
    text = [first, *(f"{change.status} {shown_path(change.path)}" for change in changes[:SHOWN_CHANGES])]
    if len(changes) > SHOWN_CHANGES:
        text.append(f"[and {len(changes) - SHOWN_CHANGES} more]")
    return ToolOutput(content="\n".join(text), summary=text[0])


async def _ahead(context: ToolContext, head: str) -> str:
    base = context.copy.base_commit
    if head == base:
        return ""
    try:
        count = await History(context.copy.program, context.copy.folders).count(f"{base}..{head}")
    except GitFailed:
        # After a rewind to before a fetched base the two need not be related.
        return ""
    return f", {count} {'commit' if count == 1 else 'commits'} since the task began at {base[:12]}"
