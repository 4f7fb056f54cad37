"""What can be wrong with the machine, as errors that say what to do."""

import errno
import shutil
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.component import Health

NO_SPACE = ("No space left on device", "database or disk is full", "Disk quota exceeded")


def explain_disk(log: str) -> ConfigurationError | None:
    """The error of a full disk where the log tells of one."""
    if not any(words in log for words in NO_SPACE):
        return None
    return _disk_full()


def _disk_full() -> ConfigurationError:
    return ConfigurationError(
        "The disk is full: a server of the embedded stack could not write its files.",
        "free some space, or set PERDURE_HOME to a folder on another disk. Nothing recorded so far is lost.",
    )


def explain_os_error(error: OSError) -> ConfigurationError:
    """What the operating system refused, as an error for people."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _disk_full()
    return ConfigurationError(
        f"The embedded stack could not be started: {error}.",
        "check that this user may write to PERDURE_HOME and start programs.",
    )


def disk_health(folder: Path, minimum_bytes: int) -> Health:
    """Whether the disk has room left: servers on a full disk still answer, and then fail at the next write."""
    free = shutil.disk_usage(folder).free
    return Health("disk", free >= minimum_bytes, f"{free // 2**20} MiB free", address=str(folder))


def require_free_space(folder: Path, minimum_bytes: int) -> None:
    """Refuse a start on a disk that is about to be full."""
    free = shutil.disk_usage(folder).free
    if free < minimum_bytes:
        raise ConfigurationError(
            f"The disk of {str(folder)!r} has {free // 2**20} MiB free, and the embedded stack needs at least "
            f"{minimum_bytes // 2**20} MiB.",
            "free some space, or set PERDURE_HOME to a folder on another disk.",
        )


def explain_server(log: str) -> ConfigurationError | None:
    """The error of a full disk or of a port that was taken meanwhile, where the log tells of one."""
    if "address already in use" in log:
        line = next(line for line in log.splitlines() if "address already in use" in line)
        return ConfigurationError(
            f"A port of the Temporal server was taken while it started: {line.strip()}",
            "start again; to choose other ports set PERDURE_TEMPORAL_PORT and PERDURE_WEB_UI_PORT.",
        )
    return explain_disk(log)
