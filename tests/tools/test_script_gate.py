"""Edits of JavaScript and TypeScript are refused where Babel finds a new error, and only there."""

from dataclasses import replace

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def change(bench: Bench, path: str, old: str, new: str) -> str:
    """The file after an edit of all of it."""
    bench.put(path, old)
    await bench.run("edit_file", path=path, blocks=[{"search": old.strip(), "replace": new}])
    return bench.text(path)


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("a.js", "const x;"),
        ("a.js", "try { work(); }"),
        ("a.ts", "let one = 1; let one = 2;"),
        ("a.js", "break;"),
        ("a.mjs", "return 1;"),
        ("a.js", "function f() { await work(); }"),
        ("a.tsx", "const view = <div></span>;"),
        ("a.ts", "class A {"),
    ],
)
async def test_what_is_no_script_is_refused(bench: Bench, path: str, new: str) -> None:
    with pytest.raises(ToolRejected, match=r"would no longer parse, line [12]: .*\nIt would read:\n1\t"):
        await change(bench, path, "work();\n", new)
    assert bench.text(path) == "work();\n"


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("a.ts", 'export type * from "./types";'),
        ("a.ts", "type A<in out T> = { value: T };"),
        ("a.js", 'import defer * as later from "./later.js";'),
        ("a.js", "class A { accessor value = 1; }"),
        ("a.cjs", "return 1;"),
        ("a.ts", "function f(a: string): void; function f(a: number): void; function f(a: unknown) {}"),
        ("a.tsx", "const view = <T,>(one: T) => <p>{String(one)}</p>;"),
    ],
)
async def test_what_is_a_script_is_written(bench: Bench, path: str, new: str) -> None:
    assert await change(bench, path, "work();\n", new) == f"{new}\n"


async def test_errors_that_were_there_already_do_not_stop_an_edit(bench: Bench) -> None:
    assert "second()" in await change(bench, "a.js", "const x;\nfirst();\n", "const x;\nsecond();")


@pytest.mark.parametrize(("missing", "said"), [("node", "Node"), ("node_modules", "Babel")])
async def test_without_babel_the_edit_says_that_less_was_checked(
    bench: Bench, missing: str, said: str
) -> None:
    toolchain = replace(bench.context.toolchain, **{missing: None})
    lesser = replace(bench, context=replace(bench.context, toolchain=toolchain))
    bench.put("a.js", "work();\n")
    bench.put("a.py", "work()\n")
    blocks = [{"search": "work", "replace": "rest"}]
    output = await lesser.run("edit_file", path="a.js", blocks=blocks)
    assert (
        f"\n{said} is not installed, so the syntax of JavaScript was checked by tree-sitter alone"
        in output.content
    )
    assert "tree-sitter" not in (await lesser.run("edit_file", path="a.py", blocks=blocks)).content
    bench.put("a.js", "work();\n")
    with pytest.raises(ToolRejected, match="would no longer parse"):
        await lesser.run("edit_file", path="a.js", blocks=[{"search": "work();", "replace": "work(;"}])
