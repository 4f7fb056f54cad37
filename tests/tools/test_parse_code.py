"""parse_code shows what files of every known language consist of, also where they are broken."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

FILES = {
    "shop.py": (
        "@frozen\nclass Cart(Base):\n    '''Holds things.'''\n\n    async def total(self, tax: int = 0) -> int:\n"
        "        return 1\n\n\nLIMIT = 3\n",
        [
            "1-6 @frozen class Cart(Base)  # Holds things.",
            "  5-6 async def total(self, tax: int = 0) -> int",
            "9 LIMIT = 3",
        ],
    ),
    "shop.js": (
        "// Adds.\nexport function add(a, b) { return a }\nconst twice = (x) => x;\nclass Cart { #take() {} }\n",
        ["2 export function add(a, b)  # Adds.", "3 const twice = (x)", "4 class Cart", "  4 #take()"],
    ),
    "shop.ts": (
        "/** A price. */\nexport interface Price { of(tax: number): number }\nexport type Id = string | number;\n"
        "export enum Kind { A, B }\n",
        [
            "2 export interface Price  # A price.",
            "  2 of(tax: number): number",
            "3 export type Id = string | number;",
            "4 export enum Kind",
        ],
    ),
    "shop.tsx": (
        "export const Card = ({ name }: Props) => <div>{name}</div>;\n",
        ["1 export const Card = ({ name }: Props)"],
    ),
    "shop.json": (
        '{"a": {"b": [1, 2]}, "c": "d"}',
        ['1 "a": object of 1', '  1 "b": list of 2', '1 "c": "d"'],
    ),
    "shop.yaml": ("on: push\njobs:\n  build:\n    steps: []\n", ["1 on: push", "2-4 jobs: object of 1"]),
    "shop.toml": (
        '[tool.x]\nline = 1\n[[b]]\nc = "d"\n',
        ["1-2 tool.x", "  2 line: 1", "3-4 b", '  4 c: "d"'],
    ),
    "shop.html": ("<html><body id='m'><p>a</p></body></html>", ["1 <html>", "  1 <body id='m'>"]),
    "shop.css": (
        ".a, .b { color: red }\n@media (max-width: 3px) { .z { top: 0 } }\n",
        ["1 .a, .b", "  1 color: red"],
    ),
    "shop.sh": ("#!/bin/sh\n# Greets.\ngreet() { echo hi; }\n", ["3 greet()  # Greets."]),
    "shop.go": (
        "package x\n// Run runs.\nfunc (s *Server) Run(a int) error { return nil }\ntype Server struct { A int }\n",
        ["3 func (s *Server) Run(a int) error  # Run runs.", "4 type Server struct { A int }"],
    ),
    "shop.rs": (
        "/// A point.\npub struct P { x: i32 }\nimpl P { pub fn new() -> Self { P { x: 1 } } }\n",
        ["2 pub struct P  # A point.", "3 impl P", "  3 pub fn new() -> Self"],
    ),
    "Shop.java": (
        "/** Doc. */\npublic class Shop extends B {\n  private int count = 0;\n  int run(String a) { return 1; }\n}\n",
        ["2-5 public class Shop extends B  # Doc.", "  3 private int count = 0;", "  4 int run(String a)"],
    ),
    "shop.c": (
        "#define MAX 3\nstruct s { int a; };\n/* adds */\nstatic int add(int a, int b) { return a + b; }\n",
        ["1 #define MAX 3", "2 struct s", "4 static int add(int a, int b)  # adds"],
    ),
    "shop.cpp": (
        "namespace n {\nclass K : public B {\n  int get() const { return 1; }\n};\n}\nint n::K::other(int x) { return x; }\n",
        ["1-5 namespace n", "  2-4 class K : public B", "    3 int get() const", "6 int n::K::other(int x)"],
    ),
}


@pytest.mark.parametrize("path", FILES)
async def test_shows_signatures_nesting_and_documentation(bench: Bench, path: str) -> None:
    text, expected = FILES[path]
    bench.put(path, text)
    lines = (await bench.run("parse_code", path=path)).content.splitlines()
    assert lines[0].startswith(f"{path}: ")
    assert lines[1 : len(expected) + 1] == expected


async def test_says_how_many_there_are_of_each_kind(bench: Bench) -> None:
    output = await bench.run("parse_code", path="app/money.py")
    assert output.content == (
        "app/money.py: Python, 6 lines, 2 functions\n1-2 def total(prices)\n5-6 def average(prices)"
    )


async def test_shows_only_names_that_contain_what_is_asked_for(bench: Bench) -> None:
    output = await bench.run("parse_code", path="app/money.py", name="AVER")
    assert output.content.splitlines()[1:] == ["5-6 def average(prices)"]


async def test_shows_what_is_left_of_a_broken_file_and_where_it_breaks(bench: Bench) -> None:
    bench.put("broken.py", "def good():\n    pass\n\n\ndef bad(:\n    pass\n")
    output = await bench.run("parse_code", path="broken.py")
    assert "It does not parse: line 5: ')' is missing." in output.content
    assert "1-2 def good()" in output.content


async def test_counts_what_does_not_fit_and_what_is_deeper(bench: Bench) -> None:
    bench.put("many.py", "".join(f"def function_number_{n}():\n    pass\n" for n in range(2_000)))
    assert (
        "more; narrow it with name or a smaller depth.]"
        in (await bench.run("parse_code", path="many.py")).content
    )
    bench.put("deep.json", '{"a": {"b": {"c": {"d": 1}}}}')
    assert (
        "[2 deeper ones are left out; send depth=3.]"
        in (await bench.run("parse_code", path="deep.json")).content
    )
    assert '      1 "d": 1' in (await bench.run("parse_code", path="deep.json", depth=4)).content


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
async def test_reads_other_encodings_and_line_ends(bench: Bench, encoding: str) -> None:
    bench.put("other.py", "# coding: latin-1\r\ndef größe():\r\n    '''Ä.'''\r\n".encode(encoding))
    assert "2-3 def größe()  # Ä." in (await bench.run("parse_code", path="other.py")).content


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("notes.txt", b"hello\n", "The language of 'notes.txt' is not known"),
        ("picture.py", b"\x89PNG\r\n\x1a\n\x00\x00", "not text: it is a PNG image"),
        ("large.json", b"[" + b"1," * 2_200_000 + b"1]", "more than the 4,194,304 that are parsed"),
    ],
)
async def test_refuses_what_it_cannot_parse(bench: Bench, path: str, data: bytes, message: str) -> None:
    bench.put(path, data)
    with pytest.raises(ToolRejected, match=message):
        await bench.run("parse_code", path=path)


async def test_a_text_that_is_nested_beyond_all_measure_is_read_to_its_end(bench: Bench) -> None:
    bench.put("deep.py", "(" * 3_000)
    output = await bench.run("parse_code", path="deep.py")
    assert "It does not parse" in output.content
