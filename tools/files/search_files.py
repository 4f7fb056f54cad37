"""Find files by a part of their path."""

import asyncio

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.paths import WorkspacePath, existing_folder
from tools.searching.file_list import listed_files
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class SearchFiles(Arguments):
    """Find files by name: parts of a path in any order, abbreviations and small misspellings count. Best first."""

    query: str = Field(
        min_length=1, max_length=300, description="Such as: user controller, usrctl, api/login.ts"
    )
    path: WorkspacePath = Field(default=".", min_length=1, description="Folder.")
    glob: str = Field(default="", max_length=200, description="Only such files: *.py")
    limit: int = Field(default=20, ge=1, le=200, description="Most files.")


@tool(SearchFiles, title=lambda a: f"search_files {a.query!r} in {a.path}", effect=Effect.READ, timeout_s=60)
async def search_files(arguments: SearchFiles, context: ToolContext) -> ToolOutput:
    """The paths that fit best, one a line; what Git ignores is left out."""
    # It loads numpy, which a worker's start should not wait for.
    from tools.searching.path_ranking import ranked

    if not arguments.query.strip(" /"):
        raise ToolRejected("The query holds no part of a name.", "Send some letters of the file's path.")
    folder = existing_folder(context.copy, arguments.path)
    paths = await listed_files(context, folder, glob=arguments.glob)
    found = await asyncio.to_thread(ranked, arguments.query, paths)
    where = f"{arguments.path}, files {arguments.glob}" if arguments.glob else arguments.path
    if not found:
        return ToolOutput(
            content=f"None of {len(paths):,} files in {where} has a path like {arguments.query!r}."
        )
    shown = found[: arguments.limit]
    head = f"{len(found):,} of {len(paths):,} files fit {arguments.query!r}"
    if len(found) > len(shown):
        head += f"; the best {len(shown)}"
    below = "" if folder == "." else f"{folder.rstrip('/')}/"
    return ToolOutput(content="\n".join([head, *(shown_path(below + path) for path in shown)]), summary=head)
