"""What can be started at all: a command that the operating system takes, in a folder of the workspace."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from perdure.contracts.errors import ToolRejected

LONGEST_ARGUMENT = 128 * 1024 - 1
"""Linux's own limit of one argument, in bytes."""
LONGEST_COMMAND = 1024 * 1024
"""Half of what Linux allows at its default stack size, because the sandbox's own arguments come on top."""


def check_command(argv: Sequence[str], root: Path, working_directory: str) -> None:
    """Refuse what cannot be started, in words for the model."""
    if not argv or not argv[0]:
        raise ToolRejected("The command is empty.", "send the program and its arguments")
    sizes = [_bytes_of(number, argument) for number, argument in enumerate(argv)]
    if max(sizes) > LONGEST_ARGUMENT or sum(sizes) > LONGEST_COMMAND:
        raise ToolRejected(
            f"The command is {sum(sizes)} bytes long, its longest argument {max(sizes)}; the limits are "
            f"{LONGEST_COMMAND} and {LONGEST_ARGUMENT}.",
            "write the data into a file and name the file",
        )
    relative = PurePosixPath(working_directory)
    if relative.is_absolute() or ".." in relative.parts or "\0" in working_directory:
        raise ToolRejected(
            f"The working directory {working_directory!r} is not inside the workspace.",
            "name a folder relative to the workspace's root, such as 'src'",
        )
    if root.is_dir() and not _is_folder(root / relative):
        raise ToolRejected(
            f"There is no folder {working_directory!r} in the workspace.",
            "name an existing folder, or '.' for the root",
        )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name that is too long for the file system is the name of nothing.
        return False


def _bytes_of(number: int, argument: str) -> int:
    """Size of one argument as the system gets it; refuses what it cannot get."""
    try:
        size = len(argument.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise ToolRejected(
            f"Argument {number} of the command holds a lone surrogate.", "send valid Unicode"
        ) from error
    if "\0" in argument:
        raise ToolRejected(f"Argument {number} of the command holds a NUL character.", "send it without")
    return size
