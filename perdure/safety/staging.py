"""Leaves root's rights before bubblewrap starts, and makes folders below closed ones reachable for the lesser uid."""

import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.mounts import Mount

STAGES = ("/mnt", "/media", "/srv", "/opt", "/run")
"""Folders every Linux has; one of them, in a mount namespace of its own, is covered with the mount points."""

SCRIPT = """set -eu
stage=$1; shift
mount -t tmpfs -o mode=0755,size=1m,nosuid,nodev tmpfs "$stage"
number=0
while [ "$1" != -- ]; do
  mkdir "$stage/$number"
  mount --rbind "$1" "$stage/$number"
  number=$((number + 1)); shift
done
shift
exec "$@"
"""


@dataclass(frozen=True)
class Owner:
    """The uid and gid that sandboxed programs have, outside and inside; workspace files must belong to them."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Staged:
    """The command before bubblewrap's, and what bubblewrap's program and folders are called after it."""

    before: list[str]
    program: str
    mounts: list[Mount]


@dataclass(frozen=True)
class Staging:
    """How a command line becomes one that runs with the owner's rights only."""

    owner: Owner
    programs: Mapping[str, str]
    """Absolute paths of the programs that are needed to leave root; empty for an ordinary user."""

    @classmethod
    def for_user(cls, *, uid: int, gid: int, lesser: Owner) -> "Staging":
        """For root, the programs to become the lesser owner; for anybody else, nothing to do."""
        if uid != 0:
            return cls(Owner(uid, gid), {})
        if lesser.uid == 0 or lesser.gid == 0:
            raise ConfigurationError(
                "The owner of sandboxed programs is root, so the sandbox would not bound them.",
                "choose a uid and gid above 0",
            )
        programs = {
            name: shutil.which(name, path=SYSTEM_PATH) for name in ("unshare", "sh", "mount", "setpriv")
        }
        missing = [name for name, path in programs.items() if path is None]
        if missing:
            raise ConfigurationError(
                f"The worker runs as root and cannot leave root's rights: {', '.join(map(repr, missing))} not found.",
                "install util-linux, or run the worker as an ordinary user",
            )
        return cls(lesser, {name: path for name, path in programs.items() if path is not None})

    @property
    def leaves_root(self) -> bool:
        """Whether commands start as root and give it up."""
        return bool(self.programs)

    def staged(self, bubblewrap: Bubblewrap, mounts: Sequence[Mount]) -> Staged:
        """How to start bubblewrap with the owner's rights, where every folder can be reached with them."""
        if not self.leaves_root:
            return Staged([], str(bubblewrap.program), list(mounts))
        tools = self.programs
        lesser = [
            tools["setpriv"],
            "--reuid",
            str(self.owner.uid),
            "--regid",
            str(self.owner.gid),
            "--clear-groups",
        ]
        lesser += ["--inh-caps=-all", "--bounding-set=-all", "--"]
        paths = [str(bubblewrap.program), *(mount.source for mount in mounts)]
        bases = sorted({base for path in paths if (base := _unreachable_base(path)) is not None})
        if not bases:
            return Staged(lesser, str(bubblewrap.program), list(mounts))
        stage = stage_beside(paths)
        places = {base: f"{stage}/{number}" for number, base in enumerate(bases)}
        program, *sources = (_moved(path, places) for path in paths)
        before = [
            tools["unshare"],
            "--mount",
            "--propagation",
            "private",
            "--",
            tools["sh"],
            "-c",
            SCRIPT,
            "sh",
            stage,
        ]
        named = [replace(mount, source=source) for mount, source in zip(mounts, sources, strict=True)]
        return Staged([*before, *map(str, bases), "--", *lesser], program, named)


def _unreachable_base(path: str) -> Path | None:
    """The folder just below the last closed folder on the way to a path; None where strangers can go all the way."""
    below = real = Path(path).resolve()
    for folder in real.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            return below
        below = folder
    return None


def _moved(path: str, places: Mapping[Path, str]) -> str:
    """The path as it is called where its base is mounted elsewhere."""
    base = _unreachable_base(path)
    return path if base is None else str(Path(places[base], Path(path).resolve().relative_to(base)))


def stage_beside(sources: Sequence[str]) -> str:
    """A folder to cover with mount points that hides none of the sources."""
    for stage in STAGES:
        if Path(stage).is_dir() and not any(Path(source).is_relative_to(stage) for source in sources):
            return stage
    raise ConfigurationError(
        f"Each of {', '.join(STAGES)} is missing or holds a folder that the sandbox needs.",
        f"create an empty folder {STAGES[0]!r}",
    )
