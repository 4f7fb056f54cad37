"""One pass over a file that is too large to hold: its digest, how many lines it has, and those that are wanted."""

import hashlib
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.text_files import MARKS, binary_kind

CHUNK_BYTES = 1024 * 1024
LINE_BYTES = 8 * 1024
"""As much of one line is kept; what is shown of it is shorter."""


@dataclass(frozen=True)
class Scan:
    """What one pass found. ``kind`` says what a file is that holds no text; it then has no lines."""

    digest: str
    kind: str = ""
    lines: int = 0
    wanted: tuple[str, ...] = ()
    cut: int = 0
    """Lines among the wanted ones of which only the beginning was kept."""


def scan(files: Files, path: str, size: int, *, start: int, limit: int) -> Scan:
    """Read a file of this size once, a megabyte at a time; lines are counted by LF."""
    first = files.read(path, limit_bytes=CHUNK_BYTES)
    wide = next((name for mark, name in MARKS if first.startswith(mark) and name != "utf-8"), "")
    if wide:
        raise ToolRejected(
            f"{path!r} is written in {wide} and has {size:,} bytes, too many to be decoded here.",
            "Convert it by iconv with execute_command, and read the copy.",
        )
    kind = binary_kind(first)
    gather = _Lines(start, limit)
    digest = hashlib.sha256()
    place = 0
    while place < size:
        chunk = files.read(path, offset=place, limit_bytes=min(CHUNK_BYTES, size - place))
        if not chunk:
            break
        digest.update(chunk)
        if not kind:
            gather.add(chunk)
        place += len(chunk)
    if kind:
        return Scan(digest.hexdigest(), kind)
    wanted = tuple(line.removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in gather.wanted)
    return Scan(digest.hexdigest(), "", gather.count, wanted, gather.cut)


class _Lines:
    """Counts lines over chunks, and keeps the beginnings of those from ``start`` on."""

    def __init__(self, start: int, limit: int) -> None:
        self._start, self._stop = start, start + limit
        self._ended = 0
        self._open = False
        self.wanted: list[bytes] = []
        self.cut = 0

    @property
    def count(self) -> int:
        """Lines so far, one without an end among them."""
        return self._ended + self._open

    def add(self, chunk: bytes) -> None:
        """The next bytes of the file."""
        ends = chunk.count(b"\n")
        if self._ended + ends + 1 >= self._start and self._ended + 1 < self._stop:
            self._keep(chunk)
        else:
            self._ended += ends
        self._open = not chunk.endswith(b"\n")

    def _keep(self, chunk: bytes) -> None:
        parts = chunk.split(b"\n")
        for place, part in enumerate(parts):
            ended = place < len(parts) - 1
            number = self._ended + 1
            if self._start <= number < self._stop and (part or ended):
                self._take(part, fresh=len(self.wanted) <= number - self._start)
            self._ended += ended

    def _take(self, part: bytes, *, fresh: bool) -> None:
        before = b"" if fresh else self.wanted.pop()
        whole = before + part
        self.cut += len(whole) > LINE_BYTES >= len(before)
        self.wanted.append(whole[: LINE_BYTES + 1])
