"""The quality gate on a real working copy: what is wrong is found, and what was not looked at says why."""

from dataclasses import replace
from datetime import datetime

import pytest

from perdure.contracts.task import Check
from perdure.safety.policy import Policy
from tests.tools.conftest import Bench
from tools.quality_gate import MAX_TEST_FILES, QualityGate, related_tests
from tools.tool_runner import ToolRunner
from tools.tool_schemas import Effects, Toolchain

NODE_TEST = "require('node:test').test('adds', () => require('node:assert').equal(1 + 1, {}));\n"
PASSING = "from app.money import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"


class Gate:
    """The gate on a bench's working copy, against the commit it began with."""

    def __init__(self, bench: Bench, toolchain: Toolchain, base: str) -> None:
        def ledger(task_id: str, at: datetime) -> Effects:
            return bench.ledger

        runner = ToolRunner(bench.registry, Policy.load(), bench.context.sandbox, toolchain, ledger)
        self._gate = QualityGate(runner, bench.registry)
        self._bench, self._base = bench, base
        self.said = ""
        self.changed = 0

    async def check(self) -> dict[str, Check]:
        """The checks by name."""
        checks, self.said, self.changed = await self._gate(
            self._bench.copy, base_commit=self._base, beat=self._bench.beats.append
        )
        return {check.name: check for check in checks}


@pytest.fixture
async def gate(bench: Bench, toolchain: Toolchain) -> Gate:
    return Gate(bench, toolchain, await bench.copy.git.head())


def statuses(checks: dict[str, Check]) -> dict[str, str]:
    """Name → status."""
    return {name: check.status for name, check in checks.items()}


async def test_nothing_changed_is_nothing_checked(gate: Gate) -> None:
    checks = await gate.check()
    assert checks == {
        "syntax": Check(name="syntax", status="skipped", detail="no file changed"),
        "lint": Check(name="lint", status="skipped", detail="no Python file changed"),
        "tests": Check(name="tests", status="skipped", detail="no file with tests changed"),
    }
    assert (gate.said, gate.changed) == ("", 0)


async def test_good_work_passes_everything(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "def total(prices):\n    return sum(prices, start=0)\n")
    bench.put("tests/test_money.py", PASSING)
    checks = await gate.check()
    assert statuses(checks) == {"syntax": "passed", "lint": "passed", "tests (pytest)": "passed"}
    assert checks["syntax"].detail == "2 changed files parsed"
    assert checks["lint"].detail == "ruff on 2 files"
    assert checks["tests (pytest)"].detail.startswith("pytest: 1 passed, exit code 0")
    assert (gate.said, gate.changed) == ("", 2)
    assert bench.beats == ["running ruff", "running python", "running sh"]


async def test_a_syntax_error_is_found_in_any_language(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "def total(prices:\n    return sum(prices)\n")
    bench.put("web/app.js", "function (\n")
    checks = await gate.check()
    assert checks["syntax"].status == "failed"
    assert checks["lint"].status == "failed"
    for path in ("app/money.py", "web/app.js"):
        assert f"{path}: " in gate.said


async def test_an_undefined_name_is_found(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "def total(prices):\n    return summ(prices)\n")
    checks = await gate.check()
    assert statuses(checks) == {"syntax": "passed", "lint": "failed", "tests (Python)": "skipped"}
    assert "app/money.py:2:12: F821" in checks["lint"].detail
    assert "`summ`" in checks["lint"].detail
    assert gate.said.startswith("Lint failed:\n")


async def test_matters_of_taste_are_no_failure(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "import os, sys\ndef total( prices ):\n  x=1;return sum(prices)\n")
    assert (await gate.check())["lint"].status == "passed"


async def test_the_repositorys_own_settings_cannot_switch_it_off(bench: Bench, gate: Gate) -> None:
    bench.put("ruff.toml", 'builtins = ["summ"]\n[lint.per-file-ignores]\n"*.py" = ["F821"]\n')
    bench.put("app/money.py", "def total(prices):\n    return summ(prices)\n")
    assert (await gate.check())["lint"].status == "failed"


async def test_a_failing_test_is_found_and_named(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "def total(prices):\n    return max(prices)\n")
    bench.put("tests/test_money.py", PASSING)
    checks = await gate.check()
    assert statuses(checks) == {"syntax": "passed", "lint": "passed", "tests (pytest)": "failed"}
    assert checks["tests (pytest)"].detail.startswith("pytest: 1 failed, exit code 1")
    assert gate.said.startswith("Tests failed:\n")
    assert "tests/test_money.py::test_total" in gate.said


async def test_a_deleted_file_is_a_change(bench: Bench, gate: Gate) -> None:
    bench.put("tests/test_money.py", PASSING)
    bench.copy.files.delete("app/money.py")
    checks = await gate.check()
    assert checks["tests (pytest)"].status == "failed"
    assert "No module named 'app.money'" in gate.said
    assert gate.changed == 2


async def test_what_tests_write_changes_nothing(bench: Bench, gate: Gate) -> None:
    bench.put("tests/test_money.py", f"{PASSING}\n\ndef test_writes():\n    open('left.txt', 'w').close()\n")
    assert (await gate.check())["tests (pytest)"].status == "passed"
    assert not bench.copy.files.exists("left.txt")


async def test_tests_of_javascript_run_by_node(bench: Bench, gate: Gate) -> None:
    bench.put("web/money.js", "module.exports = 1;\n")
    bench.put("web/money.test.js", NODE_TEST.format(2))
    checks = await gate.check()
    assert statuses(checks) == {"syntax": "passed", "lint": "skipped", "tests (node)": "passed"}
    bench.put("web/money.test.js", NODE_TEST.format(3))
    checks = await gate.check()
    assert checks["tests (node)"].status == "failed"
    assert checks["tests (node)"].detail.startswith("node: 1 failed")


async def test_without_node_its_tests_are_skipped_and_say_why(bench: Bench, toolchain: Toolchain) -> None:
    gate = Gate(bench, replace(toolchain, node=None), await bench.copy.git.head())
    bench.put("web/money.test.js", NODE_TEST.format(3))
    checks = await gate.check()
    assert checks["tests (node)"] == Check(
        name="tests (node)", status="skipped", detail="Node is not installed on this worker."
    )
    assert gate.said == ""


async def test_without_its_packages_a_framework_is_skipped_and_says_why(bench: Bench, gate: Gate) -> None:
    bench.put("package.json", '{"devDependencies": {"vitest": "4"}}')
    bench.put("web/money.test.ts", "import { test } from 'vitest';\ntest('adds', () => {});\n")
    checks = await gate.check()
    assert checks["tests (vitest)"].status == "skipped"
    assert "node_modules is missing; install the dependencies first" in checks["tests (vitest)"].detail
    assert gate.said == ""


async def test_what_only_looks_like_a_test_fails_nothing(bench: Bench, gate: Gate) -> None:
    bench.put("tests/helper.ts", "export const one = 1;\n")
    checks = await gate.check()
    assert checks["tests (JavaScript)"].status == "skipped"
    assert checks["tests (JavaScript)"].detail.startswith("No tests for pytest, unittest, ")


async def test_a_change_without_any_test_says_so(bench: Bench, gate: Gate) -> None:
    bench.put("app/money.py", "def total(prices):\n    return sum(prices)\n")
    bench.put("README.md", "# Money\n")
    checks = await gate.check()
    assert statuses(checks) == {"syntax": "passed", "lint": "passed", "tests (Python)": "skipped"}
    assert checks["tests (Python)"].detail == "no test names what changed"


async def test_names_that_look_like_options_are_names(bench: Bench, gate: Gate) -> None:
    bench.put("--fix.py", "x = undefined_name\n")
    bench.put("with space.py", "y = 1\n")
    checks = await gate.check()
    assert checks["lint"].status == "failed"
    assert "--fix.py:1:5: F821" in gate.said
    assert bench.text("--fix.py") == "x = undefined_name\n"


async def test_in_a_large_suite_only_what_concerns_the_change_runs(bench: Bench) -> None:
    tests = [f"tests/test_{number:02}.py" for number in range(MAX_TEST_FILES + 1)]
    for path in tests:
        bench.put(path, "def test_it():\n    pass\n")
    bench.put("tests/test_07.py", "import app.money\n")
    bench.put("tests/test_08.py", "import app.moneybags\n")
    few = related_tests(bench.copy, ["app/money.py", "tests/test_20.py"], tests)
    assert few == ["tests/test_07.py", "tests/test_20.py"]
    assert related_tests(bench.copy, ["app/__init__.py"], tests) == []
    assert related_tests(bench.copy, ["app/money.py"], tests[:-1]) == tests[:-1]
