"""The log files of the workers that ran on this machine, and their lines about one task."""

import re
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import ConfigurationError

# A line begins with the date (text) or is an object (JSON); what follows below it, such as a stack, belongs to it.
_BEGINNING = re.compile(r"\d{4}-\d{2}-\d{2}[T ]|\{")


@dataclass(frozen=True)
class WorkerLine:
    """One raw line and where it stands."""

    file: Path
    text: str


def worker_logs(home: Path) -> list[Path]:
    """Logs of workers below this home, rotated ones first."""
    folder = home / "logs"
    found = [path for path in folder.glob("worker*.log*") if path.is_file()]
    if not found:
        raise ConfigurationError(
            f"There is no log of a worker in {str(folder)!r}.",
            "look on the machine whose workers carry the task out; a worker in the foreground logs to its terminal.",
        )
    return sorted(found, key=lambda path: path.stat().st_mtime)


def lines_about(ids: Collection[str], files: Sequence[Path]) -> Generator[WorkerLine]:
    """The lines that name one of these ids, each with the lines that continue it."""
    named = re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(id) for id in ids if id)})(?![\w-])")
    for file in files:
        belongs = False
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if _BEGINNING.match(line):
                    belongs = named.search(line) is not None
                if belongs:
                    yield WorkerLine(file, line.rstrip("\n"))
