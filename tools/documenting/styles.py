"""How a project writes its docs: the style of docstrings, and how wide a line may be."""

import posixpath
import re
from collections.abc import Sequence
from typing import Literal

from perdure.workspace.paths import Files

Style = Literal["google", "numpy", "sphinx"]
CONFIGURATIONS = ("pyproject.toml", "ruff.toml", ".ruff.toml", "setup.cfg", "tox.ini", ".pydocstyle")
CONVENTION = re.compile(r"^\s*convention\s*=\s*['\"]?(google|numpy)\b", re.MULTILINE)
WIDTH = re.compile(r"^\s*(?:line-length|max-line-length|max_line_length)\s*=\s*(\d+)", re.MULTILINE)
MARKS: dict[Style, re.Pattern[str]] = {
    "google": re.compile(r"^\s+(?:Args|Arguments|Returns|Raises|Yields|Attributes):[ \t]*$", re.MULTILINE),
    "numpy": re.compile(
        r"^\s+(?:Parameters|Returns|Raises|Yields|Attributes)[ \t]*\n\s+-{4,}[ \t]*$", re.MULTILINE
    ),
    "sphinx": re.compile(r"^\s+:(?:param|returns?|raises?|type|rtype)\b[^:\n]*:", re.MULTILINE),
}
READ_FILES = 60
READ_BYTES = 128 * 1024
DEFAULT_WIDTH = 88


def style_of(files: Files, path: str, sources: Sequence[str]) -> tuple[Style, str]:
    """The style and where it was found: in a configuration, else in most docstrings of the nearest files."""
    for name in CONFIGURATIONS:
        found = CONVENTION.search(_text(files, name))
        if found:
            return ("google" if found[1] == "google" else "numpy"), f"as {name} says"
    folder = posixpath.dirname(path)
    near = sorted(sources, key=lambda each: (each != path, posixpath.dirname(each) != folder, each))
    counts: dict[Style, int] = dict.fromkeys(MARKS, 0)
    for each in near[:READ_FILES]:
        text = _text(files, each)
        for style, mark in MARKS.items():
            counts[style] += len(mark.findall(text))
    best = max(counts, key=lambda style: counts[style])
    if counts[best]:
        return best, "as in the project's other docstrings"
    return "google", "since the project shows no style of its own"


def width_of(files: Files) -> int:
    """How wide lines may be by the project's own configuration."""
    for name in CONFIGURATIONS:
        found = WIDTH.search(_text(files, name))
        if found:
            return min(max(int(found[1]), 60), 120)
    return DEFAULT_WIDTH


def _text(files: Files, path: str) -> str:
    if not files.exists(path) or files.stat(path).kind != "file":
        return ""
    return files.read(path, limit_bytes=READ_BYTES).decode("utf-8", "replace")
