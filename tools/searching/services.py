"""What searches may use beyond the workspace itself; each part may be missing, and they work without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perdure.memory.embedding import Embeds
from perdure.memory.vectors import Vectors


class Describes(Protocol):
    """A model that writes some sentences about facts it is given."""

    async def __call__(self, question: str, facts: str) -> str:
        """The sentences."""
        ...


@dataclass(frozen=True)
class Searching:
    """What a worker has for searches."""

    folder: Path | None = None
    """Where the indexes of repositories are kept from task to task; None keeps each in its task's folder."""
    vectors: Vectors | None = None
    embeds: Embeds | None = None
    describes: Describes | None = None
    """None where summaries are made without a model."""
