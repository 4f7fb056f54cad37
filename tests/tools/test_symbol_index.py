"""The symbol index follows the files of a workspace, and finds everything again when it is lost."""

import ast
import asyncio
from pathlib import Path

import pytest

from perdure.safety.views import SandboxLimits
from tests.tools.conftest import Bench
from tools.symbols.grammars import LANGUAGES, query_of
from tools.symbols.index import FILE, SymbolIndex
from tools.symbols.parsing import Source, parsed_in_sandbox
from tools.symbols.python_tags import python_tags
from tools.symbols.tagging import Wanted, tagged_in_sandbox
from tools.symbols.tags import read_tags, tags_of


async def names(bench: Bench, name: str) -> list[tuple[str, int, str]]:
    index = await SymbolIndex.current(bench.context)
    return [(tag.path, tag.line, tag.kind) for tag in await index.named(name)]


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_query_of_each_language_fits_its_grammar(name: str) -> None:
    assert query_of(name).pattern_count > 0


async def test_finds_definitions_and_uses(bench: Bench) -> None:
    assert await names(bench, "total") == [("app/money.py", 1, "function"), ("app/money.py", 6, "call")]


async def test_only_what_changed_is_parsed_again(bench: Bench) -> None:
    first = await SymbolIndex.current(bench.context)
    assert first.coverage.parsed == first.coverage.files == 2
    bench.put("app/money.py", "def sum_up():\n    pass\n")
    second = await SymbolIndex.current(bench.context)
    assert (second.coverage.files, second.coverage.parsed) == (2, 1)
    assert await names(bench, "sum_up") == [("app/money.py", 1, "function")]
    assert await names(bench, "average") == []


async def test_a_change_of_the_same_length_right_after_the_look_is_seen(bench: Bench) -> None:
    for turn in range(5):
        bench.put("app/money.py", f"def turn_{turn}():\n    pass\n")
        assert await names(bench, f"turn_{turn}") == [("app/money.py", 1, "function")]


async def test_equal_files_are_parsed_once_and_found_in_both_places(bench: Bench) -> None:
    bench.put("copy/money.py", bench.text("app/money.py"))
    index = await SymbolIndex.current(bench.context)
    assert (index.coverage.files, index.coverage.parsed) == (3, 2)
    assert [tag.path for tag in await index.definitions("average")] == ["app/money.py", "copy/money.py"]


async def test_leaves_out_what_git_ignores_and_forgets_what_is_gone(bench: Bench) -> None:
    bench.put("build/made.py", "def made(): pass\n")
    bench.put("later.py", "def later(): pass\n")
    assert await names(bench, "made") == []
    assert await names(bench, "later") == [("later.py", 1, "function")]
    bench.copy.files.delete("later.py")
    assert await names(bench, "later") == []


async def test_a_dotted_name_means_what_is_in_that_class_or_module(bench: Bench) -> None:
    bench.put("shop.py", "class Cart:\n    def total(self): pass\n\nclass Bill:\n    def total(self): pass\n")
    index = await SymbolIndex.current(bench.context)
    assert [tag.line for tag in await index.definitions("Bill.total")] == [5]
    assert [tag.path for tag in await index.definitions("app.money.total")] == ["app/money.py"]
    assert await index.definitions("Nowhere.total") == []


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to look like a file" * 20])
async def test_a_damaged_file_is_made_anew(bench: Bench, damage: bytes) -> None:
    await SymbolIndex.current(bench.context)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{bench.copy.task_folder / FILE}{suffix}").unlink(missing_ok=True)
    (bench.copy.task_folder / FILE).write_bytes(damage)
    assert await names(bench, "total") == [("app/money.py", 1, "function"), ("app/money.py", 6, "call")]


async def test_several_looks_at_once_agree(bench: Bench) -> None:
    found = await asyncio.gather(*(names(bench, "total") for _ in range(4)))
    assert all(each == found[0] for each in found)


async def test_a_file_that_ends_its_process_costs_only_itself(bench: Bench) -> None:
    bench.put("large.js", "begin();\n" * 1_000)
    bench.put("fine.js", "fine();\n")
    wanted = [Wanted(path, "javascript", 0) for path in ("large.js", "gone.js", "fine.js")]
    limits = SandboxLimits(time_s=30, output_bytes=4_000)
    answers = await tagged_in_sandbox(bench.context, wanted, known=[], limits=limits)
    found = {path: answer and answer.lines for path, answer in answers.items()}
    assert found == {"large.js": None, "fine.js": b"R\tcall\tfine\t1\n"}


async def test_a_text_whose_parser_does_not_end_costs_only_itself(bench: Bench) -> None:
    good = Source("python", b"def fine(): pass\n")
    bad = Source("no such language", b"")
    answers = await parsed_in_sandbox(bench.context, "tags", [good, bad, good])
    assert answers == [b"D\tfunction\tfine\t1\t1\t\n", None, b"D\tfunction\tfine\t1\t1\t\n"]


PYTHON = """\
# def commented(): pass
import os

LIMIT: int = 3;
table = {
"column": call_in_brackets(
    1),
}

@decorate("x")
class Cart(Base, metaclass=of(1)):
    '''def quoted(): no_call()
def at_the_margin(): pass
    '''
    size = 1

    async def total(self, given=default()) -> "Result[(int)]":
        def inner(): return (yield)
        text = f"{price(1)!r:>9} {{not_this()}} {names['a(']}" \\
            "(" + other (2)
        if not (text in ("a", "b")) and self.sum . up(3):
            return [call
                (4)]

# Behind its last statement.
def last():
    pass
"""


def test_the_names_of_python_by_lines_are_those_of_a_parse() -> None:
    source = PYTHON.replace("3;", "3").encode()
    by_lines = python_tags(source)
    assert by_lines is not None
    lines, parsed = by_lines.splitlines(), tags_of("python", source).splitlines()
    assert sorted(lines) == sorted(parsed)


@pytest.mark.parametrize(
    "source",
    [
        PYTHON.encode(),
        b"def tabs():\n\tpass\n",
        b"x = (1,\n",
        b"x = 1)\n",
        b'x = """never closed\n',
        b"x = 'never closed\n",
        b"def \\\n  far(): pass\n",
        b"match x:\n    case Point(a): pass\n",
        b"x = f'{ {1: f(2)} }'\n",
        b"one = 1\rtwo = 2\n",
        b"\fdef paged(): pass\n",
        b"x = " + b"(" * 20_000 + b")" * 20_000 + b"\n",
    ],
)
def test_python_that_needs_a_parse_is_left_to_it(source: bytes) -> None:
    assert python_tags(source) is None


async def test_python_is_found_alike_whichever_way_it_is_looked_at(bench: Bench) -> None:
    sources = {path.name: path.read_text() for path in Path(ast.__file__).parent.glob("[ab]*.py")}
    for name, text in sources.items():
        bench.put(name, text)
    index = await SymbolIndex.current(bench.context)
    for name, text in sources.items():
        parsed = {
            (tag.name, tag.kind, tag.line, tag.container)
            for tag in read_tags(name, tags_of("python", text.encode()))
        }
        assert {(tag.name, tag.kind, tag.line, tag.container) for tag in await index.tags(name)} == parsed


async def test_too_large_files_are_named(bench: Bench) -> None:
    bench.put("large.py", "x = 1\n" * 400_000)
    index = await SymbolIndex.current(bench.context)
    assert index.coverage.note == "Not looked at, because too large or not parsed: large.py."
