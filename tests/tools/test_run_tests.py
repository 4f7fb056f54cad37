"""run_tests counts what really ran, and no tests are no success."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.test_comparison import recorded
from tools.test_frameworks.cases import TestCase, UnreadableReport
from tools.test_frameworks.junit import cases_of
from tools.tool_schemas import ToolOutput

PYTHON = """
import pytest

def test_adds():
    assert 1 + 1 == 2

class TestTotals:
    @pytest.mark.parametrize("n", [1, 2])
    def test_rounds(self, n):
        assert n == 1, "rounded the wrong way"

@pytest.mark.skip
def test_later():
    pass

@pytest.fixture
def broken():
    yield
    raise OSError("teardown broke")

def test_leaks(broken):
    open("left-behind.txt", "w").close()
"""
NODE = """
const { test, describe, it } = require('node:test');
const assert = require('node:assert');
test('adds', () => assert.equal(1 + 1, 2));
test('later', { skip: true }, () => {});
test('someday', { todo: true }, () => assert.equal(1, 2));
describe('totals', () => { it('rounds', () => { throw new Error('rounded <wrong>'); }); });
"""


def outcomes(output: ToolOutput) -> dict[str, str]:
    """What the output's record says of each test."""
    return dict(recorded(output.artifacts[-1].data).outcomes())


async def test_counts_and_names_failures_of_pytest(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.summary.startswith("pytest: 2 passed, 2 failed, 1 skipped, exit code 1 after ")
    assert "- tests/test_money.py::TestTotals::test_rounds[2]\n" in output.content
    assert "- tests/test_money.py::test_leaks\n" in output.content
    assert "rounded the wrong way" in output.content
    assert "teardown broke" in output.content
    assert [attachment.name for attachment in output.artifacts] == ["pytest-output.txt", "cases.json"]


async def test_every_outcome_is_recorded_for_comparisons(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    bench.put("tests/test_unloaded.py", "import nothing_like_it\n")
    output = await bench.run("run_tests")
    assert outcomes(output) == {
        "tests/test_money.py::test_adds": "passed",
        "tests/test_money.py::TestTotals::test_rounds[1]": "passed",
        "tests/test_money.py::TestTotals::test_rounds[2]": "failed",
        "tests/test_money.py::test_later": "skipped",
        "tests/test_money.py::test_leaks": "failed",
        "tests/test_unloaded.py": "failed",
    }
    assert output.artifacts[-1].media_type == "application/json"


async def test_ids_of_node_are_the_same_in_every_run(bench: Bench) -> None:
    bench.put("web/money.test.js", NODE)
    bench.put("web/other.test.js", NODE + "test('adds', () => { throw new Error('no'); });")
    bench.put("web/red.test.js", "require('node:test').test('is \\u001b[31mred\\u001b[0m', () => {});")
    bench.put("web/unloaded.test.js", "function (\n")
    recorded_outcomes = outcomes(await bench.run("run_tests"))
    assert recorded_outcomes == {
        "web/money.test.js::adds": "passed",
        "web/money.test.js::later": "skipped",
        "web/money.test.js::someday": "skipped",
        "web/money.test.js::totals > rounds": "failed",
        "web/other.test.js::adds": "passed",
        "web/other.test.js::later": "skipped",
        "web/other.test.js::someday": "skipped",
        "web/other.test.js::totals > rounds": "failed",
        "web/other.test.js::adds #2": "failed",
        "web/red.test.js::is red": "passed",
        "web/unloaded.test.js": "failed",
    }
    assert outcomes(await bench.run("run_tests")) == recorded_outcomes


async def test_runs_exactly_the_ids_of_a_former_run(bench: Bench) -> None:
    bench.put("web/other.test.js", NODE + "test('adds', () => { throw new Error('no'); });")
    output = await bench.run("run_tests", paths=["web/other.test.js::totals", "web/other.test.js::adds #2"])
    assert outcomes(output) == {
        "web/other.test.js::totals > rounds": "failed",
        "web/other.test.js::adds #2": "failed",
    }


async def test_what_did_not_run_is_recorded_with_its_reason(bench: Bench) -> None:
    bench.put("test_exit.py", "import os\n\ndef test_it():\n    os._exit(0)\n")
    output = await bench.run("run_tests")
    run = recorded(output.artifacts[-1].data).runs[0]
    assert (run.framework, run.ran, run.started, run.cases) == ("pytest", False, True, ())
    assert run.why.startswith("pytest: no tests ran, exit code 0 after ")


async def test_keeps_nothing_that_tests_write(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    await bench.run("run_tests")
    assert not bench.copy.files.exists("left-behind.txt")
    assert [change.path for change in await bench.copy.git.status()] == ["tests/test_money.py"]


async def test_runs_chosen_tests_only(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    chosen = await bench.run("run_tests", paths=["tests/test_money.py::test_adds"])
    assert chosen.ok
    assert chosen.content.startswith("pytest: 1 passed, exit code 0")
    matching = await bench.run("run_tests", paths=["tests"], pattern="adds or later")
    assert matching.content.startswith("pytest: 1 passed, 1 skipped")


async def test_counts_and_names_failures_of_node(bench: Bench) -> None:
    bench.put("web/money.test.js", NODE)
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.summary.startswith("node: 1 passed, 1 failed, 2 skipped, exit code 1 after ")
    assert "- web/money.test.js::totals > rounds\n" in output.content
    assert "rounded <wrong>" in output.content


async def test_runs_both_where_both_are_there(bench: Bench) -> None:
    bench.put("test_one.py", "def test_one():\n    pass\n")
    bench.put("test/one.js", "require('node:test').test('one', () => {});\n")
    output = await bench.run("run_tests")
    assert output.ok, output.content
    assert output.summary.startswith("pytest: 1 passed, exit code 0")
    assert "; node: 1 passed, exit code 0" in output.summary


async def test_shows_the_output_where_a_file_cannot_be_loaded(bench: Bench) -> None:
    bench.put("broken.test.js", "function (\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "- broken.test.js" in output.content
    assert "SyntaxError: Function statements require a function name" in output.content
    bench.copy.files.delete("broken.test.js")
    bench.put("test_broken.py", "import nothing_like_it\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "No module named 'nothing_like_it'" in output.content


async def test_no_tests_are_no_success(bench: Bench) -> None:
    bench.put("test_empty.py", "x = 1\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.content.startswith("pytest: no tests ran, exit code 5")
    bench.copy.files.delete("test_empty.py")
    bench.put("empty.test.js", "const x = 1;\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.content.startswith("node: no tests ran, exit code 0")


async def test_only_skipped_tests_are_no_success(bench: Bench) -> None:
    bench.put("test_skipped.py", "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    pass\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "1 skipped, exit code 0" in output.content
    assert "but that is not success" in output.content


async def test_a_suite_that_hangs_is_no_success(bench: Bench) -> None:
    bench.put("test_slow.py", "import time\n\ndef test_slow():\n    time.sleep(60)\n")
    output = await bench.run("run_tests", timeout_s=2)
    assert not output.ok
    assert "no tests ran, killed after 2." in output.content


async def test_a_suite_that_exits_early_is_no_success(bench: Bench) -> None:
    bench.put("test_exit.py", "import os\n\ndef test_it():\n    os._exit(0)\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.content.startswith("pytest: no tests ran, exit code 0")


async def test_refuses_where_there_is_nothing_to_run(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"No tests for pytest, unittest, .* cargo are in the workspace"):
        await bench.run("run_tests")
    with pytest.raises(ToolRejected, match=r"There is no 'tests/test_x.py'"):
        await bench.run("run_tests", paths=["tests/test_x.py::test_y"])
    with pytest.raises(
        ToolRejected, match="'framework' is 'tap'; expected one of 'auto', 'pytest', 'unittest'"
    ):
        await bench.run("run_tests", framework="tap")


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"<testsuites><testcase name='x'",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuites><testcase name="&a;"/></testsuites>',
    ],
)
def test_a_report_that_is_none_is_not_read(report: bytes) -> None:
    with pytest.raises(UnreadableReport):
        cases_of(report)


def test_a_test_that_failed_in_its_teardown_counts_once() -> None:
    report = b"""<testsuites><testsuite name="pytest">
    <testcase classname="t" name="test_a" file="t.py"/>
    <testcase classname="t" name="test_a" file="t.py"><error message="broke">where</error></testcase>
    </testsuite></testsuites>"""
    assert cases_of(report) == [TestCase("t.py::test_a", "failed", "where")]


@pytest.mark.parametrize("option", ["--ff", "--lf", "--nf", "--sw"])
async def test_options_of_a_project_that_need_pytests_cache_are_kept(bench: Bench, option: str) -> None:
    bench.put("pytest.ini", f"[pytest]\naddopts = {option}\n")
    bench.put("test_one.py", "def test_one():\n    pass\n")
    output = await bench.run("run_tests")
    assert output.ok, output.content
    assert "1 passed" in output.content
