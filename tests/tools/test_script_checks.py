"""The quality gate has a JavaScript project's own ESLint and tsc look at a change, and counts only what is new."""

from dataclasses import replace

import pytest

from perdure.contracts.task import Check
from tests.tools.conftest import Bench
from tests.tools.own_programs import put_own_programs
from tests.tools.test_quality_gate import Gate, statuses
from tools.tool_schemas import Toolchain

RULES = 'export default [{ rules: { "no-debugger": "error", "no-var": "warn" } }];\n'
TYPES = '{"compilerOptions": {"strict": true, "types": [], "lib": ["es2022"]}, "include": ["src"]}'
OLD_LINT = "export const old = 1;\ndebugger;\n"
OLD_TYPES = "export const old: number = 'old';\nexport const used = 1;\n"
USER = "import { used } from './types.js';\nexport const twice = used * 2;\n"


async def test_only_what_a_change_brings_in_fails_it(bench: Bench, toolchain: Toolchain) -> None:
    await put_own_programs(bench, type="module")
    bench.put("eslint.config.mjs", RULES)
    bench.put("tsconfig.json", TYPES)
    bench.put("src/lint.js", OLD_LINT)
    bench.put("src/types.ts", OLD_TYPES)
    bench.put("src/user.ts", USER)
    await bench.run("git_commit", message="Begin with a shop")
    gate = Gate(bench, toolchain, await bench.copy.git.head())
    assert statuses(await gate.check()) == {"syntax": "skipped", "lint": "skipped", "tests": "skipped"}

    bench.put("src/lint.js", f"export const first = 0;\nvar second;\n{OLD_LINT}")
    bench.put("src/types.ts", f"// moved by a line\n{OLD_TYPES}")
    checks = await gate.check()
    assert statuses(checks)["lint (ESLint)"] == statuses(checks)["types (tsc)"] == "passed", checks
    assert checks["lint (ESLint)"].detail.startswith("ESLint ")
    assert checks["lint (ESLint)"].detail.endswith(" of the project on what changed")
    assert gate.said == ""

    bench.put("src/lint.js", f"{OLD_LINT}debugger;\n")
    bench.put("src/types.ts", OLD_TYPES.replace("used", "renamed"))
    bench.put("src/new.ts", "export const fresh: string = 1;\n")
    checks = await gate.check()
    assert (checks["lint (ESLint)"].status, checks["types (tsc)"].status) == ("failed", "failed")
    assert checks["lint (ESLint)"].detail.startswith("src/lint.js:3:1: error: Unexpected 'debugger'")
    # In the new file, and in one that the change did not touch; the error that was there before is not among them.
    assert "src/new.ts:1:14: error: Type 'number'" in gate.said
    assert "src/user.ts:1:10: error: " in gate.said
    assert "src/types.ts:1" not in gate.said
    assert not bench.copy.files.exists("tsconfig.tsbuildinfo")


async def test_settings_that_a_change_broke_fail_it(bench: Bench, toolchain: Toolchain) -> None:
    await put_own_programs(bench)
    bench.put("eslint.config.mjs", "export default [{ rules: \n")
    checks = await Gate(bench, toolchain, await bench.copy.git.head()).check()
    assert checks["lint (ESLint)"].status == "failed"
    assert checks["lint (ESLint)"].detail.startswith(
        "eslint.config.mjs changed, and now: ESLint could not run"
    )


@pytest.mark.parametrize("has_node", [True, False])
async def test_what_a_project_has_not_installed_is_skipped_and_says_why(
    bench: Bench, toolchain: Toolchain, has_node: bool
) -> None:
    bench.put("web/package.json", '{"devDependencies": {"eslint": "9", "typescript": "5"}}')
    bench.put("web/eslint.config.mjs", RULES)
    bench.put("web/tsconfig.json", TYPES)
    bench.put("web/src/a.ts", "export const a = 1;\n")
    programs = toolchain if has_node else replace(toolchain, node=None)
    gate = Gate(bench, programs, await bench.copy.git.head())
    checks = await gate.check()
    found = {name: check for name, check in checks.items() if "web" in name and "tests" not in name}
    if has_node:
        why = "the project uses {}, which is not installed in it; send install_dependencies"
        assert list(found.values()) == [
            Check(name="lint (ESLint in web)", status="skipped", detail=why.format("ESLint")),
            Check(name="types (tsc in web)", status="skipped", detail=why.format("TypeScript")),
        ]
    else:
        [only] = found.values()
        assert (only.name, only.status) == ("lint (ESLint and tsc in web)", "skipped")
        assert only.detail.startswith("Node is not installed here")
    assert gate.said == ""
