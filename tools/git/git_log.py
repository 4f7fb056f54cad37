"""List commits."""

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.safety.display import escape_hidden
from perdure.safety.secrets.cutting import beginning
from perdure.workspace.history import History
from tools.paths import WorkspacePath
from tools.revisions.sources import commit_of, repository_paths
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SUBJECT_CHARACTERS = 120


class GitLog(Arguments):
    """List commits, newest first: id, date, author and subject."""

    revision: str = Field(
        default="",
        max_length=250,
        description="Commit, branch or 'base' to begin at; default the last commit.",
    )
    paths: list[WorkspacePath] = Field(
        default=[], max_length=50, description="Only commits that changed these files or folders."
    )
    containing: str = Field(default="", max_length=200, description="Only messages with this text.")
    limit: int = Field(default=20, ge=1, le=200, description="Commits at most.")
    skip: int = Field(default=0, ge=0, le=1_000_000, description="Leave out so many of the newest.")


@tool(
    GitLog,
    title=lambda a: f"git_log {' '.join([a.revision, *a.paths])}".strip(),
    effect=Effect.READ,
    timeout_s=90,
)
async def git_log(arguments: GitLog, context: ToolContext) -> ToolOutput:
    """One line a commit; those of the task are marked by ``*``."""
    history = History(context.copy.program, context.copy.folders)
    start = await commit_of(arguments.revision.strip(), context)
    paths = [path for path in repository_paths(arguments.paths) if path != "."]
    found = await history.log(
        start,
        limit=arguments.limit + 1,
        skip=arguments.skip,
        paths=paths,
        containing=arguments.containing,
    )
    own = {commit.oid for commit in await context.copy.git.log(context.copy.base_commit)}
    listed, more = found[: arguments.limit], len(found) > arguments.limit
    lines = [
        f"{'*' if each.oid in own else ' '} {each.oid[:12]} {each.date} {escape_hidden(each.author)}: "
        f"{escape_hidden(beginning(each.subject, SUBJECT_CHARACTERS))}"
        for each in listed
    ]
    if not listed:
        lines = [f"No commit before {start[:12]} matches." if arguments.skip == 0 else "No more commits."]
    if any(each.oid in own for each in listed):
        lines.append("[* is a commit of this task]")
    if more:
        lines.append(f"[There are more: send skip={arguments.skip + arguments.limit}.]")
    elif history.is_shallow:
        lines.append("[The clone is shallow: the repository has older commits that are not here.]")
    count = f"{len(listed)}{' of more' if more else ''} {'commit' if len(listed) == 1 else 'commits'}"
    return ToolOutput(content="\n".join(lines), summary=f"{count} up to {start[:12]}")
