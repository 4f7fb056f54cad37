"""How root's command line becomes one with lesser rights, and folders below closed ones become reachable."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.safety.bubblewrap import Bubblewrap
from perdure.safety.mount_points import MountPoints
from perdure.safety.mounts import Mount, extra_mounts
from perdure.safety.staging import Owner, Staged, Staging, stage_beside

ROOT = Staging(Owner(4711, 4712), "/bin/setpriv")
SYSTEM_BUBBLEWRAP = Bubblewrap(Path("/usr/bin/bwrap"), (0, 11))
LESSER = ["/bin/setpriv", "--reuid", "4711", "--regid", "4712", "--clear-groups"]


def test_an_ordinary_users_command_is_bubblewrap_itself(tmp_path: Path) -> None:
    mounts = [Mount(str(tmp_path), "/workspace")]
    staged = Staging(Owner(1000, 1000), None).staged(SYSTEM_BUBBLEWRAP, mounts)
    assert staged == Staged([], "/usr/bin/bwrap", mounts)


def test_reachable_folders_are_named_as_they_are() -> None:
    mounts = [Mount("/usr/share", "/workspace"), Mount("/usr/lib", "/lib")]
    staged = ROOT.staged(SYSTEM_BUBBLEWRAP, mounts)
    assert staged.before[:6] == LESSER
    assert (staged.program, staged.mounts, staged.points) == ("/usr/bin/bwrap", mounts, None)


def test_folders_below_one_closed_folder_share_one_mount_point(tmp_path: Path) -> None:
    tree, git = tmp_path / "closed" / "home" / "1" / "tree", tmp_path / "closed" / "home" / "1" / "git"
    tree.mkdir(parents=True)
    git.mkdir()
    (tmp_path / "closed").chmod(0o700)
    staged = ROOT.staged(
        SYSTEM_BUBBLEWRAP, [Mount(str(tree), "/workspace", writable=True), Mount(str(git), "/g")]
    )
    assert staged.mounts == [
        Mount("/mnt/0/1/tree", "/workspace", writable=True),
        Mount("/mnt/0/1/git", "/g"),
    ]
    assert staged.points == MountPoints("/mnt", [str(tmp_path / "closed" / "home")])
    assert staged.before[:6] == LESSER


def test_a_stage_hides_no_folder_that_is_needed() -> None:
    assert stage_beside(["/home/somebody/tree"]) == "/mnt"
    assert stage_beside(["/mnt/disk/tree"]) == "/media"
    with pytest.raises(ConfigurationError, match="is missing or holds a folder that the sandbox needs"):
        stage_beside(["/mnt/a", "/media/a", "/srv/a", "/opt/a", "/run/a"])


def test_outer_folders_are_mounted_before_inner_ones(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    targets = [mount.target for mount in extra_mounts([inner, inner.parent, inner])]
    assert targets == [str(inner.parent), str(inner)]


def test_folders_of_the_system_need_no_mount() -> None:
    assert extra_mounts([Path("/usr"), Path("/usr/bin"), Path("/bin")]) == []


def test_a_missing_extra_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="gone' is not a folder"):
        extra_mounts([tmp_path / "gone"])
