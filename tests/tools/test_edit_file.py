"""edit_file changes exactly what was asked, or nothing at all."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.editing.changes import Change, write_all
from tools.text_files import TextFile


def block(search: str, replace: str, path: str = "") -> dict[str, str]:
    return {"search": search, "replace": replace} | ({"path": path} if path else {})


async def refusal(bench: Bench, *blocks: dict[str, str], path: str = "") -> str:
    with pytest.raises(ToolRejected) as caught:
        await bench.run("edit_file", path=path, blocks=list(blocks))
    return str(caught.value)


async def test_replaces_an_exact_piece_and_shows_the_difference(bench: Bench) -> None:
    output = await bench.run(
        "edit_file", path="app/money.py", blocks=[block("return sum(prices)", "return sum(prices, 0)")]
    )
    assert "    return sum(prices, 0)\n" in bench.text("app/money.py")
    assert output.summary == "Edited app/money.py (+1 -1)."
    assert "-    return sum(prices)\n+    return sum(prices, 0)\n" in output.content


async def test_edits_several_files_at_once(bench: Bench) -> None:
    output = await bench.run(
        "edit_file",
        blocks=[
            block("# Billing", "# Bills", "README.md"),
            block("def total(", "def whole(", "app/money.py"),
            block("return total(", "return whole(", "./app/money.py"),
            block("", "X = 1\n", "app/fresh.py"),
        ],
    )
    assert bench.text("README.md").startswith("# Bills\n")
    assert bench.text("app/money.py").count("whole(") == 2
    assert bench.text("app/fresh.py") == "X = 1\n"
    assert output.summary == "Edited README.md (+1 -1), app/money.py (+2 -2), app/fresh.py (+1 -0, new)."


async def test_writes_nothing_where_one_block_fails(bench: Bench) -> None:
    message = await refusal(
        bench,
        block("# Billing", "# Bills", "README.md"),
        block("def sum_of(prices):", "def whole(prices):", "app/money.py"),
        block("def average(", "def mean(", "app/money.py"),
    )
    assert "1 of 3 blocks fail" in message
    assert "Good as they are: 1, 3." in message
    assert "send all blocks again" in message
    assert bench.text("README.md").startswith("# Billing\n")
    assert "def average(" in bench.text("app/money.py")


async def test_says_how_often_a_search_text_occurs_and_where(bench: Bench) -> None:
    message = await refusal(bench, block("prices", "amounts"), path="app/money.py")
    assert "occurs 5 times, at line 1, 2, 5, 6, 6" in message


async def test_overlapping_places_count_as_many(bench: Bench) -> None:
    bench.put("a.txt", "aaa\n")
    assert "occurs 2 times" in await refusal(bench, block("aa", "b"), path="a.txt")


async def test_shows_the_likest_lines_of_a_long_file(bench: Bench) -> None:
    lines = [f"value_{number} = compute({number})\n" for number in range(3_000)]
    lines[1_700] = "special = compute_all(first, second)\n"
    bench.put("long.py", "".join(lines))
    message = await refusal(bench, block("special = compute_all(first, third)", "x"), path="long.py")
    assert "Lines 1701-1701 are like it" in message
    assert "special = compute_all(first, second)" in message
    assert len(message) < 2_000


async def test_says_that_nothing_is_near(bench: Bench) -> None:
    message = await refusal(bench, block("entirely other words", "x"), path="README.md")
    assert "nothing like it is" in message


async def test_says_that_the_replacement_is_there_already(bench: Bench) -> None:
    message = await refusal(bench, block("gone gone gone", "    return sum(prices)\n"), path="app/money.py")
    assert "its replacement already stands at line 2" in message


async def test_refuses_to_break_a_file_that_parsed(bench: Bench) -> None:
    for path, text, search, replace in [
        ("a.py", "x = f(1, 2)\n", "f(1, 2)", "f(1, 2"),
        ("b.py", "def f():\n    return x\n", "return x", "y = x\nreturn y"),
        ("c.js", "function f() {\n  return 1;\n}\n", "return 1;\n}", "return 1;\n"),
        ("d.ts", "const a: number = 1;\n", "= 1;", "= ;"),
        ("e.tsx", "const a = <b>x</b>;\n", "</b>", ""),
        ("f.json", '{"a": 1, "b": 2}\n', ", ", " "),
        ("g.toml", 'a = "b"\n', '"b"', '"b'),
    ]:
        bench.put(path, text)
        message = await refusal(bench, block(search, replace), path=path)
        assert "would no longer parse" in message
        assert bench.text(path) == text


async def test_edits_a_file_that_was_broken_before(bench: Bench) -> None:
    bench.put("a.js", "const a = 1;\nfunction (\n")
    await bench.run("edit_file", path="a.js", blocks=[block("const a = 1;", "const a = 10;")])
    assert bench.text("a.js") == "const a = 10;\nfunction (\n"


async def test_takes_python_that_is_newer_than_the_worker(bench: Bench) -> None:
    await bench.run("edit_file", path="new.py", blocks=[block("", "type Pair[T] = tuple[T, T]\n")])
    assert bench.text("new.py").startswith("type Pair")


async def test_parses_only_the_end_state(bench: Bench) -> None:
    await bench.run(
        "edit_file",
        path="app/money.py",
        blocks=[block("sum(prices)", "sum((prices)"), block("sum((prices)", "sum((prices))")],
    )
    assert "sum((prices))" in bench.text("app/money.py")


@pytest.mark.parametrize(
    ("before", "search", "replace", "after"),
    [
        (b"one\r\ntwo\r\n", "one\ntwo\n", "1\n2\n2b\n", b"1\r\n2\r\n2b\r\n"),
        (b"one\r\ntwo\r\n", "two", "2\n3", b"one\r\n2\r\n3\r\n"),
        (b"one\ntwo\n", "one\r\ntwo\r\n", "1\r\n2\r\n", b"1\n2\n"),
        (b"a\r\nb\nc\r\nd\n", "b\nc", "B\nC", b"a\r\nB\nC\r\nd\n"),
        (b"a\r\nb\nc\r\nd\n", "a\nb", "A\nB", b"A\r\nB\nc\r\nd\n"),
        (b"a\rb\rc\r", "b\nc\n", "B\nC\n", b"a\rB\rC\r"),
        (b"a\nb", "a\nb\n", "A\nB\n", b"A\nB"),
        (b"a\nb", "b", "c", b"a\nc"),
        (b"x\r\na\r\nb", "a\nb\n", "c\n", b"x\r\nc"),
    ],
)
async def test_keeps_the_line_ends_of_the_file(
    bench: Bench, before: bytes, search: str, replace: str, after: bytes
) -> None:
    bench.put("ends.txt", before)
    await bench.run("edit_file", path="ends.txt", blocks=[block(search, replace)])
    assert bench.copy.files.read("ends.txt") == after


async def test_keeps_bytes_that_it_cannot_read(bench: Bench) -> None:
    bad = "größe käse ".encode() + b"\xff\xfe\xed\xa0\x80"
    bench.put("bad.txt", bad + b" tail\n")
    await bench.run("edit_file", path="bad.txt", blocks=[block("tail", "schluß")])
    assert bench.copy.files.read("bad.txt") == bad + " schluß\n".encode()


async def test_writes_in_the_files_own_encoding_or_not_at_all(bench: Bench) -> None:
    old = "prix=9 £\nville=Orléans\n".encode("latin-1")
    bench.put("latin.txt", old)
    message = await refusal(bench, block("ville=", "→ ville="), path="latin.txt")
    assert "RIGHTWARDS ARROW" in message
    assert bench.copy.files.read("latin.txt") == old
    await bench.run("edit_file", path="latin.txt", blocks=[block("Orléans", "Besançon")])
    assert bench.copy.files.read("latin.txt") == old.replace(b"Orl\xe9ans", b"Besan\xe7on")


async def test_a_decomposed_letter_is_another_letter(bench: Bench) -> None:
    bench.put("nfd.txt", "cafe\u0301\n")
    await refusal(bench, block("café", "x"), path="nfd.txt")
    assert bench.text("nfd.txt") == "cafe\u0301\n"


async def test_a_link_and_its_target_are_one_file(bench: Bench) -> None:
    (bench.copy.root / "link.py").symlink_to("app/money.py")
    await bench.run(
        "edit_file",
        blocks=[
            block("total(prices):", "whole(prices):", "link.py"),
            block("average", "mean", "app/money.py"),
        ],
    )
    assert "def whole(prices):" in bench.text("app/money.py")
    assert "def mean(" in bench.text("app/money.py")
    assert bench.copy.files.stat("link.py").kind == "link"


@pytest.mark.parametrize(
    ("path", "search", "said"),
    [
        ("", "x", "names no file"),
        ("app", "x", "is a folder"),
        ("app/mony.py", "x", "Did you mean 'app/money.py'"),
        ("README.md", "", "exists and has text"),
        ("../outside.txt", "", "outside"),
        (".git/config", "", "Git"),
    ],
)
async def test_refuses_files_that_cannot_be_edited(bench: Bench, path: str, search: str, said: str) -> None:
    assert said in await refusal(bench, block(search, "y"), path=path)


async def test_takes_back_what_was_written_where_a_later_file_fails(bench: Bench) -> None:
    changes = [
        Change("README.md", None, bench.copy.files.read("README.md"), TextFile("README.md", "x"), b"x"),
        Change("fresh.txt", None, None, TextFile("fresh.txt", "x"), b"x"),
        Change("app", None, None, TextFile("app", "x"), b"x"),
    ]
    with pytest.raises(ToolRejected, match="folder"):
        write_all(bench.copy.files, changes)
    assert bench.text("README.md").startswith("# Billing\n")
    assert not bench.copy.files.exists("fresh.txt")


async def test_previews_every_file_of_the_edit(bench: Bench) -> None:
    preview = await bench.preview(
        "edit_file", blocks=[block("# Billing", "# Bills", "README.md"), block("", "x\n", "notes.txt")]
    )
    assert preview.title == "edit_file README.md, notes.txt, 2 hunks"
    assert "README.md (+1 -1), notes.txt (+1 -0, new)" in preview.markdown
    assert "-# Billing\n+# Bills" in preview.markdown
    assert "--- /dev/null\n+++ b/notes.txt" in preview.markdown
    assert not bench.copy.files.exists("notes.txt")


async def test_says_that_the_files_already_read_like_this(bench: Bench) -> None:
    output = await bench.run("edit_file", path="README.md", blocks=[block("# Billing", "# Billing")])
    assert "nothing was written" in output.content


@pytest.mark.parametrize(
    "form",
    [
        {"blocks": [{"search": "one", "replace": "a\0b"}]},
        {"ranges": [{"start": 1, "end": 1, "expected": "one\n", "replace": "a\0b\n"}]},
        {"patch": "--- a/n.txt\n+++ b/n.txt\n@@ -1 +1 @@\n-one\n+a\0b\n"},
    ],
)
async def test_makes_no_text_binary(bench: Bench, form: dict[str, object]) -> None:
    bench.put("n.txt", "one\ntwo\n")
    given = form if "patch" in form else {"path": "n.txt", **form}
    with pytest.raises(ToolRejected, match="would hold a NUL character"):
        await bench.run("edit_file", **given)
    assert bench.text("n.txt") == "one\ntwo\n"
