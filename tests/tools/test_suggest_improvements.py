"""Suggestions of a model are shown as proved only where their patches apply and the tests that passed still pass."""

from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking
from tools.improving.proofs import MOST_SUGGESTIONS
from tools.improving.weaker_tests import weaker

MONEY = """\
import math


def total(prices):
    result = 0
    for price in prices:
        result = result + price
    return result


def average(prices):
    return total(prices) / len(prices)


def rounded(price):
    return math.floor(price * 100) / 100
"""
TESTS = """\
import pytest

from app.money import average, total


def test_prices_are_added():
    assert total([1, 2]) == 3
    assert total([]) == 0


def test_the_mean_of_no_prices_is_an_error():
    assert average([1, 3]) == 2
    with pytest.raises(ZeroDivisionError):
        average([])
"""
LOOP = """\
    result = 0
    for price in prices:
        result = result + price
    return result
"""


def suggestion(
    title: str, *blocks: tuple[str, str], path: str = "app/money.py", **more: Any
) -> dict[str, Any]:
    """One suggestion for lines of app/money.py, with a patch of these blocks."""
    patch = [{"path": path, "search": search, "replace": new} for search, new in blocks]
    given = {"title": title, "path": "app/money.py", "first_line": 4, "last_line": 8, "severity": "medium"}
    return {**given, "focus": "readability", "reason": "It is shorter.", "patch": patch, **more}


SUM = suggestion("Add by sum", (LOOP, "    return sum(prices)\n"))
IN_PLACE = suggestion("Add in place", ("result = result + price", "result += price"))
WORDS = suggestion("Say what a price is", first_line=15, last_line=16)
BAD = {
    "Lines that are not there": (
        suggestion("Lines that are not there", first_line=90, last_line=91),
        "app/money.py:90-91 is spoken of, but the file has the lines 1 to 16.",
    ),
    "A line without anything": (
        suggestion("A line without anything", first_line=2, last_line=3),
        "app/money.py:2-3 is spoken of, but nothing stands there.",
    ),
    "Another file": (
        suggestion("Another file", path="", first_line=1, last_line=1, **{"patch": []})
        | {"path": "app/other.py"},
        "'app/other.py' is none of the files that were asked about: app/money.py.",
    ),
    "No reason": (suggestion("No reason", reason=" "), "it gives no reason."),
    "Text that is not there": (
        suggestion("Text that is not there", ("return fsum(prices)", "return sum(prices)")),
        "block 1 does not apply: in 'app/money.py' its search text is not in the file",
    ),
    "Text that is there twice": (
        suggestion("Text that is there twice", ("(prices):", "(prices, /):")),
        "block 1 does not apply: in 'app/money.py' its search text occurs 2 times",
    ),
    "Text that is nearly there": (
        suggestion(
            "Text that is nearly there",
            ("  result = 0\n", "  result = 0.0\n"),
            ("     for price in prices:\n       result = result + price\n", ""),
        ),
        "does not apply exactly",
    ),
    "No change": (suggestion("No change", ("result = 0", "result = 0")), "the patch changes nothing."),
    "Other blanks": (
        suggestion("Other blanks", ("result = result + price", "result  =  result + price")),
        "the patch changes only blanks in 'app/money.py'.",
    ),
    "A new file": (suggestion("A new file", ("", "x = 1\n")), "block 1 has an empty search text"),
    "A file that was not asked about": (
        suggestion("A file that was not asked about", ("Totals", "Sums"), path="README.md"),
        "block 1 changes 'README.md', which was not asked about; asked: app/money.py.",
    ),
    "Tests made weaker": (
        suggestion("Tests made weaker", ("    assert total([]) == 0\n", ""), path="tests/test_money.py"),
        "block 1 changes 'tests/test_money.py', which was not asked about",
    ),
    "Does not parse": (
        suggestion("Does not parse", ("def total(prices):", "def total(prices:")),
        "after the patch 'app/money.py' does not parse: line 4",
    ),
    "Silences a checker": (
        suggestion("Silences a checker", ("import math\n", "import math  # noqa: F401\n")),
        "It silences checkers in 'app/money.py' (# noqa)",
    ),
    "Breaks what is tested": (
        suggestion("Breaks what is tested", ("/ len(prices)", "/ max(len(prices), 1)")),
        "1 test newly failing (tests/test_money.py::test_the_mean_of_no_prices_is_an_error)",
    ),
    "Cannot be loaded": (
        suggestion("Cannot be loaded", ("import math\n", "import math\n\nimport nowhere_to_be_found\n")),
        "tests do not hold with the patch",
    ),
    "A new finding": (
        suggestion("A new finding", ("import math\n", "import json\nimport math\n")),
        "with the patch there is a new finding: app/money.py:1:8: warning: `json` imported but unused",
    ),
}


@pytest.fixture
def money(bench: Bench) -> Bench:
    """The bench with code and its tests."""
    bench.put("app/money.py", MONEY)
    bench.put("tests/test_money.py", TESTS)
    return bench


def answers(*rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"suggestions": each} for each in rounds]


async def test_what_does_not_hold_is_refused_told_to_the_model_and_never_shown_as_proved(
    money: Bench,
) -> None:
    names = list(BAD)
    for first in range(0, len(names), MOST_SUGGESTIONS):
        chosen = names[first : first + MOST_SUGGESTIONS]
        bench, model = asking(money, *answers([BAD[name][0] for name in chosen], [WORDS]))
        output = await bench.run("suggest_improvements", path="app/money.py")
        refused = output.content.partition("Refused, because it does not hold")[2]
        for name in chosen:
            assert f"- '{name}': " in refused
            assert BAD[name][1] in refused, name
            assert BAD[name][1] in model.asked[1], name
        assert "1. [medium, readability] app/money.py:15-16: Say what a price is" in output.content
        assert "2. [" not in output.content
        assert output.changed_paths == ()
        assert bench.text("app/money.py") == MONEY
    assert money.text("tests/test_money.py") == TESTS


async def test_a_patch_that_holds_is_proved_by_linters_and_by_tests_that_notice_the_function(
    money: Bench,
) -> None:
    unseen = suggestion("Round", ("math.floor(price", "math.trunc(price"), first_line=15, last_line=16)
    bench, model = asking(money, *answers([SUM, unseen, WORDS]))
    output = await bench.run("suggest_improvements", path="app/money.py", focus="readability")
    first, second, third = output.content.split("\n\n")[1:4]
    assert first.startswith("1. [medium, readability] app/money.py:4-8: Add by sum\nIt is shorter.\nProved: ")
    assert "Tests that passed before and still pass: 2." in first
    assert "+    return sum(prices)" in first
    assert "NOT PROVED: " not in first
    assert "NOT PROVED: No test notices when rounded does nothing" in second
    assert "NOT PROVED: it has no patch" in third
    assert output.summary == "3 suggestions, 1 with a proved patch"
    assert "1\timport math" in model.asked[0]
    assert "def test_prices_are_added" in model.asked[0]
    assert len(model.asked) == 1
    assert bench.text("app/money.py") == MONEY


async def test_applied_patches_are_tried_on_top_of_each_other_and_only_proved_ones_are_written(
    money: Bench,
) -> None:
    bench, _ = asking(money, *answers([SUM, IN_PLACE, WORDS]))
    arguments: dict[str, Any] = {"path": "app/money.py", "apply": True}
    preview = await bench.preview("suggest_improvements", **arguments)
    assert "+    return sum(prices)" in preview.markdown
    assert bench.text("app/money.py") == MONEY
    output = await bench.run("suggest_improvements", **arguments)
    assert bench.text("app/money.py") == MONEY.replace(LOOP, "    return sum(prices)\n")
    assert output.changed_paths == ("app/money.py",)
    assert "'Add in place': block 1 does not apply" in output.content
    nothing, _ = asking(money, *answers([WORDS | {"first_line": 12, "last_line": 13}]))
    assert not (await nothing.run("suggest_improvements", **arguments)).ok
    with pytest.raises(ToolRejected, match="no patch is proved"):
        await nothing.preview("suggest_improvements", **arguments)


async def test_without_tests_without_ideas_and_without_anything_that_holds_it_says_so(bench: Bench) -> None:
    bench.put("app/money.py", MONEY)
    untested, _ = asking(bench, *answers([SUM]))
    output = await untested.run("suggest_improvements", path="app", symbol="")
    assert "NOT PROVED: There are no tests for it." in output.content
    silent, _ = asking(bench, {"suggestions": []})
    said = (await silent.run("suggest_improvements", path="app/money.py", symbol="average")).content
    assert "The model has nothing to suggest." in said
    outside, model = asking(bench, *answers([SUM]))
    with pytest.raises(ToolRejected, match="only 'average' was asked about, in the lines 11 to 12"):
        await outside.run("suggest_improvements", path="app/money.py", symbol="average")
    assert "11\tdef average(prices):" in model.asked[0]
    assert "def total" not in model.asked[0]
    with pytest.raises(ToolRejected, match="is not source code"):
        await outside.run("suggest_improvements", path="README.md")
    with pytest.raises(ToolRejected, match="No model can be asked"):
        await bench.run("suggest_improvements", path="app/money.py")


async def test_javascript_is_proved_by_its_own_tests(bench: Bench) -> None:
    bench.put("package.json", '{"name": "shop", "type": "module", "scripts": {"test": "node --test"}}\n')
    bench.put("slug.js", "export function slug(text) {\n  return text.trim().toLowerCase()\n}\n")
    bench.put(
        "slug.test.js",
        "import test from 'node:test'\nimport assert from 'node:assert'\nimport { slug } from './slug.js'\n\n"
        "test('slugs', () => {\n  assert.equal(slug(' A '), 'a')\n})\n",
    )
    lines = {"path": "slug.js", "first_line": 2, "last_line": 2}
    good = (
        suggestion("Turn", ("text.trim().toLowerCase()", "text.toLowerCase().trim()"), path="slug.js") | lines
    )
    bad = suggestion("Keep blanks", ("text.trim()", "text"), path="slug.js") | lines
    broken = suggestion("Twice", ("return text", "const text = 1\n  return text"), path="slug.js") | lines
    bench, model = asking(bench, *answers([good, bad, broken], []))
    output = await bench.run("suggest_improvements", path="slug.js")
    assert output.summary == "1 suggestion, 1 with a proved patch"
    assert (
        "'Keep blanks': tests do not hold with the patch: 1 tests passed before; 1 test newly"
        in model.asked[1]
    )
    assert "'Twice': " in model.asked[1]


PYTEST = "import pytest\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n):\n    assert n == n + 0\n    check(n)\n"
VITEST = "test('adds', () => {\n  expect(add(1, 2)).toBe(3)\n})\n"


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "said"),
    [
        ("tests/test_a.py", PYTEST, "    assert n == n + 0\n", "", "takes away or changes"),
        ("tests/test_a.py", PYTEST, "assert n == n + 0", "assert n", "takes away or changes"),
        ("tests/test_a.py", PYTEST, "[1, 2]", "[1]", "takes away or changes"),
        ("tests/test_a.py", PYTEST, "def test_it", "def it", "the test test_it"),
        ("tests/test_a.py", PYTEST, "    check(n)\n", "    pytest.skip('later')\n", "It skips tests"),
        ("tests/test_a.py", PYTEST, "    check(n)\n", "    check(n)\n    assert n < 3\n", ""),
        ("src/a.test.ts", VITEST, "toBe(3)", "toBeDefined()", "takes away or changes"),
        ("src/a.test.ts", VITEST, "test('adds'", "test.skip('adds'", "It skips tests"),
        ("src/a.test.ts", VITEST, "\n})", "\n  expect(add(0, 0)).toBe(0)\n})", ""),
        ("total_test.go", "package a\n", "a", "b", "a language in which it cannot be seen"),
        ("src/a.ts", "const a: any = 1\n", "const", "// @ts-ignore\nconst", "It silences checkers"),
        ("src/a.py", "x = 1\n", "1", "2", ""),
    ],
)
def test_a_change_that_makes_tests_weaker_is_seen(
    path: str, before: str, old: str, new: str, said: str
) -> None:
    faults = weaker(path, before, before.replace(old, new))
    assert said in " ".join(faults)
    assert bool(faults) is bool(said)


async def test_tests_that_are_asked_about_may_gain_but_not_lose_assertions(money: Bench) -> None:
    place = {"path": "tests/test_money.py", "first_line": 6, "last_line": 8}
    less = suggestion("Less", ("    assert total([]) == 0\n", ""), path="tests/test_money.py") | place
    more = (
        suggestion(
            "More",
            ("total([]) == 0\n", "total([]) == 0\n    assert total([5]) == 5\n"),
            path="tests/test_money.py",
        )
        | place
    )
    bench, _ = asking(money, *answers([less, more], []))
    output = await bench.run("suggest_improvements", path="tests/test_money.py")
    assert output.summary == "1 suggestion, 1 with a proved patch"
    assert "'Less': It takes away or changes what is in the tests" in output.content
    assert bench.text("tests/test_money.py") == TESTS
