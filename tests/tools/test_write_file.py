"""write_file keeps what a file is, and says what it wrote."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def test_creates_a_file_and_its_folders(bench: Bench) -> None:
    output = await bench.run("write_file", path="new/deep/file.py", content="x = 1\n")
    assert bench.text("new/deep/file.py") == "x = 1\n"
    assert output.content == "Wrote new/deep/file.py (+1 -0, new), 6 bytes."


async def test_replaces_a_whole_file(bench: Bench) -> None:
    output = await bench.run("write_file", path="README.md", content="# New\n")
    assert bench.text("README.md") == "# New\n"
    assert "(+1 -3)" in output.content


async def test_keeps_crlf_where_the_content_has_lf(bench: Bench) -> None:
    bench.put("dos.txt", "one\r\ntwo\r\n")
    await bench.run("write_file", path="dos.txt", content="1\n2\n3\n")
    assert bench.copy.files.read("dos.txt") == b"1\r\n2\r\n3\r\n"


async def test_keeps_crlf_that_was_sent(bench: Bench) -> None:
    await bench.run("write_file", path="new.txt", content="a\r\nb\r\n")
    assert bench.copy.files.read("new.txt") == b"a\r\nb\r\n"


async def test_keeps_encoding_and_mark(bench: Bench) -> None:
    bench.put("wide.txt", "\ufeffold\n".encode("utf-16-le"))
    await bench.run("write_file", path="wide.txt", content="naïve 🍵\n")
    assert bench.copy.files.read("wide.txt") == "\ufeffnaïve 🍵\n".encode("utf-16-le")
    bench.put("marked.txt", "\ufeffold\n")
    await bench.run("write_file", path="marked.txt", content="\ufeffnew\n")
    assert bench.copy.files.read("marked.txt") == "\ufeffnew\n".encode()


async def test_says_when_the_encoding_had_to_change(bench: Bench) -> None:
    bench.put("latin.txt", "Größe naïve café\n".encode("cp1252"))
    output = await bench.run("write_file", path="latin.txt", content="→ Größe\n")
    assert bench.text("latin.txt") == "→ Größe\n"
    assert "It was cp1252 before" in output.content


async def test_keeps_the_mode(bench: Bench) -> None:
    bench.put("run.sh", "#!/bin/sh\n")
    (bench.copy.root / "run.sh").chmod(0o755)
    await bench.run("write_file", path="run.sh", content="#!/bin/sh\ntrue\n")
    assert bench.copy.files.stat("run.sh").mode == 0o755


async def test_warns_of_a_file_that_does_not_parse(bench: Bench) -> None:
    output = await bench.run("write_file", path="bad.py", content="def f(:\n")
    assert "warning: it does not parse: line 1" in output.content


async def test_says_that_nothing_changed(bench: Bench) -> None:
    output = await bench.run("write_file", path="app/__init__.py", content="")
    assert output.content == "app/__init__.py already has exactly this content; nothing was written."


async def test_writes_through_a_link_that_stays_inside(bench: Bench) -> None:
    (bench.copy.root / "link.md").symlink_to("README.md")
    await bench.run("write_file", path="link.md", content="through\n")
    assert bench.text("README.md") == "through\n"
    assert bench.copy.files.stat("link.md").kind == "link"


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("app", "x", "is a folder"),
        ("a.txt", "nul \0", "NUL"),
        ("../out.txt", "x", "outside"),
        ("/etc/motd", "x", "outside"),
        (".git/config", "x", "Git"),
        ("app/../.GIT/hooks/post-checkout", "x", "Git"),
        ("README.md/inner.txt", "x", "README.md"),
    ],
)
async def test_refuses_what_must_not_be_written(bench: Bench, path: str, content: str, said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("write_file", path=path, content=content)


async def test_leaves_read_only_and_binary_files_alone(bench: Bench) -> None:
    bench.put("locked.txt", "old\n")
    (bench.copy.root / "locked.txt").chmod(0o444)
    with pytest.raises(ToolRejected, match="read-only \\(mode 444\\)"):
        await bench.run("write_file", path="locked.txt", content="new\n")
    bench.put("image.png", b"\x89PNG\r\n\x1a\n\x00")
    with pytest.raises(ToolRejected, match="a PNG image"):
        await bench.run("write_file", path="image.png", content="new\n")
    assert bench.text("locked.txt") == "old\n"


async def test_refuses_content_beyond_a_megabyte(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="expected text of at most 1000000 characters"):
        await bench.run("write_file", path="big.txt", content="A" * 2_200_000)


async def test_previews_the_difference(bench: Bench) -> None:
    preview = await bench.preview(
        "write_file", path="README.md", content="# Billing\n\nNew ```words``` \u202e.\n"
    )
    assert preview.title == "write_file README.md, 3 lines"
    assert "-Totals and averages." in preview.markdown
    assert "\\u202e" in preview.markdown
    assert "````diff" in preview.markdown
    assert bench.text("README.md").startswith("# Billing\n\nTotals")
