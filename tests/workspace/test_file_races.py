"""Somebody exchanges a folder with a link out, as fast as possible, while files are written and read."""

import ctypes
import os
import threading
import time
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files

RENAME_EXCHANGE = 2
SECONDS = 1.0


def test_no_file_leaves_the_workspace_while_folders_are_exchanged_for_links(tmp_path: Path) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    (root / "race").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_bytes(b"secret")
    (root / "race" / "secret.txt").write_bytes(b"inside")
    (root / "out").symlink_to("../outside")
    done = threading.Event()
    exchanges = [0]

    def exchange() -> None:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        handle = os.open(root, os.O_PATH | os.O_DIRECTORY)
        try:
            while not done.is_set():
                if rename(handle, b"race", handle, b"out", RENAME_EXCHANGE) == 0:
                    exchanges[0] += 1
        finally:
            os.close(handle)

    zombie = threading.Thread(target=exchange)
    zombie.start()
    files, written, refused, number = Files(root), 0, 0, 0
    until = time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            number += 1
            try:
                files.write(f"race/{number % 20}.txt", b"x")
                files.write(f"race/new{number % 20}/f.txt", b"x")
                assert files.read("race/secret.txt") == b"inside"
                written += 1
            except ToolRejected:
                refused += 1
    finally:
        done.set()
        zombie.join()
    assert sorted(path.name for path in outside.iterdir()) == ["secret.txt"]
    assert exchanges[0] > 100
    assert refused > 0
    assert written > 0
