"""Reads patches between ``*** Begin Patch`` and ``*** End Patch``."""

from tools.editing.patches import FilePatch, Hunk, PatchLine, bad_patch

BEGIN, END = "*** Begin Patch", "*** End Patch"
ADD, DELETE, UPDATE, MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "
END_OF_FILE = "*** End of File"


def is_envelope(lines: list[str]) -> bool:
    """Whether the patch begins as one."""
    return bool(lines) and lines[0].strip() == BEGIN


def read_envelope(lines: list[str]) -> list[FilePatch]:
    """What the patch asks for, file by file; ToolRejected names the line that cannot be read."""
    if lines[-1].strip() != END or len(lines) < 2:
        raise bad_patch(f"it has no last line {END!r}")
    files: list[FilePatch] = []
    number = 1
    while number < len(lines) - 1:
        line = lines[number].strip()
        if not line:
            number += 1
        elif line.startswith(ADD):
            number = _read_added(lines, number, files)
        elif line.startswith(DELETE):
            files.append(FilePatch("delete", line.removeprefix(DELETE).strip()))
            number += 1
        elif line.startswith(UPDATE):
            number = _read_updated(lines, number, files)
        else:
            raise bad_patch(f"{line[:80]!r} begins no section", number + 1)
    if not files:
        raise bad_patch("it changes nothing")
    return files


def _read_added(lines: list[str], number: int, files: list[FilePatch]) -> int:
    hunk = Hunk()
    path = lines[number].strip().removeprefix(ADD).strip()
    number += 1
    while number < len(lines) - 1 and lines[number].startswith("+"):
        hunk.lines.append(PatchLine("+", lines[number][1:]))
        number += 1
    files.append(FilePatch("add", path, hunks=[hunk], replaces=True, ended=True))
    return number


def _read_updated(lines: list[str], number: int, files: list[FilePatch]) -> int:
    made = FilePatch("update", lines[number].strip().removeprefix(UPDATE).strip(), ended=True)
    files.append(made)
    number += 1
    if number < len(lines) - 1 and lines[number].strip().startswith(MOVE):
        made.moved_to = lines[number].strip().removeprefix(MOVE).strip()
        number += 1
    hunk: Hunk | None = None
    while number < len(lines) - 1 and not _begins_section(lines[number]):
        line = lines[number]
        if line.rstrip() == END_OF_FILE:
            if hunk is None:
                raise bad_patch(f"{END_OF_FILE!r} follows no hunk", number + 1)
            hunk.at_end, hunk = True, None
        elif line.startswith("@@"):
            hunk = _with_anchor(made, hunk, line[2:].strip().removesuffix("@@").strip())
        else:
            hunk = hunk or _new_hunk(made)
            hunk.lines.append(_patch_line(line, number + 1))
        number += 1
    _check_updated(made)
    return number


def _begins_section(line: str) -> bool:
    return line.startswith((ADD, DELETE, UPDATE))


def _with_anchor(made: FilePatch, hunk: Hunk | None, anchor: str) -> Hunk:
    """The hunk that begins here; an ``@@`` line right after another narrows the same hunk down."""
    if hunk is None or hunk.lines:
        hunk = _new_hunk(made)
    if anchor:
        hunk.anchors = (*hunk.anchors, anchor)
    return hunk


def _new_hunk(made: FilePatch) -> Hunk:
    made.hunks.append(Hunk())
    return made.hunks[-1]


def _patch_line(line: str, number: int) -> PatchLine:
    if not line:
        return PatchLine(" ", "")
    if line[0] not in " +-":
        raise bad_patch(f"{line[:80]!r} begins with none of '+', '-' and a blank", number)
    return PatchLine(line[0], line[1:])


def _check_updated(made: FilePatch) -> None:
    for hunk in made.hunks:
        while hunk.lines and hunk.lines[-1] == PatchLine(" ", ""):
            hunk.lines.pop()
    if not made.hunks and not made.moved_to:
        raise bad_patch(f"the update of {made.path!r} has no hunk")
    if any(all(line.sign == " " for line in hunk.lines) for hunk in made.hunks):
        raise bad_patch(f"a hunk of {made.path!r} changes nothing")
