"""Which folders of the host a sandbox sees, where, and whether it may write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import InvalidInput, WorkspaceLost
from perdure.safety.environment import WORKSPACE
from perdure.safety.scratch import Layers
from perdure.safety.views import View

CLOSED = ("/proc", "/sys", "/dev", "/run", "/etc", "/boot", WORKSPACE)
"""No extra folder may be, hold or lie below one of these."""


@dataclass(frozen=True)
class Mount:
    """One folder of the host and where the sandbox sees it."""

    source: str
    target: str
    writable: bool = False
    overlay: bool = False
    upper: str = ""
    """Of an overlay: the folder that keeps what is written; empty: memory, which throws it away."""
    work: str = ""
    """Of such an overlay: the empty folder that the kernel needs beside."""

    @property
    def written(self) -> str:
        """The folder of the disk that a program's writes go to; empty where there is none."""
        return self.source if self.writable else self.upper


def workspace_mounts(
    root: Path,
    git_folder: Path | None,
    objects_folder: Path | None,
    view: View,
    layers: Layers | None = None,
) -> list[Mount]:
    """The workspace in the given view, with its Git folder and the shared objects read-only inside it.

    With ``layers`` a throw-away view keeps there what is written.
    """
    if not root.is_dir():
        raise WorkspaceLost(f"There is no work tree at {str(root)!r}.")
    kept = {"upper": str(layers.upper), "work": str(layers.work)} if layers else {}
    mounts = [
        Mount(str(root), WORKSPACE, writable=view is View.WRITABLE, overlay=view is View.SCRATCH, **kept)
    ]
    mount_point = root / ".git"
    if git_folder is None:
        # Git runs programs that its folder names, so even a Git folder in the tree itself stays read-only.
        git_folder = mount_point if mount_point.is_dir() else None
    if git_folder is not None:
        _must_be_folder(mount_point, "so the Git folder cannot be mounted")
        _must_be_folder(git_folder, "so it cannot be mounted")
        mounts.append(Mount(str(git_folder), f"{WORKSPACE}/.git"))
    if objects_folder is not None:
        if git_folder is not None:
            _must_be_folder(git_folder / "objects", "so the shared objects cannot be mounted")
        _must_be_folder(objects_folder, "so it cannot be mounted")
        mounts.append(Mount(str(objects_folder), f"{WORKSPACE}/.git/objects"))
    return mounts


def extra_mounts(folders: Sequence[Path]) -> list[Mount]:
    """The extra folders at their own paths, read-only; what lies in /usr is there already."""
    mounts: dict[str, Mount] = {}
    for folder in folders:
        source = folder.resolve()
        _must_be_folder(source, "so it cannot be shown to programs")
        if is_in(str(source), "/usr"):
            continue
        for path in (str(folder), str(source)):
            if not path.startswith("/") or any(is_in(path, place) or is_in(place, path) for place in CLOSED):
                raise InvalidInput(
                    f"The folder {str(folder)!r} cannot be shown to sandboxed programs.",
                    "give an absolute path of a folder that neither holds nor is part of the system's own",
                )
        mounts[str(folder)] = Mount(str(source), str(folder))
    # Outer folders come first, else they would cover the inner ones.
    return sorted(mounts.values(), key=lambda mount: len(Path(mount.target).parts))


def is_in(path: str, folder: str) -> bool:
    """Whether the path is the folder or lies below it. Compared as text: every run asks, and Path takes its time."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _must_be_folder(path: Path, therefore: str) -> None:
    if path.is_symlink() or not path.is_dir():
        raise InvalidInput(
            f"{str(path)!r} is not a folder, {therefore}.", "create the folder before the sandbox is used"
        )
