"""What files and folders hold, as a digest: by their bytes, and past a budget by their times."""

import hashlib
import json
import posixpath
from typing import Any

from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.workspace.file_facts import FileFacts
from perdure.workspace.paths import Files

MOST_ENTRIES = 200_000
MOST_HASHED = 5_000
MOST_HASHED_BYTES = 128 * 1024**2


class Contents:
    """Looks into files until the budget is spent. Further files count by size and by the time of their last change,
    which no program can set.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._entries = 0
        self._hashed = 0
        self._hashed_bytes = 0

    def of(self, path: str) -> dict[str, Any]:
        """What is at a path now, all that is below it included; links are not followed. Empty where nothing is."""
        try:
            facts = self._files.stat(path)
        except PerdureError:
            return {}
        if facts.kind == "folder":
            return {"kind": "folder", **self._below(path)}
        return {"kind": facts.kind, "mode": facts.mode, **self._one(path, facts)}

    def _one(self, path: str, facts: FileFacts) -> dict[str, Any]:
        if facts.kind != "file":
            return {"target": facts.target}
        known = {"bytes": facts.bytes}
        self._hashed += 1
        self._hashed_bytes += facts.bytes
        if self._hashed > MOST_HASHED or self._hashed_bytes > MOST_HASHED_BYTES:
            return {**known, "mtime_ns": facts.mtime_ns, "ctime_ns": facts.ctime_ns}
        try:
            return {**known, "sha256": hashlib.sha256(self._files.read(path)).hexdigest()}
        except PerdureError:
            # It cannot be read here, so it is known by its times alone.
            return {**known, "mtime_ns": facts.mtime_ns, "ctime_ns": facts.ctime_ns}

    def _below(self, path: str) -> dict[str, Any]:
        """How many entries a folder has, and a digest of all of them."""
        if path in (".", ""):
            # All of it is the tree, which is sealed anyway.
            return {}
        entries: list[tuple[str, str, dict[str, Any]]] = []
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            try:
                inside = self._files.list(folder)
            except PerdureError:
                entries.append((folder, "unreadable", {}))
                continue
            for each in sorted(inside, key=lambda one: one.name):
                inner = posixpath.join(folder, each.name)
                self._count(path)
                if each.kind == "folder":
                    waiting.append(inner)
                    entries.append((inner, each.kind, {}))
                else:
                    entries.append((inner, each.kind, {"mode": each.mode, **self._one(inner, each)}))
        return {"entries": len(entries), "sha256": digest_of_list(entries)}

    def _count(self, path: str) -> None:
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise ToolRejected(
                f"{path!r} holds more than {MOST_ENTRIES:,} files and folders, too many to be sealed with an approval.",
                "Name a part of it.",
            )


def digest_of_list(value: object) -> str:
    """SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()
