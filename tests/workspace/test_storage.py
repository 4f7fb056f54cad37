"""Where the folders of workspaces lie on the disk."""

import struct
from fcntl import ioctl
from os import O_RDONLY, close
from os import open as opened
from pathlib import Path

from perdure.workspace.storage import spread_below

GET_FLAGS, SET_FLAGS, TOP_FOLDER = 0x80086601, 0x40086602, 0x00020000


def flags_of(folder: Path, *, adding: int = 0) -> int | None:
    """The folder's attributes, after adding some; None where the file system has no such attribute."""
    handle = opened(folder, O_RDONLY)
    try:
        (flags,) = struct.unpack("=I", ioctl(handle, GET_FLAGS, bytes(4)))
        if adding:
            ioctl(handle, SET_FLAGS, struct.pack("=I", flags | adding))
    except OSError:
        return None
    finally:
        close(handle)
    return flags | adding


def test_a_folder_is_marked_as_a_top_folder_wherever_the_file_system_knows_that(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    for folder in (ours, other):
        folder.mkdir()

    spread_below(ours)
    spread_below(ours)

    possible = flags_of(other, adding=TOP_FOLDER) is not None
    assert bool((flags_of(ours) or 0) & TOP_FOLDER) is possible


def test_a_folder_that_is_not_there_is_no_obstacle(tmp_path: Path) -> None:
    spread_below(tmp_path / "missing")

    assert not (tmp_path / "missing").exists()
