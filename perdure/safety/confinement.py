"""Level B: no namespaces, but another identity, Landlock, a strict system call filter and limits; level D: the limits alone.

There is no second view of the file system, so a program sees folders at their own paths: where the command, its
environment or its input name ``/workspace`` or ``/tmp``, they are given the real names, and the output gets the asked ones.
"""

import contextlib
import functools
import marshal
import os
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import CodeType
from typing import Any

from perdure.contracts.errors import ConfigurationError, SandboxRefused
from perdure.safety.bubblewrap import SYSTEM_FILES, SYSTEM_LINKS, resource_limits
from perdure.safety.descriptors import Descriptors
from perdure.safety.environment import WORKSPACE
from perdure.safety.interpreters import bare_interpreter
from perdure.safety.isolation import Errand, Launch
from perdure.safety.mounts import Mount, is_in
from perdure.safety.near_root import folder_near_root
from perdure.safety.owner import Owner
from perdure.safety.scratch import remove_tree
from perdure.safety.staging import unreachable_of
from perdure.safety.system_calls import strict_filter

STARTER = """
import marshal, sys
with open(int(sys.argv[1]), "rb") as file:
    code, orders = marshal.load(file)
exec(code)
sys.exit(main(orders, int(sys.argv[2]), int(sys.argv[3])))
"""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

FACTS = (
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/vm/overcommit_memory",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system/cpu",
)
"""What programs ask of the machine; the processes in /proc are left out."""

MOST_TEMPORARY_FILES = 20_000
"""As many are looked at when temporary files are measured; more count as too many bytes."""


@dataclass(frozen=True)
class Confinement:
    """Programs held back without namespaces. Without ``confines`` they are only bounded and ended whole: level D."""

    owner: Owner
    confines: bool = True
    bounds: bool = True
    """Whether there are limits; without, an attack shows what a program can do that nothing holds back."""
    signals: bool = True
    """Whether Landlock keeps signals among a program's own processes, so that they need not be refused."""

    mounts_overlays = False

    @property
    def filter(self) -> bytes | None:
        """The system call filter; None where the architecture's calls are not known."""
        return strict_filter(signals=self.signals) if self.confines else None

    @property
    def loads_filter(self) -> bool:
        """Whether there is one."""
        return self.filter is not None

    def launch(self, errand: Errand, descriptors: Descriptors) -> Launch:
        """The guard and its orders."""
        if errand.reaches_hosts and self.confines:
            raise SandboxRefused(
                "This host's sandbox has level B, at which no program can be given a way out to package hosts.",
                "go on with what is installed, or ask the person for a host whose sandbox has level A",
            )
        self._refuse_unprotected(errand.mounts)
        temporary = descriptors.entered(self._temporary())
        names = Names.of(errand.mounts, temporary)
        orders = marshal.dumps((_guard(), self._orders(errand, names, temporary)))
        handed = [str(descriptors.passing(orders)), str(descriptors.status), str(os.getpid())]
        return Launch(
            [str(bare_interpreter()[0]), "-I", "-S", "-c", STARTER, *handed],
            names.real(errand.stdin),
            held_in_files=lambda _: bytes_below(temporary),
            as_asked=names.asked,
            afterwards=functools.partial(_empty_mount_point, errand.mounts),
        )

    @contextlib.contextmanager
    def _temporary(self) -> Generator[Path]:
        """The program's own folder for temporary files, with the home folder in it."""
        with folder_near_root() as folder:
            folder.chmod(0o711)
            temporary = folder / "tmp"
            for made in (temporary, temporary / "home"):
                made.mkdir()
                os.chown(made, self.owner.uid, self.owner.gid)
            yield temporary

    def _refuse_unprotected(self, mounts: Sequence[Mount]) -> None:
        """Landlock gives rights to whole trees, so nothing inside a writable folder can be kept from being written."""
        writable = [mount.source for mount in mounts if mount.writable]
        inside = [each.source for each in mounts if any(is_in(each.source, top) for top in writable)]
        unprotected = set(inside) - set(writable)
        if self.confines and unprotected:
            raise SandboxRefused(
                f"This host's sandbox has level B, which cannot keep {min(unprotected)!r} from being written by a program "
                "that may write the folder around it.",
                "run the program without writes and change files with edit_file or write_file",
            )

    def _orders(self, errand: Errand, names: "Names", temporary: Path) -> dict[str, Any]:
        sources = [mount.source for mount in errand.mounts]
        python = bare_interpreter()[1]
        environment = {
            **{name: names.text(value) for name, value in errand.environment.items()},
            "HOME": str(temporary / "home"),
            "TMPDIR": str(temporary),
        }
        becomes = os.geteuid() == 0
        return {
            "argv": [names.real(os.fsencode(word)) for word in errand.argv],
            "environment": {os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
            "working_directory": str(Path(errand.mounts[0].source, errand.working_directory)),
            "owner": [self.owner.uid, self.owner.gid] if becomes else None,
            "searching": becomes and bool(unreachable_of([*sources, str(python)])),
            "limits": resource_limits(errand.limits) if self.bounds else {},
            "niceness": errand.limits.niceness,
            "landlock": self.confines,
            "readable": [*_system(), *sources],
            "writable": [str(temporary), *(mount.source for mount in errand.mounts if mount.writable)],
            "devices": [path for path in DEVICES if Path(path).exists()],
            "filter": self.filter or b"",
        }

    def did_not_come_up(self, said: str) -> ConfigurationError:
        """The error for a program that was never started."""
        return ConfigurationError(
            f"The sandbox could not be set up, so the program did not run. The set-up said: {said!r}",
            "the kernel must have Landlock (`cat /sys/kernel/security/lsm`) and seccomp, and a worker that runs as root "
            "must be allowed to become another user",
        )


@functools.cache
def _system() -> tuple[str, ...]:
    """The system's own files that every program may read."""
    links = [path for path in SYSTEM_LINKS if Path(path).is_dir() and not Path(path).is_symlink()]
    return tuple(path for path in ("/usr", *links, *SYSTEM_FILES, *FACTS) if Path(path).exists())


@functools.cache
def _guard() -> CodeType:
    """The guard, compiled: the interpreter that runs it is of the same version."""
    text = resources.files("perdure.safety").joinpath("guard.py").read_text(encoding="utf-8")
    return compile(text, "guard", "exec")


def _empty_mount_point(mounts: Sequence[Mount]) -> None:
    """Take out what a program put where level A shows the Git folder: it must be as empty as it was."""
    workspace = mounts[0]
    for mount in mounts[1:]:
        place = Path(workspace.source, ".git")
        if workspace.writable and mount.target == f"{WORKSPACE}/.git" and mount.source != str(place):
            for each in list(place.iterdir()) if place.is_dir() and not place.is_symlink() else []:
                remove_tree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder; as good as endless where there are too many to count."""
    used = looked = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                looked += 1
                if looked > MOST_TEMPORARY_FILES:
                    return 1 << 62
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        used += entry.stat(follow_symlinks=False).st_blocks * 512
    return used


@dataclass(frozen=True)
class Names:
    """The names that folders are asked for by, and their real ones."""

    pairs: Mapping[str, str]
    kept: Sequence[str] = ()
    """Real names, which stay what they are even where they begin like an asked one."""

    @classmethod
    def of(cls, mounts: Sequence[Mount], temporary: Path) -> "Names":
        """Of the folders that are not shown at their own path, and of the temporary one."""
        pairs = {mount.target: mount.source for mount in mounts if mount.target != mount.source}
        return cls({**pairs, "/tmp": str(temporary)}, [mount.source for mount in mounts])

    def text(self, text: str) -> str:
        """A word of the command or the environment, with real names."""
        return os.fsdecode(self.real(os.fsencode(text)))

    def real(self, data: bytes) -> bytes:
        """Asked names become real ones."""
        return self._replaced(data, {**self.pairs, **{name: name for name in self.kept}})

    def asked(self, data: bytes) -> bytes:
        """Real names become the asked ones."""
        return self._replaced(data, {real: name for name, real in self.pairs.items()})

    @staticmethod
    def _replaced(data: bytes, names: Mapping[str, str]) -> bytes:
        coded = {os.fsencode(name): os.fsencode(other) for name, other in names.items()}
        # Longer names come first, since one may lie in another.
        any_of = b"|".join(re.escape(name) for name in sorted(coded, key=len, reverse=True))
        # What stands within a longer path is another name.
        whole = re.compile(rb"(?<![\w.~*?\-\]})])(" + any_of + rb")(?![\w\-])(?!\.\w)")

        def other(found: re.Match[bytes]) -> bytes:
            return coded[found[1]]

        return whole.sub(other, data)
