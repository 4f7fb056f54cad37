"""run_tests with affected runs what a change can break, says why, and runs everything where it cannot know."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.test_comparison import recorded
from tools.test_frameworks.outcome import FrameworkRun
from tools.test_selection.compiled_part import compiled_part
from tools.test_selection.imports_program import graph_of
from tools.test_selection.kinds import Family, Kind, homes_of, kind_of
from tools.test_selection.parts import Part, reached

PROJECT = {
    "app/__init__.py": "",
    "app/money.py": "import json\n",
    "app/bill.py": "from .money import total\n",
    "app/lazy.py": "import importlib\nimportlib.import_module('app.money')\n",
    "app/json.py": "",
    "app/newer.py": "from app import money\ndef f[T](x: T) -> T: match\n",
    "src/shop/__init__.py": "from shop.core import run\n",
    "src/shop/core.py": "import app.bill as bill\n",
    "src/shop/__main__.py": "",
    "scripts/tool.py": "",
    "tests/conftest.py": "pytest_plugins = ['tests.given']\n",
    "tests/given.py": "from app.json import x\n",
    "tests/test_bill.py": "import app.bill\n",
    "tests/test_shop.py": "import shop\n",
    "tests/test_alone.py": "import json\n",
    "tests/test_patched.py": "patch('app.money.total')\n",
    "tests/test_run.py": "run([sys.executable, '-m', 'shop'])\n",
    "tests/test_script.py": "run(['python', './scripts/tool.py'])\n",
    "tests/test_read.py": "open(HERE / 'data.csv')\n",
    "other/test_far.py": "from app import lazy\n",
    "other/test_newer.py": "from app import newer\n",
}
TESTS = sorted(path for path in PROJECT if "/test_" in path)


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ("app/money.py", ["other/test_far", "other/test_newer", "tests/test_bill", "tests/test_patched", "tests/test_run", "tests/test_shop"]),
        ("app/bill.py", ["tests/test_bill", "tests/test_run", "tests/test_shop"]),
        ("src/shop/core.py", ["tests/test_run", "tests/test_shop"]),
        ("src/shop/__main__.py", ["tests/test_run"]),
        ("scripts/tool.py", ["tests/test_script"]),
        ("data.csv", ["tests/test_read"]),
        # By way of conftest.py, and of the plugin that it names.
        ("app/json.py", [path.removesuffix(".py") for path in TESTS if path.startswith("tests/")]),
    ],
)  # fmt: skip
def test_python_tests_are_found_by_what_they_import_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, affected: list[str]
) -> None:
    for path, text in PROJECT.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    graph = graph_of({"files": sorted(PROJECT), "tests": TESTS, "named": ["data.csv"], "plugins": []})
    ways = reached({path: set(uses) for path, uses in graph.items()}, [changed], TESTS)
    assert sorted(path.removesuffix(".py") for path in ways) == affected
    assert all(way[-1] == changed for way in ways.values())


def test_what_imported_a_deleted_module_is_affected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_a.py").write_text("from lib.gone import x\n")
    (tmp_path / "test_b.py").write_text("import plain\n")
    monkeypatch.chdir(tmp_path)
    files = ["lib/gone.py", "test_a.py", "test_b.py", "tool/plugin.py"]
    graph = graph_of({"files": files, "tests": files[1:3], "named": [], "plugins": ["tool.plugin"]})
    assert graph == {"test_a.py": ["lib/gone.py", "tool/plugin.py"], "test_b.py": ["tool/plugin.py"]}


HOMES = homes_of(["app/money.py", "web/package.json", "web/src/a.ts", "go.mod", "pyproject.toml"])


@pytest.mark.parametrize(
    ("path", "family", "kind"),
    [
        ("app/money.py", "python", Kind.SOURCE),
        ("app/money.py", "script", Kind.NOTHING),
        ("requirements-dev.txt", "python", Kind.SETTINGS),
        ("web/vitest.config.ts", "script", Kind.SETTINGS),
        ("web/package.json", "python", Kind.NOTHING),
        ("app/templates/mail.html", "python", Kind.DATA),
        ("app/templates/mail.html", "script", Kind.NOTHING),
        ("web/public/x.json", "script", Kind.DATA),
        ("data/x.csv", "go", Kind.DATA),
        ("README.md", "python", Kind.NOTHING),
        ("go.sum", "go", Kind.SETTINGS),
        ("crates/a/Cargo.toml", "cargo", Kind.SOURCE),
        ("Cargo.lock", "cargo", Kind.SETTINGS),
    ],
)
def test_a_changed_file_is_something_to_the_families_that_it_concerns(
    path: str, family: Family, kind: Kind
) -> None:
    assert kind_of(path, family, HOMES) is kind


def test_the_report_gives_the_way_from_a_test_to_the_change() -> None:
    edges = {"t.py": {"a.py"}, "a.py": {"b.py", "a.py"}, "b.py": {"a.py", "c.py"}}
    part = Part("Python", ["t.py", "u.py"], chosen=reached(edges, ["c.py"], ["t.py", "u.py"]))
    assert part.report == "Python: 1 of 2 test files: t.py (by a.py → b.py → c.py)."
    assert Part("Go", ["a_test.go"]).report == "Go: none of 1 test file."


@pytest.mark.parametrize(
    ("output", "code", "expected"), [("No test files found, exiting", 0, True), ("", 0, False), ("No test files found", 1, False)]
)  # fmt: skip
def test_a_framework_that_chose_nothing_has_to_say_so(output: str, code: int, expected: bool) -> None:
    run = FrameworkRun("vitest", ".", None, code, "ended", output, none_said="No test files found")
    assert run.succeeded is run.is_unaffected is expected


CRATE = '[package]\nname = "{0}"\nversion = "0.1.0"\n[dependencies]\n'
RUST_TEST = "#[test]\nfn works() {}\n"


async def test_crates_are_chosen_by_what_their_manifests_say(bench: Bench) -> None:
    bench.put(
        "Cargo.toml", '[workspace]\nmembers = ["a", "b", "c"]\n[workspace.dependencies]\na = { path = "a" }\n'
    )
    for name, more in (("a", ""), ("b", "a.workspace = true\n"), ("c", ""), ("d", 'b = { path = "../b" }\n')):
        bench.put(f"{name}/Cargo.toml", CRATE.format(name) + more)
        bench.put(f"{name}/src/lib.rs", RUST_TEST)
    tests = [f"{name}/src/lib.rs" for name in "abcd"]
    part = await compiled_part(bench.context, "cargo", ".", tests, {"a/src/lib.rs": Kind.SOURCE})
    assert sorted(part.chosen) == ["a/src/lib.rs", "b/src/lib.rs", "d/src/lib.rs"]
    whole = await compiled_part(bench.context, "cargo", ".", tests, {"Cargo.lock": Kind.SETTINGS})
    assert whole.all_because.startswith("Cargo.lock changed")


async def test_packages_of_go_are_chosen_by_what_go_says_or_all_run(bench: Bench) -> None:
    bench.put("go.mod", "module demo\n\ngo 1.19\n")
    bench.put("money/m.go", "package money\n\nfunc Total() int { return 1 }\n")
    bench.put("api/a.go", 'package api\n\nimport "demo/money"\n\nfunc Show() int { return money.Total() }\n')
    tests = ["api/a_test.go", "money/m_test.go", "other/o_test.go"]
    for path in tests:
        bench.put(
            path, f'package {path.partition("/")[0]}\n\nimport "testing"\n\nfunc TestIt(t *testing.T) {{}}\n'
        )
    part = await compiled_part(bench.context, "go", ".", tests, {"money/m.go": Kind.SOURCE})
    if bench.context.toolchain.go is None:
        assert "go is not installed on this worker" in part.all_because
    else:
        assert part.chosen == {
            "api/a_test.go": ["api/a_test.go", "money/m.go"],
            "money/m_test.go": ["money/m_test.go", "money/m.go"],
        }


async def test_only_affected_tests_run_and_the_reason_is_told(bench: Bench) -> None:
    bench.put("package.json", '{"name": "x", "version": "1.0.0"}')
    bench.put(
        "tests/test_money.py",
        "from app.money import total\n\n\ndef test_total():\n    assert total([1]) == 1\n",
    )
    bench.put("tests/test_other.py", "def test_other():\n    raise AssertionError\n")
    bench.put("web/a.js", "module.exports = 1;\n")
    bench.put(
        "web/a.test.js", "const { test } = require('node:test');\nrequire('./a');\ntest('a', () => {});\n"
    )
    bench.put("web/b.test.js", "require('node:test').test('b', () => { throw new Error(); });\n")
    await bench.run("git_commit", message="Begin with tests")
    nothing = await bench.run("run_tests", affected=True, since="HEAD")
    assert nothing.ok
    assert nothing.summary.startswith("No tests are affected by the change since HEAD ")
    assert "passed" not in nothing.content
    assert recorded(nothing.artifacts[-1].data).runs == ()
    bench.put("app/money.py", bench.text("app/money.py") + "\n")
    bench.put("web/a.js", "module.exports = 2;\n")
    bench.put("README.md", "# New\n")
    output = await bench.run("run_tests", affected=True, since="HEAD")
    assert output.ok, output.content
    assert output.content.splitlines()[1:3] == [
        "Python: 1 of 2 test files: tests/test_money.py (by app/money.py).",
        "JavaScript, node: 1 of 2 test files: web/a.test.js (by web/a.js).",
    ]
    assert output.summary.startswith("2 of 4 test files, by the change since HEAD ")
    assert recorded(output.artifacts[-1].data).outcomes() == {
        "tests/test_money.py::test_total": "passed",
        "web/a.test.js::a": "passed",
    }


async def test_what_every_test_may_depend_on_runs_them_all_and_says_so(bench: Bench) -> None:
    bench.put("tests/test_money.py", "def test_total():\n    pass\n")
    bench.put("app/rates.csv", "1\n")
    output = await bench.run("run_tests", affected=True)
    assert "all of 1 test file, because app/rates.csv changed and no file names it" in output.content
    assert "pytest: 1 passed" in output.summary
    with pytest.raises(ToolRejected, match="paths names single tests"):
        await bench.run("run_tests", affected=True, paths=["tests/test_money.py::test_total"])
    bench.copy.files.delete("tests/test_money.py")
    with pytest.raises(ToolRejected, match="No tests for pytest"):
        await bench.run("run_tests", affected=True)
