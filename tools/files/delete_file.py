"""Delete a file, a link or a folder; the checkpoint before the call holds what was there."""

import asyncio
import posixpath
import secrets
from dataclasses import dataclass, field

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.display import fenced_and_left_out
from perdure.workspace.control_names import control_name_in
from perdure.workspace.paths import FileFacts, Files
from perdure.workspace.working_copy import WorkingCopy
from tools.paths import WorkspacePath, located, missing, refuse_impossible, resolved
from tools.titles import one_line, shown_path
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

MOST_ENTRIES = 20_000
SHOWN = 40


class DeleteFile(Arguments):
    """Delete a file or a link (never its target). A folder needs recursive."""

    path: WorkspacePath = Field(min_length=1, description="Path from the workspace root.")
    recursive: bool = Field(default=False, description="Delete a folder with all that is in it.")


@dataclass
class _Doomed:
    """What goes: folders before what they hold."""

    path: str
    facts: FileFacts
    folders: list[str] = field(default_factory=list[str])
    files: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    @property
    def described(self) -> str:
        """What it is, in a few words."""
        if self.facts.kind == "folder":
            size = sum(size for _, size in self.files)
            return f"folder {shown_path(self.path)} with {len(self.files)} files, {size:,} bytes"
        if self.facts.kind == "link":
            return f"link {shown_path(self.path)} to {self.facts.target!r}"
        return f"{shown_path(self.path)}, {self.facts.bytes:,} bytes"


def _title(arguments: DeleteFile) -> str:
    return one_line(f"delete_file {arguments.path}{' and all in it' if arguments.recursive else ''}")


def _effect(arguments: DeleteFile) -> Effect:
    return Effect.DESTRUCTIVE if arguments.recursive else Effect.WRITE


def _touches(arguments: DeleteFile) -> Touches:
    return Touches(paths=(arguments.path,))


async def _preview(arguments: DeleteFile, context: ToolContext) -> Preview:
    doomed = await _work_out(arguments, context.copy)
    names = [path for path, _ in doomed.files] or [doomed.path]
    listed = "\n".join(f"- {path}" for path in names[:SHOWN])
    more = f"\n… and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    shown, left_out = fenced_and_left_out(listed + more, 4_000, language="diff")
    return Preview(
        title=_title(arguments),
        markdown=f"Deletes {doomed.described}:\n\n{shown}",
        left_out=left_out + sum(len(path) for path in names[SHOWN:]),
    )


@tool(
    DeleteFile,
    title=_title,
    effect=_effect,
    effects=(Effect.WRITE, Effect.DESTRUCTIVE),
    timeout_s=120,
    preview=_preview,
    touches=_touches,
)
async def delete_file(arguments: DeleteFile, context: ToolContext) -> ToolOutput:
    """Delete it, whole or not at all."""
    doomed = await _work_out(arguments, context.copy)
    await asyncio.to_thread(_delete, context.copy.files, doomed)
    summary = f"Deleted {doomed.described}."
    return ToolOutput(content=summary, summary=summary, changed_paths=(doomed.path,))


async def _work_out(arguments: DeleteFile, copy: WorkingCopy) -> _Doomed:
    """What the call takes away; ToolRejected for what cannot be undone, or was not asked for clearly."""
    path = await asyncio.to_thread(_named, copy, arguments.path)
    doomed = await asyncio.to_thread(_found, copy.files, path, recursive=arguments.recursive)
    ignored = await _ignored(copy, doomed.path)
    if ignored:
        shown = ", ".join(map(repr, ignored[:5]))
        raise ToolRejected(
            f"{doomed.path!r} was not deleted: Git ignores {shown}, so no checkpoint could bring it back.",
            "If it really has to go, use execute_command with rm and writes=true.",
        )
    return doomed


def _named(copy: WorkingCopy, path: str) -> str:
    """What goes, by the folder that it is really in; a link as the last part is itself meant."""
    refuse_impossible(copy.root, path)
    folder: str
    name: str
    folder, name = posixpath.split(path.rstrip("/") or path)
    while name == "." and folder:
        folder, name = posixpath.split(folder.rstrip("/") or folder)
    if name in {"", ".", ".."}:
        return resolved(copy.root, path)
    return posixpath.join(located(copy, folder), name) if folder else name


def _found(files: Files, path: str, *, recursive: bool) -> _Doomed:
    if path == ".":
        raise ToolRejected("The workspace itself is not deleted.", "Name a file or a folder in it.")
    if not files.exists(path):
        raise missing(files, path)
    control = control_name_in(path.split("/"))
    if control is not None:
        raise ToolRejected(f"{path!r} was not deleted: {control!r} belongs to Git.", "Use the git tools.")
    doomed = _Doomed(path, files.stat(path))
    if doomed.facts.kind != "folder":
        return doomed
    if not recursive:
        names = [entry.name for entry in files.list(path)]
        shown = ", ".join(map(repr, names[:10])) or "nothing"
        raise ToolRejected(
            f"{path!r} is a folder; it holds {shown}.", "Send recursive=true to delete it with all in it."
        )
    _collect(files, doomed)
    return doomed


def _collect(files: Files, doomed: _Doomed) -> None:
    doomed.folders.append(doomed.path)
    for folder in doomed.folders:
        for entry in files.list(folder):
            inner = f"{folder}/{entry.name}"
            if control_name_in([entry.name]) == entry.name and entry.name != ".gitmodules":
                raise ToolRejected(f"{doomed.path!r} was not deleted: {inner!r} is a repository of its own.")
            if entry.kind == "folder":
                doomed.folders.append(inner)
            else:
                doomed.files.append((inner, entry.bytes))
            if len(doomed.folders) + len(doomed.files) > MOST_ENTRIES:
                raise ToolRejected(
                    f"{doomed.path!r} holds more than {MOST_ENTRIES:,} files and folders.",
                    "Delete its folders one by one.",
                )


async def _ignored(copy: WorkingCopy, path: str) -> list[str]:
    """What Git ignores there, which checkpoints leave out."""
    done = await copy.program.run(
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "-z",
        "--",
        f":(literal){path}",
        folders=copy.folders,
    )
    return [name for name in done.output.decode("utf-8", "backslashreplace").split("\0") if name]


def _delete(files: Files, doomed: _Doomed) -> None:
    if doomed.facts.kind != "folder":
        files.delete(doomed.path)
        return
    # One rename takes the whole folder away; what is deleted afterwards is no longer part of the tree.
    aside = posixpath.join(posixpath.dirname(doomed.path), f".perdure-{secrets.token_hex(8)}.tmp")
    files.move(doomed.path, aside)
    for path, _ in doomed.files:
        files.delete(aside + path[len(doomed.path) :])
    for folder in reversed(doomed.folders):
        files.delete(aside + folder[len(doomed.path) :])
