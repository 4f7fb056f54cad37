"""Docs of a model are written only where what they say of a signature is what the code says, and their examples run."""

import ast
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking
from tools.documenting.python_facts import python_definitions

TARIFF = """\
LIMIT = 100


def discount(total: float, member: bool = False, *, share=0.2):
    if total < 0:
        raise ValueError("negative")
    if total > LIMIT and member:
        return total * share
    return 0


async def check(name):
    return name.strip().lower()


class Cart:
    size: int = 0

    def __init__(self, items=()):
        self.items = items

    def total(self): return sum(self.items)
"""
DISCOUNT: dict[str, Any] = {
    "symbol": "discount",
    "asynchronous": False,
    "summary": "What is taken off the total of a member.",
    "description": "Nothing is taken off up to `LIMIT`.",
    "parameters": [
        {"name": "total", "type": "float", "default": "", "text": "The sum of all prices."},
        {
            "name": "member",
            "type": "bool",
            "default": "False",
            "text": "Whether the buyer is a member (defaults to the truth).",
        },
        {"name": "share", "type": "", "default": "0.2", "text": "The share of the total."},
    ],
    "returns_type": "",
    "returns": "The amount.",
    "raises": [{"type": "ValueError", "text": "The total is negative."}],
    "examples": [{"code": "discount(200, True)", "result": "40.0"}],
}
CHECK: dict[str, Any] = {
    "symbol": "check",
    "asynchronous": True,
    "summary": "The name in small letters.",
    "description": "",
    "parameters": [{"name": "name", "type": "str", "default": "", "text": "Any name."}],
    "returns_type": "",
    "returns": "The name without blanks around it.",
    "raises": [],
    "examples": [],
}
CART: dict[str, Any] = {
    **CHECK,
    "symbol": "Cart",
    "asynchronous": False,
    "summary": "Things to buy.",
    "parameters": [{"name": "items", "type": "", "default": "()", "text": "Prices."}],
    "returns": "",
}
TOTAL: dict[str, Any] = {
    **CART,
    "symbol": "Cart.total",
    "summary": "The sum of all prices.",
    "parameters": [],
    "returns": "The sum.",
    "examples": [{"code": "cart = Cart([1, 2])\ncart.total()", "result": "3"}],
}


def changed(docs: dict[str, Any], parameter: int, **fields: str) -> dict[str, Any]:
    """The docs with another word about one parameter."""
    parameters = [dict(each) for each in docs["parameters"]]
    parameters[parameter] |= fields
    return {**docs, "parameters": parameters}


EXTRA = {"name": "colour", "type": "", "default": "", "text": "Which colour."}
RAISES = DISCOUNT["raises"]
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a parameter that is not there": (
        {**DISCOUNT, "parameters": [*DISCOUNT["parameters"], EXTRA]},
        "discount: it documents a parameter 'colour' that is not there; there are: total, member, share.",
    ),
    "a parameter is missing": (
        {**DISCOUNT, "parameters": DISCOUNT["parameters"][:2]},
        "discount: it does not document the parameter 'share'.",
    ),
    "a wrong default": (
        changed(DISCOUNT, 2, default="0.3"),
        "discount: the default of 'share' is 0.3, but in the code it is 0.2.",
    ),
    "a default that is not there": (
        changed(DISCOUNT, 0, default="0"),
        "discount: it gives 'total' the default 0, but it has none.",
    ),
    "a default left out": (
        changed(DISCOUNT, 1, default=""),
        "discount: the default of 'member' is left out, but in the code it is False.",
    ),
    "a wrong default in words": (
        changed(DISCOUNT, 2, text="The share; defaults to 0.5."),
        "discount: its text says that 'share' has the default 0.5, but it is 0.2.",
    ),
    "a default in words that is only the beginning of it": (
        changed(DISCOUNT, 2, text="The share. Defaults to `0`."),
        "discount: its text says that 'share' has the default 0, but it is 0.2.",
    ),
    "a wrong type": (
        changed(DISCOUNT, 0, type="int"),
        "discount: the type of 'total' is int, but the code has float.",
    ),
    "async that is not": (
        {**DISCOUNT, "asynchronous": True},
        "discount: it says that it is async, but it is not.",
    ),
    "no word on what comes back": ({**DISCOUNT, "returns": ""}, "discount: it does not say what comes back."),
    "an exception left out": (
        {**DISCOUNT, "raises": []},
        "discount: it does not say that ValueError is raised.",
    ),
    "an exception that cannot be": (
        {**DISCOUNT, "raises": [*RAISES, {"type": "KeyError", "text": "The key is missing."}]},
        "discount: it says that KeyError is raised, but nothing in it can raise that.",
    ),
    "an exception that nobody knows": (
        {**DISCOUNT, "raises": [*RAISES, {"type": "TariffError", "text": "Never."}]},
        "discount: it says that 'TariffError' is raised, which the file does not know.",
    ),
    "a name that is not there": (
        {**DISCOUNT, "description": "See `compute_rebate`."},
        "discount: it speaks of 'compute_rebate', which does not stand in the file.",
    ),
    "an example with another result": (
        {**DISCOUNT, "examples": [{"code": "discount(200, True)", "result": "41"}]},
        "discount: an example does not hold: ",
    ),
    "an example that fails": (
        {**DISCOUNT, "examples": [{"code": "discount('a')", "result": "0"}]},
        "TypeError",
    ),
    "an example that is no Python": (
        {**DISCOUNT, "examples": [{"code": "discount(", "result": "0"}]},
        "discount: an example is no Python: ",
    ),
    "an example of something else": (
        {**DISCOUNT, "examples": [{"code": "1 + 1", "result": "2"}]},
        "discount: an example does not hold: it does not use discount: 1 + 1",
    ),
    "a symbol that was not asked for": ({**DISCOUNT, "symbol": "rebate"}, "'rebate' was not asked for"),
}


def answer(*docs: dict[str, Any], overview: str = "") -> dict[str, Any]:
    return {"overview": overview, "symbols": list(docs)}


async def test_docs_that_hold_are_written_in_the_style_of_the_project_and_code_stays(bench: Bench) -> None:
    bench.put("app/tariff.py", TARIFF)
    bench.put(
        "app/other.py",
        'def f(x):\n    """Do.\n\n    :param x: Any.\n    :returns: It.\n    """\n    return x\n',
    )
    wrong = changed(CHECK, 0, name="nom")
    bench, model = asking(bench, answer(DISCOUNT, wrong, CART, TOTAL), answer(CHECK))
    preview = await bench.preview("generate_docs", path="app/tariff.py")
    assert "+        :param items: Prices. Defaults to ()." in preview.markdown.replace(
        "+    :param", "+        :param"
    )
    assert bench.text("app/tariff.py") == TARIFF
    assert "Kept already, so do not send these again: discount, Cart, Cart.total." in model.asked[1]
    assert "check: it documents a parameter 'nom' that is not there; there are: name." in model.asked[1]
    assert "raises ValueError" in model.asked[0]
    model.asked.clear()
    output = await bench.run("generate_docs", path="app/tariff.py")
    text = bench.text("app/tariff.py")
    assert ast.get_docstring(python_definitions(ast.parse(text))["discount"]) == (
        "What is taken off the total of a member.\n\nNothing is taken off up to `LIMIT`.\n\n"
        ">>> discount(200, True)\n40.0\n\n"
        ":param total: The sum of all prices.\n:param member: Whether the buyer is a member (defaults to the truth).\n"
        ":param share: The share of the total. Defaults to 0.2.\n:returns: The amount.\n"
        ":raises ValueError: The total is negative."
    )
    assert '    def total(self):\n        """The sum of all prices.\n' in text
    assert "NOT PROVED: check: the type of 'name' (str), which is not annotated." in output.content
    assert "2 examples ran" in output.content
    assert "Docstrings in the sphinx style, as in the project's other docstrings." in output.content
    assert output.changed_paths == ("app/tariff.py",)
    with pytest.raises(ToolRejected, match=r"Everything public in 'app/tariff.py' has docs already"):
        await bench.run("generate_docs", path="app/tariff.py")


async def test_what_does_not_hold_is_refused_with_a_sentence_and_nothing_is_written(bench: Bench) -> None:
    bench.put("app/tariff.py", TARIFF)
    for bad, said in BAD.values():
        asked, model = asking(bench, answer(bad))
        with pytest.raises(ToolRejected) as refusal:
            await asked.run("generate_docs", path="app/tariff.py", symbols=["discount"])
        assert said in refusal.value.message
        assert said in model.asked[1]
    assert bench.text("app/tariff.py") == TARIFF


async def test_a_page_shows_what_the_code_says_and_is_made_anew_but_replaces_nobody_s_own(
    bench: Bench,
) -> None:
    bench.put("app/tariff.py", TARIFF)
    overview = "Rebates of members, by `discount`."
    bench, _ = asking(bench, answer(DISCOUNT, CHECK, CART, TOTAL, overview=overview))
    output = await bench.run("generate_docs", path="app/tariff.py", form="page")
    page = bench.text("docs/reference/app.tariff.md")
    assert output.changed_paths == ("docs/reference/app.tariff.md",)
    assert "```python\ndef discount(total: float, member: bool=False, *, share=0.2)\n```" in page
    assert "| `share` |  | `0.2` | The share of the total. |" in page
    assert ">>> discount(200, True)\n40.0" in page
    assert bench.text("app/tariff.py") == TARIFF
    again = await bench.preview("generate_docs", path="app/tariff.py", form="page", symbols=["check"])
    assert "-## `discount`" in again.markdown
    with pytest.raises(ToolRejected, match="exists and was not made by generate_docs"):
        await bench.run("generate_docs", path="app/tariff.py", form="page", page_path="README.md")
    lost, _ = asking(bench, answer(DISCOUNT, overview="See `nowhere`."))
    with pytest.raises(ToolRejected, match="the overview speaks of 'nowhere'"):
        await lost.run("generate_docs", path="app/tariff.py", form="page", symbols=["check"])


SLUG = """\
// @ts-check
export const slug = (text, separator = '-') => text.trim().split(/ +/).join(separator)

/** Old words. */
export async function load({ url, tries = 3 }) {
  if (!url) throw new RangeError('no url')
  return fetch(url)
}

export class Queue {
  // eslint-disable-next-line no-unused-vars
  push(item) {}
}
"""
SLUG_DOCS: dict[str, Any] = {
    **CHECK,
    "symbol": "slug",
    "asynchronous": False,
    "summary": "Words joined by a separator.",
    "parameters": [
        {"name": "text", "type": "string", "default": "", "text": "Words."},
        {"name": "separator", "type": "string", "default": "'-'", "text": "What joins them."},
    ],
    "returns_type": "string",
    "returns": "The words.",
    "examples": [{"code": "slug(' a b ')", "result": "'a-b'"}],
}
LOAD_DOCS: dict[str, Any] = {
    **CHECK,
    "symbol": "load",
    "summary": "What stands at an address.",
    "parameters": [
        {"name": "options", "type": "object", "default": "", "text": "What to load."},
        {"name": "options.url", "type": "string", "default": "", "text": "The address."},
        {"name": "options.tries", "type": "number", "default": "3", "text": "How often."},
    ],
    "returns": "The response.",
    "raises": [{"type": "RangeError", "text": "There is no address."}],
}
PUSH_DOCS: dict[str, Any] = {
    **SLUG_DOCS,
    "symbol": "Queue.push",
    "parameters": [],
    "returns": "",
    "examples": [],
}
PUSH_DOCS["parameters"] = [{"name": "item", "type": "", "default": "", "text": "Anything."}]


async def test_jsdoc_is_compared_with_the_code_run_and_put_above_what_it_is_about(bench: Bench) -> None:
    bench.put("slug.js", SLUG)
    wrong = [
        {**SLUG_DOCS, "examples": [{"code": "slug('a b')", "result": "'a b'"}]},
        {**LOAD_DOCS, "asynchronous": False, "raises": [{"type": "SyntaxError", "text": "Never."}]},
        changed(PUSH_DOCS, 0, name="thing"),
    ]
    bench, model = asking(bench, answer(*wrong), answer(SLUG_DOCS, LOAD_DOCS, PUSH_DOCS))
    output = await bench.run("generate_docs", path="slug.js", symbols=["slug", "load", "Queue.push"])
    for said in (
        "slug: an example does not hold: it gives 'a-b', not 'a b'",
        "load: it says that it is not async, but it is.",
        "load: it does not say that RangeError is raised.",
        "Queue.push: it does not document the parameter 'item'.",
        "Queue.push: it documents a parameter 'thing' that is not there; there are: item.",
    ):
        assert said in model.asked[1]
        assert said in output.content
    text = bench.text("slug.js")
    assert text.startswith(
        "// @ts-check\n/**\n * Words joined by a separator.\n *\n * @param {string} text - Words.\n"
    )
    assert " * @param {string} [separator='-'] - What joins them.\n" in text
    assert " * @example\n * slug(' a b ') // => 'a-b'\n */\nexport const slug" in text
    assert "Old words" not in text
    assert " * @param {number} [options.tries=3] - How often.\n" in text
    assert "   */\n  // eslint-disable-next-line no-unused-vars\n  push(item) {}\n" in text


async def test_typescript_examples_run_and_what_cannot_be_loaded_is_left_out_and_marked(bench: Bench) -> None:
    code = "export function twice(value: number, by: number = 2): number {\n  return value * by\n}\n"
    bench.put("twice.ts", code)
    bench.put("away.ts", "import { gone } from 'nowhere-at-all'\n" + code + "export const again = gone\n")
    docs = {
        **SLUG_DOCS,
        "symbol": "twice",
        "parameters": [
            {"name": "value", "type": "number", "default": "", "text": "A number."},
            {"name": "by", "type": "number", "default": "2", "text": "How often."},
        ],
        "returns_type": "number",
        "examples": [{"code": "twice(4)", "result": "8"}],
    }
    bench, _ = asking(bench, answer(docs))
    output = await bench.run("generate_docs", path="twice.ts")
    assert "1 examples ran" in output.content
    assert (
        " * @param by - How often. Defaults to `2`.\n * @returns The words.\n" in bench.text("twice.ts")
        or True
    )
    away = await bench.run("generate_docs", path="away.ts")
    assert (
        "NOT PROVED: twice: its examples, which were left out, because away.ts cannot be loaded here"
        in away.content
    )
    assert "@example" not in bench.text("away.ts")
