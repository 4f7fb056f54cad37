"""Which framework a project uses, how its script starts it, and which Python runs its tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.test_comparison import recorded
from tools.test_frameworks.cases import LONGEST_ID, stable
from tools.test_frameworks.invocations import Invocation, invocation_of
from tools.test_frameworks.packages import Package
from tools.tool_schemas import ToolOutput

UNITTEST = """
import unittest

class Totals(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(1 + 1, 2)

    def test_rounds(self):
        for n in (1, 2):
            with self.subTest(n=n):
                self.assertEqual(n, 1, "rounded the wrong way")

    @unittest.skip("later")
    def test_later(self):
        pass

    @unittest.expectedFailure
    def test_someday(self):
        self.fail()

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no database")

    def test_never(self):
        pass
"""


def outcomes(output: ToolOutput) -> dict[str, str]:
    return dict(recorded(output.artifacts[-1].data).outcomes())


async def test_a_project_of_unittest_alone_is_run_by_it(bench: Bench) -> None:
    bench.put("tests/test_money.py", UNITTEST)
    bench.put("tests/test_unloaded.py", "import unittest\nimport nothing_like_it\n")
    output = await bench.run("run_tests")
    assert output.summary.startswith("unittest: 1 passed, 3 failed, 2 skipped, exit code 1 after ")
    assert "every test file uses unittest alone" in output.content
    assert "rounded the wrong way" in output.content
    assert outcomes(output) == {
        "tests/test_money.py::Totals::test_adds": "passed",
        "tests/test_money.py::Totals::test_rounds": "failed",
        "tests/test_money.py::Totals::test_later": "skipped",
        "tests/test_money.py::Totals::test_someday": "skipped",
        "tests/test_money.py::setUpClass (test_money.Broken)": "failed",
        "tests/test_unloaded.py": "failed",
    }


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = ['*_tests.py']\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = 'checks/*_tests.py other.py'\n"),
        ("pytest.ini", "[pytest]\npython_files = *_tests.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files =\n    *_tests.py\n    check_*.py\n"),
        ("tox.ini", "[pytest]\npython_files = money_*.py\n"),
    ],
)
async def test_files_are_tests_where_pytests_own_setting_names_them(
    bench: Bench, file: str, says: str
) -> None:
    bench.put(file, says)
    bench.put("checks/money_tests.py", "def test_adds():\n    assert 1 + 1 == 2\n")
    output = await bench.run("run_tests")
    assert output.ok, output.content
    assert outcomes(output) == {"checks/money_tests.py::test_adds": "passed"}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("pyproject.toml", "[tool.x]\ntest = 'python -m unittest discover -s app -p \"*tests.py\"'\n"),
        ("tox.ini", "[testenv]\ncommands = python -m unittest discover --pattern=*_tests.py\n"),
        ("Makefile", "test:\n\tpython -m unittest discover -p '*tests.py' app\n"),
    ],
)
async def test_files_are_tests_where_the_projects_unittest_command_names_them(
    bench: Bench, file: str, says: str
) -> None:
    bench.put(file, says)
    bench.put("app/tests/money_tests.py", UNITTEST)
    output = await bench.run("run_tests")
    assert output.summary.startswith("unittest: 1 passed, 2 failed, 2 skipped")


async def test_such_names_alone_make_no_tests_and_damaged_settings_hide_none(bench: Bench) -> None:
    bench.put("app/money_tests.py", "def test_adds():\n    pass\n")
    with pytest.raises(ToolRejected):
        await bench.run("run_tests")
    bench.put("setup.cfg", "python_files = '\n")
    bench.put("test_money.py", UNITTEST)
    assert (await bench.run("run_tests")).summary.startswith("unittest: 1 passed")


async def test_unittest_runs_exactly_the_asked_ids(bench: Bench) -> None:
    bench.put("tests/test_money.py", UNITTEST)
    one = await bench.run("run_tests", paths=["tests/test_money.py::Totals::test_adds"])
    assert one.ok, one.content
    assert outcomes(one) == {"tests/test_money.py::Totals::test_adds": "passed"}
    some = await bench.run("run_tests", pattern="rounds")
    assert outcomes(some) == {"tests/test_money.py::Totals::test_rounds": "failed"}


async def test_unittest_without_tests_or_an_end_is_no_success(bench: Bench) -> None:
    bench.put("test_none.py", "import unittest\n")
    none = await bench.run("run_tests")
    assert none.content.startswith("unittest: no tests ran, exit code 5 after ")
    bench.put(
        "test_none.py",
        "import os, unittest\nclass T(unittest.TestCase):\n    def test_it(self): os._exit(0)\n",
    )
    left = await bench.run("run_tests")
    assert left.content.startswith("unittest: no tests ran, exit code 0 after ")
    assert not left.ok


@pytest.mark.parametrize(
    "sign",
    [
        ("tests/conftest.py", ""),
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
        ("tests/test_other.py", "import pytest\n"),
        ("tests/test_other.py", "def test_it():\n    pass\n"),
    ],
)
async def test_one_sign_of_pytest_is_enough(bench: Bench, sign: tuple[str, str]) -> None:
    bench.put("tests/test_money.py", UNITTEST)
    bench.put(*sign)
    assert (await bench.run("run_tests")).content.startswith("pytest: ")


async def test_a_folder_with_its_own_configuration_is_run_there(bench: Bench) -> None:
    bench.put(
        "backend/pyproject.toml", "[tool.pytest.ini_options]\npythonpath = ['src']\ntestpaths = ['checks']\n"
    )
    bench.put("backend/src/wares.py", "ONE = 1\n")
    bench.put(
        "backend/checks/test_wares.py", "from wares import ONE\n\ndef test_one():\n    assert ONE == 1\n"
    )
    bench.put("test_root.py", "def test_root():\n    pass\n")
    output = await bench.run("run_tests")
    assert outcomes(output)["backend/checks/test_wares.py::test_one"] == "passed", output.content
    assert "pytest in backend: 1 passed" in output.content
    again = await bench.run("run_tests", paths=["backend/checks/test_wares.py::test_one"])
    assert again.ok, again.content
    assert outcomes(again) == {"backend/checks/test_wares.py::test_one": "passed"}


async def test_the_files_of_the_workspace_are_tested_and_no_installed_copy(bench: Bench) -> None:
    make_environment(bench)
    (found,) = (bench.copy.root / ".venv" / "lib").glob("python3*")
    (found / "site-packages" / "wares").mkdir()
    (found / "site-packages" / "wares" / "__init__.py").write_text("ONE = 2\n")
    bench.put("src/wares/__init__.py", "ONE = 1\n")
    body = "import unittest\nimport wares\n\nclass T(unittest.TestCase):\n    def test_it(self): assert wares.ONE == 1\n"
    bench.put("tests/test_wares.py", body)
    output = await bench.run("run_tests")
    assert output.ok, output.content


def make_environment(bench: Bench) -> None:
    """The project's own environment, as ``python -m venv`` makes it; without pytest."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(bench.copy.root / ".venv")]
    subprocess.run(command, check=True, env=dict(os.environ))
    (found,) = (bench.copy.root / ".venv" / "lib").glob("python3*")
    (found / "site-packages" / "only_there.py").write_text("HERE = True\n")


async def test_the_projects_own_python_is_used_where_it_runs(bench: Bench) -> None:
    make_environment(bench)
    body = "import only_there\nimport unittest\n\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    bench.put("tests/test_there.py", body)
    output = await bench.run("run_tests")
    assert output.ok, output.content


async def test_pytest_that_is_missing_from_the_projects_python_is_said(bench: Bench) -> None:
    make_environment(bench)
    bench.put("tests/test_it.py", "import pytest\n\ndef test_it():\n    pass\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.content == (
        "pytest: not started. The tests need pytest, which is not installed for /workspace/.venv/bin/python; "
        "install the dependencies first."
    )
    assert not recorded(output.artifacts[-1].data).runs[0].started


async def test_a_python_that_does_not_run_is_said_and_passed_over(bench: Bench) -> None:
    bench.put(".venv/bin/python", "no program\n")
    bench.put("tests/test_it.py", "import pytest\n\ndef test_it():\n    pass\n")
    output = await bench.run("run_tests")
    assert output.ok, output.content
    assert ".venv/bin/python does not run in the sandbox, so the worker's Python is used" in output.content


def package(*names: str, **content: Any) -> Package:
    return Package(".", content, frozenset(["package.json", *names]))


@pytest.mark.parametrize(
    ("made", "framework"),
    [
        (package(scripts={"test": "vitest run"}, devDependencies={"jest": "1"}), "vitest"),
        (package(scripts={"test": "npm run unit", "unit": "c8 mocha"}), "mocha"),
        (package(scripts={"test": "node node_modules/jest/bin/jest.js"}), "jest"),
        (package(scripts={"test": "tsc -p . && mocha dist/test"}), "script"),
        (
            package(scripts={"test": "npm run lint && npm run only", "only": "jest src", "lint": "eslint"}),
            "jest",
        ),
        (package(scripts={"test": "pnpm types && pnpm vitest run", "types": "tsc -p ."}), "vitest"),
        (package(scripts={"test": "eslint . && node --import tsx --test"}), "node"),
        (package(scripts={"test": "tape test/*.js"}, devDependencies={"tape": "5"}), "script"),
        (package(scripts={"test": 'echo "Error: no test specified" && exit 1'}), ""),
        (package("vitest.config.ts", devDependencies={"jest": "1"}), "vitest"),
        (package(jest={"preset": "x"}, devDependencies={"vitest": "1"}), "jest"),
        (package(".mocharc.yml"), "mocha"),
        (package(devDependencies={"mocha": "1"}), "mocha"),
        (package(devDependencies={"eslint-plugin-jest": "1"}), ""),
        (package(scripts={"test": "npm run test"}), "script"),
        (package(scripts=[], devDependencies="jest"), ""),
        (package(), ""),
    ],
)
def test_a_package_says_which_framework_it_uses(made: Package, framework: str) -> None:
    chosen, why = made.choice
    assert chosen == framework
    assert bool(why) == bool(framework)


@pytest.mark.parametrize(
    ("script", "framework", "expected"),
    [
        ("jest", "jest", Invocation()),
        (
            "NODE_OPTIONS=--experimental-vm-modules jest --config a.json --coverage --reporters x src",
            "jest",
            Invocation(("NODE_OPTIONS=--experimental-vm-modules",), (), ("--config", "a.json"), ("src",)),
        ),
        (
            "cross-env TZ=UTC node --experimental-vm-modules node_modules/.bin/jest",
            "jest",
            Invocation(("TZ=UTC",), ("--experimental-vm-modules",)),
        ),
        (
            "lint && nyc mocha -r ts-node/register --reporter dot 'test/**/*.ts' > out.txt",
            "mocha",
            Invocation((), (), ("-r", "ts-node/register"), ("test/**/*.ts", "out.txt")),
        ),
        ("vitest run --watch=false -c x.ts", "vitest", Invocation((), (), ("-c", "x.ts"))),
        ("mocha $(cat files)", "mocha", Invocation(places=("files)",))),
        ("mocha 'unclosed", "mocha", Invocation()),
        ("tap", "mocha", Invocation()),
    ],
)
def test_a_script_says_how_the_framework_is_started(
    script: str, framework: str, expected: Invocation
) -> None:
    assert invocation_of(script, framework) == expected


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("t.py::test[<object object at 0x7f2a93dd7d10>]", "t.py::test[<object object at …>]"),
        ("/workspace/t.js::\x1b[31mred\x1b[0m\n", "t.js::red\\x0a"),
        ("t.py::test[/tmp/tmpab12cd34/x]", "t.py::test[/tmp/…/x]"),
        ("t.js::\ud800", "t.js::\\xd800"),
    ],
)
def test_ids_hold_nothing_that_changes_or_hides(name: str, id: str) -> None:
    assert stable(name) == id


def test_long_ids_stay_different() -> None:
    first, second = stable("a" * 1_000 + "x"), stable("a" * 1_000 + "y")
    assert first != second
    assert len(first) < LONGEST_ID + 20


def test_the_frameworks_of_the_tests_are_locked_without_addresses() -> None:
    folder = Path(__file__).with_name("javascript")
    text = (folder / "package-lock.json").read_text()
    assert "resolved" not in text
    assert json.loads(text)["lockfileVersion"] == 3
