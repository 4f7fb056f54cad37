"""The index of one repository's code in one SQLite file, kept by the files' contents.

What is known of a content holds for every task and every generation in which a file has it, so a task sees its own changes
and shares all else. The file can be deleted at any time: the next search makes it again.
"""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.searching.chunks import Chunk
from tools.searching.words import Words
from tools.symbols.rebuilt_database import RebuiltDatabase

FORM = 3
SCHEMA = """
CREATE TABLE contents (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL);
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY, content INTEGER NOT NULL, first INTEGER, last INTEGER, name TEXT, kind TEXT, length INTEGER,
  digest TEXT NOT NULL
);
CREATE INDEX chunks_by_content ON chunks (content);
CREATE TABLE postings (term TEXT, chunk INTEGER, count INTEGER, PRIMARY KEY (term, chunk)) WITHOUT ROWID;
CREATE TABLE embedded (embedder TEXT, digest TEXT, PRIMARY KEY (embedder, digest)) WITHOUT ROWID;
CREATE TABLE summaries (key TEXT PRIMARY KEY, text TEXT NOT NULL, made INTEGER NOT NULL);
CREATE TABLE looks (tree TEXT, path BLOB, look TEXT, digest BLOB, PRIMARY KEY (tree, path)) WITHOUT ROWID;
"""
NAME_COUNTS = 3
"""A word of a definition's name counts as often as so many in its text."""
KEPT_S = 14 * 24 * 3_600
"""So long contents are kept after they were last seen in any tree."""
AT_ONCE = 500


@dataclass(frozen=True)
class Stored:
    """A piece of a content that is indexed."""

    id: int
    content: bytes
    first: int
    last: int
    name: str
    kind: str
    length: int
    digest: str


class CodeStore:
    """One file. Every method opens it, so that threads and processes may share it."""

    def __init__(self, file: Path) -> None:
        self._database = RebuiltDatabase(file, SCHEMA, FORM)

    def looks(self, tree: str) -> dict[str, tuple[str, bytes]]:
        """How each file of a tree looked, and its content then."""
        with self._database.opened() as database:
            rows = database.execute("SELECT path, look, digest FROM looks WHERE tree = ?", (tree,))
            return {os.fsdecode(path): (look, digest) for path, look, digest in rows}

    def keep_looks(self, tree: str, looks: Mapping[str, tuple[str, bytes]]) -> None:
        """What a tree looks like now, in the place of what it looked like."""
        with self._database.opened() as database, database:
            database.execute("DELETE FROM looks WHERE tree = ?", (tree,))
            # A name need not be UTF-8, and a text of SQLite must be.
            rows = [(tree, os.fsencode(path), look, digest) for path, (look, digest) in looks.items()]
            database.executemany("INSERT INTO looks VALUES (?, ?, ?, ?)", rows)

    def missing(self, digests: Iterable[bytes], *, now: int) -> set[bytes]:
        """Contents that are not indexed; the others count as seen."""
        wanted = set(digests)
        with self._database.opened() as database, database:
            known = {digest for (digest,) in database.execute("SELECT digest FROM contents")}
            # Only what was not seen today is written, so that a search usually writes nothing.
            database.executemany(
                "UPDATE contents SET seen = ?1 WHERE digest = ?2 AND seen < ?1 - 86400",
                [(now, digest) for digest in wanted & known],
            )
        return wanted - known

    def add(self, found: Sequence[tuple[bytes, Sequence[Chunk]]], *, now: int) -> None:
        """Index contents by their pieces."""
        words = Words()
        with self._database.opened() as database, database:
            for digest, chunks in found:
                made = database.execute(
                    "INSERT INTO contents (digest, seen) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
                    (digest, now),
                ).fetchone()
                # Another process may have indexed it meanwhile.
                if made is not None:
                    for chunk in chunks:
                        _insert(database, made[0], chunk, words)

    def chunks(self, digests: Iterable[bytes]) -> list[Stored]:
        """The pieces of these contents."""
        wanted = set(digests)
        with self._database.opened() as database:
            rows = database.execute(
                "SELECT c.id, t.digest, first, last, name, kind, length, c.digest FROM chunks c "
                "JOIN contents t ON t.id = c.content ORDER BY c.id"
            )
            return [Stored(*row) for row in rows if row[1] in wanted]

    def postings(self, terms: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
        """For each term the pieces of all contents that hold it, and how often."""
        with self._database.opened() as database:
            return {
                term: database.execute("SELECT chunk, count FROM postings WHERE term = ?", (term,)).fetchall()
                for term in set(terms)
            }

    def embedded(self, embedder: str) -> set[str]:
        """Digests of the pieces whose vectors of this embedder were stored."""
        with self._database.opened() as database:
            rows = database.execute("SELECT digest FROM embedded WHERE embedder = ?", (embedder,))
            return {digest for (digest,) in rows}

    def mark_embedded(self, embedder: str, digests: Sequence[str]) -> None:
        """Their vectors are stored."""
        with self._database.opened() as database, database:
            rows = [(embedder, digest) for digest in digests]
            database.executemany("INSERT INTO embedded VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def forget_embedded(self) -> None:
        """No vector is stored."""
        with self._database.opened() as database, database:
            database.execute("DELETE FROM embedded")

    def summary(self, key: str) -> str | None:
        """The summary that was kept under this key."""
        with self._database.opened() as database:
            row = database.execute("SELECT text FROM summaries WHERE key = ?", (key,)).fetchone()
            return row[0] if row is not None else None

    def keep_summary(self, key: str, text: str, *, now: int) -> None:
        """Keep a summary; those that are as old as forgotten contents go."""
        with self._database.opened() as database, database:
            database.execute("DELETE FROM summaries WHERE made < ?", (now - KEPT_S,))
            database.execute("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)", (key, text, now))

    def forget_old(self, *, now: int) -> list[str]:
        """Forget contents that no tree has had for long; gives the digests of pieces that are no longer there."""
        with self._database.opened() as database, database:
            trees = [tree for (tree,) in database.execute("SELECT DISTINCT tree FROM looks")]
            removed = [(tree,) for tree in trees if not Path(tree).exists()]
            database.executemany("DELETE FROM looks WHERE tree = ?", removed)
            old = database.execute("SELECT id FROM contents WHERE seen < ?", (now - KEPT_S,)).fetchall()
            gone: set[str] = set()
            for (content,) in old:
                rows = database.execute(
                    "SELECT id, digest FROM chunks WHERE content = ?", (content,)
                ).fetchall()
                gone.update(digest for _, digest in rows)
                database.execute("DELETE FROM chunks WHERE content = ?", (content,))
                database.execute("DELETE FROM contents WHERE id = ?", (content,))
            if old:
                database.execute("DELETE FROM postings WHERE chunk NOT IN (SELECT id FROM chunks)")
                gone -= {digest for (digest,) in database.execute("SELECT digest FROM chunks")}
                database.executemany("DELETE FROM embedded WHERE digest = ?", [(one,) for one in gone])
            return sorted(gone)


def digest_of_chunk(chunk: Chunk) -> str:
    """The same for the same text under the same name, wherever it stands."""
    return hashlib.sha256(f"{chunk.name}\0{chunk.text}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _insert(database: sqlite3.Connection, content: int, chunk: Chunk, words: Words) -> None:
    counts = Counter(words.terms(chunk.text))
    for term in words.terms(chunk.name):
        counts[term] += NAME_COUNTS
    row = (content, chunk.start, chunk.end, chunk.name, chunk.kind, counts.total(), digest_of_chunk(chunk))
    made = database.execute(
        "INSERT INTO chunks (content, first, last, name, kind, length, digest) VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    database.executemany(
        "INSERT INTO postings VALUES (?, ?, ?)",
        [(term, made.lastrowid, count) for term, count in counts.items()],
    )
