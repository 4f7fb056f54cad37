"""generate_tests in a project of TypeScript: its own compiler and its own Vitest prove the tests."""

from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking

SOURCE = """\
export type Line = { cents: number; count: number }

export function total(line: Line): number {
  return line.cents * line.count
}
"""
GOOD = """\
import { expect, it } from 'vitest'
import { total } from './total'

it('adds up what there is', () => {
  expect(total({ cents: 3, count: 5 })).toBe(15)
})
"""


async def test_tests_pass_the_compiler_of_the_project_and_then_its_framework(next_app: Bench) -> None:
    next_app.put("src/lib/total.ts", SOURCE)
    wrong = GOOD.replace("count: 5 }", "count: 5, name: 'x' }")
    bench, model = asking(next_app, {"tests": wrong}, {"tests": GOOD})
    output = await bench.run("generate_tests", path="src/lib/total.ts")
    assert (
        "line 5: Object literal may only specify known properties, and 'name' does not exist"
        in model.asked[1]
    )
    assert "[TypeScript TS2353]" in model.asked[1]
    assert "imports it from './total' (an ES module)" in model.asked[0]
    assert "The framework is Vitest" in model.asked[0]
    assert bench.text("src/lib/total.test.ts") == GOOD
    assert output.summary.startswith("wrote src/lib/total.test.ts, 1 tests, mutation score")
