"""Texts that a program has mended in a view of its own, as changes of the workspace's files."""

from collections.abc import Mapping, Sequence

from perdure.workspace.paths import Files
from tools.editing.changes import Replacement, open_for_change
from tools.node.selection import belongs
from tools.text_files import with_line_ends


def mended(files: Files, texts: Mapping[str, str | None], places: Sequence[str]) -> list[Replacement]:
    """The files that differ afterwards; what a program names outside of what it was asked for is left alone."""
    changes: list[Replacement] = []
    for path, text in sorted(texts.items()):
        if text is None or path.startswith(("/", "../")) or not belongs(path, places):
            continue
        before, data = open_for_change(files, path)
        text = text.removeprefix("\ufeff") if before.mark else text
        if before.line_end == "crlf" and "\r" not in text:
            text = with_line_ends(text, "crlf")
        after = before.with_text(text)
        if after.text != before.text:
            changes.append(Replacement(path, before, data, after, after.encoded()))
    return changes
