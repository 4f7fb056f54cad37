"""Patches of both forms apply whole, where their lines stand, or not at all."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.corpora.bench import snapshot
from tests.tools.conftest import Bench


def envelope(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch", ""])


async def apply(bench: Bench, patch: str) -> str:
    return (await bench.run("edit_file", patch=patch)).content


async def refused(bench: Bench, patch: str) -> str:
    before = snapshot(bench.copy.root)
    with pytest.raises(ToolRejected) as caught:
        await bench.run("edit_file", patch=patch)
    assert snapshot(bench.copy.root) == before
    return str(caught.value)


async def test_an_envelope_adds_updates_moves_and_deletes(bench: Bench) -> None:
    bench.put("old/a.txt", "one\ntwo\n")
    bench.put("gone.txt", "x\n")
    (bench.copy.root / "old/a.txt").chmod(0o755)
    said = await apply(
        bench,
        envelope(
            "*** Add File: new/deep/n.txt",
            "+first",
            "+",
            "*** Update File: old/a.txt",
            "*** Move to: moved/a.txt",
            "@@",
            " one",
            "-two",
            "+2",
            "*** Delete File: gone.txt",
        ),
    )
    assert bench.text("new/deep/n.txt") == "first\n\n"
    assert bench.text("moved/a.txt") == "one\n2\n"
    assert bench.copy.files.stat("moved/a.txt").mode == 0o755
    assert not bench.copy.files.exists("old/a.txt")
    assert not bench.copy.files.exists("gone.txt")
    assert "old/a.txt (+1 -1, moved to moved/a.txt)" in said
    assert "gone.txt (+0 -1, deleted)" in said


async def test_a_patch_that_fails_anywhere_changes_nothing(bench: Bench) -> None:
    message = await refused(
        bench,
        envelope(
            "*** Add File: new/n.txt",
            "+x",
            "*** Delete File: README.md",
            "*** Update File: app/money.py",
            "@@",
            "-    return sum(numbers)",
            "+    return 0",
        ),
    )
    assert "1 of 3 parts of the patch fail" in message
    assert "return sum(prices)" in message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "changes nothing"),
        (("*** Update File: README.md",), "has no hunk"),
        (("*** Update File: README.md", "@@", " # Billing"), "changes nothing"),
        (("*** Frobnicate: README.md",), "begins no section"),
        (("*** Delete File: app",), "is a folder"),
        (("*** Delete File: none.txt",), "There is no 'none.txt'"),
        (("*** Add File: ../out.txt", "+x"), "outside"),
        (("*** Update File: README.md", "*** Move to: ../out.md", "@@", "-# Billing", "+# B"), "outside"),
        (
            ("*** Update File: app/money.py", "@@", "-    return sum(prices)", "+    return (sum(prices)"),
            "no longer parse",
        ),
    ],
)
async def test_refuses_patches_that_cannot_be_meant(bench: Bench, lines: tuple[str, ...], said: str) -> None:
    assert said in await refused(bench, envelope(*lines))


async def test_a_hunk_needs_one_place(bench: Bench) -> None:
    bench.put("two.py", "def a():\n    return 0\n\n\ndef b():\n    return 0\n")
    hunk = ("-    return 0", "+    return 1")
    message = await refused(bench, envelope("*** Update File: two.py", "@@", *hunk))
    assert "fits in more than one place (lines 2, 6)" in message
    await apply(bench, envelope("*** Update File: two.py", "@@ def b():", *hunk))
    assert bench.text("two.py") == "def a():\n    return 0\n\n\ndef b():\n    return 1\n"


async def test_as_many_equal_hunks_as_places_are_certain(bench: Bench) -> None:
    bench.put("two.txt", "x\ny\nx\n")
    await apply(bench, envelope("*** Update File: two.txt", "@@", "-x", "+1", "@@", "-x", "+2"))
    assert bench.text("two.txt") == "1\ny\n2\n"


async def test_lines_that_a_hunk_only_shows_keep_every_byte(bench: Bench) -> None:
    bench.put("mixed.txt", b"a  \r\nb\r\nc\nd\r\n")
    await apply(bench, envelope("*** Update File: mixed.txt", "@@", " a", "-b", "+B", " c"))
    assert bench.copy.files.read("mixed.txt") == b"a  \r\nB\r\nc\nd\r\n"


UNIFIED = """diff --git a/app/money.py b/app/money.py
index 1111111..2222222 100644
--- a/app/money.py
+++ b/app/money.py
@@ -1,2 +1,3 @@
 def total(prices):
+    prices = list(prices)
     return sum(prices)
diff --git a/README.md b/README.md
deleted file mode 100644
--- a/README.md
+++ /dev/null
@@ -1,3 +0,0 @@
-# Billing
-
-Totals and averages.
diff --git a/run.sh b/run.sh
new file mode 100755
--- /dev/null
+++ b/run.sh
@@ -0,0 +1 @@
+#!/bin/sh
diff --git a/app/__init__.py b/app/core.py
similarity index 100%
rename from app/__init__.py
rename to app/core.py
"""


async def test_applies_a_diff_as_git_writes_it(bench: Bench) -> None:
    await apply(bench, UNIFIED)
    assert "    prices = list(prices)\n    return sum(prices)\n" in bench.text("app/money.py")
    assert not bench.copy.files.exists("README.md")
    assert bench.copy.files.stat("run.sh").mode == 0o755
    assert bench.text("app/core.py") == ""
    assert not bench.copy.files.exists("app/__init__.py")


async def test_a_diff_with_wrong_numbers_applies_where_its_lines_are(bench: Bench) -> None:
    bench.put("n.txt", "".join(f"line {number}\n" for number in range(1, 41)))
    await apply(bench, "--- n.txt\n+++ n.txt\n@@ -3,9 +3,1 @@\n line 30\n-line 31\n+31\n")
    assert "line 30\n31\nline 32\n" in bench.text("n.txt")


async def test_a_number_decides_between_equal_places(bench: Bench) -> None:
    bench.put("n.txt", "x\ny\nx\ny\n")
    await apply(bench, "--- a/n.txt\n+++ b/n.txt\n@@ -3,2 +3,2 @@\n x\n-y\n+z\n")
    assert bench.text("n.txt") == "x\ny\nx\nz\n"


async def test_a_diff_says_whether_a_last_line_ends(bench: Bench) -> None:
    bench.put("n.txt", "a\nb")
    await apply(
        bench, "--- a/n.txt\n+++ b/n.txt\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n"
    )
    assert bench.text("n.txt") == "a\nc\n"
    await apply(bench, "--- a/n.txt\n+++ b/n.txt\n@@ -2 +2 @@\n-c\n+d\n\\ No newline at end of file\n")
    assert bench.text("n.txt") == "a\nd"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("just words", "neither a unified diff nor an envelope"),
        ("--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Bills\n+# B\n", "fits nowhere"),
        ("--- /dev/null\n+++ b/README.md\n@@ -0,0 +1 @@\n+x\n", "exists and has text"),
        (
            "--- a/README.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-# Billing\n",
            "more text than the patch takes away",
        ),
        ("--- a/README.md\n+++ b/other.md\n@@ -1 +1 @@\n-# Billing\n+# B\n", "names two files"),
        ("diff --git a/x b/x\nGIT binary patch\nliteral 0\n", "binary"),
    ],
)
async def test_refuses_diffs_that_do_not_fit(bench: Bench, patch: str, said: str) -> None:
    assert said in await refused(bench, patch)


async def test_moves_that_follow_each_other_lose_no_file(bench: Bench) -> None:
    bench.put("a.txt", "a\nx\n")
    bench.put("b.txt", "b\n")
    moves = envelope(
        "*** Update File: b.txt",
        "*** Move to: c.txt",
        "@@",
        "-b",
        "+B",
        "*** Update File: a.txt",
        "*** Move to: b.txt",
    )
    await apply(bench, moves)
    assert (bench.text("c.txt"), bench.text("b.txt")) == ("B\n", "a\nx\n")
    assert not bench.copy.files.exists("a.txt")


async def test_two_files_do_not_move_to_one_place(bench: Bench) -> None:
    bench.put("a.txt", "a\n")
    bench.put("b.txt", "b\n")
    to_one = envelope(
        "*** Update File: a.txt", "*** Move to: c.txt", "*** Update File: b.txt", "*** Move to: c.txt"
    )
    assert "which another part of the patch changes too" in await refused(bench, to_one)


async def test_a_mailed_patch_ends_with_the_version_of_git(bench: Bench) -> None:
    bench.put("m.txt", "one\ntwo\n- \n")
    header = "From 1 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n m.txt | 2 +-\n\n"
    names = "diff --git a/m.txt b/m.txt\n--- a/m.txt\n+++ b/m.txt\n"
    await apply(bench, f"{header}{names}@@ -1,2 +1,2 @@\n one\n-two\n+2\n-- \n2.39.5\n\n")
    assert bench.text("m.txt") == "one\n2\n- \n"
    await apply(bench, f"{names}@@ -2,2 +2,2 @@\n 2\n-- \n+2.39.5\n")
    assert bench.text("m.txt") == "one\n2\n2.39.5\n"
