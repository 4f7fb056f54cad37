"""Folders near the root are gone with their user, also where that was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

from perdure.safety.near_root import PREFIX, SETTLED_S, folder_near_root, remove_left_folders

HOLDER = """
import sys
from pathlib import Path
from perdure.safety.near_root import folder_near_root
with folder_near_root(Path(sys.argv[1])) as folder:
    (folder / "way").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


def made_old(folder: Path) -> None:
    before = time.time() - SETTLED_S - 1
    os.utime(folder, (before, before))


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    made_old(tmp_path / "other")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "other")
    with (
        folder_near_root(tmp_path) as held,
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder,
    ):
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        for folder in (held, left):
            made_old(folder)
        assert remove_left_folders(tmp_path) == []
        holder.kill()
        holder.wait()
        assert (left / "way").is_dir()
        assert remove_left_folders(tmp_path) == [left]
        assert held.is_dir()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", f"{PREFIX}link"]


def test_a_young_folder_is_left_to_whoever_is_making_it(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}new").mkdir()
    assert remove_left_folders(tmp_path) == []
