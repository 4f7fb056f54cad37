"""run_tests on Go and Rust: reports that were recorded from the real programs, and real runs where those are installed."""

import json

import pytest

from tests.tools.conftest import Bench
from tools.test_comparison import recorded
from tools.test_frameworks import cargo_report, go_report
from tools.test_frameworks.cases import UnreadableReport
from tools.tool_schemas import ToolOutput

GO_TEST = """package money

import "testing"

func TestTotal(t *testing.T) {
	if Total(1, 2) != 4 {
		t.Errorf("Total(1, 2) = %d; want 4", Total(1, 2))
	}
}
func TestGroups(t *testing.T) {
	t.Run("inner one", func(t *testing.T) {})
}
func TestLater(t *testing.T) { t.Skip("later") }
"""
GO_REPORT = [
    {"ImportPath": "demo/other [demo/other.test]", "Action": "build-output", "Output": "other/b_test.go:5:28: undefined: x\n"},
    {"ImportPath": "demo/other [demo/other.test]", "Action": "build-fail"},
    {"Action": "start", "Package": "demo/money"},
    {"Action": "output", "Package": "demo/other", "Output": "FAIL\tdemo/other [build failed]\n"},
    {"Action": "fail", "Package": "demo/other", "Elapsed": 0, "FailedBuild": "demo/other [demo/other.test]"},
    {"Action": "run", "Package": "demo/money", "Test": "TestTotal"},
    {"Action": "output", "Package": "demo/money", "Test": "TestTotal", "Output": "=== RUN   TestTotal\n"},
    {"Action": "output", "Package": "demo/money", "Test": "TestTotal", "Output": "    money_test.go:7: want 4\n"},
    {"Action": "output", "Package": "demo/money", "Test": "TestTotal", "Output": "--- FAIL: TestTotal (0.00s)\n"},
    {"Action": "fail", "Package": "demo/money", "Test": "TestTotal", "Elapsed": 0},
    {"Action": "pass", "Package": "demo/money", "Test": "TestGroups/inner_one", "Elapsed": 0},
    {"Action": "pass", "Package": "demo/money", "Test": "TestGroups", "Elapsed": 0},
    {"Action": "skip", "Package": "demo/money", "Test": "TestLater", "Elapsed": 0},
    {"Action": "output", "Package": "demo/money", "Output": "FAIL\n"},
    {"Action": "fail", "Package": "demo/money", "Elapsed": 0.008},
]  # fmt: skip
CARGO_REPORT = """   Compiling demo v0.1.0 (/workspace)
     Running unittests src/lib.rs (target/debug/deps/demo-8348ca7a80742723)

running 3 tests
test tests::later ... ignored, slow
test tests::adds ... ok
test tests::rounds ... FAILED

failures:

---- tests::rounds stdout ----

thread 'tests::rounds' (5177) panicked at src/lib.rs:12:19:
assertion `left == right` failed: rounded wrong
  left: 3
 right: 4
stack backtrace:
   0: __rustc::rust_begin_unwind


failures:
    tests::rounds

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.74s

error: test failed, to rerun pass `--lib`
     Running tests/out.rs (target/debug/deps/out-78cb0e57ef149cef)

running 1 test
test panics - should panic ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests demo

running 1 test
test src/lib.rs - (line 1) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.74s
"""
RUST = """pub fn total(a: i32, b: i32) -> i32 { a + b }

#[cfg(test)]
mod tests {
    #[test]
    fn adds() { assert_eq!(super::total(1, 2), 3); }
    #[test]
    fn rounds() { assert_eq!(super::total(1, 2), 4, "rounded wrong"); }
    #[test]
    #[ignore]
    fn later() {}
}
"""


def outcomes(output: ToolOutput) -> dict[str, str]:
    return dict(recorded(output.artifacts[-1].data).outcomes())


def test_reads_the_events_of_go() -> None:
    report = "\n".join(["not an event", *map(json.dumps, GO_REPORT), '{"Action": 3']).encode()
    cases = go_report.cases_of(report, "web", "demo")
    assert {case.id: (case.outcome, case.detail) for case in cases} == {
        "web/money::TestTotal": ("failed", "money_test.go:7: want 4"),
        "web/money::TestGroups": ("passed", ""),
        "web/money::TestGroups/inner_one": ("passed", ""),
        "web/money::TestLater": ("skipped", ""),
        "web/other": ("failed", "other/b_test.go:5:28: undefined: x"),
    }
    for broken in (b"", b"go: no packages", b"[" * 90_000):
        with pytest.raises(UnreadableReport):
            go_report.cases_of(broken)


def test_reads_what_cargo_writes() -> None:
    cases = cargo_report.cases_of(CARGO_REPORT.encode())
    assert {case.id: case.outcome for case in cases} == {
        "src/lib.rs::tests::later": "skipped",
        "src/lib.rs::tests::adds": "passed",
        "src/lib.rs::tests::rounds": "failed",
        "tests/out.rs::panics": "passed",
        "doc demo::src/lib.rs - (line 1)": "passed",
    }
    failed = next(case for case in cases if case.outcome == "failed")
    assert "rounded wrong" in failed.detail
    assert "backtrace" not in failed.detail
    with pytest.raises(UnreadableReport):
        cargo_report.cases_of(b"error: could not compile `demo`")


async def test_go_is_started_or_is_said_to_be_missing(bench: Bench) -> None:
    # A module that cannot be read fails at once; a whole one takes minutes, because Go compiles its library first.
    bench.put("shop/go.mod", "module example.com/shop\n\nbroken line\n")
    bench.put("shop/money/money_test.go", GO_TEST)
    output = await bench.run("run_tests", framework="go")
    assert not output.ok
    missing = bench.context.toolchain.go is None
    said = "go is not installed on this worker" if missing else "errors parsing go.mod"
    assert said in output.content


async def test_cargo_runs_for_real_or_is_said_to_be_missing(bench: Bench) -> None:
    bench.put("Cargo.toml", '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n')
    bench.put("src/lib.rs", RUST)
    output = await bench.run("run_tests", framework="cargo")
    if bench.context.toolchain.cargo is None:
        assert "cargo is not installed on this worker" in output.content
        return
    assert outcomes(output) == {
        "src/lib.rs::tests::adds": "passed",
        "src/lib.rs::tests::rounds": "failed",
        "src/lib.rs::tests::later": "skipped",
    }
    assert "rounded wrong" in output.content
    assert not bench.copy.files.exists("target")
