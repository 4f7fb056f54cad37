"""Why a search text has no place, in sentences for the model: where it occurs too often, or what is nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.editing.lines import with_plain_ends
from tools.editing.near_text import near_passages
from tools.text_files import TextFile

SHOWN_PLACES = 8
LOOSER = {
    "eol": "line ends aside",
    "trailing": "blanks at the ends of lines aside",
    "indent": "indentation aside",
    "unicode": "typographic quotes, dashes and blanks aside",
    "whitespace": "blanks aside",
}


@dataclass(frozen=True)
class Missed:
    """Why a block has no place, in sentences for the model."""

    why: str


def too_many(text: str, places: Sequence[int], layer: str = "exact") -> Missed:
    """The search text occurs more than once."""
    lines = ", ".join(str(line_at(text, place)) for place in places[:SHOWN_PLACES])
    more = f" and {len(places) - SHOWN_PLACES} more places" if len(places) > SHOWN_PLACES else ""
    aside = f", {LOOSER[layer]}" if layer in LOOSER else ""
    return Missed(
        f"its search text occurs {len(places)} times{aside}, at line {lines}{more}. "
        "Add lines from before or after it until it occurs once."
    )


def line_at(text: str, place: int) -> int:
    """The number of the line that holds this place."""
    return text.count("\n", 0, place) + (text.count("\r", 0, place) if "\n" not in text else 0) + 1


def nowhere(file: TextFile, search: str, replacement: str) -> Missed:
    """The search text occurs nowhere; shows what is like it, or that its replacement stands there already."""
    plain = with_plain_ends(file.text)
    done = with_plain_ends(replacement)
    first = plain.find(done) if len(done.strip()) > 8 else -1
    if first >= 0 and plain.find(done, first + 1) < 0:
        return Missed(
            f"its search text is not in the file, but its replacement already stands at line "
            f"{line_at(plain, first)}. If that is what you want, leave this block out."
        )
    near = near_passages(plain, with_plain_ends(search))
    if not near:
        return Missed(
            f"its search text is not in the file ({plain.count(chr(10)) + 1} lines), and nothing like it is. "
            "Read the file before you edit it."
        )
    shown = "\n".join(
        f"Lines {one.first}-{one.last} are like it, but differ{one.difference}:\n<<<\n{one.text}\n>>>"
        for one in near
    )
    return Missed(f"its search text is not in the file. {shown}\nCopy the text between <<< and >>> exactly.")
