"""Search texts find their one place by ever looser rules, and none when in doubt."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def edited(
    bench: Bench, before: str | bytes, search: str, replace: str, path: str = "f.txt"
) -> tuple[bytes, str]:
    bench.put(path, before)
    output = await bench.run("edit_file", blocks=[{"path": path, "search": search, "replace": replace}])
    return bench.copy.files.read(path), output.content


async def refused(bench: Bench, before: str, search: str, replace: str, path: str = "f.txt") -> str:
    bench.put(path, before)
    with pytest.raises(ToolRejected) as caught:
        await bench.run("edit_file", blocks=[{"path": path, "search": search, "replace": replace}])
    assert bench.text(path) == before
    return str(caught.value)


LONG = (
    "class Courier:\n"
    "    def deliver(self, parcel, tries=3):\n"
    "        # the doorbell is broken at some addresses, so knock twice\n"
    "        for turn in range(tries):\n"
    "            if self.knock(parcel.door):\n"
    "                return parcel.sign()\n"
    "        raise NobodyHome(parcel)\n"
)


@pytest.mark.parametrize(
    ("before", "search", "replace", "after", "layer"),
    [
        ("uno \ndue\t\nend\n", "uno\ndue\n", "1\n2\n", "1\n2\nend\n", "trailing"),
        ("uno\ndue\n", "uno  \ndue \n", "1\n2\n", "1\n2\n", "trailing"),
        ("uno \r\ndue\r\nend\r\n", "uno\ndue", "1\n2", "1\r\n2\r\nend\r\n", "trailing"),
        ("a\n   \nb\nc\n", "a\n\nb\n", "x\n", "x\nc\n", "trailing"),
        (
            "if a:\n\tif b:\n\t\tgo()\n",
            "if b:\n\tgo()\n",
            "if c:\n\tstay()\n",
            "if a:\n\tif c:\n\t\tstay()\n",
            "indent",
        ),
        ("x = 1\ny = 2\n", "    x = 1\n    y = 2\n", "    x = 3\n", "x = 3\n", "indent"),
        (
            "{\n    a(\n      b);\n\n    c();\n}\n",
            "a(\n  b);\n\nc();\n",
            "a(\n  d);\n\n  e();\n",
            "{\n    a(\n      d);\n\n      e();\n}\n",
            "indent",
        ),
        (
            "\tif x {\n\t\treturn\n\t}\n",
            "if x {\n    return\n}\n",
            "if y {\n    while z {\n        go\n    }\n}\n",
            "\tif y {\n\t\twhile z {\n\t\t\tgo\n\t\t}\n\t}\n",
            "whitespace",
        ),
        ("say ‘yes’ – or … not\nend\n", "say 'yes' - or ... not\n", "no\n", "no\nend\n", "unicode"),
        ("it’s a “go” today\n", 'a "go"', "a no-go", "it’s a no-go today\n", "unicode"),
        ("plain 'text' here\n", "plain ‘text’ here\n", "new\n", "new\n", "unicode"),
        ("a   :  1\nb : 2\n", "a : 1\n", "a : 3\n", "a : 3\nb : 2\n", "whitespace"),
        (
            LONG,
            LONG.replace("knock twice", "knok twice"),
            LONG.replace("tries=3", "tries=5"),
            LONG.replace("tries=3", "tries=5"),
            "similar",
        ),
    ],
)
async def test_each_rung_finds_what_those_above_it_miss(
    bench: Bench, before: str, search: str, replace: str, after: str, layer: str
) -> None:
    data, said = await edited(bench, before, search, replace)
    assert data.decode() == after
    assert f"(layer: {layer})" in said


@pytest.mark.parametrize(
    ("before", "search", "said"),
    [
        (
            "go \nstop\n\ngo  \nstop\n",
            "go\nstop\n",
            "occurs 2 times, blanks at the ends of lines aside, at line 1, 4",
        ),
        ("if a:\n    b()\n\n    if a:\n        b()\n", "  if a:\n      b()\n", "indentation aside"),
        ("“a”\n‘’\n“a”\n", '"a"\n', "typographic"),
        ("k  = 1\nk   = 1\n", "k = 1\n", "blanks aside"),
        ("a\n\nb\n\nc\n", "\n \n", "nothing like it"),
        ("if a:\n  b()\n   c()\n", "if a:\n    b()\n    c()\n", "not in the file"),
        ("port=8001\n", "port=9001\n", "not in the file"),
        ("１２\n", "12\n", "not in the file"),
    ],
)
async def test_refuses_what_could_mean_more_than_one_place(
    bench: Bench, before: str, search: str, said: str
) -> None:
    assert said in await refused(bench, before, search, "new\n")


async def test_refuses_a_likeness_with_a_near_rival(bench: Bench) -> None:
    twin = "def load_{}(key):\n    row = store.fetch('{}', key, fresh=True)\n    return wrap(row)\n"
    before = twin.format("users", "users") + "\n\n" + twin.format("usets", "usets")
    message = await refused(bench, before, twin.format("useds", "useds"), "x\n")
    assert "two places are about equally like it: lines 1-3 (0.9" in message


async def test_a_line_that_was_not_shown_is_not_replaced(bench: Bench) -> None:
    """However alike the rest is, a search that lacks a line of the middle covers another last line than it says."""
    search = LONG.replace("        for turn in range(tries):\n", "")
    await refused(bench, LONG, search, LONG.replace("tries=3", "tries=9"))


async def test_refuses_a_replacement_that_cannot_come_to_the_depth(bench: Bench) -> None:
    message = await refused(bench, "a:\n  b\n", "    a:\n      b\n", "    a:\n  c\n")
    assert "cannot be moved to their depth" in message


async def test_takes_a_search_with_a_byte_order_mark(bench: Bench) -> None:
    data, _ = await edited(bench, "name\nend\n", "\ufeffname\n", "\ufeffother\n")
    assert data == b"other\nend\n"
    data, _ = await edited(bench, "\ufeffname\nend\n".encode(), "name\n", "\ufeffother\n")
    assert data == "\ufeffother\nend\n".encode()


async def test_a_large_file_with_nothing_like_it_is_refused_soon(bench: Bench) -> None:
    before = "".join(f"entry {number} of {number * 7919 % 1_000_003}\n" for number in range(100_000))
    message = await refused(bench, before, "words that are not there\nat all\n", "x\n")
    assert "nothing like it" in message


async def test_guards_lines_by_the_text_expected_there(bench: Bench) -> None:
    bench.put("l.txt", b"one\r\ntwo\r\nthree")
    await bench.run(
        "edit_file",
        path="l.txt",
        ranges=[
            {"start": 3, "end": 3, "expected": "three\n", "replace": "III\n"},
            {"start": 1, "end": 0, "expected": "", "replace": "zero"},
            {"start": 2, "end": 2, "expected": "two", "replace": "2\n2b"},
        ],
    )
    assert bench.copy.files.read("l.txt") == b"zero\r\none\r\n2\r\n2b\r\nIII"


@pytest.mark.parametrize(
    ("start", "end", "expected", "said"),
    [
        (2, 2, "b2\n", "It reads:\n<<<\nb\n>>>"),
        (2, 2, "c\n", "stands at line 3 now"),
        (0, 0, "", "numbered from 1"),
        (3, 1, "", "no range"),
        (5, 5, "", "no range of a file with 3 lines"),
        (2, 3, "b\n", "stale"),
        (2, 1, "b\n", "'expected' must be empty"),
    ],
)
async def test_refuses_ranges_that_are_stale_or_none(
    bench: Bench, start: int, end: int, expected: str, said: str
) -> None:
    bench.put("l.txt", "a\nb\nc\n")
    one = {"path": "l.txt", "start": start, "end": end, "expected": expected, "replace": "x\n"}
    with pytest.raises(ToolRejected) as caught:
        await bench.run("edit_file", ranges=[one])
    assert said in str(caught.value)
    assert bench.text("l.txt") == "a\nb\nc\n"


async def test_refuses_ranges_that_overlap(bench: Bench) -> None:
    bench.put("l.txt", "a\nb\nc\n")
    ranges = [
        {"start": 1, "end": 2, "expected": "a\nb\n", "replace": "x\n"},
        {"start": 2, "end": 3, "expected": "b\nc\n", "replace": "y\n"},
    ]
    with pytest.raises(ToolRejected, match=r"Ranges 1 and 2 of l\.txt overlap"):
        await bench.run("edit_file", path="l.txt", ranges=ranges)


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "README.md"},
        {"blocks": [], "ranges": []},
        {"path": "README.md", "op": "delete", "symbol": "f", "patch": "*** Begin Patch\n*** End Patch"},
    ],
)
async def test_an_edit_has_one_form(bench: Bench, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolRejected, match="Send one form a call"):
        await bench.run("edit_file", **arguments)
