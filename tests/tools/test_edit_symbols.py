"""Functions, classes and methods are edited by name; a rename follows scope, and refuses what it cannot tell."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

PYTHON = '''"""Boats."""
import os


# ---- making ----

# Costs a day.
@os.cache
def build(n):
    """Make one."""
    return n * 2  # planks
    # and a mast


def sail(boat):
    return build(boat)


class Boat:
    """Floats."""

    @property
    def speed(self):
        return 1

    @speed.setter
    def speed(self, value):
        self.last = value

    def row(self, oars):
        return self.speed

    def drift(self): return self.row(0)
'''

SCRIPT = """import { log } from "./log";

/** Doubles. */
export function build(n) {
  return n * 2;
}

export const sail = async (boat) => {
  return build(boat);
};

class Boat {
  #oars = [];
  row(n) {
    return this.#oars;
  }
  drift = (n) => this.row(n);
}
"""


async def symbol_edit(bench: Bench, path: str, before: str, **edit: str) -> str:
    bench.put(path, before)
    await bench.run("edit_file", path=path, **edit)
    return bench.text(path)


async def refused(bench: Bench, path: str, before: str, **edit: str) -> str:
    bench.put(path, before)
    with pytest.raises(ToolRejected) as caught:
        await bench.run("edit_file", path=path, **edit)
    assert bench.text(path) == before
    return str(caught.value)


async def test_a_replaced_function_keeps_decorators_that_the_text_has_none_of(bench: Bench) -> None:
    after = await symbol_edit(
        bench, "b.py", PYTHON, op="replace", symbol="build", text="def build(n):\n    return n\n"
    )
    assert "# Costs a day.\n@os.cache\ndef build(n):\n    return n\n\n\ndef sail" in after


async def test_a_replaced_function_takes_the_decorators_of_the_text(bench: Bench) -> None:
    text = "@os.once\ndef build(n):\n    return n"
    after = await symbol_edit(bench, "b.py", PYTHON, op="replace", symbol="build", text=text)
    assert "# Costs a day.\n@os.once\ndef build(n):\n    return n\n\n\ndef sail" in after


async def test_new_code_comes_to_the_depth_but_strings_keep_their_lines(bench: Bench) -> None:
    text = "def row(self):\n    return '''\nraw\n  lines'''\n"
    after = await symbol_edit(bench, "b.py", PYTHON, op="replace", symbol="Boat.row", text=text)
    assert "    def row(self):\n        return '''\nraw\n  lines'''\n\n    def drift" in after


async def test_new_code_takes_over_tabs_and_line_ends(bench: Bench) -> None:
    before = "class A:\r\n\tdef f(self):\r\n\t\treturn 1\r\n"
    bench.put("t.py", before)
    text = "def g(self):\n    if self:\n        return 2\n"
    await bench.run("edit_file", path="t.py", op="insert_after", symbol="A.f", text=text)
    added = "\r\n\tdef g(self):\r\n\t\tif self:\r\n\t\t\treturn 2\r\n"
    assert bench.copy.files.read("t.py").decode() == before + added


async def test_what_is_inserted_stands_outside_of_comments_and_decorators(bench: Bench) -> None:
    after = await symbol_edit(bench, "b.py", PYTHON, op="insert_before", symbol="build", text="X = 1")
    assert "# ---- making ----\n\nX = 1\n\n\n# Costs a day.\n@os.cache" in after
    after = await symbol_edit(bench, "b.py", PYTHON, op="insert_after", symbol="build", text="X = 1")
    assert "    # and a mast\n\n\nX = 1\n\n\ndef sail" in after


async def test_a_deleted_symbol_takes_its_comment_along(bench: Bench) -> None:
    after = await symbol_edit(bench, "b.py", PYTHON, op="delete", symbol="build")
    assert "# ---- making ----\n\n\ndef sail" in after
    after = await symbol_edit(bench, "b.js", SCRIPT, op="delete", symbol="build")
    assert 'from "./log";\n\nexport const sail' in after
    after = await symbol_edit(bench, "b.js", SCRIPT, op="delete", symbol="Boat.drift")
    assert after.endswith("    return this.#oars;\n  }\n}\n")


async def test_export_stays_where_the_text_has_none(bench: Bench) -> None:
    text = "function build() {\n  return 1;\n}\n"
    after = await symbol_edit(bench, "b.js", SCRIPT, op="replace", symbol="build", text=text)
    assert "/** Doubles. */\nexport function build() {\n  return 1;\n}\n" in after
    text = "export const sail = () => 1;\n"
    after = await symbol_edit(bench, "b.js", SCRIPT, op="replace", symbol="sail", text=text)
    assert "\n\nexport const sail = () => 1;\n\nclass Boat" in after


@pytest.mark.parametrize(
    ("path", "edit", "said"),
    [
        ("b.py", {"op": "delete", "symbol": "biuld"}, "There is 'build'"),
        ("b.py", {"op": "delete", "symbol": "Boat.rwo"}, "There is 'Boat.row'"),
        ("b.py", {"op": "delete", "symbol": "os"}, "has no function, class or method 'os'"),
        ("b.py", {"op": "delete", "symbol": "Boat.speed"}, "is defined 2 times in 'b.py', at lines 23, 27"),
        ("b.py", {"op": "delete", "symbol": "build", "kind": "class"}, "There is function 'build'"),
        ("b.py", {"op": "replace", "symbol": "sail", "text": "def sail(:\n    pass"}, "no longer parse"),
        ("b.py", {"op": "replace", "symbol": "sail"}, "needs the new code"),
        ("b.py", {"op": "rename", "symbol": "sail"}, "needs 'new_name'"),
        ("b.py", {"op": "rename", "symbol": "sail", "new_name": "a b"}, "no name that Python allows"),
        ("b.py", {"op": "rename", "symbol": "sail", "new_name": "build"}, "defined there already"),
        ("b.rs", {"op": "delete", "symbol": "sail"}, "is not Python, JavaScript or TypeScript"),
    ],
)
async def test_refuses_symbols_that_are_not_certain(
    bench: Bench, path: str, edit: dict[str, str], said: str
) -> None:
    assert said in await refused(bench, path, PYTHON, **edit)


@pytest.mark.parametrize(
    ("before", "symbol", "new_name", "after"),
    [
        (
            "def f(): return f\ndef g(f, v=1): return f\ndef h(v=f): return [f for f in v], f()\n",
            "f",
            "k",
            "def k(): return k\ndef g(f, v=1): return f\ndef h(v=k): return [f for f in v], k()\n",
        ),
        (
            "__all__ = ['f', 'x']\ndef f(a: 'f') -> 'list[f]':\n    print('f', f'{f}')\n    a.f(f=1)\n",
            "f",
            "k",
            "__all__ = ['k', 'x']\ndef k(a: 'k') -> 'list[k]':\n    print('f', f'{k}')\n    a.f(f=1)\n",
        ),
        (
            "def o():\n    f = 1\n    def i():\n        global f\n        return f\ndef f(): pass\n",
            "f",
            "k",
            "def o():\n    f = 1\n    def i():\n        global k\n        return k\ndef k(): pass\n",
        ),
        (
            "def f(): pass\nclass A:\n    f = f\n    g = f\n",
            "f",
            "k",
            "def k(): pass\nclass A:\n    f = k\n    g = f\n",
        ),
        (
            "class A:\n    def f(self): pass\nclass B(A):\n    def f(self): super().f()\nclass C:\n    def f(self): self.f()\n"
            "def u(a: A, c: C):\n    b = B()\n    return a.f(), b.f(), c.f(), ''.f()\n",
            "B.f",
            "k",
            "class A:\n    def k(self): pass\nclass B(A):\n    def k(self): super().k()\nclass C:\n    def f(self): self.f()\n"
            "def u(a: A, c: C):\n    b = B()\n    return a.k(), b.k(), c.f(), ''.f()\n",
        ),
    ],
)
async def test_a_rename_in_python_follows_scope(
    bench: Bench, before: str, symbol: str, new_name: str, after: str
) -> None:
    result = await symbol_edit(bench, "r.py", before, op="rename", symbol=symbol, new_name=new_name)
    assert result == after


@pytest.mark.parametrize(
    ("before", "symbol", "new_name", "after"),
    [
        (
            "f();\nfunction f() {}\nfunction g(f) { return f; }\nfunction h() { { let f; } var i = f; }\n",
            "f",
            "k",
            "k();\nfunction k() {}\nfunction g(f) { return f; }\nfunction h() { { let f; } var i = k; }\n",
        ),
        (
            "function f() {}\nconst a = { f, b: f, f() {} };\nconst { f: c = f } = a;\nexport { f };\n",
            "f",
            "k",
            "function k() {}\nconst a = { f: k, b: k, f() {} };\nconst { f: c = k } = a;\nexport { k as f };\n",
        ),
        (
            "class A { #x() {} f() { this.#x(); this.g(() => this.f()); } }\nclass B { f() { this.f(); } }\nnew A().f();\n",
            "A.f",
            "k",
            "class A { #x() {} k() { this.#x(); this.g(() => this.k()); } }\nclass B { f() { this.f(); } }\nnew A().k();\n",
        ),
        (
            "function f() {}\nenum E { f, b = f }\nenum D { c = 1, f = 2, d = f | c }\nlet e = E.f + f;\n",
            "f",
            "k",
            "function k() {}\nenum E { f, b = f }\nenum D { c = 1, f = 2, d = f | c }\nlet e = E.f + k;\n",
        ),
        (
            "class A<T> { m(x: A<T>): asserts x is A<T> {} }\ntype F = (A: string) => typeof A;\ntype M<A> = A;\n"
            "namespace N { export class A {} }\nlet a: N.A | A<string>;\n",
            "A",
            "K",
            "class K<T> { m(x: K<T>): asserts x is K<T> {} }\ntype F = (A: string) => typeof A;\ntype M<A> = A;\n"
            "namespace N { export class A {} }\nlet a: N.A | K<string>;\n",
        ),
    ],
)
async def test_a_rename_in_typescript_follows_scope(
    bench: Bench, before: str, symbol: str, new_name: str, after: str
) -> None:
    result = await symbol_edit(bench, "r.ts", before, op="rename", symbol=symbol, new_name=new_name)
    assert result == after


async def test_a_renamed_component_is_another_tag_but_no_other_word(bench: Bench) -> None:
    before = 'const Row = () => <Row.Cell id="Row">Row<row /></Row.Cell>;\nexport default () => <Row a="Row"></Row>;\n'
    after = await symbol_edit(bench, "r.tsx", before, op="rename", symbol="Row", new_name="Line")
    assert after == before.replace("const Row", "const Line").replace("<Row", "<Line").replace(
        "</Row", "</Line"
    )


@pytest.mark.parametrize(
    ("path", "before", "symbol", "new_name", "said"),
    [
        ("r.py", "def f(x): return len(x)\n", "f", "len", "'len' is used already"),
        ("r.py", "def f(): pass\ndef g(k): return f\n", "f", "k", "means something else there, at line 2"),
        (
            "r.py",
            "class A:\n    def f(self): pass\ndef g(x): x.f()\n",
            "A.f",
            "k",
            "whose 'f' is meant at line 3",
        ),
        ("r.py", "class A:\n    def f(self): getattr(self, 'f')\n", "A.f", "k", "at line 2"),
        ("r.py", "class A:\n    def __len__(self): pass\n", "A.__len__", "k", "Python itself calls"),
        ("r.py", "try:\n    from m import f\nexcept E:\n    def f(): pass\n", "f", "k", "imported as well"),
        (
            "r.py",
            "def f(): pass\ndef g(x):\n    match x:\n        case [f]: pass\n",
            "f",
            "k",
            "a pattern or a comprehension binds 'f', at line 4",
        ),
        ("r.py", "def f(): pass\ndef g(x):\n    match x:\n        case {**k}: f()\n", "f", "k", "binds 'k'"),
        (
            "r.py",
            "def f(): pass\ndef g(x): return [f := i for i in x], f\n",
            "f",
            "k",
            "binds 'f', at line 2",
        ),
        (
            "r.py",
            "if a:\n    class A:\n        def f(self): pass\nelse:\n    class A:\n        def f(self): self.f()\n",
            "A.f",
            "k",
            "a method of 2 classes of one name",
        ),
        (
            "r.js",
            "{ class A { f() {} } }\n{ class A { f() { this.f(); } } }\n",
            "A.f",
            "k",
            "of 2 classes of one name",
        ),
        (
            "r.js",
            "function f() {}\n{\n  function f() {}\n  f();\n}\n",
            "f",
            "k",
            "more than one scope (lines 1, 3)",
        ),
        ("r.js", "function f() {}\nfunction g(k) { f(); }\n", "f", "k", "means something else at line 2"),
        ("r.js", "function f() {}\neval('f()');\n", "f", "k", "looks names up while the program runs"),
        ("r.js", "class A { f() {} }\nconst g = (x) => x.f();\n", "A.f", "k", "at line 2"),
        ("r.js", "class A { f() {} g() { this['f'](); } }\n", "A.f", "k", "at line 1"),
        ("r.ts", "interface I { f(): void }\nclass A implements I { f() {} }\n", "A.f", "k", "asks for 'f'"),
        ("r.ts", "namespace N { export function f() {} }\nN.f();\n", "N.f", "k", "at line 2"),
        ("r.js", "function g() {}\nfunction f( {}\n", "g", "k", "does not parse"),
    ],
)
async def test_a_rename_refuses_what_it_cannot_tell(
    bench: Bench, path: str, before: str, symbol: str, new_name: str, said: str
) -> None:
    assert said in await refused(bench, path, before, op="rename", symbol=symbol, new_name=new_name)
