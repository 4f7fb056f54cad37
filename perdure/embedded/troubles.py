"""What can be wrong with the machine, as errors that say what to do."""

import shutil
from pathlib import Path

from perdure.contracts.errors import ConfigurationError

NO_SPACE = ("No space left on device", "database or disk is full", "Disk quota exceeded")


def explain_disk(log: str) -> ConfigurationError | None:
    """The error of a full disk where the log tells of one."""
    if not any(words in log for words in NO_SPACE):
        return None
    return ConfigurationError(
        "The disk is full: a server of the embedded stack could not write its files.",
        "free some space, or set PERDURE_HOME to a folder on another disk. Nothing recorded so far is lost.",
    )


def require_free_space(folder: Path, minimum_bytes: int) -> None:
    """Refuse a start on a disk that is about to be full."""
    free = shutil.disk_usage(folder).free
    if free < minimum_bytes:
        raise ConfigurationError(
            f"The disk of {str(folder)!r} has {free // 2**20} MiB free, and the embedded stack needs at least "
            f"{minimum_bytes // 2**20} MiB.",
            "free some space, or set PERDURE_HOME to a folder on another disk.",
        )
