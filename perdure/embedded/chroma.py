"""Chroma as our own child process on a loopback port.

One server owns the folder and everybody else is its client: two programs with the folder open at once damage it.
"""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.embedded.ports import LOOPBACK, answers, chosen_port
from perdure.embedded.process import Program
from perdure.embedded.server import EmbeddedServer
from perdure.embedded.store_versions import chroma_version
from perdure.embedded.supervised import ProcessComponent, Restart
from perdure.embedded.troubles import explain_disk

NAME = "chroma"
LIBRARY = "chromadb_rust_bindings"
"""The server itself. The script `chroma` loads the whole Python client first: seconds and 70 MB that a server has no use for."""
RUN = f"import sys, {LIBRARY}; {LIBRARY}.cli(['chroma', *sys.argv[1:]])"
DAMAGED = ("file is not a database", "database disk image is malformed")
"""What SQLite says of a file that it cannot read."""


class Chroma(EmbeddedServer):
    """The embedded Chroma server as a component."""

    def __init__(self, folder: Path, *, log: Path, port: int = 0, keep: Sequence[int] = ()) -> None:
        """``folder`` takes the vectors; port 0 is any free one."""
        super().__init__(NAME, folder, log=log, keep=keep)
        self._wanted_port = port
        self._port = 0

    @property
    def address(self) -> str:
        """URL of the server, empty before the start."""
        return f"http://{LOOPBACK}:{self._port}" if self._port else ""

    async def _make(self) -> ProcessComponent:
        self._port = chosen_port(self._wanted_port, what="Chroma", setting="PERDURE_CHROMA_PORT")
        require_library()
        return ProcessComponent(
            NAME,
            Program(
                argv=[
                    *(sys.executable, "-I", "-c", RUN),
                    *("run", "--path", str(self._folder), "--host", LOOPBACK, "--port", str(self._port)),
                ],
                environment={
                    "PATH": os.defpath,
                    # A home of its own keeps the person's profiles out of the server.
                    "HOME": str(self._folder),
                    "ANONYMIZED_TELEMETRY": "False",
                    "TZ": "UTC",
                },
                folder=self._folder,
                log=self._log,
            ),
            ready=self._answers,
            address=self.address,
            restart=Restart(),
            keep=self._keep,
            explain=self._explain,
        )

    def _explain(self, log: str) -> ConfigurationError | None:
        if any(words in log for words in DAMAGED):
            return ConfigurationError(
                f"The files of the embedded Chroma in {str(self._folder)!r} are damaged.",
                "move that folder away and start again; what it holds can be made anew from the record.",
            )
        return explain_disk(log)

    async def _answers(self) -> bool:
        return await answers(self.address.removeprefix("http://")) and bool(await self._version())

    async def _version(self) -> str:
        try:
            return await chroma_version(self.address)
        except StoreUnavailable:
            return ""


def require_library() -> None:
    """Refuse a start where the server is not installed."""
    if importlib.util.find_spec(LIBRARY) is None:
        raise ConfigurationError("Chroma is not installed.", "run `make setup`, or set PERDURE_CHROMA_URL.")
