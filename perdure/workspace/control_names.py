"""Names that Git itself gives a meaning to: nothing may be written there through a file tool."""

import re
from collections.abc import Iterable

# Code points that HFS+ leaves out when it compares names, so that ``.g<U+200C>it`` is ``.git`` on a Mac.
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def is_git_folder_name(name: str) -> bool:
    """Whether one path component is ``.git``, or is taken for it by another operating system's file system."""
    plain = _IGNORED_BY_HFS.sub("", name).casefold()
    # NTFS: the stream suffix, trailing dots and spaces, and the short name all lead to the same folder.
    plain = plain.split(":", 1)[0].rstrip(". ")
    return plain in {".git", "git~1"}


def control_name_in(components: Iterable[str]) -> str | None:
    """The first component that belongs to Git, or None. ``.gitmodules`` counts at the root only."""
    for position, name in enumerate(components):
        if is_git_folder_name(name) or (position == 0 and name.casefold() == ".gitmodules"):
            return name
    return None
