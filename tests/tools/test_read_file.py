"""read_file on good and bad files."""

import hashlib
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.tool_schemas import OUTPUT_CHARACTERS


async def test_numbers_lines_from_one(bench: Bench) -> None:
    output = await bench.run("read_file", path="app/money.py")
    assert output.content.startswith(
        "app/money.py, lines 1-6 of 6\n1\tdef total(prices):\n2\t    return sum(prices)\n"
    )
    assert output.ok


async def test_takes_a_path_as_programs_in_the_sandbox_see_it(bench: Bench) -> None:
    output = await bench.run("read_file", path="/workspace/README.md")
    assert "1\t# Billing" in output.content


async def test_reads_a_part_and_says_where_to_read_on(bench: Bench) -> None:
    output = await bench.run("read_file", path="app/money.py", start=2, limit=2)
    assert output.content == (
        "app/money.py, lines 2-3 of 6\n2\t    return sum(prices)\n3\t\n[To read on, send start=4.]"
    )


async def test_a_page_fits_into_the_models_view(bench: Bench) -> None:
    bench.put("long.txt", "".join(f"line {number} {'x' * 60}\n" for number in range(2_000)))
    output = await bench.run("read_file", path="long.txt", limit=2_000)
    assert len(output.content) < 8_000
    assert "[To read on, send start=" in output.content


async def test_cuts_a_line_that_never_ends(bench: Bench) -> None:
    bench.put("minified.js", "x" * 5_000_000)
    output = await bench.run("read_file", path="minified.js")
    assert "4,999,000 more characters" in output.content
    assert "no line end after the last line" in output.content


async def test_says_the_encoding_where_it_is_not_utf8(bench: Bench) -> None:
    bench.put("quotes.txt", "“Größe” – naïve café\r\n".encode("cp1252"))
    output = await bench.run("read_file", path="quotes.txt")
    assert "encoding cp1252, guessed; CRLF line ends" in output.content
    assert "“Größe” – naïve café" in output.content


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
async def test_tells_wide_encodings_by_their_mark(bench: Bench, encoding: str) -> None:
    bench.put("wide.txt", "\ufeffnaïve\n".encode(encoding))
    output = await bench.run("read_file", path="wide.txt")
    assert f"encoding {encoding} with a byte order mark" in output.content
    assert "1\tnaïve" in output.content


async def test_shows_bytes_that_are_not_utf8(bench: Bench) -> None:
    bench.put("broken.txt", "käse größe".encode() + b" \xed\xa0\x80\xff\n")
    output = await bench.run("read_file", path="broken.txt")
    assert "4 bytes are not valid UTF-8" in output.content
    assert "käse größe \\xed\\xa0\\x80\\xff" in output.content


async def test_names_invisible_characters(bench: Bench) -> None:
    bench.put("trojan.py", "ok = 1\nif user != '\u202e admin\u200b':\n")
    output = await bench.run("read_file", path="trojan.py")
    assert "invisible characters in line 2 (U+200B, U+202E)" in output.content


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image of 48 bytes"),
        (b"PK\x03\x04" + bytes(10), "a ZIP archive of 14 bytes"),
        (b"text\x00text\n", "binary data of 10 bytes"),
        (b"\x01\x00\x02\x00", "binary data of 4 bytes"),
    ],
)
async def test_says_what_a_binary_file_is(bench: Bench, data: bytes, kind: str) -> None:
    bench.put("thing.bin", data)
    output = await bench.run("read_file", path="thing.bin")
    digest = hashlib.sha256(data).hexdigest()
    assert output.content == f"thing.bin is not text: it is {kind}, SHA-256 {digest}."


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
async def test_guesses_utf16_without_a_mark_and_says_so(bench: Bench, encoding: str) -> None:
    bench.put("wide.txt", "Grüße\nan alle\n".encode(encoding))
    output = await bench.run("read_file", path="wide.txt")
    assert f"encoding {encoding}, guessed" in output.content
    assert "2\tan alle" in output.content
    with pytest.raises(ToolRejected, match="only a guess"):
        await bench.run("edit_file", path="wide.txt", blocks=[{"search": "alle", "replace": "dich"}])


async def test_reads_several_files_at_once_and_says_which_it_could_not(bench: Bench) -> None:
    output = await bench.run("read_file", path="README.md", more=["app/mony.py", "app/money.py"])
    assert not output.ok
    assert "README.md, lines 1-3 of 3\n1\t# Billing" in output.content
    assert "Not read: There is no 'app/mony.py'.\nDid you mean 'app/money.py'?" in output.content
    assert "app/money.py, lines 1-6 of 6" in output.content
    assert sorted(output.seen) == ["README.md", "app/money.py"]


async def test_eight_long_files_fit_into_the_models_view(bench: Bench) -> None:
    names = [f"long{number}.txt" for number in range(8)]
    for name in names:
        bench.put(name, "a line of some words\n" * 900)
    output = await bench.run("read_file", path=names[0], more=names[1:])
    assert len(output.content) <= OUTPUT_CHARACTERS
    assert all(f"{name}, lines 1-" in output.content for name in names)


async def test_shows_the_outline_of_a_long_file_first(bench: Bench) -> None:
    parts = [f"def function_{number}():\n" + "    pass\n" * 50 for number in range(40)]
    bench.put("long.py", "class Top:\n    def method(self):\n        pass\n" + "".join(parts))
    output = await bench.run("read_file", path="long.py")
    assert "1\tclass Top:\n2\t    def method(self):\n4\tdef function_0():" in output.content
    assert "[Its beginning:]\n1\tclass Top:" in output.content
    assert "[To read on, send start=31.]" in output.content
    asked = await bench.run("read_file", path="long.py", start=1)
    assert "outline" not in asked.content


async def test_an_outline_of_very_many_symbols_keeps_the_outermost(bench: Bench) -> None:
    methods = "".join(f"    def method_{number}(self):\n        pass\n" for number in range(100))
    bench.put("long.py", "".join(f"class Class{number}:\n{methods}" for number in range(70)))
    output = await bench.run("read_file", path="long.py")
    assert "class Class59:" in output.content
    assert "… and 10 more outermost ones" in output.content
    assert len(output.content) <= OUTPUT_CHARACTERS


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_reads_a_part_of_a_file_that_it_does_not_hold(bench: Bench, line_end: str) -> None:
    text = "".join(f"line {number} of many äöü{line_end}" for number in range(1, 600_001))
    data = text.encode()
    (bench.copy.root / "big.log").write_bytes(data)
    output = await bench.run("read_file", path="big.log", start=599_999, limit=50)
    assert output.content == (
        f"big.log, lines 599999-600000 of 600000; {len(data):,} bytes\n"
        "599999\tline 599999 of many äöü\n600000\tline 600000 of many äöü"
    )
    assert output.seen == {"big.log": hashlib.sha256(data).hexdigest()}


async def test_a_file_of_200_megabytes_takes_little_memory(bench: Bench) -> None:
    block = b"2026-11-28 one line of a log that somebody forgot to rotate\n" * 16_000
    with (bench.copy.root / "huge.log").open("wb") as file:
        for _ in range(200 * 10**6 // len(block)):
            file.write(block)
        file.write(b"x" * 3_000_000)
    tracemalloc.start()
    output = await bench.run("read_file", path="huge.log")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "lines 1-" in output.content
    assert peak < 32 * 1024**2
    last = await bench.run("read_file", path="huge.log", start=16_000 * (200 * 10**6 // len(block)) + 1)
    assert "more characters]" in last.content
    assert len(last.content) <= OUTPUT_CHARACTERS


async def test_says_what_a_large_file_without_text_is(bench: Bench) -> None:
    with (bench.copy.root / "sparse.bin").open("wb") as file:
        file.truncate(20 * 1024**2)
    output = await bench.run("read_file", path="sparse.bin")
    assert "is not text: it is binary data of 20,971,520 bytes, SHA-256" in output.content


async def test_says_that_a_file_is_empty(bench: Bench) -> None:
    bench.put("empty.txt", b"")
    output = await bench.run("read_file", path="empty.txt")
    assert output.content == "empty.txt is empty: 0 bytes."


async def test_refuses_a_huge_file_by_its_size(bench: Bench) -> None:
    with (bench.copy.root / "sparse.bin").open("wb") as file:
        file.truncate(2 * 1024**4)
    with pytest.raises(ToolRejected, match="2,199,023,255,552 bytes"):
        await bench.run("read_file", path="sparse.bin")


async def test_names_what_is_near_a_missing_file(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"Did you mean 'app/money.py'"):
        await bench.run("read_file", path="app/mony.py")
    with pytest.raises(ToolRejected, match=r"Did you mean 'app/money.py'"):
        await bench.run("read_file", path="money.py")
    with pytest.raises(ToolRejected, match="List the folder"):
        await bench.run("read_file", path="nothing/like/it.zig")


async def test_says_what_a_folder_holds(bench: Bench) -> None:
    with pytest.raises(
        ToolRejected, match=r"'app' is a folder, not a file; it holds '__init__.py', 'money.py'"
    ):
        await bench.run("read_file", path="app")


async def test_refuses_a_start_beyond_the_end(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="has 6 lines"):
        await bench.run("read_file", path="app/money.py", start=7)


async def test_reads_through_a_link_that_stays_inside(bench: Bench) -> None:
    (bench.copy.root / "inside").symlink_to("app/money.py")
    output = await bench.run("read_file", path="inside")
    assert "def total" in output.content


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../../outside", "loop", "missing.txt", "/proc/self/root"]
)
async def test_refuses_links_that_lead_elsewhere(bench: Bench, target: str) -> None:
    (bench.copy.root / "loop").symlink_to(target)
    with pytest.raises(ToolRejected, match="link"):
        await bench.run("read_file", path="loop")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../x", "a/../../../x", "~/x", "x\0y", "a" * 300, "d/" * 3_000]
)
async def test_refuses_paths_that_are_no_file_here(bench: Bench, path: str) -> None:
    with pytest.raises(ToolRejected):
        await bench.run("read_file", path=path)


async def test_refuses_what_is_no_regular_file(bench: Bench, tmp_path: Path) -> None:
    os.mkfifo(bench.copy.root / "pipe")
    with pytest.raises(ToolRejected, match="no regular file"):
        await bench.run("read_file", path="pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = tmp_path / "s"
        listener.bind(str(here))
        here.rename(bench.copy.root / "socket")
        with pytest.raises(ToolRejected, match="no regular file"):
            await bench.run("read_file", path="socket")


@pytest.mark.parametrize(
    "name", ["-dash.txt", "quote'\"`$(x).txt", "tab\tname.txt", "cafe\u0301.txt", "..hidden", "$HOME"]
)
async def test_takes_odd_names_literally(bench: Bench, name: str) -> None:
    bench.put(name, "odd\n")
    output = await bench.run("read_file", path=name)
    assert output.content.endswith("1\todd")
