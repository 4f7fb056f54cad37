"""Tests that a change takes out of a run are found by what the files say, and run_tests names them."""

import json

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.test_changes.fewer import fewer_tests
from tools.test_changes.reading_program import tests_in as written_in
from tools.test_selection.change import change_since

PYTHON = '''
import sys, unittest, pytest
later = pytest.mark.skip("later")

def test_plain():
    """Calls no skip(, says the word."""
    assert mark.skip(1)

@later
def test_alias(): pass

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.xfail)])
def test_some(n): pass

@unittest.expectedFailure
def test_fails(): pass

def test_inside():
    pytest.skip("now")

def test_perhaps():
    if sys.platform == "win32":
        pytest.skip("there")

if sys.platform == "linux":
    def test_here(): pass

class TestGroup(unittest.TestCase):
    pytestmark = pytest.mark.skipif(True, reason="x")
    def test_in(self): pass
    def test_out(self): self.skipTest("now")
    def helper(self): pass

class TestNone:
    __test__ = False
    def test_it(self): pass
'''
SCRIPT = """
describe('totals', () => {
  it.each([1, 2])('adds %s', (n) => {});
  it('rounds', { skip: true }, () => {});
  test.todo('later');
  xit('is old', () => {});
  test.failing('breaks', () => {});
  it(`has ${size}`, function () { if (size) this.skip(); });
  test.skipIf(old)('is new', () => {});
});
test('outer', async (t) => { await t.test('inner', (t) => { t.skip(); }); });
test('outer', () => {});
beforeEach(() => {});
"""
GO = """package x
func TestA(t *testing.T) { t.Run("in side", func(t *testing.T) { t.SkipNow() }) }
func TestB(t *testing.T) { if short { t.Skip() } }
func Testing() {}
"""
RUST = """
mod tests {
  #[test]
  #[ignore = "slow"]
  fn later() {}
  #[tokio::test]
  async fn now() {}
  #[cfg(windows)]
  #[test]
  fn there() {}
  fn helper() {}
}
"""


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "python",
            PYTHON,
            {
                "test_plain": "", "test_alias": "skipped", "test_some": "perhaps skipped",
                "test_fails": "expected to fail", "test_inside": "skipped", "test_perhaps": "perhaps skipped",
                "test_here": "perhaps skipped", "TestGroup::test_in": "perhaps skipped",
                "TestGroup::test_out": "skipped", "TestNone::test_it": "skipped",
            },
        ),
        ("python", "import pytest\npytest.skip('x', allow_module_level=True)\ndef test_a(): pass\n", {"test_a": "skipped"}),
        (
            "typescript",
            SCRIPT,
            {
                "totals > adds %s": "", "totals > rounds": "skipped", "totals > later": "skipped",
                "totals > is old": "skipped", "totals > breaks": "expected to fail",
                "totals > has ${size}": "perhaps skipped", "totals > is new": "perhaps skipped",
                "outer": "", "outer > inner": "skipped", "outer #2": "",
            },
        ),
        ("tsx", "test('a', () => {});\nfit('b', () => {});\n", {"a": "left out", "b": ""}),
        (
            "javascript",
            "describe.only('a', () => { it('b', () => {}); });\nit('c', () => {});",
            {"a > b": "", "c": "left out"},
        ),
        ("go", GO, {"TestA": "", "TestA/in_side": "skipped", "TestB": "perhaps skipped"}),
        ("go", f"//go:build ignore\n\n{GO[: GO.index('func TestB')]}", {"TestA": "skipped", "TestA/in_side": "skipped"}),
        ("rust", RUST, {"tests::later": "skipped", "tests::now": "", "tests::there": "perhaps skipped"}),
    ],
)  # fmt: skip
def test_every_way_to_take_a_test_out_is_read(language: str, text: str, expected: dict[str, str]) -> None:
    assert {each.name: each.mark.value for each in written_in(language, text) or []} == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", None),
        ("python", "def test_a(:\n"),
        ("javascript", "describe('a', () => {" * 2_000 + "});" * 2_000),
    ],
)
def test_what_cannot_be_read_whole_is_not_taken_for_a_file_without_tests(
    language: str, text: str | None
) -> None:
    assert written_in(language, text) is None


OLD = """import pytest
def test_stays(): pass
def test_goes(): pass
def test_moves(): pass
def test_skips(): pass
"""
NEW = """import pytest
def test_stays(): pass
@pytest.mark.skip
def test_skips(): pass
"""


async def test_run_tests_names_what_is_gone_and_newly_skipped(bench: Bench) -> None:
    bench.put("tests/test_money.py", OLD)
    bench.put("web/a.test.js", "const { test } = require('node:test');\ntest('a', () => {});\n")
    bench.put("web/b.test.js", "test('b', () => {});\n")
    await bench.run("git_commit", message="Begin with tests")
    bench.put("tests/test_money.py", NEW)
    bench.put("tests/test_moved.py", "def test_moves(): pass\n")
    bench.put("web/a.test.js", "const { test } = require('node:test');\ntest.only('new', () => {});\ntest('a', () => {});\n")  # fmt: skip
    bench.copy.files.delete("web/b.test.js")
    output = await bench.run("run_tests", since="HEAD", framework="pytest")
    assert output.ok, output.content
    head = await bench.copy.git.head()
    assert output.content.splitlines()[:5] == [
        f"TESTS THAT NO LONGER COUNT, against HEAD {head[:12]}:",
        "- gone (2): tests/test_money.py::test_goes, web/b.test.js::b",
        "- newly skipped (1): tests/test_money.py::test_skips",
        "- newly left out, because another test of the file is marked as the only one (1): web/a.test.js::a",
        "",
    ]
    assert output.summary.endswith(
        f"; Against HEAD {head[:12]}: 2 tests gone, 1 newly skipped, 1 newly left out by another's 'only'"
    )
    assert json.loads(output.artifacts[-1].data)["runs"][0]["cases"]
    # The task began without any of them.
    change = await change_since(bench.context, "")
    fewer = await fewer_tests(bench.context, change.paths, commit=change.commit, against=change.against)
    assert (change.commit, fewer.report, fewer.headline) == (bench.copy.base_commit, "", "")


async def test_where_every_test_is_gone_the_refusal_says_so(bench: Bench) -> None:
    bench.put("tests/test_money.py", "def test_total(): pass\n")
    await bench.run("git_commit", message="Begin with tests")
    bench.copy.files.delete("tests/test_money.py")
    with pytest.raises(ToolRejected, match=r"Against HEAD [0-9a-f]{12}: 1 test gone"):
        await bench.run("run_tests", since="HEAD")
