"""Leaves root's rights before bubblewrap starts, and makes folders below closed ones reachable for the lesser uid."""

import functools
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.mount_points import MountPoints
from perdure.safety.mounts import Mount, is_in
from perdure.safety.owner import Owner

STAGES = ("/mnt", "/media", "/srv", "/opt", "/run")
"""Folders every Linux has; one of them, in a mount namespace of its own, is covered with the mount points."""


@dataclass(frozen=True)
class Staged:
    """The command before bubblewrap's, and what bubblewrap's program and folders are called after it."""

    before: list[str]
    program: str
    mounts: list[Mount]
    points: MountPoints | None = None
    """What must be set up in the thread that starts the command."""

    def prepare(self) -> None:
        """Set it up; ConfigurationError where the kernel does not allow it."""
        if self.points is None:
            return
        try:
            self.points.set_up()
        except OSError as error:
            raise ConfigurationError(
                f"The sandbox could not be set up, so the program did not run. The kernel said: {str(error)!r}",
                "a worker that runs as root must be allowed to mount; else run it as an ordinary user",
            ) from error


@dataclass(frozen=True)
class Staging:
    """How a command line becomes one that runs with the owner's rights only."""

    owner: Owner
    setpriv: str | None
    """The program by which root becomes the owner; None for an ordinary user, who stays who it is."""

    @classmethod
    def for_user(cls, *, uid: int, gid: int, lesser: Owner) -> "Staging":
        """For root, the program to become the lesser owner; for anybody else, nothing to do."""
        if uid != 0:
            return cls(Owner(uid, gid), None)
        if lesser.uid == 0 or lesser.gid == 0:
            raise ConfigurationError(
                "The owner of sandboxed programs is root, so the sandbox would not bound them.",
                "choose a uid and gid above 0",
            )
        setpriv = shutil.which("setpriv", path=SYSTEM_PATH)
        if setpriv is None:
            raise ConfigurationError(
                "The worker runs as root and cannot leave root's rights: 'setpriv' was not found.",
                "install util-linux, or run the worker as an ordinary user",
            )
        return cls(lesser, setpriv)

    def staged(self, bubblewrap: Bubblewrap, mounts: Sequence[Mount]) -> Staged:
        """How to start bubblewrap with the owner's rights, where every folder can be reached with them."""
        if self.setpriv is None:
            return Staged([], str(bubblewrap.program), list(mounts))
        lesser = [self.setpriv, "--reuid", str(self.owner.uid), "--regid", str(self.owner.gid)]
        lesser += ["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]
        folders = [each for mount in mounts for each in (mount.source, mount.upper, mount.work) if each]
        paths = [str(bubblewrap.program), *folders]
        unreachable = unreachable_of(paths)
        if not unreachable:
            return Staged(lesser, str(bubblewrap.program), list(mounts))
        bases = sorted({base for base, _ in unreachable.values()})
        stage = stage_beside(paths)
        moved = {
            path: str(Path(f"{stage}/{bases.index(base)}", below))
            for path, (base, below) in unreachable.items()
        }
        named = [
            replace(
                mount,
                source=moved.get(mount.source, mount.source),
                upper=moved.get(mount.upper, mount.upper),
                work=moved.get(mount.work, mount.work),
            )
            for mount in mounts
        ]
        program = moved.get(str(bubblewrap.program), str(bubblewrap.program))
        return Staged(lesser, program, named, MountPoints(stage, bases))


def unreachable_of(paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Of these paths, those that strangers cannot go to, each with the folder below the last closed one, and the rest."""
    # The paths have most of the folders above them in common.
    is_closed = functools.cache(_is_closed)
    return {path: found for path in paths if (found := _unreachable(path, is_closed)) is not None}


def _unreachable(path: str, is_closed: Callable[[str], bool]) -> tuple[str, str] | None:
    """The folder just below the last closed folder on the way to a path, and the path below that folder.

    None where strangers can go all the way.
    """
    below = real = os.path.realpath(path)
    while below != "/":
        above = below.rpartition("/")[0] or "/"
        if is_closed(above):
            return below, real[len(below) :].lstrip("/")
        below = above
    return None


def _is_closed(folder: str) -> bool:
    """Whether strangers cannot go through a folder."""
    return not Path(folder).stat().st_mode & stat.S_IXOTH


def stage_beside(sources: Sequence[str]) -> str:
    """A folder to cover with mount points that hides none of the sources."""
    for stage in STAGES:
        if Path(stage).is_dir() and not any(is_in(source, stage) for source in sources):
            return stage
    raise ConfigurationError(
        f"Each of {', '.join(STAGES)} is missing or holds a folder that the sandbox needs.",
        f"create an empty folder {STAGES[0]!r}",
    )
