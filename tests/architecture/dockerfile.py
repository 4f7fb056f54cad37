"""Reads ``ops/Dockerfile``: its stages, each instruction with its words."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One ``FROM`` with what follows."""

    image: str
    name: str = ""
    instructions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def words(self, instruction: str) -> list[list[str]]:
        """The words of each instruction of a kind, options left out."""
        found = [shlex.split(rest) for name, rest in self.instructions if name == instruction]
        return [[word for word in words if not word.startswith("--")] for words in found]

    def copied(self) -> list[tuple[list[str], str]]:
        """What is copied from the project's folder, and where to."""
        own = [rest for name, rest in self.instructions if name == "COPY" and "--from=" not in rest]
        return [(shlex.split(rest)[:-1], shlex.split(rest)[-1]) for rest in own]

    @property
    def command(self) -> list[str]:
        """What the image runs."""
        found = [rest for name, rest in self.instructions if name == "CMD"]
        command: list[str] = json.loads(found[-1])
        return command


def stages_of(file: Path) -> list[Stage]:
    """The stages of a Dockerfile in their order."""
    stages: list[Stage] = []
    joined = file.read_text().replace("\\\n", " ")
    for line in joined.splitlines():
        name, _, rest = line.strip().partition(" ")
        if not name or name.startswith("#"):
            continue
        if name == "FROM":
            image, _, alias = rest.partition(" AS ")
            stages.append(Stage(image, alias.strip()))
        else:
            stages[-1].instructions.append((name, " ".join(rest.split())))
    return stages
