"""find_definitions and find_references ask the engine of each language, and say which one answered."""

import re
from dataclasses import replace

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

SHOP = {
    "shop/__init__.py": "from shop.cart import Cart\n\n__all__ = ['Cart']\n",
    "shop/cart.py": (
        "class Cart:\n    def total(self):\n        return self.count() * 2\n\n    def count(self):\n        return 1\n"
    ),
    "shop/bill.py": (
        "from shop import Cart\n\n\nclass Bill:\n    def total(self):\n        return Cart().total()\n\n\n"
        "def show(thing):\n    return thing.total()\n"
    ),
}
SCRIPTS = {
    "web/tsconfig.json": '{"compilerOptions": {"strict": true}, "include": ["src"]}',
    "web/src/cart.ts": "export class Cart {\n  total(): number { return 1 }\n}\nexport const empty = new Cart();\n",
    "web/src/bill.ts": (
        'import { Cart as Basket, empty } from "./cart";\nexport class Bill { total() { return new Basket().total() } }\n'
        "empty.total();\n"
    ),
    "web/other/loose.ts": 'import { Cart } from "../src/cart";\nnew Cart().total();\n',
}


def fill(bench: Bench, files: dict[str, str]) -> None:
    for path, text in files.items():
        bench.put(path, text)


def places(content: str) -> list[str]:
    """``path:line`` of each place that is shown, before what is unsure."""
    found: list[str] = []
    path = ""
    for line in content.partition("\nUnsure")[0].splitlines():
        number = re.match(r"(\d+):", line)
        if number:
            found.append(f"{path}:{number[1]}")
        path = path if number else line
    return found


async def test_a_name_is_found_in_every_language_by_its_syntax(bench: Bench) -> None:
    fill(bench, SHOP | SCRIPTS | {"x/a.go": "package x\nfunc total() {}\n", "x/b.rs": "fn total() {}\n"})
    output = await bench.run("find_definitions", symbol="total")
    assert places(output.content) == [
        "app/money.py:1",
        "shop/bill.py:5",
        "shop/cart.py:2",
        "web/src/bill.ts:2",
        "web/src/cart.ts:2",
        "x/a.go:2",
        "x/b.rs:1",
    ]
    assert output.summary.startswith("'total' is defined at 7 places in 7 files, by syntax trees (")
    narrowed = await bench.run("find_definitions", symbol="Bill.total")
    assert places(narrowed.content) == ["shop/bill.py:5", "web/src/bill.ts:2"]


async def test_a_use_in_python_leads_to_what_it_means(bench: Bench) -> None:
    fill(bench, SHOP)
    output = await bench.run("find_definitions", symbol="total", path="shop/bill.py", line=6)
    assert places(output.content) == ["shop/cart.py:2"]
    assert "by jedi " in output.summary
    imported = await bench.run("find_definitions", symbol="Cart", path="shop/bill.py")
    assert places(imported.content) == ["shop/cart.py:1"]


async def test_uses_in_python_are_told_apart_by_type_and_the_rest_is_called_unsure(bench: Bench) -> None:
    fill(bench, SHOP)
    output = await bench.run("find_references", symbol="Cart.total")
    assert places(output.content) == ["shop/bill.py:6", "shop/cart.py:2"]
    assert "2: [definition] def total(self):" in output.content
    assert "Unsure, for what the name is taken on cannot be told: 1 place in 1 file" in output.content
    assert output.content.endswith("shop/bill.py\n10: return thing.total()")


async def test_imports_and_names_in_all_are_followed(bench: Bench) -> None:
    fill(bench, SHOP)
    output = await bench.run("find_references", symbol="Cart", path="shop/cart.py", line=1)
    assert places(output.content) == [
        "shop/__init__.py:1",
        "shop/bill.py:1",
        "shop/bill.py:6",
        "shop/cart.py:1",
    ]


async def test_packages_below_src_and_of_the_project_s_own_environment_are_imported(bench: Bench) -> None:
    bench.put("src/lib/__init__.py", "def made(): pass\n")
    bench.put(".venv/lib/python3.11/site-packages/other/__init__.py", "def given(): pass\n")
    bench.put("use.py", "from lib import made\nfrom other import given\n")
    made = await bench.run("find_definitions", symbol="made", path="use.py")
    assert places(made.content) == ["src/lib/__init__.py:1"]
    given = await bench.run("find_definitions", symbol="given", path="use.py")
    assert places(given.content) == [".venv/lib/python3.11/site-packages/other/__init__.py:1"]


async def test_the_standard_library_is_named_by_its_own_path(bench: Bench) -> None:
    bench.put("use.py", "import json\njson.loads('1')\n")
    output = await bench.run("find_definitions", symbol="loads", path="use.py")
    assert re.search(r"^\S*json/__init__\.pyi?$", output.content, re.MULTILINE)


async def test_a_use_in_typescript_leads_to_what_it_means(bench: Bench) -> None:
    fill(bench, SCRIPTS)
    output = await bench.run("find_definitions", symbol="total", path="web/src/bill.ts", line=3)
    assert places(output.content) == ["web/src/cart.ts:2"]
    assert re.search(r"by TypeScript 6\.\S+ of Perdure with web/tsconfig\.json\.", output.summary)


async def test_uses_in_typescript_are_told_apart_also_outside_of_the_configuration(bench: Bench) -> None:
    fill(bench, SCRIPTS)
    output = await bench.run("find_references", symbol="Cart.total")
    assert places(output.content) == [
        "web/other/loose.ts:2",
        "web/src/bill.ts:2",
        "web/src/bill.ts:3",
        "web/src/cart.ts:2",
    ]


async def test_javascript_without_a_configuration_is_read_too(bench: Bench) -> None:
    bench.put("a.js", "export function go() {}\n")
    bench.put("b.js", 'import { go } from "./a";\ngo();\nconst o = { go() {} };\n')
    output = await bench.run("find_references", symbol="go", path="a.js")
    assert places(output.content) == ["a.js:1", "b.js:1", "b.js:2"]
    assert "without a tsconfig.json" in output.summary


async def test_without_node_the_names_alone_are_searched_and_that_is_said(bench: Bench) -> None:
    fill(bench, SCRIPTS)
    bench.context = replace(bench.context, toolchain=replace(bench.context.toolchain, node=None))
    output = await bench.run("find_references", symbol="Cart.total")
    assert "How sure: Node is not installed here. So by name alone" in output.content
    assert "web/src/bill.ts:2" in places(output.content)


async def test_other_languages_are_searched_by_whole_words(bench: Bench) -> None:
    bench.put(
        "a.go", "package a\nfunc Total() int { return 1 }\n// Total of all\nvar x = Total()\nvar Totals = 2\n"
    )
    output = await bench.run("find_references", symbol="Total")
    assert places(output.content) == ["a.go:2", "a.go:3", "a.go:4"]
    assert "by whole words and syntax trees." in output.content
    assert "by name alone" in output.content


async def test_near_names_are_offered(bench: Bench) -> None:
    for tool in ("find_definitions", "find_references"):
        with pytest.raises(
            ToolRejected, match=r"Nothing in the 2 source files .* defines 'averag'"
        ) as refused:
            await bench.run(tool, symbol="averag")
        assert refused.value.hint == "Names like it: average."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"symbol": "total", "path": "nowhere.py"}, "There is no 'nowhere.py'"),
        ({"symbol": "total", "path": "app"}, "is a folder"),
        ({"symbol": "total", "path": "../x.py"}, "outside"),
        ({"symbol": "total", "path": "README.md"}, "Symbols of 'README.md' are not known"),
        ({"symbol": "nothing", "path": "app/money.py"}, "does not hold the word 'nothing'"),
        ({"symbol": "total", "path": "app/money.py", "line": 2}, "Line 2 .* lines that do: 1, 6"),
    ],
)
async def test_refuses_places_that_are_not_there(
    bench: Bench, arguments: dict[str, str | int], message: str
) -> None:
    for tool in ("find_definitions", "find_references"):
        with pytest.raises(ToolRejected, match=message):
            await bench.run(tool, **arguments)


async def test_a_hostile_file_neither_runs_nor_ends_the_search(bench: Bench) -> None:
    bench.put("evil.py", "import os\nos.system('touch /workspace/ran')\n" + "x = " + "[" * 5_000 + "\n")
    bench.put("jedi/__init__.py", "raise SystemExit('the wrong jedi')\n")
    bench.put("use.py", "from app.money import total\ntotal([1])\n")
    output = await bench.run("find_references", symbol="total", path="app/money.py")
    assert "use.py:2" in places(output.content)
    assert not bench.copy.files.exists("ran")


async def test_overloads_and_the_parts_of_a_property_are_one_symbol(bench: Bench) -> None:
    text = (
        "from typing import overload\n\n\n@overload\ndef taken(at: int) -> int: ...\n@overload\n"
        "def taken(at: str) -> str: ...\ndef taken(at):\n    return at\n\n\nclass Cart:\n    @property\n"
        "    def size(self): return taken(1)\n\n    @size.setter\n    def size(self, value): pass\n\n\nCart().size\n"
    )
    bench.put("many.py", text)
    output = await bench.run("find_references", symbol="taken", path="many.py", line=5)
    assert places(output.content) == [f"many.py:{line}" for line in (5, 7, 8, 14)]
    output = await bench.run("find_definitions", symbol="size", path="many.py", line=20)
    assert places(output.content) == ["many.py:14", "many.py:17"]
