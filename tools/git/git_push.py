"""Push the current branch to the remote, once."""

from dataclasses import dataclass

from perdure.contracts.calls import Effect
from perdure.contracts.errors import EffectUnknown, ToolRejected
from perdure.contracts.names import PUSH
from perdure.contracts.repositories import strip_credentials
from perdure.safety.display import fenced, inline_code
from perdure.workspace.git import Commit
from perdure.workspace.program import GitFailed
from tools.differences import diff_statistics
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, tool

KIND = PUSH
SHOWN_COMMITS = 20


class GitPush(Arguments):
    """Push the commits of the current branch to the remote. A person is asked first; commit before you push."""


@dataclass(frozen=True)
class _Push:
    """What is pushed where; ``remote_head`` is None where the remote has no such branch yet."""

    remote: str
    branch: str
    commit: str
    remote_head: str | None

    @property
    def target(self) -> str:
        """The effect's target in the ledger."""
        return f"{self.remote} {self.branch}"


async def _worked_out(context: ToolContext) -> _Push:
    """The push as the world stands now; ToolRejected where there is nowhere to push to."""
    copy = context.copy
    if copy.remote is None:
        raise ToolRejected(
            "This workspace has no remote, so nothing can be pushed.", "Finish without pushing."
        )
    branch = await copy.git.branch()
    return _Push(
        remote=strip_credentials(copy.remote),
        branch=branch,
        commit=await copy.git.head(),
        remote_head=await _remote_head(context, branch),
    )


async def _remote_head(context: ToolContext, branch: str) -> str | None:
    """The branch's head at the remote; EffectUnknown where it cannot be asked and an earlier attempt may have pushed."""
    copy = context.copy
    try:
        return await copy.git.remote_head(branch)
    except GitFailed as error:
        target = f"{strip_credentials(copy.remote or '')} {branch}"
        if await context.effects.intended(KIND, target, str(context.key)) is None:
            raise
        raise EffectUnknown(
            f"An earlier attempt of this push may have reached the remote, which cannot be asked now: {error.message}",
            "look at the remote, then have it looked at again.",
        ) from error


async def _preview(arguments: GitPush, context: ToolContext) -> Preview:
    push = await _worked_out(context)
    intent = await context.effects.intended(KIND, push.target, str(context.key))
    before = push.remote_head
    if intent and intent.get("commit") == push.commit == before:
        # An earlier attempt of this very call pushed and was stopped before it could say so. The operation that a
        # person approved is still the same one: it began where that attempt found the remote.
        before = intent["expected"]
    elif before == push.commit:
        # Also after a reset to before the push: another run of the task pushed, under a key of its own.
        there = f"The remote's {push.branch!r} already is at {push.commit[:12]}; there is nothing to push."
        return Preview(title=one_line(_title(push)), markdown=there, facts=_facts(push), pushed=_moved(push))
    git = context.copy.git
    start = before or context.copy.base_commit
    commits = await _commits(push, start, context)
    listed = [
        f"- `{commit.oid[:12]}` {inline_code(commit.subject, 120)}" for commit in commits[-SHOWN_COMMITS:]
    ]
    if len(commits) > SHOWN_COMMITS:
        listed.insert(0, f"- {len(commits) - SHOWN_COMMITS} older ones")
    # The index is what was committed last, so uncommitted changes do not count here.
    statistics = diff_statistics(await git.diff(staged=True, against=start))
    markdown = "\n".join(
        [
            f"Pushes to {inline_code(push.remote, 300)}, branch {inline_code(push.branch, 200)}:",
            f"`{before or '(new branch)'}` → `{push.commit}`",
            f"{len(commits)} {'commit' if len(commits) == 1 else 'commits'}:",
            # The Web UI's Markdown knows a list only after an empty line.
            "",
            *listed,
            fenced(statistics, 1_200),
        ]
    )
    facts = {**_facts(push), "remote_head": before}
    return Preview(title=one_line(_title(push)), markdown=markdown, facts=facts)


def _facts(push: _Push) -> dict[str, str | None]:
    return {
        "remote": push.remote,
        "branch": push.branch,
        "commit": push.commit,
        "remote_head": push.remote_head,
    }


async def _commits(push: _Push, start: str, context: ToolContext) -> list[Commit]:
    """The commits that the remote does not have; ToolRejected where there are none, or where it has others."""
    try:
        await context.copy.git.resolve(start)
    except ToolRejected as error:
        raise ToolRejected(
            f"The remote's {push.branch!r} is at {start[:12]}, which is not in this workspace: somebody else pushed.",
            "Create a branch of another name and push that.",
        ) from error
    commits = await context.copy.git.log(start)
    if not commits:
        raise ToolRejected(
            f"{push.branch!r} has no commit of its own, so there is nothing to push.", "Commit first."
        )
    return commits


def _title(push: _Push) -> str:
    return f"git_push {push.branch} to {push.remote}"


@tool(GitPush, title=lambda _: "git_push", effect=Effect.PUBLISH, timeout_s=300, preview=_preview)
async def git_push(arguments: GitPush, context: ToolContext) -> ToolOutput:
    """Push unless the ledger or the remote itself says that it is done."""
    push = await _worked_out(context)
    expected = context.approved.get("remote_head", push.remote_head)
    key = str(context.key)
    intent = {"commit": push.commit, "expected": expected}
    receipt = await context.effects.intend(KIND, push.target, key, intent)
    if receipt is not None and receipt.get("commit") == push.commit:
        return _pushed(push, "was pushed already, by an earlier attempt of this call")
    if push.remote_head == push.commit:
        await context.effects.receive(KIND, push.target, key, {"commit": push.commit})
        return _pushed(push, "is already there")
    if push.remote_head != expected:
        raise ToolRejected(
            f"The remote's {push.branch!r} moved from {expected or 'nothing'} to {push.remote_head or 'nothing'} since "
            "the push was shown, so nothing was pushed.",
            "Ask for the push again, so that it is shown as it is now.",
        )
    context.beat("pushing")
    # Where somebody pushes in this very moment the remote refuses.
    await context.copy.git.push(push.branch, push.commit)
    await context.effects.receive(KIND, push.target, key, {"commit": push.commit})
    return _pushed(push, f"pushed, it was {expected[:12]} before" if expected else "pushed as a new branch")


def _pushed(push: _Push, how: str) -> ToolOutput:
    text = f"{push.branch} at {push.commit[:12]} on {push.remote}: {how}."
    return ToolOutput(content=text, pushed=_moved(push))


def _moved(push: _Push) -> str:
    return f"{push.branch}@{push.commit}"
