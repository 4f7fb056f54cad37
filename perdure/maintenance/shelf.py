"""The playbooks of the installation: read from its own folders, never from a target repository."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.maintenance.playbook import Playbook

MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Filed:
    """A playbook with its name, its file and the digest of all it says."""

    id: str
    file: Path
    playbook: Playbook
    digest: str


class Shelf:
    """Finds playbooks in folders; a file is read each time it is asked for, so that a change needs no restart."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def names(self) -> list[str]:
        """The playbooks there are, sorted."""
        return sorted({file.stem for folder in self._folders for file in folder.glob("*.toml")})

    def playbook(self, name: str) -> Filed:
        """One playbook; InvalidInput lists those there are, ConfigurationError names file and field of a bad one."""
        files = [
            file for folder in self._folders if (file := folder / f"{name}.toml").parent == folder
            if file.is_file()
        ]  # fmt: skip
        if not files:
            raise InvalidInput(
                f"There is no playbook {name!r}.", f"the playbooks here are: {', '.join(self.names())}."
            )
        if len(files) > 1:
            raise ConfigurationError(
                f"Two files are the playbook {name!r}: {files[0]} and {files[1]}.", "rename one of them."
            )
        playbook = parse(files[0])
        digest = digest_of({"v": 1, "id": name, "playbook": playbook.model_dump(mode="json")})
        return Filed(name, files[0], playbook, digest)

    def all(self) -> tuple[list[Filed], dict[str, str]]:
        """Every playbook that can be used, and for each other name why it cannot."""
        filed: list[Filed] = []
        problems: dict[str, str] = {}
        for name in self.names():
            try:
                filed.append(self.playbook(name))
            except ConfigurationError as error:
                problems[name] = str(error)
        return filed, problems


def parse(file: Path) -> Playbook:
    """The playbook in a file; ConfigurationError names the file and each field that cannot be used."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The playbook {str(file)!r} cannot be read: {error.strerror}.",
            "make the file readable for the user that the worker runs as.",
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(
            f"The playbook {str(file)!r} is larger than {MAX_BYTES:,} bytes.", "split it into two."
        )
    try:
        return Playbook.model_validate(tomllib.loads(data.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The playbook {str(file)!r} is not valid TOML: {error}.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_url=False)[:8]
        )
        raise ConfigurationError(
            f"The playbook {str(file)!r} cannot be used: {problems}.", "docs/maintenance.md has every field."
        ) from error
