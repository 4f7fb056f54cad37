"""Which project and which of its paths a call is about."""

import posixpath
from collections.abc import Sequence

from perdure.contracts.errors import ToolRejected
from tools.node.projects import Project, folder_of_paths
from tools.paths import located, missing
from tools.tool_schemas import ANYTHING, ToolContext, Touches


def chosen(context: ToolContext, folder: str, paths: Sequence[str]) -> tuple[Project, list[str]]:
    """The project and the paths, links followed; ToolRejected for one that is missing or cannot be handed to a program."""
    found: list[str] = []
    files = context.copy.files
    for path in paths:
        target = posixpath.normpath(located(context.copy, path))
        if not files.exists(target):
            raise missing(files, path)
        if files.stat(target).kind not in {"file", "folder"}:
            raise ToolRejected(f"{path!r} is neither a file nor a folder.", "Name a file.")
        if not target.isprintable() or any(sign in target for sign in "*?{}!"):
            raise ToolRejected(
                f"{path!r} has a name that linters would take for a pattern.",
                "Name the folder that it is in.",
            )
        found.append(target)
    project = folder_of_paths(context, folder, found)
    outside = [path for path in found if project.folder != "." and not belongs(path, [project.folder])]
    if outside:
        raise ToolRejected(
            f"{outside[0]!r} is not in {project.folder!r}.", "Name paths of one project, or leave folder out."
        )
    return project, found


def touched(paths: Sequence[str], *, writes: bool) -> Touches:
    """What a call on these paths may change, or on all files where there are none."""
    if not writes:
        return Touches()
    return Touches(paths=tuple(paths)) if paths else ANYTHING


def belongs(path: str, places: Sequence[str]) -> bool:
    """Whether the path is one of the places or below one; all belong where there are none."""
    return not places or any(
        place == "." or path == place or path.startswith(f"{place}/") for place in places
    )
