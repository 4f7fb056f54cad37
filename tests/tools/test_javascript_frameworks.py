"""Vitest, Jest and Mocha as a project has them installed: what ran is counted, named the same each time, and bounded."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from perdure.contracts.errors import ToolRejected
from perdure.safety.sandbox import Sandbox
from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking
from tools.test_comparison import RecordedRun, compare, recorded
from tools.tool_schemas import ToolOutput

PROJECT = Path(__file__).with_name("javascript")
IMPORTS = {
    "vitest": "import { describe, expect, it, test } from 'vitest';\nconst equal = (a, b) => expect(a).toBe(b);\n",
    "jest": "const equal = (a, b) => expect(a).toBe(b);\n",
    "mocha": "const equal = require('node:assert').equal;\nconst test = it;\n",
}
SUITE = """
test('adds', () => equal(1 + 1, 2));
describe('totals', () => {
  it('rounds', () => equal(1, 2));
  it('is \\u001b[31mred\\u001b[0m', () => equal(1, 1));
  it('is \\u001b[31mred\\u001b[0m', () => equal(1, 1));
});
test.skip('later', () => {});
"""
OUTCOMES = {
    "adds": "passed",
    "totals > rounds": "failed",
    "totals > is red": "passed",
    "totals > is red #2": "passed",
    "later": "skipped",
}
FRAMEWORKS = ["vitest", "jest", "mocha"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    """The frameworks as npm installs them from the lock file, owned by the user that programs run as."""
    folder = tmp_path_factory.mktemp("javascript")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PROJECT / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    await asyncio.to_thread(subprocess.run, command, cwd=folder, check=True, env=dict(os.environ))
    if os.geteuid() == 0:
        owner = f"{sandbox.owner.uid}:{sandbox.owner.gid}"
        await asyncio.to_thread(subprocess.run, ["chown", "-Rh", owner, str(folder)], check=True)
    return folder / "node_modules"


@pytest_asyncio.fixture(loop_scope="session")
async def project(bench: Bench, installed: Path) -> Bench:
    """A working copy with the frameworks' packages in it; the same files under further names."""
    linking = ["cp", "-al", str(installed), str(bench.copy.root)]
    await asyncio.to_thread(subprocess.run, linking, check=True)
    return bench


def package(**content: Any) -> str:
    return json.dumps({"name": "sample", "version": "1.0.0", **content})


def depending_on(framework: str, **content: Any) -> str:
    return package(devDependencies={framework: "*"}, **content)


def put_suite(bench: Bench, framework: str, path: str = "src/money.test.js", body: str = SUITE) -> None:
    """A test file for the framework."""
    bench.put(path, IMPORTS[framework] + body)


def record(output: ToolOutput) -> tuple[RecordedRun, ...]:
    return recorded(output.artifacts[-1].data).runs


def outcomes(output: ToolOutput, file: str = "src/money.test.js") -> dict[str, str]:
    """Outcome by name, of one file."""
    found = recorded(output.artifacts[-1].data).outcomes()
    return {id.removeprefix(f"{file}::"): outcome for id, outcome in found.items() if id.startswith(file)}


def manifest(framework: str) -> str:
    """Mocha looks at no file named so unless it is told."""
    scripts = {"test": "mocha 'src/**/*.test.js'"} if framework == "mocha" else {}
    return depending_on(framework, scripts=scripts)


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_every_outcome_is_counted_and_named_the_same_each_time(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework)
    output = await project.run("run_tests")
    assert not output.ok
    assert output.summary.startswith(f"{framework}: 3 passed, 1 failed, 1 skipped, exit code 1 after "), (
        output.content
    )
    assert "- src/money.test.js::totals > rounds\n" in output.content
    assert "package.json" in output.content.splitlines()[1]
    assert outcomes(output) == OUTCOMES
    assert outcomes(await project.run("run_tests")) == OUTCOMES


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_good_suite_passes_and_leaves_nothing(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework, body="test('adds', () => require('fs').writeFileSync('left.txt', ''));")
    if framework == "vitest":
        body = "import { writeFileSync } from 'node:fs';\ntest('adds', () => writeFileSync('left.txt', ''));"
        put_suite(project, framework, body=body)
    output = await project.run("run_tests")
    assert output.ok, output.content
    assert output.summary.startswith(f"{framework}: 1 passed, exit code 0")
    assert not project.copy.files.exists("left.txt")


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_exactly_the_asked_ids_run_again(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework)
    put_suite(project, framework, "src/other.test.js")
    ids = [
        "src/money.test.js::totals > rounds",
        "src/other.test.js::totals > is red #2",
        "src/other.test.js::adds",
    ]
    output = await project.run("run_tests", paths=ids)
    assert dict(recorded(output.artifacts[-1].data).outcomes()) == {
        ids[0]: "failed",
        ids[1]: "passed",
        ids[2]: "passed",
    }


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_chosen_files_run_alone(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework)
    put_suite(project, framework, "src/other.test.js", "test('other', () => equal(1, 1));")
    output = await project.run("run_tests", paths=["src/other.test.js"])
    assert output.ok, output.content
    assert outcomes(output, "src/other.test.js") == {"other": "passed"}
    assert outcomes(output) == {}


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_pattern_chooses_by_name(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework)
    output = await project.run("run_tests", pattern="^adds")
    assert output.ok, output.content
    assert outcomes(output)["adds"] == "passed"
    assert outcomes(output).get("totals > rounds", "skipped") == "skipped"


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_file_that_does_not_load_is_no_success(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework)
    good = recorded((await project.run("run_tests")).artifacts[-1].data)
    put_suite(project, framework, body="require('./nothing-like-it');\n" + SUITE)
    if framework == "vitest":
        put_suite(project, framework, body="import './nothing-like-it';\n" + SUITE)
    output = await project.run("run_tests")
    assert not output.ok
    assert "nothing-like-it" in output.content
    found = compare(good, recorded(output.artifacts[-1].data))
    assert "src/money.test.js::adds" in found.vanished
    assert not found.held


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_hanging_test_ends_at_the_time_limit(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework, body="test('hangs', () => { for (;;); });")
    began = time.monotonic()
    output = await project.run("run_tests", timeout_s=4)
    assert time.monotonic() - began < 30
    assert not output.ok
    assert output.content.startswith(f"{framework}: no tests ran, killed after ")
    assert not record(output)[0].ran
    assert record(output)[0].started


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_no_tests_are_no_success(project: Bench, framework: str) -> None:
    project.put("package.json", manifest(framework))
    put_suite(project, framework, body="")
    output = await project.run("run_tests")
    assert not output.ok
    assert recorded(output.artifacts[-1].data).outcomes().keys() <= {"src/money.test.js"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_without_installed_packages_it_says_what_is_missing(bench: Bench, framework: str) -> None:
    bench.put("package.json", manifest(framework))
    put_suite(bench, framework)
    output = await bench.run("run_tests")
    assert not output.ok
    assert output.content == (
        f"{framework}: not started. {framework} is in package.json, but node_modules is missing; "
        "install the dependencies first."
    )
    assert (record(output)[0].started, record(output)[0].ran) == (False, False)


async def test_typescript_runs_as_vitest_is_configured(project: Bench) -> None:
    project.put("package.json", depending_on("vitest", type="module"))
    project.put(
        "vitest.config.ts",
        "import { defineConfig } from 'vitest/config';\n"
        "export default defineConfig({ test: { include: ['checks/**/*.check.ts'], globals: true } });\n",
    )
    project.put(
        "checks/sum.check.ts", "const two: number = 2;\ntest('adds', () => expect(1 + 1).toBe(two));\n"
    )
    project.put("src/sum.spec.ts", "test('never', () => expect(1).toBe(2));\n")
    output = await project.run("run_tests")
    assert output.ok, output.content
    assert outcomes(output, "checks/sum.check.ts") == {"adds": "passed"}
    assert "it is configured beside package.json" in output.content


async def test_a_script_with_variables_and_options_is_followed(project: Bench) -> None:
    script = (
        "npm run lint && NODE_OPTIONS=--experimental-vm-modules RATE=3 jest --config config/jest.json --watch"
    )
    project.put("package.json", depending_on("jest", scripts={"test": "npm run unit", "unit": script}))
    project.put("config/jest.json", json.dumps({"rootDir": "..", "testMatch": ["<rootDir>/checks/*.mjs"]}))
    project.put("checks/rate.mjs", "test('rate', () => expect(process.env.RATE).toBe('3'));\nexport {};\n")
    put_suite(project, "jest")
    output = await project.run("run_tests")
    assert output.ok, output.content
    assert outcomes(output, "checks/rate.mjs") == {"rate": "passed"}


async def test_files_for_vitest_are_not_given_to_node(project: Bench) -> None:
    project.put("package.json", depending_on("vitest"))
    put_suite(project, "vitest", body="test('adds', () => equal(1, 1));")
    project.put("scripts/plain.test.mjs", "import test from 'node:test';\ntest('plain', () => {});\n")
    project.put("vitest.config.mjs", "export default { test: { include: ['src/**'] } };\n")
    output = await project.run("run_tests")
    assert output.ok, output.content
    assert [run.framework for run in record(output)] == ["node", "vitest"]
    assert "its files import node" in output.content


async def test_a_file_that_imports_two_frameworks_is_its_packages(project: Bench) -> None:
    project.put("package.json", depending_on("vitest"))
    body = "import 'node:test';\ntest('adds', () => equal(1, 1));"
    put_suite(project, "vitest", body=body)
    output = await project.run("run_tests")
    assert [run.framework for run in record(output)] == ["vitest"]


async def test_a_file_for_vitest_without_it_says_so(bench: Bench) -> None:
    bench.put("package.json", package())
    put_suite(bench, "vitest")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "vitest: not started. " in output.content


async def test_a_monorepo_runs_each_package_by_its_own_framework(project: Bench) -> None:
    project.put("package.json", package(workspaces=["packages/*"], scripts={"test": "turbo run test"}))
    project.put("packages/a/package.json", depending_on("vitest", scripts={"test": "vitest"}))
    put_suite(project, "vitest", "packages/a/src/a.test.js", "test('a', () => equal(1, 1));")
    project.put("packages/b/package.json", depending_on("jest", scripts={"test": "jest"}))
    put_suite(project, "jest", "packages/b/src/b.test.js", "test('b', () => equal(1, 1));")
    project.put("examples/c/package.json", depending_on("jest", scripts={"test": "jest"}))
    put_suite(project, "jest", "examples/c/c.test.js", "test('c', () => equal(1, 2));")
    output = await project.run("run_tests")
    assert output.ok, output.content
    assert recorded(output.artifacts[-1].data).outcomes() == {
        "packages/a/src/a.test.js::a": "passed",
        "packages/b/src/b.test.js::b": "passed",
    }
    assert "vitest in packages/a: 1 passed" in output.summary
    only_b = await project.run("run_tests", paths=["packages/b"])
    assert [run.folder for run in record(only_b)] == ["packages/b"]


async def test_an_unknown_framework_is_run_by_its_script(bench: Bench) -> None:
    bench.put("package.json", package(scripts={"test": "node check.js"}))
    bench.put("check.js", "process.exit(0);\n")
    output = await bench.run("run_tests")
    assert output.ok, output.content
    assert "single tests are not seen" in output.content
    assert recorded(output.artifacts[-1].data).outcomes() == {"package.json::test": "passed"}
    bench.put("check.js", "console.log('it broke'); process.exit(3);\n")
    output = await bench.run("run_tests")
    assert not output.ok
    assert "it broke" in output.content
    assert recorded(output.artifacts[-1].data).outcomes() == {"package.json::test": "failed"}


async def test_the_placeholder_of_npm_is_no_test(bench: Bench) -> None:
    bench.put("package.json", package(scripts={"test": 'echo "Error: no test specified" && exit 1'}))
    with pytest.raises(ToolRejected, match="No tests for pytest"):
        await bench.run("run_tests")


async def test_generated_tests_run_by_the_framework_that_the_project_has(project: Bench) -> None:
    """Jest here, and Vitest with types where the project is TypeScript."""
    project.put("package.json", depending_on("jest"))
    project.put("src/twice.js", "function twice(n) {\n  return n * 2;\n}\n\nmodule.exports = { twice };\n")
    head = "const { twice } = require('./twice');\n\n"
    good = head + "test('twice', () => {\n  expect(twice(3)).toBe(6);\n});\n"
    snapshot = head + "test('twice', () => {\n  expect(twice(3)).toMatchInlineSnapshot('6');\n});\n"
    asked, model = asking(project, {"tests": snapshot}, {"tests": good})
    output = await asked.run("generate_tests", path="src/twice.js")
    assert "The test 'twice' asserts nothing but a snapshot" in model.asked[1]
    assert project.text("src/twice.test.js") == good
    assert "imports it from './twice' (CommonJS: use require)" in model.asked[0]
    assert output.summary.startswith("wrote src/twice.test.js, 1 tests, mutation score 3 of 3")


async def test_vitest_and_jest_choose_by_themselves_what_a_change_affects(project: Bench) -> None:
    project.copy.keep_out(["node_modules"])
    project.put("package.json", package(workspaces=["vitest", "jest"]))
    for framework in ("vitest", "jest"):
        project.put(f"{framework}/package.json", depending_on(framework, scripts={"test": framework}))
        for name in ("one", "two"):
            exported = f"export const {name} = 1;\n" if framework == "vitest" else f"exports.{name} = 1;\n"
            loaded = "import './{}.js';\n" if framework == "vitest" else "require('./{}.js');\n"
            project.put(f"{framework}/{name}.js", exported)
            body = f"{loaded.format(name)}test('{name}', () => equal(1, 1));\n"
            put_suite(project, framework, f"{framework}/{name}.test.js", body)
    await project.run("git_commit", message="Begin with tests")
    project.put("vitest/one.js", "export const one = 2;\n")
    output = await project.run("run_tests", affected=True, since="HEAD")
    assert output.ok, output.content
    assert "`vitest related` finds for vitest/one.js." in output.content
    assert "jest in jest: no tests are affected" in output.content
    assert recorded(output.artifacts[-1].data).outcomes() == {"vitest/one.test.js::one": "passed"}
