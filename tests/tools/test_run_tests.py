"""run_tests counts what really ran, and no tests are no success."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.junit import TestCase, UnreadableReport, cases_of

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


async def test_counts_and_names_failures_of_pytest(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.excerpt.startswith("pytest: 2 passed, 2 failed, 1 skipped, exit code 1 after ")
    assert "- tests/test_money.py::TestTotals::test_rounds[2]\n" in output.text
    assert "- tests/test_money.py::test_leaks\n" in output.text
    assert "rounded the wrong way" in output.text
    assert "teardown broke" in output.text
    assert [attachment.name for attachment in output.attachments] == ["pytest-output.txt"]


async def test_keeps_nothing_that_tests_write(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    await bench.run("run_tests")
    assert not bench.copy.files.exists("left-behind.txt")
    assert [change.path for change in await bench.copy.git.status()] == ["tests/test_money.py"]


async def test_runs_chosen_tests_only(bench: Bench) -> None:
    bench.put("tests/test_money.py", PYTHON)
    chosen = await bench.run("run_tests", paths=["tests/test_money.py::test_adds"])
    assert chosen.ok
    assert chosen.text.startswith("pytest: 1 passed, exit code 0")
    matching = await bench.run("run_tests", paths=["tests"], pattern="adds or later")
    assert matching.text.startswith("pytest: 1 passed, 1 skipped")


async def test_counts_and_names_failures_of_node(bench: Bench) -> None:
    bench.put("web/money.test.js", NODE)
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.excerpt.startswith("node: 1 passed, 1 failed, 2 skipped, exit code 1 after ")
    assert "- totals > rounds\n" in output.text
    assert "rounded <wrong>" in output.text


async def test_runs_both_where_both_are_there(bench: Bench) -> None:
    bench.put("test_one.py", "def test_one():\n    pass\n")
    bench.put("test/one.js", "require('node:test').test('one', () => {});\n")
    output = await bench.run("run_tests")
    assert output.ok, output.text
    assert output.excerpt.startswith("pytest: 1 passed, exit code 0")
    assert "; node: 1 passed, exit code 0" in output.excerpt


async def test_shows_the_output_where_a_file_cannot_be_loaded(bench: Bench) -> None:
    bench.put("broken.test.js", "function (\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "- broken.test.js" in output.text
    assert "SyntaxError: Function statements require a function name" in output.text
    bench.copy.files.delete("broken.test.js")
    bench.put("test_broken.py", "import nothing_like_it\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "No module named 'nothing_like_it'" in output.text


async def test_no_tests_are_no_success(bench: Bench) -> None:
    bench.put("test_empty.py", "x = 1\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.text.startswith("pytest: no tests ran, exit code 5")
    bench.copy.files.delete("test_empty.py")
    bench.put("empty.test.js", "const x = 1;\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.text.startswith("node: no tests ran, exit code 0")


async def test_only_skipped_tests_are_no_success(bench: Bench) -> None:
    bench.put("test_skipped.py", "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    pass\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "1 skipped, exit code 0" in output.text
    assert "but that is not success" in output.text


async def test_a_suite_that_hangs_is_no_success(bench: Bench) -> None:
    bench.put("test_slow.py", "import time\n\ndef test_slow():\n    time.sleep(60)\n")
    output = await bench.run("run_tests", timeout_s=2)
    assert not output.ok
    assert "no tests ran, killed after 2." in output.text


async def test_a_suite_that_exits_early_is_no_success(bench: Bench) -> None:
    bench.put("test_exit.py", "import os\n\ndef test_it():\n    os._exit(0)\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.text.startswith("pytest: no tests ran, exit code 0")


async def test_refuses_where_there_is_nothing_to_run(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="No tests for pytest or node --test"):
        await bench.run("run_tests")
    with pytest.raises(ToolRejected, match=r"There is no 'tests/test_x.py'"):
        await bench.run("run_tests", paths=["tests/test_x.py::test_y"])
    with pytest.raises(ToolRejected, match="'framework' is 'jest'; expected one of 'auto', 'pytest', 'node'"):
        await bench.run("run_tests", framework="jest")


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
