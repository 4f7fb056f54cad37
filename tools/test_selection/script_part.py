"""Which tests of JavaScript and TypeScript a change affects."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.dependencies.script_imports import script_analysis
from tools.test_frameworks.javascript_runners import Group
from tools.test_frameworks.tree import beginning, upwards, within
from tools.test_selection.kinds import SETTINGS, Kind
from tools.test_selection.parts import Part, reached
from tools.tool_schemas import ToolContext

CHOOSING = {"vitest": "vitest related", "jest": "jest --findRelatedTests"}
"""Frameworks that know by themselves, with their own aliases and transforms, which tests load a file."""
SNAPSHOT = re.compile(r"(?P<folder>(?:.*/)?)__snapshots__/(?P<name>.+)\.snap\Z")


@dataclass(frozen=True)
class ScriptPart:
    """What is decided for one group; ``related`` are the files that its framework is asked about."""

    group: Group
    part: Part
    related: Sequence[str] = ()


async def script_part(
    context: ToolContext, group: Group, kinds: Mapping[str, Kind], *, is_narrowed: bool
) -> ScriptPart:
    """The tests of a group that a change affects; ``is_narrowed`` where only some of its files are wanted."""
    name = f"JavaScript, {group.framework}" + ("" if group.folder == "." else f" in {group.folder}")
    none = Part(name, group.files)
    sources = [_test_of(path) for path, kind in kinds.items() if kind is Kind.SOURCE]
    reason = _reason_for_all(context.copy.files, group, kinds)
    if reason:
        return ScriptPart(group, replace(none, all_because=reason))
    named = _named_in_tests(context.copy.files, group, kinds)
    if not sources and not named:
        return ScriptPart(group, none)
    if group.framework in CHOOSING and not is_narrowed:
        asked = [*sources, *named]
        shown = ", ".join(asked[:3]) + (f" and {len(asked) - 3} more" if len(asked) > 3 else "")
        by_itself = f"the tests that `{CHOOSING[group.framework]}` finds for {shown}."
        return ScriptPart(group, replace(none, by_itself=by_itself), asked)
    part = await _by_graph(context, group, none, sources)
    ways = {path: [path, named[path]] for path in group.files if path in named}
    if part.all_because or not (part.chosen or ways):
        return ScriptPart(group, part)
    chosen = {**ways, **part.chosen}
    files = tuple(path for path in group.files if path in chosen)
    return ScriptPart(replace(group, files=files), replace(part, chosen=chosen))


async def _by_graph(context: ToolContext, group: Group, none: Part, sources: Sequence[str]) -> Part:
    files = context.copy.files
    folders = [
        each for each in upwards(within(group.folder, "x")) if files.exists(within(each, "package.json"))
    ]
    if not folders:
        return replace(none, all_because="without a package.json nothing says what its files import")
    try:
        analysis = await script_analysis(context, folders[-1])
    except ToolRejected as refusal:
        return replace(none, all_because=f"its imports could not be read: {refusal.message.rstrip('.')}")
    if analysis is None:
        return replace(none, all_because=f"{within(folders[-1], 'package.json')} cannot be read")
    root = folders[-1]
    edges = {
        within(root, path): {posixpath.normpath(within(root, each)) for each in uses}
        for path, uses in analysis.edges.items()
    }
    # A file that the graph lacks, such as one that cannot be parsed, may depend on anything.
    unknown = {path: [path, "its imports are not known"] for path in group.files if path not in edges}
    return replace(none, chosen={**unknown, **reached(edges, sources, group.files)})


def _reason_for_all(files: Files, group: Group, kinds: Mapping[str, Kind]) -> str:
    """Why every test of the group is to run; empty where that can be told more exactly."""
    for path, kind in kinds.items():
        if kind is Kind.SETTINGS or (kind is Kind.SOURCE and _named_by_settings(files, group, path)):
            return f"{path} changed, which every test may depend on"
    for path, kind in kinds.items():
        if kind is Kind.DATA and not _named_in_tests(files, group, {path: kind}):
            return f"{path} changed and no test names it, so its readers are not known"
        is_gone = kind is Kind.SOURCE and not files.exists(path)
        if is_gone and path not in group.files and not SNAPSHOT.match(path):
            return f"{path} is gone, and what imported it is not known"
    if group.framework == "script" and any(kind is not Kind.NOTHING for kind in kinds.values()):
        return "its test script is run as a whole"
    return ""


def _named_by_settings(files: Files, group: Group, path: str) -> bool:
    """Whether a settings file around the group names a file, as what is loaded before every test."""
    stem = re.escape(posixpath.basename(path).partition(".")[0])
    wanted = re.compile(rf"[/'\"]{stem}(?:\.[\w.]+)?['\"]")
    for folder in upwards(within(group.folder, "x")):
        for entry in files.list(folder) if files.exists(folder) else []:
            is_settings = entry.kind == "file" and SETTINGS["script"].fullmatch(entry.name)
            if (
                is_settings
                and "lock" not in entry.name
                and wanted.search(beginning(files, within(folder, entry.name)))
            ):
                return True
    return False


def _named_in_tests(files: Files, group: Group, kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Tests whose text names a changed file that is no source, with that file."""
    others = [path for path, kind in kinds.items() if kind in {Kind.DATA, Kind.NOTHING}]
    if not others:
        return {}
    texts = {test: beginning(files, test) for test in group.files if files.exists(test)}
    return {test: path for path in others for test, text in texts.items() if posixpath.basename(path) in text}


def _test_of(path: str) -> str:
    """The test that a file of snapshots belongs to; any other path as it is."""
    found = SNAPSHOT.match(path)
    return f"{found['folder']}{found['name']}" if found else path
