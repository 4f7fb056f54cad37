"""A suggestion's patch on the files as they are; every refusal is a sentence for the model."""

import ast
import posixpath
from collections.abc import Mapping, Sequence

from tools.editing.ladder import Found, find_place
from tools.editing.symbols import PYTHON, language_name
from tools.improving.suggestions import PatchBlock
from tools.improving.weaker_tests import weaker
from tools.syntax import syntax_error
from tools.text_files import TextFile

EXACT = {"exact", "eol"}


class Unpatched(ValueError):
    """The patch does not apply, or must not be applied; the argument says why."""


def patched(files: Mapping[str, TextFile], blocks: Sequence[PatchBlock]) -> dict[str, TextFile]:
    """The files that the blocks change, each block on the result of those before it; Unpatched says why not."""
    current = dict(files)
    for number, block in enumerate(blocks, 1):
        path = posixpath.normpath(block.path)
        file = current.get(path)
        if file is None:
            known = ", ".join(files)
            raise Unpatched(
                f"block {number} changes {block.path!r}, which was not asked about; asked: {known}."
            )
        current[path] = _replaced(number, path, file, block)
    changed = {path: file for path, file in current.items() if file.text != files[path].text}
    if not changed:
        raise Unpatched("the patch changes nothing.")
    for path, file in changed.items():
        before = files[path].text
        error = syntax_error(path, file.encoded())
        if error:
            raise Unpatched(f"after the patch {path!r} does not parse: {error}.")
        if _only_blanks(path, before, file.text):
            raise Unpatched(f"the patch changes only blanks in {path!r}.")
        faults = weaker(path, before, file.text)
        if faults:
            raise Unpatched(" ".join(faults))
    return changed


def _only_blanks(path: str, before: str, after: str) -> bool:
    """Whether it is the same code with other blanks, which mean something in Python alone."""
    if before.split() != after.split():
        return False
    return language_name(path) != PYTHON or ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))


def _replaced(number: int, path: str, file: TextFile, block: PatchBlock) -> TextFile:
    if not block.search.strip():
        raise Unpatched(f"block {number} has an empty search text; files are not created here.")
    place = find_place(file, block.search, block.replace)
    if not isinstance(place, Found):
        raise Unpatched(f"block {number} does not apply: in {path!r} {place.why}")
    if place.layer not in EXACT:
        raise Unpatched(
            f"block {number} does not apply exactly: in {path!r} its search text stands only nearly so "
            f"({place.layer}). Copy the lines as they are."
        )
    return file.with_text(file.text[: place.start] + place.replacement + file.text[place.end :])
