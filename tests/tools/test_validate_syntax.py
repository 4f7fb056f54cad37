"""validate_syntax says where a file or a snippet breaks, and who says so."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

GOOD = {
    "python": "def f():\n    return 1\n",
    "javascript": "export const f = async () => <b>{1}</b>;\n",
    "typescript": "const a: number = 1 as const;\n",
    "tsx": "export const A = ({ a }: { a: string }) => <p>{a}</p>;\n",
    "json": '{"a": [1, 2]}',
    "toml": "a = 1\n",
    "yaml": "a:\n  - 1\n",
    "bash": "if true; then echo a; fi\n",
    "go": "package a\nfunc f() {}\n",
    "rust": "fn f() {}\n",
    "java": "class A { }\n",
    "c": "int f(void) { return 1; }\n",
    "cpp": "class A { };\n",
    "html": "<p>a</p>",
    "css": ".a { color: red }",
}
BAD = {
    "python": ("def f():\nreturn 1\n", 2),
    "javascript": ("const a = 1;\nfunction ( {\n", 2),
    "typescript": ("const a: number = ;\n", 1),
    "tsx": ("const a = <p>;\n", 1),
    "json": ('{"a": 1,\n}', 2),
    "toml": ("a = 1\nb = \n", 2),
    "yaml": ("a: b: 1\n", 1),
    "bash": ("if true; then\necho a\n", 3),
    "go": ("package a\nfunc f( {\n", 2),
    "rust": ("fn f( {\n", 1),
    "java": ("class A {\n", 1),
    "c": ("int f(void { return 1; }\n", 1),
    "cpp": ("class A {\n", 1),
    "css": (".a { color: red\n", 1),
}


@pytest.mark.parametrize("language", GOOD)
async def test_takes_what_parses(bench: Bench, language: str) -> None:
    output = await bench.run("validate_syntax", code=GOOD[language], language=language)
    assert output.ok, output.content
    assert output.content.startswith("(snippet): parses as ")


@pytest.mark.parametrize("language", BAD)
async def test_says_where_it_breaks(bench: Bench, language: str) -> None:
    code, line = BAD[language]
    output = await bench.run("validate_syntax", code=code, language=language)
    assert not output.ok
    assert output.diagnostics
    # Some parsers name the line after the last one for what is missing at the end.
    assert output.diagnostics[0].range.line in {line, line + 1}, output.content


async def test_a_file_is_checked_by_the_parser_of_the_project_s_interpreter(bench: Bench) -> None:
    bench.put("app/broken.py", "def f(:\n    pass\n")
    output = await bench.run("validate_syntax", path="app/broken.py")
    assert output.summary.startswith("app/broken.py: does not parse as Python: 1 error, by Python 3.")
    assert output.diagnostics[0].path == "app/broken.py"
    assert (await bench.run("validate_syntax", path="app/money.py")).ok


async def test_what_only_the_compiler_refuses_is_found(bench: Bench) -> None:
    output = await bench.run("validate_syntax", code="return 1\n", language="py")
    assert "'return' outside function" in output.content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Either path or code"),
        ({"path": "a.py", "code": "x"}, "Either path or code"),
        ({"code": "x", "language": "klingon"}, "'klingon' is not known"),
        ({"path": "README.md"}, "language of 'README.md' is not known"),
        ({"path": "../a.py"}, "outside"),
    ],
)
async def test_refuses_what_it_cannot_check(bench: Bench, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ToolRejected, match=message):
        await bench.run("validate_syntax", **arguments)
