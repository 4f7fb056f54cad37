"""Commit changes on the task's branch."""

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import fenced, inline_code
from tools.paths import WorkspacePath
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

SHOWN_FILES = 30


class GitCommit(Arguments):
    """Commit the changes, new and deleted files included."""

    message: str = Field(
        min_length=1, max_length=10_000, description="Subject of one line; a body may follow."
    )
    paths: list[WorkspacePath] = Field(
        default=[], max_length=200, description="Only these; default all changes."
    )


def _subject(arguments: GitCommit) -> str:
    return arguments.message.strip().partition("\n")[0]


def _touches(arguments: GitCommit) -> Touches:
    return Touches(refs=("HEAD",))


async def _preview(arguments: GitCommit, context: ToolContext) -> Preview:
    git = context.copy.git
    branch, head, changes = await git.branch(), await git.head(), await git.status()
    if not changes:
        raise ToolRejected("There is nothing to commit: no file differs from the last commit.")
    listed = [f"- {change.status} {inline_code(change.path, 200)}" for change in changes[:SHOWN_FILES]]
    if len(changes) > SHOWN_FILES:
        listed.append(f"- and {len(changes) - SHOWN_FILES} more")
    only = ", ".join(inline_code(path, 200) for path in arguments.paths)
    difference = await git.diff(against="HEAD", paths=arguments.paths)
    markdown = "\n".join(
        [
            f"Commits on {inline_code(branch, 200)}, on top of `{head}`"
            + (f", only {only}:" if only else ":"),
            fenced(arguments.message, 600),
            *listed,
            fenced(difference, 1_800, language="diff"),
        ]
    )
    title = one_line(f"git_commit {_subject(arguments)}")
    return Preview(title=title, markdown=markdown, facts={"head": head, "branch": branch})


@tool(
    GitCommit,
    title=lambda a: f"git_commit {_subject(a)}",
    effect=Effect.COMMIT,
    timeout_s=120,
    preview=_preview,
    touches=_touches,
)
async def git_commit(arguments: GitCommit, context: ToolContext) -> ToolOutput:
    """Commit; a retry of the same call makes the very same commit."""
    git = context.copy.git
    commit = await git.commit(arguments.message, at=context.requested_at, paths=arguments.paths)
    text = f"Committed {commit[:12]} on {await git.branch()}: {_subject(arguments)}"
    left = await git.status()
    text += f"\n{len(left)} changed {'file is' if len(left) == 1 else 'files are'} not in it." if left else ""
    return ToolOutput(content=text, summary=text.partition("\n")[0], commit=commit)
