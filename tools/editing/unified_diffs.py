"""Reads unified diffs, with or without Git's own header lines, also where their counts are wrong."""

import re

from tools.editing.patches import FilePatch, Hunk, PatchLine, bad_patch

HUNK = re.compile(r"@@+(?: -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@.*)?")
QUOTED = re.compile(r"\\([0-7]{3}|.)")
VERSION = re.compile(r"\d+\.\d+[\w. ()-]*")
NO_LINE_END = "\\ No newline"
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def is_unified(lines: list[str]) -> bool:
    """Whether the patch has the header of a file in it."""
    return any(
        line.startswith("diff --git ") or _is_header(lines, number) for number, line in enumerate(lines)
    )


def read_unified(lines: list[str]) -> list[FilePatch]:
    """What the diff asks for, file by file; ToolRejected names the line that cannot be read."""
    files: list[FilePatch] = []
    number = 0
    while number < len(lines):
        if lines[number].startswith("diff --git "):
            number = _read_git_header(lines, number, files)
        elif _is_header(lines, number):
            number = _read_names(lines, number, files, fresh=True)
        elif lines[number].startswith("@@") and files:
            number = _read_hunk(lines, number, files[-1])
        elif lines[number].startswith(("GIT binary patch", "Binary files ")):
            raise bad_patch("it holds a binary change", number + 1)
        else:
            number += 1
    for made in files:
        if not made.path:
            raise bad_patch("it names no file")
        if made.kind == "update" and not made.hunks and not made.moved_to and made.executable is None:
            raise bad_patch(f"the part about {made.path!r} has no hunk")
    if not files:
        raise bad_patch("it changes nothing")
    return files


def _is_header(lines: list[str], number: int) -> bool:
    return (
        lines[number].startswith("--- ") and number + 1 < len(lines) and lines[number + 1].startswith("+++ ")
    )


def _read_git_header(lines: list[str], number: int, files: list[FilePatch]) -> int:
    """The lines from ``diff --git`` to the names or the next file."""
    made = FilePatch("update", _git_path(lines[number]))
    files.append(made)
    number += 1
    while number < len(lines):
        line = lines[number]
        word, _, rest = line.rpartition(" ")
        if line.startswith(("diff --git ", "@@", "GIT binary patch", "Binary files ")):
            break
        if _is_header(lines, number):
            return _read_names(lines, number, files, fresh=False)
        if line.startswith("rename from "):
            made.path = _unquoted(line.removeprefix("rename from "))
        elif line.startswith("rename to "):
            made.moved_to = _unquoted(line.removeprefix("rename to "))
        elif line.startswith(("copy from ", "copy to ")):
            raise bad_patch("it copies a file, which is done by adding it", number + 1)
        elif word in {"new file mode", "deleted file mode", "new mode"}:
            _read_mode(made, word, rest, number)
        number += 1
    return number


def _read_mode(made: FilePatch, word: str, mode: str, number: int) -> None:
    if mode in {"120000", "160000"}:
        raise bad_patch("it changes a link or a submodule", number + 1)
    if word == "deleted file mode":
        made.kind = "delete"
        return
    if word == "new file mode":
        made.kind = "add"
    if word == "new mode" or mode == "100755":
        made.executable = mode == "100755"


def _git_path(line: str) -> str:
    """The path of a ``diff --git`` line, whose two names are the same but for their prefixes."""
    names = line.removeprefix("diff --git ")
    if names.startswith('"'):
        return _unquoted(names.split('" ')[0] + '"').removeprefix("a/")
    half = names[: len(names) // 2]
    return (
        half.removeprefix("a/")
        if half.removeprefix("a/") == names[len(half) + 1 :].removeprefix("b/")
        else ""
    )


def _read_names(lines: list[str], number: int, files: list[FilePatch], *, fresh: bool) -> int:
    old, new = (_name(lines[number + index][4:]) for index in (0, 1))
    prefixed = (old == "/dev/null" or old.startswith("a/")) and (new == "/dev/null" or new.startswith("b/"))
    if prefixed:
        old, new = old.removeprefix("a/"), new.removeprefix("b/")
    if fresh:
        files.append(FilePatch("update", ""))
    made = files[-1]
    if old == "/dev/null":
        made.kind, made.path = "add", new
    elif new == "/dev/null":
        made.kind, made.path = "delete", old
    elif old != new and (made.moved_to, made.path) != (new, old):
        raise bad_patch(
            f"it names two files, {old!r} and {new!r}, without 'rename from' and 'rename to'", number + 1
        )
    else:
        made.path = old
    return number + 2


def _name(text: str) -> str:
    return _unquoted(text) if text.startswith('"') else text.split("\t")[0].rstrip()


def _unquoted(text: str) -> str:
    """A name as Git quotes it, with bytes as octal numbers."""
    if not text.startswith('"'):
        return text.rstrip()
    inner = text.rstrip().strip('"').encode("utf-8", "surrogateescape").decode("latin-1")
    plain = QUOTED.sub(
        lambda found: chr(int(found[1], 8)) if len(found[1]) == 3 else ESCAPES.get(found[1], found[1]), inner
    )
    return plain.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _read_hunk(lines: list[str], number: int, made: FilePatch) -> int:
    header = HUNK.fullmatch(lines[number])
    if header is None:
        raise bad_patch(f"{lines[number][:80]!r} is no header of a hunk", number + 1)
    hunk = Hunk(line=int(header[1]) if header[1] else None)
    count = int(header[2]) if header[2] else 1 if header[1] else None
    number += 1
    while number < len(lines) and not _ends_hunk(lines, number):
        line = lines[number]
        if line.startswith(NO_LINE_END) and hunk.lines:
            hunk.lines[-1].unended = True
        elif not line:
            hunk.lines.append(PatchLine(" ", ""))
        elif line[0] in " +-":
            hunk.lines.append(PatchLine(line[0], line[1:]))
        else:
            raise bad_patch(f"{line[:80]!r} begins with none of '+', '-' and a blank", number + 1)
        number += 1
    while (
        hunk.lines
        and lines[number - 1] == ""
        and hunk.lines[-1] == PatchLine(" ", "")
        and (count is None or len(hunk.old) > count)
    ):
        hunk.lines.pop()
    if all(line.sign == " " for line in hunk.lines):
        raise bad_patch("a hunk changes nothing", number)
    made.hunks.append(hunk)
    return number


def _is_signature(lines: list[str], number: int) -> bool:
    """Whether a mailed patch ends here: two dashes, and below them the version of Git."""
    after = lines[number + 1 : number + 3]
    return (
        lines[number].rstrip() == "--"
        and bool(after)
        and VERSION.fullmatch(after[0]) is not None
        and (len(after) < 2 or not after[1].strip() or after[1].startswith("From "))
    )


def _ends_hunk(lines: list[str], number: int) -> bool:
    line = lines[number]
    if line.startswith(("@@", "diff --git ")) or _is_signature(lines, number):
        return True
    # A line that was taken away can begin with "-- " too; only a whole header is one.
    return _is_header(lines, number) and number + 2 < len(lines) and lines[number + 2].startswith("@@")
