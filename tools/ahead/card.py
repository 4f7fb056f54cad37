"""What a call changed in a throw-away view, as people see it: how it ended, every path, the texts' differences, its output.

The program made all of it, names included, so nothing of it is shown but behind a sign that it cannot forge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import PerdureError
from perdure.safety.command_display import quoted
from perdure.safety.display import inline_code
from perdure.workspace.deltas import Change, Delta, State
from perdure.workspace.paths import Files
from perdure.workspace.written_delta import needs_content
from tools.differences import unified

MOST_PATHS = 16
MOST_DIFFERENCE = 1_200
MOST_OUTPUT = 500
MOST_COMPARED_BYTES = 512 * 1024
"""Longer files are shown by their sizes alone."""
MOST_WHOLE = 4 * 1024**2
"""Characters of all differences that are kept to be read."""
VERBS = ("created", "changed", "deleted")


class _Unreadable:
    """Stands for a content that is no text, or too long to be compared."""


UNREADABLE = _Unreadable()


@dataclass(frozen=True)
class Card:
    """Markdown of the changes, how many characters of them it leaves out, and all of them as text."""

    markdown: str
    left_out: int
    whole: str


def card_of(delta: Delta, files: Files, *, ended: str) -> Card:
    """The card; ``files`` are as they were before, ``ended`` says how the program ended."""
    changes = _grouped(delta)
    lines = [f"**Ran ahead in a throw-away copy**: {ended}; {counted(delta)}"]
    lines += ["", "Approving does exactly this to the files; the program is not run again."]
    rows = [_row(verb, change) for verb, change in changes]
    shown, hidden = rows[:MOST_PATHS], rows[MOST_PATHS:]
    if rows:
        # The Web UI's Markdown knows a list only after an empty line.
        lines += ["", *(f"- {row}" for row in shown)]
    if hidden:
        lines.append(f"- **and {len(hidden):,} more**")
    difference = _differences([change for _, change in changes], delta, files)
    quote = quoted(difference, MOST_DIFFERENCE)
    if difference:
        lines += ["", quote.markdown, *(f"- {each}" for each in quote.remarks)]
    lines += ["", *_output(delta)]
    whole = "\n".join([*rows, "", difference])
    return Card("\n".join(lines), sum(map(len, hidden)) + quote.left_out, whole)


def counted(delta: Delta) -> str:
    """``3 created, 1 changed``, or that no file changes."""
    numbers = [len(delta.created), len(delta.changed), len(delta.deleted)]
    parts = [f"{number:,} {verb}" for number, verb in zip(numbers, VERBS, strict=True) if number]
    return ", ".join(parts) if parts else "**no file changes**"


def _grouped(delta: Delta) -> list[tuple[str, Change]]:
    groups = zip(VERBS, (delta.created, delta.changed, delta.deleted), strict=True)
    return [(verb, change) for verb, changes in groups for change in changes]


def _row(verb: str, change: Change) -> str:
    before, after = change.before, change.after
    row = f"{verb} {inline_code(change.path, 160)}"
    if before is None or after is None:
        state = after or before
        return f"{row} ({_what(state)})" if state else row
    if before.kind != after.kind:
        return f"{row} (from {_what(before)} to {_what(after)})"
    said: list[str] = []
    if before.mode != after.mode:
        said.append(f"mode {before.mode:04o} to {after.mode:04o}")
    if needs_content(change):
        said.append(f"{before.bytes:,} to {after.bytes:,} bytes")
    if after.kind == "link":
        said.append(f"leads to {inline_code(after.target, 120)}")
    return f"{row} ({', '.join(said)})"


def _what(state: State) -> str:
    if state.kind == "file":
        executable = ", executable" if state.mode & 0o111 else ""
        return f"{state.bytes:,} bytes{executable}"
    return f"link to {inline_code(state.target, 120)}" if state.kind == "link" else state.kind


def _differences(changes: Sequence[Change], delta: Delta, files: Files) -> str:
    """The differences of the text files; of what is not text there is nothing to read."""
    parts: list[str] = []
    room = MOST_WHOLE
    for change in changes:
        for part in _difference(change, delta, files):
            parts.append(part)
            room -= len(part)
        if room < 0:
            parts.append("… more differences are not kept as text\n")
            break
    return "".join(parts)


def _difference(change: Change, delta: Delta, files: Files) -> Iterator[str]:
    before, after = change.before, change.after
    wants = needs_content(change) or (after is None and before is not None and before.kind == "file")
    if not wants:
        return
    old = _old(change, files)
    new = _text(delta.contents[after.sha256]) if after is not None and needs_content(change) else None
    path = change.path.replace("\n", "\\n").encode("utf-8", "backslashreplace").decode()
    if old is UNREADABLE or new is UNREADABLE:
        size = f"{after.bytes:,} bytes, SHA-256 {after.sha256[:16]}" if after else "gone"
        yield f"{path}: not text, or long: {size}\n"
        return
    text = unified(path, old if isinstance(old, str) else None, new if isinstance(new, str) else None)
    yield text if text.endswith("\n") else f"{text}\n"


def _old(change: Change, files: Files) -> str | _Unreadable | None:
    before = change.before
    if before is None or before.kind != "file":
        return None
    if before.bytes > MOST_COMPARED_BYTES:
        return UNREADABLE
    try:
        return _text(files.read(change.path, limit_bytes=MOST_COMPARED_BYTES))
    except PerdureError:
        return UNREADABLE


def _text(data: bytes) -> str | _Unreadable:
    if len(data) > MOST_COMPARED_BYTES or b"\0" in data:
        return UNREADABLE
    try:
        return data.decode()
    except UnicodeDecodeError:
        return UNREADABLE


def _output(delta: Delta) -> list[str]:
    text = delta.finished.output.decode("utf-8", "backslashreplace").rstrip()
    if not text:
        return ["It said nothing."]
    quote = quoted(text, MOST_OUTPUT)
    left_out = f", without {quote.left_out:,} characters in the middle" if quote.left_out else ""
    return [f"It said{left_out}:", "", quote.markdown]
