"""Who answers for the parts of a repository: CODEOWNERS, and who changed them last."""

import json
from collections import Counter
from collections.abc import Sequence

from perdure.contracts.errors import ToolRejected
from perdure.safety.display import escape_hidden
from perdure.safety.views import SandboxLimits
from perdure.workspace.history import Change, History
from tools.programs import how_it_ended, output_text
from tools.summaries.tree import Section, Tree, listed
from tools.symbols.inside import run_inside
from tools.titles import one_line, shown_path
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=15, output_bytes=4 * 1024**2)
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitHub and GitLab look, in their order; the first counts."""
MOST_COMMITS = 1_000
"""So many of the latest are looked at."""
MOST_COUNTED = 60
"""Of each part, so that those who left long ago do not stand before those who are there."""
MOST_FOLDERS = 8
MOST_AUTHORS = 3
MOST_LOOKED_UP = 300
ROBOT = "[bot]"


async def owners_of(context: ToolContext, tree: Tree, central: Sequence[str]) -> Section:
    """Owners and latest authors of the folders with most code and of the main modules."""
    counts = Counter(_folder(tree, path) for path in tree.code)
    folders = [name for name, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))][
        :MOST_FOLDERS
    ]
    lines = await _declared(context, tree, folders, central)
    context.beat("reading the history")
    lines += await _history(context, tree, folders)
    return Section("Ownership", lines)


def _folder(tree: Tree, path: str) -> str:
    """The outermost two folders."""
    parts = tree.shown(path).split("/")[:-1]
    return "/".join(parts[:2]) or "."


async def _declared(
    context: ToolContext, tree: Tree, folders: Sequence[str], central: Sequence[str]
) -> list[str]:
    files = context.copy.files
    place = next((each for each in PLACES if files.exists(each) and files.stat(each).kind == "file"), None)
    if place is None:
        return ["There is no CODEOWNERS file."]
    try:
        text = files.read(place, limit_bytes=1024**2).decode("utf-8", "replace")
    except ToolRejected as refusal:
        return [f"{place} cannot be read: {refusal.message}"]
    named = {
        folder: _some([path for path in tree.code if _folder(tree, path) == folder]) for folder in folders
    }
    every = [path for folder in folders for path in named[folder]] + list(central)
    request = json.dumps({"text": text, "paths": [shown_path(path) for path in every]}).encode()
    finished = await run_inside(context, "tools.summaries.owners_program", request, limits=LIMITS)
    if finished.exit_code != 0:
        return [f"{place} could not be evaluated: {how_it_ended(finished, LIMITS)}."]
    answer = json.loads(output_text(finished))
    if "fault" in answer:
        return [f"{place} is broken: {one_line(answer['fault'])}."]
    owners = dict(zip(every, answer["owners"], strict=True))
    lines = [f"{place} has {answer['rules']} rules; who owns how much of the code:"]
    for folder in folders:
        of_folder = Counter(" ".join(owners[path]) or "nobody" for path in named[folder])
        total = max(1, of_folder.total())
        shown = [
            f"{one_line(name, 100)} ({100 * count / total:.0f} %)"
            for name, count in of_folder.most_common(MOST_AUTHORS)
        ]
        lines.append(f"{shown_path(folder)}: {', '.join(shown)}")
    of_modules = [
        f"{shown_path(tree.shown(path))} {' '.join(owners[path])}" for path in central if owners[path]
    ]
    return [*lines, *([f"main modules: {one_line(listed(of_modules, 6), 400)}"] if of_modules else [])]


def _some(paths: Sequence[str]) -> Sequence[str]:
    """Not more than can be looked up in a moment, from everywhere among them."""
    return paths[:: max(1, len(paths) // MOST_LOOKED_UP)]


async def _history(context: ToolContext, tree: Tree, folders: Sequence[str]) -> list[str]:
    history = History(context.copy.program, context.copy.folders)
    try:
        head = await context.copy.git.head()
        changes = await history.changes(head, limit=MOST_COMMITS)
    except ToolRejected as refusal:
        return [f"The history cannot be read: {refusal.message}"]
    if not any(change.paths for change in changes):
        return ["There is no history of these files."]
    which = (
        f"the last {len(changes):,} commits"
        if len(changes) == MOST_COMMITS
        else f"all {len(changes):,} commits"
    )
    shallow = ", of a shallow clone" if history.is_shallow else ""
    first, last = changes[-1].date, changes[0].date
    lines = [
        f"Last authors, of {which} ({first} to {last}{shallow}) the latest {MOST_COUNTED} of each part, without merges and "
        "robots; their commits and the date of the last one:"
    ]
    people = [change for change in changes if ROBOT not in change.author]
    inside = [change for change in people if any(_is_inside(tree, path) for path in change.paths)]
    lines.append(f"everything: {_authors(inside[:MOST_COUNTED])}")
    for folder in folders if len(folders) > 1 else ():
        prefix = "" if folder == "." else f"{tree.at(folder)}/"
        of_folder = [change for change in inside if any(path.startswith(prefix) for path in change.paths)]
        if of_folder and prefix:
            lines.append(f"{shown_path(folder)}: {_authors(of_folder[:MOST_COUNTED])}")
    return lines


def _is_inside(tree: Tree, path: str) -> bool:
    return tree.folder == "." or path.startswith(f"{tree.folder}/")


def _authors(changes: Sequence[Change]) -> str:
    counts = Counter(change.author for change in changes)
    latest: dict[str, str] = {}
    for change in changes:
        latest.setdefault(change.author, change.date)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_AUTHORS]
    shown = [f"{escape_hidden(one_line(name, 60))} ({counts[name]}, {latest[name]})" for name in ordered]
    return ", ".join(shown) or "nobody"
