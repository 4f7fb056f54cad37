"""What the file system says of one name."""

import os
import stat
from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file system says of a name, without following a link in its last part."""

    kind: Kind
    bytes: int
    mode: int
    """Permission bits only."""
    mtime_ns: int
    name: str = ""
    """Last part of the path; names that are not UTF-8 hold surrogate escapes."""
    target: str = ""
    """Where a link leads, as it is written in the link."""
    ctime_ns: int = 0
    """When content or mode changed last, which no program can set."""


def facts_of(found: os.stat_result, name: str, target: str = "") -> FileFacts:
    kind: Kind = "other"
    if stat.S_ISREG(found.st_mode):
        kind = "file"
    elif stat.S_ISDIR(found.st_mode):
        kind = "folder"
    elif stat.S_ISLNK(found.st_mode):
        kind = "link"
    return FileFacts(
        kind,
        found.st_size,
        stat.S_IMODE(found.st_mode),
        found.st_mtime_ns,
        name,
        target,
        found.st_ctime_ns,
    )
