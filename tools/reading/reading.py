"""One file as a model reads it: some numbered lines, and a line above them that says what they are of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.env_files import is_dotenv
from perdure.workspace.working_copy import WorkingCopy
from tools.paths import located, text_file_facts
from tools.reading.dotenv_files import without_values
from tools.reading.outlines import outline_of
from tools.reading.pages import page_of
from tools.reading.sightings import digest_of_file
from tools.reading.streams import scan
from tools.text_files import TextFile, lines_of, text_or_kind
from tools.titles import shown_path

WHOLE_BYTES = 8 * 1024**2
"""A larger file is not held in memory, but read once from its beginning to its end."""
LARGEST_BYTES = 1024**3
OUTLINED_LINES = 1_000
FIRST_LINES = 30
"""As many are shown below an outline."""
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True)
class Wish:
    """What is to be shown of one file, in at most ``room`` characters."""

    path: str
    start: int
    limit: int
    room: int
    outline: bool
    """Whether a long file is shown by its outline first, because nobody asked for certain lines."""


@dataclass(frozen=True)
class Reading:
    """What is shown of a file, and the digest of the whole of it; both empty where it was not read."""

    head: str
    shown: str = ""
    path: str = ""
    digest: str = ""


def read_one(copy: WorkingCopy, wish: Wish) -> Reading:
    """Read it; ToolRejected where there is no file that can be read."""
    target = located(copy, wish.path)
    size = text_file_facts(copy.files, target).bytes
    if size > LARGEST_BYTES:
        raise ToolRejected(
            f"{wish.path!r} has {size:,} bytes, more than the {LARGEST_BYTES:,} that are read.",
            "Use grep_search, or execute_command with head, tail or sed -n.",
        )
    if size > WHOLE_BYTES:
        return _streamed(copy, wish, target, size)
    # A file that grows while it is read is taken as it was when its size was asked.
    data = copy.files.read(target, limit_bytes=size) if size else b""
    digest = digest_of_file(data)
    file = text_or_kind(wish.path, data)
    if isinstance(file, str):
        return _binary(wish.path, target, file, size, digest)
    lines = lines_of(file.text)
    if not lines:
        return Reading(f"{shown_path(wish.path)} is empty: {len(data)} bytes.", path=target, digest=digest)
    _refuse_beyond(wish, len(lines))
    if is_dotenv(wish.path) or is_dotenv(target):
        head, shown = _page(wish, file, without_values(lines))
        # Without a digest: what was not shown must not be replaced as if it were known.
        return Reading(f"{head}; values are hidden, because files of this name hold credentials", shown)
    head, shown = _page(wish, file, lines)
    return Reading(head, shown, target, digest)


def _streamed(copy: WorkingCopy, wish: Wish, target: str, size: int) -> Reading:
    found = scan(copy.files, target, size, start=wish.start, limit=wish.limit)
    if found.kind:
        return _binary(wish.path, target, found.kind, size, found.digest)
    _refuse_beyond(wish, found.lines)
    shown = page_of(enumerate(found.wanted, wish.start), wish.room)
    notes = [f"{size:,} bytes"]
    invalid = sum("\udc80" <= letter <= "\udcff" for line in found.wanted for letter in line)
    if invalid:
        notes.append(f"{invalid} bytes of these lines are not valid UTF-8, shown as \\x…")
    notes.append(_invisible(shown, wish.start))
    head, more = _framed(wish, len(shown), found.lines, notes)
    return Reading(head, "\n".join(shown) + more, target, found.digest)


def _binary(path: str, target: str, kind: str, size: int, digest: str) -> Reading:
    head = f"{shown_path(path)} is not text: it is {kind} of {size:,} bytes, SHA-256 {digest}."
    return Reading(head, path=target, digest=digest)


def _refuse_beyond(wish: Wish, lines: int) -> None:
    if wish.start > max(lines, 1):
        raise ToolRejected(
            f"{wish.path!r} has {lines:,} lines, so line {wish.start} is beyond its end.",
            f"Send a start from 1 to {lines}.",
        )


def _page(wish: Wish, file: TextFile, lines: Sequence[str]) -> tuple[str, str]:
    outline = outline_of(wish.path, lines) if wish.outline and len(lines) > OUTLINED_LINES else []
    room = wish.room - sum(len(line) + 1 for line in outline)
    most = FIRST_LINES if outline else wish.limit
    wanted = lines[wish.start - 1 : wish.start - 1 + most]
    shown = page_of(enumerate(wanted, wish.start), room)
    notes = [file.described(), _invisible(shown, wish.start)]
    if not file.text.endswith(("\n", "\r")) and wish.start + len(shown) - 1 == len(lines):
        notes.append("no line end after the last line")
    head, more = _framed(wish, len(shown), len(lines), notes)
    body = "\n".join(shown) + more
    if outline:
        listed = "\n".join(outline)
        body = f"[Its outline, by the look of its lines:]\n{listed}\n[Its beginning:]\n{body}"
    return head, body


def _framed(wish: Wish, shown: int, lines: int, notes: Sequence[str]) -> tuple[str, str]:
    """The line above the lines, and the one below them."""
    last = wish.start + shown - 1
    head = f"{shown_path(wish.path)}, lines {wish.start}-{last} of {lines}"
    head += "".join(f"; {note}" for note in notes if note)
    return head, f"\n[To read on, send start={last + 1}.]" if last < lines else ""


def _invisible(shown: Sequence[str], start: int) -> str:
    """Where characters stand that nobody sees, such as those that turn the reading direction."""
    found = [
        f"line {number} ({', '.join(sorted({f'U+{ord(letter):04X}' for letter in letters}))})"
        for number, line in enumerate(shown, start)
        if (letters := INVISIBLE.findall(line))
    ]
    return (
        f"invisible characters in {', '.join(found[:5])}{' and more' if len(found) > 5 else ''}"
        if found
        else ""
    )
