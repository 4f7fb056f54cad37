"""Show changes as statistics and a unified diff."""

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.workspace.file_states import FileStates
from tools.paths import WorkspacePath
from tools.revisions.readable import files_in, readable
from tools.revisions.sources import commit_of, repository_paths, source_of, step_in
from tools.tool_schemas import Arguments, Artifact, ToolContext, ToolOutput, tool


class GitDiff(Arguments):
    """Show what changed: uncommitted changes, or everything since a commit, the task's base or a step."""

    against: str = Field(
        default="", max_length=250, description="Commit, branch, 'base' or 'step 3'; default the last commit."
    )
    paths: list[WorkspacePath] = Field(default=[], max_length=100, description="Only these files or folders.")
    staged: bool = Field(default=False, description="What is committed or staged, without later changes.")


@tool(
    GitDiff,
    title=lambda a: f"git_diff {' '.join([a.against, *a.paths])}".strip(),
    effect=Effect.READ,
    timeout_s=90,
)
async def git_diff(arguments: GitDiff, context: ToolContext) -> ToolOutput:
    """Statistics and hunks, or that there is no difference."""
    against = arguments.against.strip()
    paths = repository_paths(arguments.paths)
    if step_in(against) is None:
        commit = await commit_of(against, context)
        words = against or "HEAD"
        text = await context.copy.git.diff(against=commit, paths=paths, staged=arguments.staged)
    elif arguments.staged:
        raise ToolRejected(
            "A step's files can be compared with the files as they are, not with what is staged.",
            "Leave staged out, or name a commit.",
        )
    else:
        states = FileStates(context.copy)
        now = await states.now()
        tree, words = await source_of(against, context, now=now)
        text = await states.difference(tree, now, paths)
    if not text.strip():
        return ToolOutput(content=f"No difference from {words}.")
    files = len(files_in(text))
    shown = readable(text)
    whole = Artifact("difference.patch", text.encode("utf-8", "surrogateescape"), "text/x-diff")
    return ToolOutput(
        content=shown,
        summary=f"{files} changed {'file' if files == 1 else 'files'} against {words}",
        artifacts=(whole,) if "[Hunks of " in shown.rpartition("\n")[2] else (),
    )
