"""Make files what they were at an earlier state."""

from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import fenced_and_left_out, inline_code
from perdure.workspace.file_states import Difference, FileStates, WayBack, counted
from tools.paths import WorkspacePath
from tools.revisions.sources import HEAD, repository_paths, source_of
from tools.titles import one_line, shown_path
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

SHOWN_PATHS = 50
WORDS = {"M": "rewritten", "A": "brought back", "D": "deleted"}


class GitRestore(Arguments):
    """Make files what they were: at the last commit, another commit, the task's base or the end of a step.
    Branch and commits stay. Files that were not there then are deleted; a checkpoint holds them."""

    to: str = Field(
        default=HEAD, max_length=250, description="HEAD, 'base', 'step 3', or a commit or branch."
    )
    paths: list[WorkspacePath] = Field(
        min_length=1, max_length=200, description="Files or folders; ['.'] for everything."
    )


def _title(arguments: GitRestore) -> str:
    return f"git_restore {', '.join(arguments.paths)} to {arguments.to}"


def _touches(arguments: GitRestore) -> Touches:
    return Touches(paths=tuple(arguments.paths))


async def _way(arguments: GitRestore, context: ToolContext) -> tuple[FileStates, WayBack, str]:
    """What would be done, and how the earlier state is called; ToolRejected where nothing differs."""
    states = FileStates(context.copy)
    now = await states.now()
    source = await source_of(arguments.to.strip(), context, now=now)
    paths = repository_paths(arguments.paths)
    way = await states.way_back(source.tree, now=now, paths=paths)
    if not way.changes:
        kept = f", but for {_listed(way.kept)}, which belongs to Git and is left alone" if way.kept else ""
        raise ToolRejected(
            f"Nothing in {_listed(paths)} differs from {source.words}{kept}.", "Go on, or name another state."
        )
    return states, way, source.words


async def _preview(arguments: GitRestore, context: ToolContext) -> Preview:
    states, way, words = await _way(arguments, context)
    difference = await states.difference(way.now, way.tree, repository_paths(arguments.paths))
    shown, left_out = fenced_and_left_out(difference, 2_400, language="diff")
    markdown = "\n".join(
        [
            f"Makes {len(way.changes)} {'file' if len(way.changes) == 1 else 'files'} what "
            f"{'it was' if len(way.changes) == 1 else 'they were'} at {words}: {counted(way.changes, WORDS)}.",
            "",
            *(
                f"- {WORDS[_letter(each)]} {inline_code(each.path, 200)}"
                for each in way.changes[:SHOWN_PATHS]
            ),
            *([f"- and {len(way.changes) - SHOWN_PATHS} more"] if len(way.changes) > SHOWN_PATHS else []),
            shown,
        ]
    )
    facts = {"now": way.now, "tree": way.tree}
    return Preview(title=one_line(_title(arguments)), markdown=markdown, facts=facts, left_out=left_out)


@tool(
    GitRestore,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=120,
    preview=_preview,
    touches=_touches,
)
async def git_restore(arguments: GitRestore, context: ToolContext) -> ToolOutput:
    """What was rewritten, brought back and deleted."""
    states, way, words = await _way(arguments, context)
    await states.restore(way)
    left = await states.changes(await states.now(), way.tree, repository_paths(arguments.paths))
    lines = [f"{WORDS[_letter(each)]} {shown_path(each.path)}" for each in way.changes[:SHOWN_PATHS]]
    if len(way.changes) > SHOWN_PATHS:
        lines.append(f"[and {len(way.changes) - SHOWN_PATHS} more]")
    if way.kept:
        lines.append(f"[{_listed(way.kept)} belongs to Git and was left as it is.]")
    missed = [each.path for each in left if each.path not in way.kept]
    if missed:
        lines.append(f"[{_listed(missed)} still differs; send git_diff to see how.]")
    summary = f"Restored to {words}: {counted(way.changes, WORDS)}"
    return ToolOutput(
        content="\n".join([summary, *lines]),
        ok=not missed,
        summary=summary,
        changed_paths=tuple(each.path for each in way.changes),
    )


def _letter(change: Difference) -> str:
    return "M" if change.status == "T" else change.status


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(repr(path) for path in paths[:5]) + more if paths else "the files"
