"""Text as lines with their places, and the line ends that new text takes over from what it replaces."""

import io
import re
from collections import Counter
from itertools import accumulate

from tools.text_files import TextFile, line_end_of, with_line_ends

ANY_BREAK = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of a text, with their places in it."""

    def __init__(self, text: str, *, lone_returns: bool = False) -> None:
        """LF and CRLF end lines; CR does where there is no LF, or with ``lone_returns``."""
        pieces = _pieces(text, lone_returns=lone_returns or "\n" not in text)
        if pieces and not pieces[-1]:
            pieces.pop()
        self._starts = [0, *accumulate(map(len, pieces))]
        self.texts = (
            [_without_end(piece) for piece in pieces] if "\r" in text else text.split("\n")[: len(pieces)]
        )
        """Without their ends."""

    def __len__(self) -> int:
        return len(self.texts)

    def start(self, index: int) -> int:
        """Where the line begins; behind the last line, where the text ends."""
        return self._starts[index]

    def content_stop(self, index: int) -> int:
        """Before the line's end."""
        return self._starts[index] + len(self.texts[index])

    def stop(self, index: int) -> int:
        """After the line's end, where the next line begins."""
        return self._starts[index + 1]

    @property
    def last_is_unended(self) -> bool:
        """Whether the last line has no end."""
        return bool(self.texts) and self.stop(len(self) - 1) == self.content_stop(len(self) - 1)


def _pieces(text: str, *, lone_returns: bool) -> list[str]:
    """The text cut after each line end."""
    if "\r" in text and lone_returns:
        ends = [found.end() for found in ANY_BREAK.finditer(text)]
        return [text[start:stop] for start, stop in zip([0, *ends], [*ends, len(text)], strict=True)]
    # Not splitlines, which also ends lines at form feeds and at other characters that are text here.
    return io.StringIO(text, newline="\n").readlines()


def _without_end(piece: str) -> str:
    if piece.endswith("\r\n"):
        return piece[:-2]
    return piece[:-1] if piece.endswith(("\n", "\r")) else piece


def with_plain_ends(text: str) -> str:
    """The text with every line end taken for LF."""
    return ANY_BREAK.sub("\n", text) if "\r" in text else text


def in_style_of(file: TextFile, start: int, stop: int, replacement: str) -> str:
    """The replacement with the line ends that the file has; in a mixed file, those of the replaced span."""
    style = file.line_end
    if style != "mixed":
        return with_line_ends(replacement, style)
    replaced = ANY_BREAK.findall(file.text, start, stop)
    wanted = ANY_BREAK.findall(replacement)
    if len(replaced) == len(wanted):
        ends = iter(replaced)
        return ANY_BREAK.sub(lambda _: next(ends), replacement)
    around = ANY_BREAK.search(file.text, stop) or _last_break(file.text, start)
    end = replaced[0] if replaced else around.group() if around else "\n"
    return with_line_ends(replacement, line_end_of(end))


def commonest_end(text: str) -> str:
    """The line end that most lines have; LF where there is none."""
    counts = Counter(ANY_BREAK.findall(text))
    return counts.most_common(1)[0][0] if counts else "\n"


def _last_break(text: str, before: int) -> re.Match[str] | None:
    found = list(ANY_BREAK.finditer(text, max(0, before - 2_000), before))
    return found[-1] if found else None
