"""List the files and folders of one folder."""

import asyncio
import posixpath
from collections import Counter

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.workspace.paths import FileFacts, Files
from tools.paths import WorkspacePath, existing_folder
from tools.searching.file_list import listed_files
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class ListDirectory(Arguments):
    """List a folder with sizes. What Git ignores is left out unless asked for."""

    path: WorkspacePath = Field(default=".", min_length=1, description="Folder.")
    depth: int = Field(default=1, ge=1, le=6, description="Levels of folders.")
    ignored: bool = Field(default=False, description="Also what Git ignores.")
    limit: int = Field(default=200, ge=1, le=1_000, description="Most entries.")


@tool(ListDirectory, title=lambda a: f"list_directory {a.path}", effect=Effect.READ, timeout_s=60)
async def list_directory(arguments: ListDirectory, context: ToolContext) -> ToolOutput:
    """The entries, one a line, folders with the number of files they hold."""
    folder = existing_folder(context.copy, arguments.path)
    known = frozenset(await listed_files(context, folder, ignored=arguments.ignored))
    listing = _Listing(arguments, context.copy.files, folder, known)
    return await asyncio.to_thread(listing.output)


class _Listing:
    """Walks the folder and writes one line for each entry."""

    def __init__(self, arguments: ListDirectory, files: Files, top: str, known: frozenset[str]) -> None:
        self._arguments, self._files, self._top, self._known = arguments, files, top, known
        self._counts: Counter[str] = Counter()
        for name in known:
            folder = posixpath.dirname(name)
            while folder:
                self._counts[folder] += 1
                folder = posixpath.dirname(folder)
        self._lines: list[str] = []
        self._beyond = 0
        self._ignored = 0

    def output(self) -> ToolOutput:
        """The whole listing."""
        self._visit("", 1)
        head = f"{self._arguments.path}: {_files_in_words(len(self._known))} in all"
        notes: list[str] = []
        if self._beyond:
            notes.append(f"[{self._beyond:,} more entries; list a folder of it, or raise limit.]")
        if self._ignored:
            notes.append(f"[{self._ignored} entries that Git ignores are left out.]")
        return ToolOutput(content="\n".join([head, *self._lines, *notes]), summary=head)

    def _visit(self, folder: str, level: int) -> None:
        entries = self._files.list(posixpath.join(self._top, folder) if folder else self._top)
        for entry in sorted(entries, key=lambda one: (one.kind != "folder", one.name)):
            inner = posixpath.join(folder, entry.name)
            if self._is_ignored(entry, inner):
                self._ignored += 1
            elif len(self._lines) >= self._arguments.limit:
                self._beyond += 1
            else:
                self._lines.append("  " * (level - 1) + _line(entry, self._counts[inner]))
                if entry.kind == "folder" and level < self._arguments.depth:
                    self._visit(inner, level + 1)

    def _is_ignored(self, entry: FileFacts, inner: str) -> bool:
        if self._arguments.ignored:
            return False
        if entry.kind == "folder":
            # A folder without any file is shown where it is truly empty: Git's rules say nothing of it.
            return inner not in self._counts and bool(self._files.list(posixpath.join(self._top, inner)))
        return entry.kind == "file" and inner not in self._known


def _files_in_words(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"


def _line(entry: FileFacts, files_below: int) -> str:
    name = shown_path(entry.name)
    if entry.kind == "folder":
        return f"{name}/ ({_files_in_words(files_below)})"
    if entry.kind == "link":
        return f"{name} -> {shown_path(entry.target)}"
    return f"{name}  {entry.bytes:,}" if entry.kind == "file" else f"{name} (special)"
