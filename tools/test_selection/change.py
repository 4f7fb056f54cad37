"""What differs from an earlier commit."""

from dataclasses import dataclass

from tools.revisions.sources import BASE, commit_of
from tools.tool_schemas import ToolContext


@dataclass(frozen=True)
class Change:
    """The paths that differ between a commit and the files as they are, deleted ones among them."""

    commit: str
    against: str
    """``base 1a2b3c4d5e6f``."""
    paths: tuple[str, ...]


async def change_since(context: ToolContext, since: str) -> Change:
    """The change since a commit, branch or tag; since the task began where none is named."""
    name = since.strip() or BASE
    commit = await commit_of(name, context)
    found = await context.copy.git.diff_names(commit)
    paths = tuple(path for path in found if not path.endswith("/"))
    short = commit[:12]
    return Change(commit, short if commit.startswith(name) else f"{name} {short}", paths)
