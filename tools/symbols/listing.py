"""The source files of a workspace, and which of them have changed since they were last looked at."""

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits, View
from tools.programs import run_program
from tools.symbols.grammars import LANGUAGES
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=30, output_bytes=32 * 1024**2)
UNSETTLED_S = 0.1
"""A file that was changed so shortly before it was looked at may change again without looking different."""


@dataclass(frozen=True)
class Look:
    """What a file looks like without being read; another look means that it may have changed."""

    bytes: int
    modified_ns: int
    changed_ns: int
    inode: int

    @property
    def is_settled(self) -> bool:
        """Whether a change from now on shows."""
        return time.time_ns() - self.changed_ns > UNSETTLED_S * 1e9


def globs_of(languages: Iterable[str]) -> list[str]:
    """Options that make ripgrep list only files of these languages."""
    found = [LANGUAGES[name] for name in languages]
    patterns = [f"*{suffix}" for language in found for suffix in language.suffixes]
    patterns += [name for language in found for name in language.names]
    return [f"--iglob={pattern}" for pattern in patterns]


async def source_files(context: ToolContext, languages: Iterable[str]) -> list[str]:
    """Paths of all files in these languages that Git does not ignore."""
    argv = [str(context.toolchain.ripgrep), "--no-config", "--files", "--hidden", "--null", "--no-messages"]
    argv += [
        "--no-require-git",
        "--no-ignore-dot",
        "--no-ignore-global",
        *globs_of(languages),
        "--glob=!.git",
    ]
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    if finished.killed_for:
        raise ToolRejected(
            "The workspace holds too many files to look for symbols in.", "Use grep_search on a folder of it."
        )
    return sorted(name for name in finished.output.decode("utf-8", "surrogateescape").split("\0") if name)


def looks_of(root: str, paths: Iterable[str]) -> Iterator[tuple[str, Look]]:
    """The look of each path that is a regular file; only names and sizes, so a link that leads out tells nothing."""
    for path in paths:
        try:
            found = os.lstat(f"{root}/{path}")
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            yield path, Look(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
