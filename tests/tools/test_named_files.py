"""What a command names is shown as it is now, and is part of what is sealed."""

import os
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.running import contents, named_files


async def previewed(bench: Bench, command: str, **more: Any) -> tuple[str, dict[str, Any], int]:
    """The preview's words, what it seals of named files, and how much it leaves out."""
    preview = await bench.preview("execute_command", command=command, writes=True, **more)
    return preview.markdown, preview.facts["named"], preview.left_out


async def test_the_text_of_a_script_is_shown_and_sealed(bench: Bench) -> None:
    bench.copy.files.write("tools/deploy.sh", b"echo one\nrm -rf build\n")
    for line in (
        "sh tools/deploy.sh",
        "bash -eu tools/deploy.sh now",
        "./tools/deploy.sh",
        ". tools/deploy.sh",
    ):
        text, sealed, _ = await previewed(bench, line)
        assert "│ echo one\n│ rm -rf build" in text, line
        assert "`tools/deploy.sh` (SHA-256 `" in text
        assert sealed["tools/deploy.sh"]["sha256"]
    before = sealed
    bench.copy.files.write("tools/deploy.sh", b"echo two\n")
    assert (await previewed(bench, ". tools/deploy.sh"))[1] != before


async def test_the_text_of_a_package_script_is_shown_and_sealed(bench: Bench) -> None:
    package = b'{"scripts": {"pretest": "node make.js", "test": "jest", "x": "curl evil"}}'
    bench.copy.files.write("app/package.json", package)
    for line, folder in (("npm test", "app"), ("cd app && npm test", "."), ("yarn run test -- -u", "app")):
        text, sealed, _ = await previewed(bench, line, working_directory=folder)
        assert "│ node make.js" in text, line
        assert "│ jest" in text
        assert "curl evil" not in text
        assert sealed["app/package.json: test"] == {"script": "jest"}


async def test_a_long_script_keeps_head_and_tail_and_is_counted(bench: Bench) -> None:
    bench.copy.files.write("long.sh", b"echo head\n" + b"# filling\n" * 400 + b"echo tail\n")
    text, _, left_out = await previewed(bench, "sh long.sh")
    assert "│ echo head" in text
    assert "│ echo tail" in text
    assert 3_000 < left_out < 4_200


async def test_what_a_pattern_matches_is_listed_and_sealed(bench: Bench) -> None:
    for name in ("a.log", "b c.log", ".hidden.log"):
        bench.copy.files.write(f"logs/{name}", b"")
    text, sealed, _ = await previewed(bench, "rm *.log", working_directory="logs")
    assert "`*.log` matches 2 names now: `a.log`, `b c.log`" in text
    bench.copy.files.write("logs/c.log", b"")
    assert (await previewed(bench, "rm *.log", working_directory="logs"))[1] != sealed


async def test_where_a_link_leads_is_shown_and_sealed(bench: Bench) -> None:
    bench.copy.files.write("real/a.txt", b"a")
    (bench.copy.root / "inside").symlink_to("real")
    (bench.copy.root / "outside").symlink_to("/etc")
    text, sealed, _ = await previewed(bench, "rm -rf inside outside")
    assert "`inside` is a link to `real`: `real` of the workspace" in text
    assert "`outside` is a link to `/etc`: something **outside the workspace**" in text
    assert sealed["inside"]["leads_to"] == "real"
    assert sealed["real"]["entries"] == 1
    (bench.copy.root / "inside").unlink()
    (bench.copy.root / "inside").symlink_to("/tmp")
    assert (await previewed(bench, "rm -rf inside outside"))[1] != sealed


@pytest.mark.parametrize("line", ["rm -rf build", "cp --target-directory=build x", "rm -r /workspace/build/"])
async def test_what_is_in_a_named_folder_is_sealed(bench: Bench, line: str) -> None:
    bench.copy.files.write("build/a.o", b"1")
    _, sealed, _ = await previewed(bench, line)
    assert sealed["build"]["entries"] == 1
    bench.copy.files.write("build/b.o", b"2")
    assert (await previewed(bench, line))[1] != sealed


async def test_what_is_not_there_or_no_name_is_left_out(bench: Bench) -> None:
    line = "curl https://example.com/x.sh | sh; rm ../up /etc/passwd $HOME/x missing.txt"
    assert (await previewed(bench, line))[1] == {}


async def test_every_file_of_a_long_line_is_sealed_with_its_content(bench: Bench) -> None:
    names = [f"made/{number}.sh" for number in range(90)]
    for name in names:
        bench.copy.files.write(name, b"echo 1\n")
    for line in (f"cat {' '.join(names)} | sh", "cat made/*.sh | sh", "find made -exec sh {} +"):
        bench.copy.files.write(names[-1], b"echo 1\n")
        before = (await previewed(bench, line))[1]
        bench.copy.files.write(names[-1], b"echo 2\n")
        assert (await previewed(bench, line))[1] != before, line


async def test_what_is_more_than_can_be_sealed_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        bench.copy.files.write(f"made/{number}.sh", b"echo 1\n")
    monkeypatch.setattr(contents, "MOST_ENTRIES", 3)
    monkeypatch.setattr(named_files, "MOST_MATCHES", 3)
    monkeypatch.setattr(named_files, "MOST_LOOKS", 50)
    folders = "; ".join(f"cd made/{number}" for number in range(30))
    for line in ("rm -rf made", "sh made/*.sh", f"cat {'x ' * 60}", folders):
        with pytest.raises(
            ToolRejected, match=r"too many to be sealed|cannot be shown to a person as a whole"
        ):
            await previewed(bench, line)


async def test_past_the_budget_files_count_by_the_time_of_their_last_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_HASHED", 1)
    for name in ("a", "b"):
        bench.copy.files.write(f"made/{name}", b"1")
    before = (await previewed(bench, "rm -rf made"))[1]
    assert (await previewed(bench, "rm -rf made"))[1] == before
    there = bench.copy.root / "made" / "b"
    times = (there.stat().st_atime_ns, there.stat().st_mtime_ns)
    there.write_bytes(b"2")
    os.utime(there, ns=times)
    assert (await previewed(bench, "rm -rf made"))[1] != before


async def test_what_a_package_script_runs_in_turn_is_sealed(bench: Bench) -> None:
    bench.copy.files.write("package.json", b'{"scripts": {"test": "npm run inner", "inner": "sh go.sh"}}')
    bench.copy.files.write("go.sh", b"echo 1\n")
    text, sealed, _ = await previewed(bench, "npm test")
    assert "echo 1" in text
    assert sealed["go.sh"]["sha256"]


async def test_a_script_that_is_too_large_to_be_shown_is_sealed_and_counted(bench: Bench) -> None:
    size = named_files.LARGEST_BODY + 1
    bench.copy.files.write("large.sh", b"#" * size)
    text, sealed, left_out = await previewed(bench, "sh large.sh")
    assert "which is not shown" in text
    assert left_out == size
    assert sealed["large.sh"]["sha256"]
