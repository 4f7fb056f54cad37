"""What searches may use beyond the workspace itself; each part may be missing, and they work without it."""

from dataclasses import dataclass
from pathlib import Path

from perdure.memory.embedding import Embeds
from perdure.memory.vectors import Vectors


@dataclass(frozen=True)
class Searching:
    """What a worker has for searches."""

    folder: Path | None = None
    """Where the indexes of repositories are kept from task to task; None keeps each in its task's folder."""
    vectors: Vectors | None = None
    embeds: Embeds | None = None
