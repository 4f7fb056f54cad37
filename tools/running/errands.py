"""One program that a tool runs on the workspace, and who may stand in for running it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from perdure.contracts.digests import digest_of
from perdure.safety.views import Finished, SandboxLimits


@dataclass(frozen=True)
class Errand:
    """One program on the workspace."""

    argv: Sequence[str]
    working_directory: str
    environment: Mapping[str, str]
    limits: SandboxLimits
    stdin: bytes = b""
    read_only: tuple[Path, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same program with the same of everything."""
        return digest_of(
            {
                "v": 1,
                "argv": list(self.argv),
                "working_directory": self.working_directory,
                "environment": dict(self.environment),
                "limits": asdict(self.limits),
                "stdin": hashlib.sha256(self.stdin).hexdigest(),
                "read_only": [str(folder) for folder in self.read_only],
            }
        )


class RunsAhead(Protocol):
    """Stands in for running a program whose writes stay."""

    async def run(self, errand: Errand) -> Finished:
        """How it ended."""
        ...
