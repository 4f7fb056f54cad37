"""typescript_check, eslint_check and prettier_format run what the project has, and say what is wrong in one form."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.javascript_tools.conftest import EXPRESS, Shop, manifest, tsconfig
from tools.diagnostics import Diagnostic, Range, Severity

WRONG = "export const total: number = 'three'\n\nexport function add(a: number) {\n  return a + missing\n}\n"


async def test_type_errors_have_place_rule_and_the_projects_own_compiler(next_app: Bench) -> None:
    good = await next_app.run("typescript_check")
    assert good.ok, good.content
    assert good.content.startswith("TypeScript 5.9.3 of the project, tsconfig.json: nothing found.")
    next_app.put("src/money.ts", WRONG)
    next_app.put("src/other.ts", "export const x: string = 1\n")
    output = await next_app.run("typescript_check", paths=["src/money.ts"])
    assert not output.ok
    assert output.diagnostics == (
        Diagnostic(
            "src/money.ts",
            Range(1, 14),
            Severity.ERROR,
            "Type 'string' is not assignable to type 'number'.",
            "TS2322",
            source="tsc",
        ),
        Diagnostic(
            "src/money.ts",
            Range(4, 14),
            Severity.ERROR,
            "Cannot find name 'missing'.",
            "TS2304",
            source="tsc",
        ),
    )
    assert "1 more in files that were not asked for" in output.content
    assert output.summary == "TypeScript: 2 errors"
    assert not next_app.copy.files.exists("tsconfig.tsbuildinfo")


async def test_configurations_that_only_refer_to_others_are_followed(shop: Shop) -> None:
    bench = shop.become(
        {
            "package.json": manifest("typescript"),
            "tsconfig.json": '{ "files": [], "references": [{ "path": "./tsconfig.app.json" }, { "path": "./tools" }], }',
            "tsconfig.app.json": tsconfig(composite=True),
            "tools/tsconfig.json": tsconfig(tsBuildInfoFile="./x.tsbuildinfo"),
            "src.ts": "export const a: number = ''\n",
            "tools/b.ts": "export const b: number = ''\n",
        }
    )
    output = await bench.run("typescript_check")
    assert {each.path for each in output.diagnostics} == {"src.ts", "tools/b.ts"}, output.content


async def test_eslint_reports_and_mends_by_the_projects_rules(next_app: Bench) -> None:
    next_app.put("src/money.ts", "let total = 3\nexport const unused: any = total\n")
    output = await next_app.run("eslint_check", paths=["src/money.ts"])
    assert output.content.startswith("ESLint 9.39.5 of the project: 2 errors.")
    assert [(each.rule, each.range.line, each.fixable) for each in output.diagnostics] == [
        ("prefer-const", 1, True),
        ("@typescript-eslint/no-explicit-any", 2, False),
    ]
    preview = await next_app.preview("eslint_check", paths=["src/money.ts"], fix=True)
    assert "+const total = 3" in preview.markdown
    assert next_app.text("src/money.ts").startswith("let total")
    mended = await next_app.run("eslint_check", paths=["src"], fix=True)
    assert mended.changed_paths == ("src/money.ts",)
    assert next_app.text("src/money.ts").startswith("const total = 3\n")
    assert [each.rule for each in mended.diagnostics] == ["@typescript-eslint/no-explicit-any"]


async def test_without_a_configuration_the_recommended_rules_are_used_and_that_is_said(bench: Bench) -> None:
    bench.put("package.json", "{}")
    bench.put("a.ts", "const x: string = 1\nexport default undefinedName\n")
    bench.put("b.js", "console.log(missing)\n")
    output = await bench.run("eslint_check")
    assert "of Perdure" in output.content
    assert "no configuration of ESLint; the recommended rules were used" in output.content
    assert [(each.path, each.rule) for each in output.diagnostics] == [
        ("a.ts", "@typescript-eslint/no-unused-vars"),
        ("b.js", "no-undef"),
    ]


async def test_a_configuration_whose_packages_are_missing_says_to_install_them(bench: Bench) -> None:
    bench.put("package.json", '{"devDependencies": {"eslint": "*", "eslint-plugin-of-mine": "*"}}')
    bench.put("eslint.config.mjs", 'import mine from "eslint-plugin-of-mine";\nexport default [mine];\n')
    bench.put("a.js", "1;\n")
    with pytest.raises(ToolRejected, match="ESLint could not run") as refused:
        await bench.run("eslint_check")
    assert "eslint-plugin-of-mine" in refused.value.message
    assert "install_dependencies" in refused.value.hint


async def test_prettier_formats_as_configured_and_only_what_is_asked_for(next_app: Bench) -> None:
    next_app.put("src/a.ts", 'export const a = "x";\r\nexport const b = 1;\r\n')
    next_app.put("src/b.ts", 'export const b = "x";\n')
    checked = await next_app.run("prettier_format", check=True)
    assert not checked.ok
    assert [each.path for each in checked.diagnostics] == ["src/a.ts", "src/b.ts"]
    preview = await next_app.preview("prettier_format", paths=["src/b.ts"])
    assert "+export const b = 'x'" in preview.markdown
    output = await next_app.run("prettier_format", paths=["src/b.ts"])
    assert output.content == "Prettier 3.10.1 of the project: formatted src/b.ts (+1 -1)."
    assert next_app.text("src/b.ts") == "export const b = 'x'\n"
    assert next_app.text("src/a.ts").startswith('export const a = "x";')


async def test_what_prettier_cannot_read_stays_as_it_is(next_app: Bench) -> None:
    next_app.put("src/broken.ts", "export const = ;\n")
    next_app.put("src/b.ts", 'export const b = "x";\n')
    output = await next_app.run("prettier_format")
    assert not output.ok
    [problem] = output.diagnostics
    assert (problem.path, problem.severity, problem.range.line) == ("src/broken.ts", Severity.ERROR, 1)
    assert next_app.text("src/broken.ts") == "export const = ;\n"
    assert output.changed_paths == ("src/b.ts",)


async def test_a_project_without_types_and_one_without_a_manifest_are_refused(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"has a package\.json"):
        await bench.run("typescript_check")
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match=r"has neither tsconfig\.json nor jsconfig\.json"):
        await bench.run("typescript_check")
    bench.put("tsconfig.json", "{ not json")
    with pytest.raises(ToolRejected, match="cannot be read as JSON"):
        await bench.run("typescript_check")


async def test_another_projects_types_are_those_of_its_own_compiler_settings(shop: Shop) -> None:
    bench = shop.become(EXPRESS)
    output = await bench.run("typescript_check")
    assert output.ok, output.content
