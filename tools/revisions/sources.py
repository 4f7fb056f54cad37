"""States of the files as calls name them: ``HEAD``, ``base``, ``step 3``, or any commit, branch or tag."""

import re
from typing import NamedTuple

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.workspace.file_states import FileStates
from tools.tool_schemas import ToolContext

#: No name of a branch has a space or a colon in it.
STEP = re.compile(r"step[ :] ?(\d{1,6})\Z", re.IGNORECASE)
HEAD, BASE = "HEAD", "base"


class Source(NamedTuple):
    """One state of the files."""

    tree: str
    """Raw tree."""
    words: str
    """``HEAD 1a2b3c4d5e6f``, ``the end of step 3``."""


def step_in(name: str) -> int | None:
    """The number in ``step 3`` or ``step:3``; None for what names something else."""
    found = STEP.match(name.strip())
    return int(found[1]) if found else None


async def commit_of(name: str, context: ToolContext) -> str:
    """The commit that a call names; ``base`` is where the task began."""
    return context.copy.base_commit if name == BASE else await context.copy.git.resolve(name or HEAD)


async def source_of(name: str, context: ToolContext, *, now: str) -> Source:
    """The state that a call names; ToolRejected where there is none. ``now`` is the raw tree of the files as they are."""
    states = FileStates(context.copy)
    step = step_in(name)
    if step is not None:
        return Source(await _tree_at(step, context), f"the end of step {step}")
    commit = await commit_of(name, context)
    return Source(await states.at_commit(commit, now), f"{name or HEAD} {commit[:12]}")


async def _tree_at(step: int, context: ToolContext) -> str:
    if step >= context.key.step:
        raise ToolRejected(
            f"Step {step} has not ended; this is step {context.key.step}.",
            "Name an earlier step, HEAD or base.",
        )
    found = await context.files_at(step)
    tree = (found or context.copy.origin.checkpoint).tree
    if not await FileStates(context.copy).has(tree):
        raise ToolRejected(
            f"The files at the end of step {step} are not on this host.", "Name a later step, HEAD or base."
        )
    return tree


def repository_paths(paths: list[str]) -> list[str]:
    """The paths as Git names them; ToolRejected for those that leave the workspace."""
    return [repository_path(path) for path in paths]


def repository_path(path: str) -> str:
    """One path as Git names it: from the root, without ``.`` and ``..``."""
    parts: list[str] = []
    inside = path.removeprefix(f"{WORKSPACE}/")
    outside = inside.startswith("/") or "\0" in inside or not inside
    for part in inside.split("/"):
        if part == "..":
            outside |= not parts
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    if outside:
        raise ToolRejected(
            f"{path!r} is not a path in the workspace.", "Send a path relative to the repository's root."
        )
    return "/".join(parts) or "."
