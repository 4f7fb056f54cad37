"""Files of a work tree: what is read and written, and every way out that is refused."""

import os
import socket
import stat
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import MOST_BYTES_AT_ONCE, Files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "ok.txt").write_bytes(b"ok\n")
    (root / "src" / "m.py").write_bytes(b"m\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_bytes(b"secret\n")
    (tmp_path / "tree-beside").mkdir()
    (tmp_path / "tree-beside" / "s.txt").write_bytes(b"s\n")
    return root


@pytest.fixture
def files(root: Path) -> Files:
    return Files(root)


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt",
        "src/../../outside/secret.txt",
        "nowhere/../../outside/secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "/workspace/../etc/passwd",
        "/proc/self/environ",
        "ok.txt\0",
        "",
        "~/.ssh/id_rsa",
        "..%2foutside%2fsecret.txt",
        "x" * 300,
        "d/" * 3000 + "f",
        "bad\ud800.txt",
    ],
)
def test_refuses_a_path_that_is_not_in_the_workspace(files: Files, path: str) -> None:
    with pytest.raises(ToolRejected):
        files.read(path)
    if path.startswith(("~", "..%")):
        # A tilde and a percent sign mean nothing here, so these are ordinary new names.
        return
    with pytest.raises(ToolRejected):
        files.write(path, b"x")
    with pytest.raises(ToolRejected):
        files.delete(path)


def test_refuses_the_folder_beside_whose_name_begins_like_the_root(files: Files, root: Path) -> None:
    with pytest.raises(ToolRejected, match="outside the workspace"):
        files.read(f"{root}-beside/s.txt")


def test_takes_absolute_paths_as_tools_print_them(files: Files, root: Path) -> None:
    assert files.read("/workspace/src/m.py") == b"m\n"
    assert files.read(f"{root}/src/m.py") == b"m\n"


@pytest.mark.parametrize(
    "target",
    ["../outside/secret.txt", "/etc/passwd", "/proc/self/root/etc/passwd", "/dev/zero", "link", "../outside"],
)
def test_refuses_links_out(files: Files, root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    for path in ("link", "link/secret.txt"):
        with pytest.raises(ToolRejected):
            files.read(path)
        with pytest.raises(ToolRejected):
            files.write(path, b"x")
    with pytest.raises(ToolRejected):
        files.list("link")
    assert (root.parent / "outside" / "secret.txt").read_bytes() == b"secret\n"
    assert files.stat("link").kind == "link"
    assert files.stat("link").target == target


def test_follows_links_that_stay_inside(files: Files, root: Path) -> None:
    (root / "link.py").symlink_to("src/m.py")
    (root / "folder").symlink_to("src")
    assert files.read("link.py") == b"m\n"
    files.write("link.py", b"changed\n")
    files.write("folder/new.py", b"new\n")
    assert (root / "link.py").is_symlink()
    assert (root / "src" / "m.py").read_bytes() == b"changed\n"
    assert (root / "src" / "new.py").read_bytes() == b"new\n"


def test_says_of_a_broken_link_where_it_leads(files: Files, root: Path) -> None:
    (root / "link").symlink_to("nowhere")
    with pytest.raises(ToolRejected, match="is a link to 'nowhere', which does not exist"):
        files.read("link")
    with pytest.raises(ToolRejected, match="is a link to 'nowhere', which does not exist"):
        files.write("link", b"x")


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".GIT/config", "src/.git/hooks/pre-commit", "src/../.git/config", ".git::$INDEX_ALLOCATION/config",
        ".g\u200cit/config", "GIT~1/config", ".git./config", ".git /config", "link/config", "link", ".gitmodules", ".git",
    ],
)  # fmt: skip
def test_refuses_to_write_what_belongs_to_git(files: Files, root: Path, path: str) -> None:
    (root / "link").symlink_to(".git")
    before = sorted(root.rglob("*"))
    with pytest.raises(ToolRejected):
        files.write(path, b"x")
    with pytest.raises(ToolRejected):
        files.move("ok.txt", path)
    assert sorted(root.rglob("*")) == before


def test_never_hangs_on_a_pipe_and_never_opens_a_socket(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(root / "pipe")
    # A socket's path may have at most 108 bytes, so it is made relative to the root.
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    for name in ("pipe", "socket"):
        assert files.stat(name).kind == "other"
        with pytest.raises(ToolRejected, match="not a regular file"):
            files.read(name)
        with pytest.raises(ToolRejected, match="not a regular file"):
            files.write(name, b"x")
        files.delete(name)
        assert not files.exists(name)


def test_reads_parts_and_refuses_huge_files_before_reading(files: Files, root: Path) -> None:
    with (root / "huge").open("wb") as stream:
        stream.truncate(2 * 10**12)
    assert files.read("huge", limit_bytes=10) == b"\0" * 10
    assert files.read("ok.txt", offset=1, limit_bytes=1) == b"k"
    with pytest.raises(ToolRejected, match=f"at most {MOST_BYTES_AT_ONCE} are read at once"):
        files.read("huge")


def test_writes_whole_files_and_keeps_modes(files: Files, root: Path) -> None:
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o4750)
    files.write("run.sh", b"#!/bin/sh\nexit 1\n")
    files.write("a/b/c.txt", b"deep\n")
    files.write("tool", b"#!/bin/sh\n", executable=True)
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o750
    assert stat.S_IMODE((root / "a/b/c.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE((root / "tool").stat().st_mode) == 0o755
    assert files.read("a/b/c.txt") == b"deep\n"
    assert [path.name for path in root.rglob(".perdure-*")] == []


def test_refuses_to_overwrite_a_read_only_file(files: Files, root: Path) -> None:
    (root / "ok.txt").chmod(0o444)
    with pytest.raises(ToolRejected, match="read-only"):
        files.write("ok.txt", b"x")
    assert (root / "ok.txt").read_bytes() == b"ok\n"


def test_lists_and_handles_names_that_are_not_utf8(files: Files, root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.txt")).write_bytes(b"x")
    (root / "line\nend").write_bytes(b"y")
    listed = {entry.name: entry.kind for entry in files.list()}
    assert listed == {"bad\udcff.txt": "file", "line\nend": "file", "ok.txt": "file", "src": "folder"}
    files.write("bad\udcff.txt", b"changed")
    assert files.read("bad\udcff.txt") == b"changed"


def test_deletes_links_and_empty_folders_only(files: Files, root: Path) -> None:
    (root / "link").symlink_to("src")
    files.delete("link")
    assert (root / "src" / "m.py").is_file()
    with pytest.raises(ToolRejected, match="not empty"):
        files.delete("src")
    files.make_folder("empty/inner")
    files.delete("empty/inner/")
    assert not files.exists("empty/inner")
    assert files.exists("empty")


def test_moves_without_overwriting(files: Files, root: Path) -> None:
    files.move("ok.txt", "new/place.txt")
    assert (root / "new" / "place.txt").read_bytes() == b"ok\n"
    with pytest.raises(ToolRejected, match="exists already"):
        files.move("new/place.txt", "src/m.py")
    with pytest.raises(ToolRejected):
        files.move("src", "src/inner/src")
    with pytest.raises(ToolRejected, match="does not exist"):
        files.move("ok.txt", "other.txt")


def test_exists_tells_missing_from_forbidden(files: Files) -> None:
    assert files.exists("src/m.py")
    assert not files.exists("src/none.py")
    assert not files.exists("ok.txt/none")
    with pytest.raises(ToolRejected, match="outside"):
        files.exists("../outside/secret.txt")


def test_refuses_a_root_that_became_a_link(files: Files, root: Path) -> None:
    root.rename(root.with_name("gone"))
    root.symlink_to("outside")
    with pytest.raises(ToolRejected):
        files.read("secret.txt")
    with pytest.raises(ToolRejected):
        files.write("new.txt", b"x")
    assert sorted(path.name for path in (root.parent / "outside").iterdir()) == ["secret.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_is_written_belongs_to_the_owner(root: Path) -> None:
    Files(root, owner=(12345, 12346)).write("a/b.txt", b"x")
    for path in (root / "a", root / "a" / "b.txt"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
