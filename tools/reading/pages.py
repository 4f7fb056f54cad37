"""A page of numbered lines that fits whole into what the model is shown of one output."""

from collections.abc import Iterable

from perdure.safety.secrets.cutting import beginning
from tools.text_files import visible

PAGE_CHARACTERS = 7_400
LINE_CHARACTERS = 1_000


def page_of(numbered: Iterable[tuple[int, str]], room: int = PAGE_CHARACTERS) -> list[str]:
    """The lines after their numbers and a tab, as many as fit and at least one; long ones are cut."""
    shown: list[str] = []
    for number, line in numbered:
        cut = f"{beginning(line, LINE_CHARACTERS)}[… {len(line) - LINE_CHARACTERS:,} more characters]"
        text = visible(f"{number}\t{cut if len(line) > LINE_CHARACTERS else line}")
        room -= len(text) + 1
        if room < 0 and shown:
            break
        shown.append(text)
    return shown
