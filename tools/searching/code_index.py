"""The code of a workspace as it is now, ready to be searched: what has changed since the last look is indexed anew."""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets import Screen
from perdure.workspace.paths import Files
from tools.searching.chunks import Chunk, Definition, chunks_of
from tools.searching.code_store import CodeStore, Stored
from tools.searching.file_list import listed_files
from tools.symbols.grammars import edition_of, language_of_path
from tools.symbols.index import SymbolIndex
from tools.symbols.listing import looks_of
from tools.text_files import decoded
from tools.tool_schemas import ToolContext

LARGEST_FILE = 1024**2
MOST_FILES = 50_000
FILES_AT_ONCE = 200
#: Files whose words say nothing about the code.
LEFT_OUT_SUFFIXES = (".lock", ".min.js", ".min.css", ".map", ".svg", ".csv", ".tsv", ".ipynb", ".snap", ".po")
LEFT_OUT_NAMES = ("package-lock.json", "pnpm-lock.yaml", "go.sum", "requirements.lock")
EDITION = "2"
"""Changes whenever a file without a known language would be cut otherwise."""


@dataclass(frozen=True)
class Piece:
    """A piece of a file of this workspace."""

    path: str
    stored: Stored

    @property
    def place(self) -> str:
        """Such as ``app/money.py:3-9``."""
        return f"{self.path}:{self.stored.first}-{self.stored.last}"


@dataclass
class CodeIndex:
    """The pieces of a workspace. Make one with :meth:`current`."""

    store: CodeStore
    symbols: SymbolIndex
    contents: Mapping[str, bytes]
    """The content of every file that is indexed, by its path."""
    pieces: Sequence[Stored]
    screen: Screen
    """Takes credentials out of what is indexed, and of what is handed to whoever makes vectors of it."""
    indexed: int
    """Files that were indexed anew."""
    unread: int = 0
    """Files that are too large, or more than are looked at."""
    gone: Sequence[str] = ()
    """Digests of pieces that were forgotten, because no tree has had them for long."""
    _paths: dict[bytes, list[str]] = field(default_factory=dict[bytes, list[str]])

    def __post_init__(self) -> None:
        for path in sorted(self.contents):
            self._paths.setdefault(self.contents[path], []).append(path)

    @classmethod
    async def current(cls, context: ToolContext) -> "CodeIndex":
        """The index of the workspace as it is now."""
        symbols = await SymbolIndex.current(context)
        paths = sorted(path for path in await listed_files(context, ".") if is_wanted(path))
        store = store_of(context)
        tree = str(context.copy.root)
        look = _Look(store, context.copy.files, tree)
        await asyncio.to_thread(look.take, paths[:MOST_FILES])
        missing = sorted(await asyncio.to_thread(store.missing, look.contents.values(), now=int(time.time())))
        by_content = {digest: path for path, digest in look.contents.items()}
        for start in range(0, len(missing), FILES_AT_ONCE):
            context.beat(f"indexing {start:,} of {len(missing):,} files")
            chosen = [(by_content[digest], digest) for digest in missing[start : start + FILES_AT_ONCE]]
            found = [(path, digest, await _definitions(symbols, path)) for path, digest in chosen]
            await asyncio.to_thread(_add, store, context.copy.files, context.screen, found)
        await asyncio.to_thread(look.keep)
        gone = await asyncio.to_thread(store.forget_old, now=int(time.time())) if missing else []
        pieces = await asyncio.to_thread(store.chunks, look.contents.values())
        unread = look.too_large + max(0, len(paths) - MOST_FILES)
        return cls(
            store,
            symbols,
            look.contents,
            pieces,
            context.screen,
            indexed=len(missing),
            unread=unread,
            gone=gone,
        )

    def located(self, pieces: Sequence[Stored]) -> list[Piece]:
        """Where in this workspace each piece is; a content that several files have is named by the first."""
        return [Piece(self._paths[piece.content][0], piece) for piece in pieces]

    def texts(self, files: Files, pieces: Sequence[Stored]) -> list[str]:
        """The text of each piece; empty where its file was changed or deleted since the index was made."""
        lines: dict[bytes, list[str]] = {}
        for content in {piece.content for piece in pieces}:
            path = self._paths[content][0]
            found = _text(files, path)
            if found is not None and _content(path, found[0]) == content:
                lines[content] = self.screen.by_line(found[1]).split("\n")
        return ["\n".join(lines.get(piece.content, [])[piece.first - 1 : piece.last]) for piece in pieces]

    def same(self, piece: Piece) -> Sequence[str]:
        """Other files with the same content."""
        return [path for path in self._paths[piece.stored.content] if path != piece.path]


def store_of(context: ToolContext) -> CodeStore:
    """The index of the repository that this workspace was made from."""
    folder = context.searching.folder
    if folder is None:
        return CodeStore(context.copy.task_folder / "search.sqlite")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return CodeStore(folder / f"{repository_key(context)}.sqlite")


def repository_key(context: ToolContext) -> str:
    """A name for the repository in files and collections, which tells nothing of its address."""
    return hashlib.sha256(context.copy.origin.repository.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def is_wanted(path: str) -> bool:
    """Whether the words of a file may say something about the code."""
    return not path.endswith(LEFT_OUT_SUFFIXES) and PurePosixPath(path).name not in LEFT_OUT_NAMES


async def _definitions(symbols: SymbolIndex, path: str) -> list[Definition]:
    return [
        Definition(tag.name, tag.kind, tag.line, tag.end_line, tag.container)
        for tag in await symbols.tags(path)
        if tag.is_definition
    ]


def _add(
    store: CodeStore, files: Files, screen: Screen, found: Sequence[tuple[str, bytes, Sequence[Definition]]]
) -> None:
    chunked: list[tuple[bytes, Sequence[Chunk]]] = []
    for path, digest, definitions in found:
        text = _text(files, path)
        # A file that changed since its content was taken is looked at again by the next search.
        if text is not None and _content(path, text[0]) == digest:
            named = [replace(one, name=screen.text(one.name)) for one in definitions]
            chunked.append((digest, chunks_of(screen.by_line(text[1]), named)))
    store.add(chunked, now=int(time.time()))


def _text(files: Files, path: str) -> tuple[bytes, str] | None:
    """The bytes and the text of a file; no text where it is binary, None where it cannot be read."""
    try:
        data = files.read(path, limit_bytes=LARGEST_FILE)
    except ToolRejected:
        # It went away, or became something that is not read, since it was listed.
        return None
    try:
        text = decoded(path, data).text
    except ToolRejected:
        text = ""
    return data, text.replace("\r\n", "\n").replace("\r", "\n")


def _content(path: str, data: bytes) -> bytes:
    """The digest of what a file holds and of how it is cut."""
    language = language_of_path(path)
    edition = edition_of(language.name) if language is not None and language.is_code else ""
    return hashlib.sha256(f"{EDITION} {edition} ".encode() + data).digest()


class _Look:
    """One look at the files: only those that look other than before are read."""

    def __init__(self, store: CodeStore, files: Files, tree: str) -> None:
        self._store, self._files, self._tree = store, files, tree
        self._looks: dict[str, tuple[str, bytes]] = {}
        self._before: dict[str, tuple[str, bytes]] = {}
        self.contents: dict[str, bytes] = {}
        self.too_large = 0

    def take(self, paths: Sequence[str]) -> None:
        self._before = self._store.looks(self._tree)
        for path, look in looks_of(self._tree, paths):
            shown = f"{look.bytes} {look.modified_ns} {look.changed_ns} {look.inode}"
            before = self._before.get(path)
            if before is not None and before[0] == shown:
                self.contents[path] = before[1]
                self._looks[path] = before
            elif look.bytes > LARGEST_FILE:
                self.too_large += 1
            else:
                self._read(path, shown, settled=look.is_settled)

    def _read(self, path: str, look: str, *, settled: bool) -> None:
        found = _text(self._files, path)
        if found is None:
            return
        self.contents[path] = _content(path, found[0])
        if settled:
            self._looks[path] = (look, self.contents[path])

    def keep(self) -> None:
        if self._looks != self._before:
            self._store.keep_looks(self._tree, self._looks)
