"""grep_search finds lines, bounded, and says what is wrong with a pattern."""

import os
import time

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def test_finds_lines_by_file_and_number(bench: Bench) -> None:
    output = await bench.run("grep_search", pattern=r"def \w+")
    assert output.content == (
        "2 matching lines in 1 file\napp/money.py\n1: def total(prices):\n5: def average(prices):"
    )


async def test_shows_lines_around_a_match(bench: Bench) -> None:
    output = await bench.run("grep_search", pattern="average", path="app", context=1)
    assert output.content.endswith(
        "app/money.py\n4- \n5: def average(prices):\n6-     return total(prices) / len(prices)"
    )


async def test_takes_plain_text_and_ignores_case_when_asked(bench: Bench) -> None:
    output = await bench.run("grep_search", pattern="RETURN SUM(", fixed=True, ignore_case=True)
    assert "2:     return sum(prices)" in output.content
    assert (await bench.run("grep_search", pattern="RETURN")).content == "No line in . matches 'RETURN'."


async def test_narrows_by_glob(bench: Bench) -> None:
    output = await bench.run("grep_search", pattern="total", ignore_case=True, glob="*.md")
    assert output.content == "1 matching line in 1 file\nREADME.md\n3: Totals and averages."


async def test_narrows_by_language_and_names_one_that_there_is_not(bench: Bench) -> None:
    output = await bench.run("grep_search", pattern="total", type="py")
    assert output.content.startswith("2 matching lines in 1 file\napp/money.py\n")
    assert (await bench.run("grep_search", pattern="total", type="rust")).content.endswith(
        "type rust matches 'total'."
    )
    with pytest.raises(ToolRejected, match="unrecognized file type: cobal"):
        await bench.run("grep_search", pattern="total", type="cobal")


async def test_names_the_files_of_which_nothing_is_shown_with_their_counts(bench: Bench) -> None:
    for number in range(1, 4):
        bench.put(f"many{number}.txt", "needle\n" * number * 10)
    output = await bench.run("grep_search", pattern="needle", limit=15)
    lines = output.content.splitlines()
    assert lines[0].startswith("60 matching lines in 3 files; the first 15 are shown")
    assert lines[1] == "many1.txt"
    assert "many2.txt (20 in all)" in lines
    assert lines[-1] == "[also in many3.txt (30)]"


async def test_files_come_in_the_order_of_their_names(bench: Bench) -> None:
    for name in "dbeac":
        bench.put(f"{name}.txt", "needle\n")
    output = await bench.run("grep_search", pattern="needle")
    assert output.content.splitlines()[1::2] == ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]


async def test_leaves_out_what_git_ignores_and_git_itself(bench: Bench) -> None:
    bench.put("server.log", "def hidden\n")
    output = await bench.run("grep_search", pattern="def hidden|refs/heads")
    assert output.content.startswith("No line")


async def test_shows_only_so_many_and_says_how_many_there_are(bench: Bench) -> None:
    bench.put("many.txt", "needle\n" * 300)
    output = await bench.run("grep_search", pattern="needle", limit=5)
    assert output.content.startswith("300 matching lines in 1 file; the first 5 are shown")
    assert output.content.endswith("5: needle")


async def test_is_bounded_where_nearly_everything_matches(bench: Bench) -> None:
    bench.put("huge.txt", "some longer line that matches\n" * 200_000)
    output = await bench.run("grep_search", pattern="line", limit=3)
    assert output.content.startswith("at least ")
    assert len(output.content) < 1_000


async def test_cuts_long_lines(bench: Bench) -> None:
    bench.put("minified.js", "x" * 100_000 + "needle\n")
    output = await bench.run("grep_search", pattern="needle")
    assert len(output.content) < 1_500


@pytest.mark.parametrize(
    "arguments", [{"pattern": "("}, {"pattern": "x", "glob": "[["}, {"pattern": "(?=x)y"}]
)
async def test_tells_the_model_what_is_wrong_with_a_pattern(bench: Bench, arguments: dict[str, str]) -> None:
    with pytest.raises(ToolRejected, match=r"The search was not run: .*(parse|glob|look-around)"):
        await bench.run("grep_search", **arguments)


@pytest.mark.parametrize("path", ["-rf", "na\nme.txt", "tab\t.txt"])
async def test_takes_odd_names_literally(bench: Bench, path: str) -> None:
    bench.put(path, "needle\n")
    for where in (path, "."):
        output = await bench.run("grep_search", pattern="needle", path=where)
        assert output.content.startswith("1 matching line in 1 file\n")
        assert output.content.endswith("\n1: needle")


@pytest.mark.parametrize("pattern", ["-e", "--pre=touch", "-f/etc/passwd"])
async def test_a_pattern_is_never_an_option(bench: Bench, pattern: str) -> None:
    bench.put("options.txt", f"{pattern}\n")
    output = await bench.run("grep_search", pattern=pattern)
    assert output.content.endswith(f"options.txt\n1: {pattern}")


async def test_searches_nothing_outside(bench: Bench) -> None:
    (bench.copy.root / "away").symlink_to("/etc")
    with pytest.raises(ToolRejected):
        await bench.run("grep_search", pattern="root", path="away")
    with pytest.raises(ToolRejected):
        await bench.run("grep_search", pattern="root", path="/etc/passwd")
    assert (await bench.run("grep_search", pattern="root:x:0")).content.startswith("No line")


async def test_obeys_no_configuration_of_the_repository(bench: Bench) -> None:
    bench.put(".ripgreprc", "--pre=touch\n")
    bench.put(".rgignore", "*\n")
    bench.put(".ignore", "*\n")
    assert "app/money.py" in (await bench.run("grep_search", pattern="def total")).content
    assert not os.path.lexists(bench.copy.root / "touch")


async def test_a_pipe_is_refused_at_once(bench: Bench) -> None:
    os.mkfifo(bench.copy.root / "pipe")
    began = time.monotonic()
    with pytest.raises(ToolRejected, match="neither a file nor a folder"):
        await bench.run("grep_search", pattern="x", path="pipe")
    assert time.monotonic() - began < 10
