"""Credentials that a commit would add: found with their place, and only where they were not there before."""

from datetime import datetime

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets import Redactor
from perdure.workspace.added_lines import Place, secrets_added
from perdure.workspace.workspaces import Created

LOOK = Redactor().findings
TOKEN = "ghp_" + "a1B2c3D4e5" * 4
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEow" * 20 + "\n-----END RSA PRIVATE " + "KEY-----\n"


async def test_a_commit_that_would_add_a_credential_is_stopped_with_the_place(
    created: Created, at: datetime
) -> None:
    git, files, head = created.copy.git, created.copy.files, await created.copy.git.head()
    files.write("src/settings.py", f"LIMIT = 3\n\nTOKEN = '{TOKEN}'\n".encode())
    files.write("keys/own.pem", KEY.encode())
    files.write("fine.py", b"x = 1\n")
    with pytest.raises(ToolRejected) as stopped:
        await git.commit("Add settings", at=at)
    words = str(stopped.value)
    assert "'src/settings.py:3 (github-token)'" in words
    assert "'keys/own.pem:1 (private-key)'" in words
    assert TOKEN not in words
    assert await git.head() == head
    assert len(await git.status()) == 3
    await git.commit("Add what is fine", at=at, paths=["fine.py"])
    files.write("fine.py", b"x = 2\n")
    with pytest.raises(ToolRejected, match=r"the message \(github-token\)"):
        await git.commit(f"Use {TOKEN}", at=at, paths=["fine.py"])


async def test_binary_files_and_names_of_empty_files_and_of_branches_count(
    created: Created, at: datetime
) -> None:
    git, files = created.copy.git, created.copy.files
    files.write("cache.bin", b"\0\1\2" + TOKEN.encode() + b"\0" * 40)
    files.write(f"of/{TOKEN}.txt", b"")
    with pytest.raises(ToolRejected) as stopped:
        await git.commit("Add files", at=at)
    assert "cache.bin:1 (github-token)" in str(stopped.value)
    assert "github-token in the name" in str(stopped.value)
    with pytest.raises(ToolRejected, match="name of the branch"):
        await git.create_branch(f"fix/{TOKEN}")


async def test_what_stood_there_before_may_move_and_its_neighbours_change(
    created: Created, at: datetime
) -> None:
    git, files = created.copy.git, created.copy.files
    files.write("old.py", f"A = 1\nTOKEN = '{TOKEN}'\n".encode())
    await git.commit("As it was found", at=at, look=lambda text: [])
    files.write("old.py", f"A = 2\nTOKEN = '{TOKEN}'\nB = 1\n".encode())
    await git.commit("Around it", at=at)
    files.write("new.py", files.read("old.py"))
    files.delete("old.py")
    await git.commit("Move it", at=at)
    files.write("new.py", f"TOKEN  =  '{TOKEN}'  # later\n".encode())
    await git.commit("Write it differently", at=at)
    files.write("second.py", f"AGAIN = '{TOKEN}'\n".encode())
    with pytest.raises(ToolRejected, match=r"second\.py:1"):
        await git.commit("Once more", at=at)


def test_lines_that_look_like_a_patch_are_content() -> None:
    patch = f"""diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1,1 +1,3 @@
-old
+++ b/other.txt
+@@ -1 +90 @@
+token: {TOKEN}
@@ -9,0 +12,1 @@
+{TOKEN}
\\ No newline at end of file
diff --git a/b b/b
--- /dev/null
+++ "b/na\\303\\257ve.txt"
@@ -0,0 +1 @@
+{TOKEN}
"""
    assert secrets_added(patch, LOOK) == [
        Place("a.txt", 3, "github-token"),
        Place("a.txt", 12, "github-token"),
        Place("na\\303\\257ve.txt", 1, "github-token"),
    ]


def test_names_of_files_count_as_well() -> None:
    patch = f"--- /dev/null\n+++ b/{TOKEN}.txt\n@@ -0,0 +1 @@\n+nothing\n"
    assert [place.kind for place in secrets_added(patch, LOOK)] == ["github-token in the name"]
