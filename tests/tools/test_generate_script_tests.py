"""Tests of JavaScript and TypeScript that a model writes are kept only where they pass and notice a broken function."""

import json
from dataclasses import replace

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.role_models import RoleModels
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking
from tools.by_hand.asking import AskedByHand
from tools.editing.symbols import symbols_of, tree_of
from tools.node.exports import exports
from tools.proving.mutants import mutants_of
from tools.proving.script_tests import faults_of
from tools.syntax import syntax_error

TARIFF = """\
const LIMIT = 100;

/** What is taken off. */
export function discount(total, member) {
  if (total > LIMIT && member) {
    return (total * 2) / 10;
  }
  return 0;
}

export const check = (name) => {
  if (!name) {
    throw new Error('no name');
  }
  return name.trim().toLowerCase();
};

function hidden() {
  return 1;
}
"""
MODULE = json.dumps(
    {"name": "shop", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}
)
HEAD = "import test from 'node:test';\nimport assert from 'node:assert/strict';\n"
IMPORT = "import { check, discount } from './tariff.js';\n"
GOOD = (
    HEAD
    + IMPORT
    + """
test('members get a fifth above the limit', () => {
  assert.equal(discount(200, true), 40);
  assert.equal(discount(100, true), 0);
  assert.equal(discount(200, false), 0);
});

test('names are in small letters and needed', () => {
  assert.equal(check(' Ada '), 'ada');
  assert.throws(() => check(''), /no name/);
});
"""
)
WEAK = {
    "asserts nothing": ("test('it', () => { discount(200, true); });", "The test 'it' asserts nothing that depends"),
    "speaks of assertions only in words": (
        "test('it', () => { discount(200, true); // assert.equal(discount(200, true), 40)\n  const s = 'expect(1).toBe(1)'; });",
        "The test 'it' asserts nothing that depends",
    ),
    "asserts what is true anyway": (
        "test('it', () => { discount(200, true); assert.ok(true); assert.equal(1, 1); });",
        "The test 'it' asserts nothing that depends",
    ),
    "compares a value with itself": (
        "test('it', () => { const x = discount(200, true); assert.equal(x, x); });",
        "The test 'it' asserts nothing that depends",
    ),
    "expects without a matcher": (
        "test('it', () => { expect(discount(200, true)); expect.assertions(0); });",
        "The test 'it' asserts nothing that depends",
    ),
    "has a snapshot alone": (
        "test('it', (t) => { t.assert.snapshot(discount(200, true)); expect(discount(1, true)).toMatchSnapshot(); });",
        "The test 'it' asserts nothing but a snapshot",
    ),
    "has no test": ("assert.equal(discount(200, true), 40);", "The file holds no test"),
    "skips": ("test.skip('it', () => { assert.equal(discount(200, true), 40); });", "line 4 leaves tests out"),
    "skips by an option": (
        "test('it', { skip: 'later' }, () => { assert.equal(discount(200, true), 40); });",
        "line 4 leaves tests out or expects them to fail (skip)",
    ),
    "skips while it runs": (
        "test('it', (t) => { t.skip(); assert.equal(discount(200, true), 40); });",
        "leaves tests out",
    ),
    "is the only one": ("test.only('it', () => { assert.equal(discount(200, true), 40); });", "(only)"),
    "mocks the module": (
        "vi.mock('./tariff.js', () => ({ discount: () => 1 }));\ntest('it', () => { expect(discount(2, true)).toBe(1); });",
        "line 4 replaces 'src/tariff.js', which is what has to be tested",
    ),
    "mocks the function": (
        "import * as tariff from './tariff.js';\n"
        "test('it', (t) => { t.mock.method(tariff, 'discount', () => 1); assert.equal(tariff.discount(2, true), 1); });",
        "line 5 replaces 'discount'",
    ),
    "brings a function of its own": (
        "test('it', () => { const discount = () => 1; assert.equal(discount(), 1); });",
        "line 4 replaces 'discount'",
    ),
    "switches the type check off": (
        "// @ts-nocheck\ntest('it', () => { assert.equal(discount(200, true), 40); });",
        "In the test file line 4 switches a check off",
    ),
    "imports from outside": (
        "import secret from '../../secret.js';\ntest('it', () => { assert.equal(discount(200, secret), 40); });",
        "line 4 imports '../../secret.js', which is outside of the workspace",
    ),
    "does not parse": ("test('it', () => {", "The test file does not parse"),
}  # fmt: skip


@pytest.mark.parametrize("weak", list(WEAK))
def test_what_is_wrong_by_its_syntax_is_named(weak: str) -> None:
    text, said = WEAK[weak]
    faults = faults_of(HEAD + IMPORT + text, "src/tariff.test.js", "src/tariff.js", ["discount"])
    assert any(said in fault for fault in faults), faults


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "const assert = require('assert');\nconst { discount } = require('./tariff');\n"
        "describe('x', () => { it.each([[1, 0]])('%i', (a, b) => { expect(discount(a, true)).not.toEqual(b); }); });",
        "import { equal } from 'node:assert';\nimport { discount } from '@/src/tariff';\n"
        "const same = (a, b) => equal(a, b);\ntest('it', async () => { same(await discount(1, true), 0); });",
    ],
)
def test_tests_that_assert_are_worth_running(text: str) -> None:
    assert faults_of(text, "src/tariff.test.ts", "src/tariff.ts", ["discount"]) == []


def test_a_module_that_is_not_imported_is_named() -> None:
    said = "It never imports 'src/tariff.js'."
    assert said in faults_of(GOOD.replace("./tariff", "./tarif"), "src/tariff.test.js", "src/tariff.js", [])


def test_what_a_file_exports_is_known_by_its_name_inside_and_outside() -> None:
    def of(text: str) -> dict[str, str]:
        return exports(tree_of("typescript", text.encode()).root_node)

    assert of("export default function a() {}\nexport class B {}\nexport const c = 1, d = 2;") == {
        "a": "default", "B": "B", "c": "c", "d": "d",
    }  # fmt: skip
    assert of("const e = 1;\nexport { e as f };\nexport default e;") == {"e": "default"}
    assert of("module.exports = { a, b: c, d() {} };\nexports.e = f;") == {
        "a": "a",
        "c": "b",
        "d": "d",
        "f": "e",
    }
    assert of("export default () => 1;\nmodule.exports = g;") == {"default": "default", "g": "default"}


def test_each_break_of_a_script_parses_and_is_another_one() -> None:
    text = TARIFF.replace("(total, member)", "(total: number, member?: boolean): number").replace(
        "(name)", "(name: string): string"
    )
    text += "export class Cart {\n  total(): number {\n    let n = 0;\n    for (const each of this.all) n += each;\n"
    text += "    return n ?? 1;\n  }\n  clear(): void {\n    this.all = [];\n  }\n}\n"
    source = text.encode()
    found = [
        mutant
        for symbol in symbols_of("typescript", source, tree_of("typescript", source))
        if symbol.kind != "class"
        for mutant in mutants_of("typescript", source, symbol)
    ]
    assert {mutant.symbol for mutant in found} == {"discount", "check", "hidden", "Cart.total", "Cart.clear"}
    assert len({mutant.source for mutant in found}) == len(found) > 12
    assert not [str(mutant) for mutant in found if syntax_error("a.ts", mutant.source)]


async def test_bad_answers_are_refused_and_one_that_holds_is_written_with_its_score(bench: Bench) -> None:
    """With node:test, which needs no packages."""
    bench.put("package.json", MODULE)
    bench.put("src/tariff.js", TARIFF)
    run = {"path": "src/tariff.js", "symbols": ["discount"]}
    satisfied = HEAD + IMPORT + "test('it', () => { assert.ok(discount(200, true) !== undefined); });"
    wrong = HEAD + IMPORT + "test('it', () => { assert.equal(discount(200, true), 41); });"
    unloadable = (
        HEAD
        + IMPORT
        + "import { nothing } from './nothing.js';\ntest('it', () => { assert.ok(discount(nothing, 1)); });"
    )
    writing = HEAD + IMPORT + (
        "import { writeFileSync } from 'node:fs';\ntest('it', () => { writeFileSync('src/notes.txt', 'x');\n"
        "  assert.equal(discount(200, true), 40); assert.equal(discount(100, true), 0); });"
    )  # fmt: skip
    refusals = [
        (satisfied, "The tests of discount still pass when it is broken: line 5"),
        (wrong, "src/tariff.test.js::it fails on the code as it is"),
        (unloadable, "nothing.js"),
        (writing, "The tests write 'src/notes.txt', outside of temporary folders."),
    ]
    for (first, said_first), (second, said_second) in zip(refusals[::2], refusals[1::2], strict=True):
        asked, model = asking(bench, {"tests": first}, {"tests": second})
        with pytest.raises(ToolRejected) as refusal:
            await asked.run("generate_tests", **run)
        assert said_first in model.asked[1]
        assert said_second in refusal.value.message
    assert not bench.copy.files.exists("src/tariff.test.js")
    assert not bench.copy.files.exists("src/notes.txt")
    asked, model = asking(bench, {"tests": GOOD})
    output = await asked.run("generate_tests", path="src/tariff.js")
    assert output.changed_paths == ("src/tariff.test.js",)
    assert bench.text("src/tariff.test.js") == GOOD
    assert "They pass twice, and notice" in output.content
    assert "imports it from './tariff.js' (an ES module)" in model.asked[0]
    assert "hidden" not in model.asked[0].split("\n")[0]


async def test_what_no_test_can_import_and_frameworks_of_others_are_refused(bench: Bench) -> None:
    bench.put("package.json", MODULE)
    bench.put("src/tariff.js", TARIFF)
    asked, _ = asking(bench, {"tests": GOOD})
    with pytest.raises(ToolRejected, match="does not export 'hidden', so no test can import it"):
        await asked.run("generate_tests", path="src/tariff.js", symbols=["hidden"])
    with pytest.raises(ToolRejected, match=r"'src/tariff_check\.js' is no name of a file with tests"):
        await asked.run("generate_tests", path="src/tariff.js", test_path="src/tariff_check.js")
    bench.put("package.json", json.dumps({"devDependencies": {"mocha": "*"}}))
    with pytest.raises(ToolRejected, match="The project's tests are run by mocha"):
        await asked.run("generate_tests", path="src/tariff.js")
    bench.put("package.json", json.dumps({"devDependencies": {"vitest": "*"}}))
    with pytest.raises(ToolRejected, match="node_modules is missing; install the dependencies first"):
        await asked.run("generate_tests", path="src/tariff.js")


async def test_over_the_wire_a_bad_answer_is_told_what_is_wrong_and_a_good_one_is_written(
    bench: Bench,
) -> None:
    bench.put("package.json", MODULE)
    bench.put("src/tariff.js", TARIFF)
    bad = HEAD + IMPORT + "test('it', () => { assert.ok(discount(200, true) !== undefined); });"
    told = "The tests of discount still pass when it is broken.*The tests of check still pass"
    script = Script.model_validate(
        {
            "v": 1,
            "replies": [
                {"for": "assist", "last": told, "content": {"tests": GOOD}},
                {"for": "assist", "content": {"tests": bad}},
            ],
        }
    )
    server = await ScriptedServer().start(script)
    settings = ModelSettings(base_url=server.url, scripted=True)
    models = Models(settings)
    try:
        asked = AskedByHand(RoleModels(models, settings))
        context = replace(bench.context, model=asked)
        output = await replace(bench, context=context).run("generate_tests", path="src/tariff.js")
    finally:
        await models.close()
        await server.stop()
    assert [request.role for request in server.requests] == ["assist", "assist"]
    assert bench.text("src/tariff.test.js") == GOOD
    assert "(scripted). They pass twice, and notice" in output.content
