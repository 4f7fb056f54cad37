"""get_context brings what matters for a symbol or a question, says why, and keeps to its budget."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.gathering.packing import left_out_note, pack, smallest
from tools.gathering.pieces import Listing, Piece, Shown
from tools.gathering.test_files import case_around

CART = '''"""Carts."""

from app.money import total
from app import money


class Cart:
    """What somebody wants to buy."""

    def price(self):
        return round(total(self.prices))

    def mean(self):
        if not self.prices:
            return 0
        return money.average(self.prices)
'''
TESTS = """from app.money import total


def test_totals_are_sums():
    assert total([1, 2]) == 3


class TestNothing:
    def test_nothing_costs_nothing(self):
        assert total([]) == 0
"""
STORE = """import { rounded } from '@/lib/rounded'

export const priceOf = (amounts: number[]): number => {
  return rounded(amounts.reduce((sum, each) => sum + each, 0))
}
"""
STORE_TEST = """import { expect, it } from 'vitest'
import { priceOf } from '../lib'

it('adds', () => {
  expect(priceOf([1, 2])).toBe(3)
  expect(priceOf([])).toBe(0)
})
"""
VIEW = """import { priceOf } from '../lib'

export function Total({ amounts }: { amounts: number[] }) {
  return <b>{priceOf(amounts)}</b>
}
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A small project in Python, with files that are odd in every way."""
    bench.put("app/cart.py", CART)
    bench.put("tests/test_money.py", TESTS)
    bench.put("broken.py", "from app.money import total\n\ndef f(:\n  total(((\n")
    bench.put("na\nme.py", "from app.money import total\n\n\ndef odd():\n    return total([])\n")
    (bench.copy.root / "bytes-\udcff.py").write_bytes(b"from app.money import total\n")
    return bench


@pytest.fixture
def web(bench: Bench) -> Bench:
    """A small project in TypeScript with an alias and a file that passes names on."""
    bench.put("package.json", '{"name": "web", "devDependencies": {"vitest": "4"}}')
    bench.put(
        "tsconfig.json",
        '{"compilerOptions": {"jsx": "preserve", "module": "esnext", "moduleResolution": "bundler",'
        ' "paths": {"@/*": ["./src/*"]}}, "include": ["src"]}',
    )
    bench.put("src/lib/price.ts", STORE)
    bench.put("src/lib/index.ts", "export * from './price'\n")
    bench.put(
        "src/lib/rounded.ts", "export function rounded(value: number) {\n  return Math.round(value)\n}\n"
    )
    bench.put("src/ui/total.tsx", VIEW)
    bench.put("src/ui/price.test.ts", STORE_TEST)
    return bench


def headings(content: str) -> list[str]:
    return [line.removeprefix("== ") for line in content.splitlines() if line.startswith("== ")]


async def test_a_symbol_of_python_comes_with_its_callers_tests_and_importing_files(shop: Bench) -> None:
    output = await shop.run("get_context", query="total")
    found = headings(output.content)
    assert found[0] == "definition: app/money.py:1-2 function total"
    assert "caller: app/money.py:5-6 function average, at 6" in found
    assert "caller: app/cart.py:10-11 method Cart.price, at 11" in found
    assert "test: tests/test_money.py:4-5 function test_totals_are_sums, at 5" in found
    assert "test: tests/test_money.py:9-10 method TestNothing.test_nothing_costs_nothing, at 10" in found
    assert "caller: 'na\\nme.py':4-5 function odd, at 5" in found
    assert "imports it: 5 files" in found
    assert "app/cart.py:3: from app.money import total" in output.content
    assert "10:     def price(self):\n11:         return round(total(self.prices))" in output.content
    assert "[Uses by jedi" in output.content
    assert output.summary.startswith("total: 1 definition, ")
    again = await shop.run("get_context", query="app.money.total()", path="app")
    assert headings(again.content) == found
    small = await shop.run("get_context", query="total", budget=150)
    assert len(small.content) <= 600
    assert headings(small.content)[0] == found[0]
    assert "left out" in small.content


async def test_a_symbol_shows_what_it_uses_and_that_no_test_mentions_it(shop: Bench) -> None:
    output = await shop.run("get_context", query="average")
    found = headings(output.content)
    assert "used by it: app/money.py:1-2 function total" in found
    assert "caller: app/cart.py:13-16 method Cart.mean, at 16" in found
    assert "[No test mentions it" in output.content


async def test_a_symbol_of_typescript_is_followed_through_files_that_pass_it_on(web: Bench) -> None:
    output = await web.run("get_context", query="priceOf")
    found = headings(output.content)
    assert found[0] == "definition: src/lib/price.ts:3-5 function priceOf"
    assert "caller: src/ui/total.tsx:3-5 function Total, at 4" in found
    assert "test: src/ui/price.test.ts:4-7 case 'adds', at 5, 6" in found
    assert "used by it: src/lib/rounded.ts:1-3 function rounded" in found
    assert "imports it: 3 files" in found
    assert "src/ui/total.tsx:1: import { priceOf } from '../lib'" in output.content


async def test_a_question_brings_matches_their_callers_and_tests(shop: Bench) -> None:
    shop.put(".env", "TOTAL_OF_PRICES=secret-word\n")
    output = await shop.run("get_context", query="how is the mean of prices computed")
    found = headings(output.content)
    assert found[0].startswith("match: app/cart.py:13-16 method Cart.mean")
    assert any(
        each.startswith("caller of total: app/money.py") or "function average" in each for each in found
    )
    assert "for 'how is the mean" in output.content.lower()
    assert "secret-word" not in output.content
    assert output.content.endswith("[Vectors were not used: there is no embedder.]")
    tests = await shop.run("get_context", query="nothing costs nothing", path="tests")
    assert {each.partition(" tests/")[0] for each in headings(tests.content)} == {"test:"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "Totl()"}, "Nothing in the .* defines 'Totl'. hint: Names like it: total"),
        ({"query": "totla"}, "defines 'totla'. hint: Names like it: total"),
        (
            {"query": "average", "path": "README.md"},
            r"not defined in 'README.md'. hint: It is at app/money.py:5",
        ),
        ({"query": "zebra stripes"}, "Nothing in '.' fits 'zebra stripes'"),
        ({"query": "?!"}, "no word to look for"),
        ({"query": "total", "path": "../.."}, "outside"),
        ({"query": "total", "path": "nowhere"}, "There is no 'nowhere'"),
    ],
)
async def test_refuses_what_is_not_there_and_names_what_is_near(
    bench: Bench, arguments: dict[str, str], said: str
) -> None:
    with pytest.raises(ToolRejected) as refused:
        await bench.run("get_context", **arguments)
    refused.match(said)


async def test_too_small_a_budget_is_refused_with_one_that_is_enough(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="too small") as refused:
        await bench.run("get_context", query="total", budget=3)
    enough = int(refused.value.hint.split("budget=")[1].split()[0])
    output = await bench.run("get_context", query="total", budget=enough)
    assert len(output.content) <= enough * 4
    assert "definition: app/money.py:1-2 function total" in output.content


async def test_an_empty_repository_has_nothing_and_says_so(bench: Bench) -> None:
    for path in ("app/money.py", "app/__init__.py", "README.md", ".gitignore"):
        (bench.copy.root / path).unlink()
    with pytest.raises(ToolRejected, match="Nothing in the 0 source files of the workspace defines 'total'"):
        await bench.run("get_context", query="total")


def test_packing_keeps_to_every_budget_and_names_what_it_left_out() -> None:
    lines = tuple(f"line {number} of the file" for number in range(1, 200))
    pieces: list[Shown] = [Piece("definition", "a.py", 1, 40, lines, "function f")]
    pieces += [
        Piece("caller", "a.py", at, at + 15, lines, f"function g{at}", focus=(at + 9,))
        for at in range(50, 150, 20)
    ]
    pieces.append(Listing("imports it", [f"b{number}.py:1: import a" for number in range(30)]))
    before = 0
    for room in range(smallest(0, pieces), 9_000, 37):
        packed = pack(pieces, room)
        shown = sum(len(block) + 1 for block in packed.blocks)
        note = left_out_note(packed, room - shown - 1, most_tokens=8_000, tokens=room // 4)
        assert shown + len(note) <= room
        assert packed.blocks[0].startswith("== definition: a.py:1-40")
        assert len(packed.blocks) + len(packed.left_out) == len(pieces)
        assert bool(note) == bool(packed.left_out or packed.shortened), room
        before = max(before, len(packed.blocks))
    assert before == len(pieces)


def test_a_case_of_a_script_is_found_by_its_indentation() -> None:
    lines = Path(__file__).read_text().partition('STORE_TEST = """')[2].partition('"""')[0].splitlines()
    found = case_around(lines, 5)
    assert found is not None
    assert (found.name, found.first, found.last) == ("case 'adds'", 4, 7)
    assert case_around(lines, 2) is None
    assert case_around(
        ["describe('x', () => {", "  it.each([1])('n %s', () => {", "    f()", "  })", "})"], 3
    )
