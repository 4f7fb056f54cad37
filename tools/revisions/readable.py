"""Diffs at a readable length: what changed where, then whole files of hunks as far as there is room."""

from tools.differences import diff_statistics
from tools.titles import shown_path
from tools.tool_schemas import OUTPUT_CHARACTERS

SHOWN_FILES = 60
NOTE_CHARACTERS = 400
START = "diff --git "


def files_in(difference: str) -> list[str]:
    """The parts of a diff, one a file."""
    parts: list[list[str]] = []
    for line in difference.split("\n"):
        if line.startswith(START):
            parts.append([])
        if parts:
            parts[-1].append(line)
    return ["\n".join(lines).rstrip("\n") for lines in parts]


def readable(difference: str, *, limit: int = OUTPUT_CHARACTERS) -> str:
    """Statistics, then the hunks of as many files as fit; the others are named, to be asked for by path.

    Where not even one fits, the first is given whole, and whoever shows the text shortens that.
    """
    parts = files_in(difference)
    rows = diff_statistics(difference).split("\n")
    statistics = "\n".join(
        [
            rows[-1],
            *rows[:-1][:SHOWN_FILES],
            *([f"and {len(parts) - SHOWN_FILES} more files"] if len(parts) > SHOWN_FILES else []),
        ]
    )
    room = limit - len(statistics) - NOTE_CHARACTERS
    shown: list[str] = []
    left: list[str] = []
    for part in parts:
        room -= len(part) + 1
        if room >= 0:
            shown.append(part)
        else:
            room += len(part) + 1
            left.append(part)
    if not shown:
        shown, left = left[:1], left[1:]
    text = f"{statistics}\n\n" + "\n".join(shown)
    if left:
        names = ", ".join(shown_path(_name(part)) for part in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        text += f"\n[Hunks of {len(left)} {'file' if len(left) == 1 else 'files'} are left out: {names}{more}. Send git_diff with paths.]"
    return text


def _name(part: str) -> str:
    return part.partition("\n")[0].removeprefix(START).rpartition(" b/")[2]
