"""Commit changes on the task's branch."""

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import fenced_and_left_out, inline_code
from perdure.workspace.added_lines import refuse_secrets, secrets_added
from perdure.workspace.git import Change
from tools.paths import WorkspacePath
from tools.revisions.hooks import hooks_of, not_run, run_hooks
from tools.revisions.messages import checked_message, with_trailers
from tools.revisions.sources import repository_paths
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

SHOWN_FILES = 30
HOOKS_S = 300.0
COMMIT_S = 120.0


class GitCommit(Arguments):
    """Commit the changes, new and deleted files included."""

    message: str = Field(
        min_length=1,
        max_length=10_000,
        description="Subject of at most 72 characters; a body may follow after an empty line.",
    )
    paths: list[WorkspacePath] = Field(
        default=[], max_length=200, description="Only these; default all changes."
    )
    run_hooks: bool = Field(default=False, description="Run the project's pre-commit hooks in the sandbox.")


def _subject(arguments: GitCommit) -> str:
    return arguments.message.strip().partition("\n")[0]


def _touches(arguments: GitCommit) -> Touches:
    return Touches(paths=(".",) if arguments.run_hooks else (), refs=("HEAD",))


def _effect(arguments: GitCommit) -> Effect:
    # Hooks are programs of the project, which the policy judges like any other that may change its files.
    return Effect.RUN_WRITING if arguments.run_hooks else Effect.COMMIT


async def _preview(arguments: GitCommit, context: ToolContext) -> Preview:
    git = context.copy.git
    message = with_trailers(checked_message(arguments.message), context)
    branch, head, changes = await git.branch(), await git.head(), await git.status()
    if not changes:
        raise ToolRejected("There is nothing to commit: no file differs from the last commit.")
    paths = repository_paths(arguments.paths)
    chosen = _chosen(changes, paths)
    listed = [f"- {change.status} {inline_code(change.path, 200)}" for change in chosen[:SHOWN_FILES]]
    if len(chosen) > SHOWN_FILES:
        listed.append(f"- and {len(chosen) - SHOWN_FILES} more")
    only = ", ".join(inline_code(path, 200) for path in paths)
    difference = await git.diff(against="HEAD", paths=paths)
    refuse_secrets(secrets_added(difference, context.screen.findings, message=message), one_line)
    hooks = hooks_of(context.copy.files)
    told = (
        [
            f"Runs the hooks of {inline_code(', '.join(hook.file for hook in hooks), 300)} in the sandbox first."
        ]
        if arguments.run_hooks and hooks
        else [inline_code(not_run(hooks), 400)] * bool(hooks)
    )
    told_message, left_out = fenced_and_left_out(message, 800)
    shown, cut = fenced_and_left_out(difference, 1_800, language="diff")
    markdown = "\n".join(
        [
            f"Commits on {inline_code(branch, 200)}, on top of `{head}`"
            + (f", only {only}:" if only else ":"),
            told_message,
            *listed,
            *told,
            shown,
        ]
    )
    title = one_line(f"git_commit {_subject(arguments)}")
    facts = {"head": head, "branch": branch}
    return Preview(title=title, markdown=markdown, facts=facts, left_out=left_out + cut)


@tool(
    GitCommit,
    title=lambda a: f"git_commit {_subject(a)}",
    effect=_effect,
    effects=(Effect.COMMIT, Effect.RUN_WRITING),
    timeout_s=COMMIT_S + HOOKS_S,
    timeout_of=lambda a: COMMIT_S + HOOKS_S if a.run_hooks else COMMIT_S,
    preview=_preview,
    touches=_touches,
)
async def git_commit(arguments: GitCommit, context: ToolContext) -> ToolOutput:
    """Commit; a retry of the same call makes the very same commit."""
    git = context.copy.git
    message = with_trailers(checked_message(arguments.message), context)
    paths = repository_paths(arguments.paths)
    hooks = hooks_of(context.copy.files)
    told = not_run(hooks)
    if arguments.run_hooks:
        changed = [change.path for change in _chosen(await git.status(), paths)]
        told = await run_hooks(hooks, changed, context) if changed else ""
    commit = await git.commit(message, at=context.requested_at, paths=paths, look=context.screen.findings)
    text = f"Committed {commit[:12]} on {await git.branch()}: {_subject(arguments)}"
    left = await git.status()
    text += f"\n{len(left)} changed {'file is' if len(left) == 1 else 'files are'} not in it." if left else ""
    text += f"\n{told}" if told else ""
    return ToolOutput(content=text, summary=text.partition("\n")[0], commit=commit)


def _chosen(changes: list[Change], paths: list[str]) -> list[Change]:
    return [
        change
        for change in changes
        if not change.path.endswith("/")
        and (
            not paths
            or any(path in {".", change.path} or change.path.startswith(f"{path}/") for path in paths)
        )
    ]
