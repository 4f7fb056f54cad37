"""Files and paths that no tool may stumble over, built into a workspace and beside it."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

OUTSIDE_TEXT = "word of somebody outside"
HUGE_BYTES = 200 * 10**6


@dataclass(frozen=True)
class Hostile:
    """One path."""

    name: str
    path: str
    few: bool = False
    """Whether it is also given to tools of which one call takes long."""


def outside_of(root: Path) -> Path:
    """The folder beside the workspace that nobody may read or change."""
    return root.parent / "outside"


def build_hostile(root: Path) -> tuple[Hostile, ...]:
    """Make all of them; gives the paths as a model would send them."""
    outside = outside_of(root)
    outside.mkdir()
    (outside / "secret.txt").write_text(f"{OUTSIDE_TEXT}\n")
    (outside / "linked.txt").write_text("word\n")
    _links(root, outside)
    _contents(root)
    _kinds(root)
    return (
        Hostile("an absolute path", str(outside / "secret.txt"), few=True),
        Hostile("dots that lead out", "../outside/secret.txt", few=True),
        Hostile("a folder outside", "../outside", few=True),
        Hostile("a link that leads out", "link_out", few=True),
        Hostile("through a linked folder", "link_folder/secret.txt", few=True),
        Hostile("the root of the process", "/proc/self/root/etc/passwd"),
        Hostile("a link to the root of the process", "link_proc/etc/passwd", few=True),
        Hostile("a link to a device", "link_zero", few=True),
        Hostile("a device", "/dev/zero"),
        Hostile("a hard link", "hard.txt"),
        Hostile("a missing file", "app/nowhere.py", few=True),
        Hostile("a folder", "app", few=True),
        Hostile("an empty folder", "empty"),
        Hostile("binary data", "binary.bin", few=True),
        Hostile("UTF-16", "wide.txt"),
        Hostile("Latin-1", "latin.py", few=True),
        Hostile("mixed line ends", "mixed.txt"),
        Hostile("no final line end", "unended.txt"),
        Hostile("a huge file", "huge.txt", few=True),
        Hostile("one very long line", "long.js"),
        Hostile("a fifo", "fifo", few=True),
        Hostile("a socket", "socket"),
        Hostile("no permission", "closed.txt"),
        Hostile("read-only", "fixed.txt"),
        Hostile("a link to itself", "loop", few=True),
        Hostile("a broken link", "broken"),
        Hostile("a line end in its name", "two\nlines.txt", few=True),
        Hostile("a dash before its name", "-rf", few=True),
        Hostile("a name that is not ASCII", "größe 🍵.txt"),
        Hostile("a name that is not UTF-8", "bad\udcff.txt"),
        Hostile("NUL in its name", "app\0money.py", few=True),
        Hostile("a very long name", "n" * 300),
        Hostile("a very long path", "d/" * 3_000 + "f"),
        Hostile("no name", "", few=True),
        Hostile("Git's own file", ".git/config", few=True),
        Hostile("broken Python", "broken.py"),
        Hostile("broken TypeScript", "broken.ts", few=True),
        Hostile("broken JSON", "broken.json", few=True),
    )


def _links(root: Path, outside: Path) -> None:
    (root / "link_out").symlink_to("../outside/secret.txt")
    (root / "link_folder").symlink_to(outside)
    (root / "link_proc").symlink_to("/proc/self/root")
    (root / "link_zero").symlink_to("/dev/zero")
    (root / "hard.txt").hardlink_to(outside / "linked.txt")
    (root / "loop").symlink_to("loop")
    (root / "broken").symlink_to("nowhere.txt")


def _contents(root: Path) -> None:
    contents: dict[str, bytes] = {
        "binary.bin": b"\x7fELF\x02\x01\x01" + bytes(64),
        "wide.txt": "\ufeffword\n".encode("utf-16-le"),
        "latin.py": "# -*- coding: latin-1 -*-\nword = 'größe'\n".encode("latin-1"),
        "mixed.txt": b"word\r\nsecond\nthird\rfourth\n",
        "unended.txt": b"word",
        "long.js": b"const word = '" + b"x" * 2_000_000 + b"';\n",
        "two\nlines.txt": b"word\n",
        "-rf": b"word\n",
        "größe 🍵.txt": b"word\n",
        "bad\udcff.txt": b"word\n",
        "broken.py": b"def word(:\n",
        "broken.ts": b"function word( {\n",
        "broken.json": b'{"word": \n',
        "closed.txt": b"word\n",
        "fixed.txt": b"word\n",
    }
    for name, data in contents.items():
        (root / name).write_bytes(data)
    (root / "closed.txt").chmod(0o000)
    (root / "fixed.txt").chmod(0o444)
    with (root / "huge.txt").open("wb") as file:
        file.write(b"word\n")
        file.truncate(HUGE_BYTES)


def _kinds(root: Path) -> None:
    (root / "empty").mkdir()
    os.mkfifo(root / "fifo")
    # A socket's path may have 107 characters only, so it is bound in the folder itself.
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/socket")
    finally:
        os.close(here)
