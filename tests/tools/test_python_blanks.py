"""A rename leaves out what it cannot concern, and comes to the same."""

import time

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.editing.python_blanks import without_bystanders

SOURCE = """\
def target(value):
    return value


def bystander(first, second=(1, 2)):
    total = first  # a note
    return total


class Holder:
    def bystander(self): return 1

    def concerned(self):
        return target(1)
"""


def test_bodies_that_name_neither_name_are_blank_and_nothing_moves() -> None:
    source = SOURCE.encode()
    blank = without_bystanders(source, ("target", "renamed"))
    assert len(blank) == len(source)
    assert blank.index(b"return target(1)") == source.index(b"return target(1)")
    assert blank.count(b"total") == 0
    assert b"def bystander" not in blank
    assert b"\n0       " in blank
    compile(blank, "blank", "exec")


def test_what_a_function_returns_by_its_declaration_stays_and_so_does_what_a_decorator_needs() -> None:
    source = b"def made(count=1) -> Boat:\n    return 1\n\n\n@cached\ndef kept(x):\n    return 1\n"
    blank = without_bystanders(source, ("target", "renamed"))
    assert b"def made(       ) -> Boat:\n    0 " in blank
    assert b"@cached\ndef kept( ):\n    0 " in blank


@pytest.mark.parametrize(
    "body",
    [
        "    global state\n    state = Other()",
        "    return getattr(thing, 'target')",
        "    return thing.renamed",
        "    return '\\x74arget'",
        "    return größe",
    ],
)
def test_bodies_that_may_concern_it_stay(body: str) -> None:
    source = f"def function():\n{body}\n".encode()
    assert without_bystanders(source, ("target", "renamed")) == source


async def test_a_refusal_names_the_line_of_the_file_as_it_is(bench: Bench) -> None:
    bench.put("app/long.py", f"{SOURCE}\n\ndef last(renamed):\n    return target(renamed)\n")
    with pytest.raises(ToolRejected, match="at line 18"):
        await bench.run("edit_file", path="app/long.py", op="rename", symbol="target", new_name="renamed")


async def test_a_file_of_12_000_lines_takes_a_few_seconds(bench: Bench) -> None:
    function = (
        "def function_{0}(first, second):\n    total = 0\n    for item in range(first):\n        total += item * {0}\n"
        "        if total > second:\n            print(f'{{total}} is more', {1})\n    return str(total)\n\n"
    )
    parts = [
        function.format(number, "target(total)" if number % 10 == 0 else "str(total)")
        for number in range(1_500)
    ]
    bench.put("app/long.py", f"{SOURCE}\n{''.join(parts)}")
    began = time.process_time()
    output = await bench.run(
        "edit_file", path="app/long.py", op="rename", symbol="target", new_name="renamed"
    )
    assert output.ok
    assert bench.text("app/long.py").count("renamed(") == 152
    # Of the processor, because others may hold it; the whole file resolved by libcst takes three times as long.
    assert time.process_time() - began < 8
