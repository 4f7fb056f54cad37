"""read_file on good and bad files."""

import os
import socket
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


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
        ("plain".encode("utf-16-le"), "binary data of 10 bytes"),
    ],
)
async def test_says_what_a_binary_file_is(bench: Bench, data: bytes, kind: str) -> None:
    bench.put("thing.bin", data)
    with pytest.raises(ToolRejected, match=kind):
        await bench.run("read_file", path="thing.bin")


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
