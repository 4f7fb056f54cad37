"""get_diagnostics has the project's linters and type checkers say what is wrong, in one form."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.own_programs import put_own_environment, put_own_programs
from tools.checking.own_programs import Program, program_of
from tools.tool_schemas import ToolOutput

BAD = 'import os\n\n\ndef add(a: int) -> int:\n    return "text"\n'


def found(output: ToolOutput) -> set[tuple[str, int, str, str]]:
    return {(each.path, each.range.line, each.source, each.rule) for each in output.diagnostics}


async def test_ruff_and_mypy_speak_of_python(bench: Bench) -> None:
    bench.put("app/bad.py", BAD)
    output = await bench.run("get_diagnostics", paths=["app/bad.py"])
    assert found(output) == {("app/bad.py", 1, "ruff", "F401"), ("app/bad.py", 5, "mypy", "return-value")}
    assert not output.ok
    assert "The project is set up for no type checker; mypy's defaults were used." in output.content
    assert "app/bad.py:1:8: warning: `os` imported but unused [ruff F401, fixable]" in output.content


async def test_the_project_s_own_configuration_counts(bench: Bench) -> None:
    bench.put("app/bad.py", BAD)
    bench.put("pyproject.toml", '[tool.ruff.lint]\nignore = ["F401"]\n[tool.mypy]\nignore_errors = true\n')
    output = await bench.run("get_diagnostics", paths=["app"])
    assert found(output) == set()
    assert output.ok
    assert "mypy's defaults" not in output.content


async def test_types_are_left_out_where_that_is_asked_for(bench: Bench) -> None:
    bench.put("app/bad.py", BAD)
    assert found(await bench.run("get_diagnostics", types=False)) == {("app/bad.py", 1, "ruff", "F401")}


async def test_a_syntax_error_is_an_error(bench: Bench) -> None:
    bench.put("app/bad.py", "def f(:\n")
    output = await bench.run("get_diagnostics", paths=["app/bad.py"], types=False)
    assert not output.ok
    assert output.diagnostics[0].severity == "error"


async def test_eslint_and_tsc_speak_of_typescript(bench: Bench) -> None:
    bench.put("package.json", '{"name": "x", "type": "module"}')
    bench.put("tsconfig.json", '{"compilerOptions": {"strict": true, "types": []}, "include": ["src"]}')
    bench.put("src/a.ts", 'export const a: number = "text";\nvar b = 1;\n')
    output = await bench.run("get_diagnostics", paths=["src"])
    assert ("src/a.ts", 1, "tsc", "TS2322") in found(output)
    assert ("src/a.ts", 2, "eslint", "no-var") in found(output)


async def test_one_program_that_cannot_run_does_not_hide_the_others(bench: Bench) -> None:
    bench.put("app/bad.py", BAD)
    bench.put("ruff.toml", "this is no TOML\n")
    output = await bench.run("get_diagnostics", paths=["app/bad.py"])
    assert "Not run: ruff could not run" in output.content
    assert found(output) == {("app/bad.py", 5, "mypy", "return-value")}


@pytest.mark.parametrize(
    ("path", "message"),
    [("README.md", "Nothing there is written in"), ("nowhere.py", "There is no 'nowhere.py'")],
)
async def test_refuses_where_there_is_nothing_to_check(bench: Bench, path: str, message: str) -> None:
    with pytest.raises(ToolRejected, match=message):
        await bench.run("get_diagnostics", paths=[path])


SET_UP = "[tool.pyright]\ntypeCheckingMode = 'strict'\n[tool.mypy]\nstrict = true\n[tool.ruff.lint]\nselect = ['F']\n"


async def test_a_projects_own_python_programs_run_by_its_own_settings(bench: Bench) -> None:
    put_own_environment(bench)
    bench.put("pyproject.toml", SET_UP)
    bench.put("app/bad.py", f"{BAD}\n\ndef f(x):\n    return x\n")
    output = await bench.run("get_diagnostics", paths=["app/bad.py"])
    heads = output.content.splitlines()[:3]
    assert heads[0] == "ruff of the project: 1 warning."
    assert heads[1].startswith("basedpyright ")
    assert " of the project: " in heads[1]
    assert heads[2].startswith("mypy of the project: ")
    assert {
        ("app/bad.py", 1, "ruff", "F401"),
        ("app/bad.py", 5, "mypy", "return-value"),
        ("app/bad.py", 8, "mypy", "no-untyped-def"),
        ("app/bad.py", 5, "pyright", "reportReturnType"),
        ("app/bad.py", 8, "pyright", "reportMissingParameterType"),
    } <= found(output)


async def test_a_program_of_an_environment_that_does_not_run_here_says_so(bench: Bench) -> None:
    put_own_environment(bench, Path("/home/ada/python"))
    bench.put("app/bad.py", BAD)
    output = await bench.run("get_diagnostics", paths=["app/bad.py"])
    assert output.content.splitlines()[:2] == ["ruff of the project: 1 warning.", "mypy of Perdure: 1 error."]
    assert (
        "The project's own .venv/bin/mypy does not run in the sandbox, so Perdure's program was used."
        in output.content
    )
    bench.put("node_modules/pyright/index.js", "")
    own = Program(
        (str(bench.context.toolchain.node), "/workspace/node_modules/pyright/index.js"), is_own=True
    )
    assert await program_of(bench.context, "pyright") == own


async def test_a_projects_own_eslint_and_tsc_run_by_its_own_settings(bench: Bench) -> None:
    await put_own_programs(bench, type="module")
    bench.put("eslint.config.mjs", 'export default [{ rules: { "no-debugger": "error" } }];\n')
    bench.put("tsconfig.json", '{"compilerOptions": {"strict": true, "types": []}, "include": ["src"]}')
    bench.put("src/a.ts", 'export const a: number = "text";\n')
    bench.put("src/b.js", "var c = 1;\ndebugger;\n")
    output = await bench.run("get_diagnostics", paths=["src"])
    heads = output.content.splitlines()[:2]
    assert [head.partition(" ")[0] for head in heads] == ["ESLint", "TypeScript"]
    assert all(head.endswith(" of the project: 1 error.") for head in heads)
    assert found(output) == {("src/a.ts", 1, "tsc", "TS2322"), ("src/b.js", 2, "eslint", "no-debugger")}


async def test_projects_below_the_root_are_looked_at_each(bench: Bench) -> None:
    for name in ("web", "admin"):
        bench.put(f"{name}/package.json", f'{{"name": "{name}", "type": "module"}}')
        bench.put(f"{name}/src/a.js", "var b = missing;\n")
    output = await bench.run("get_diagnostics", types=False)
    wrong = {(each.path, each.rule) for each in output.diagnostics if each.rule == "no-undef"}
    assert wrong == {("web/src/a.js", "no-undef"), ("admin/src/a.js", "no-undef")}, output.content
