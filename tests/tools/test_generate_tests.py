"""Tests that a model writes are kept only where they pass and notice a broken function."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import BaseModel

from perdure.contracts.errors import ToolRejected
from perdure.contracts.task import Cost
from tests.tools.conftest import Bench

TARIFF = """\
LIMIT = 100


def discount(total, member):
    \"\"\"What is taken off.\"\"\"
    if total > LIMIT and member:
        return total * 2 // 10
    return 0


def check(name):
    if not name:
        raise ValueError("no name")
    return name.strip().lower()
"""
GOOD = """\
import pytest

from app.tariff import check, discount


def test_members_get_a_fifth_above_the_limit():
    assert discount(200, True) == 40
    assert discount(100, True) == 0
    assert discount(200, False) == 0


def test_names_are_in_small_letters_and_needed():
    assert check(" Ada ") == "ada"
    with pytest.raises(ValueError):
        check("")
"""


@dataclass
class Answers:
    """Plays a model: one answer after the other, the last one again and again."""

    answers: Sequence[dict[str, Any]]
    asked: list[str] = field(default_factory=list[str])
    cost: Cost = field(default_factory=Cost)
    room_characters: int = 100_000

    async def __call__(self, *, instructions: str, material: str, answer: type[BaseModel]) -> Any:
        self.asked.append(material)
        return answer.model_validate(self.answers[min(len(self.asked), len(self.answers)) - 1])


def asking(bench: Bench, *answers: dict[str, Any]) -> tuple[Bench, Answers]:
    """The bench with a model that answers so."""
    model = Answers(answers)
    return replace(bench, context=replace(bench.context, model=model)), model


HEAD = "import pytest\nfrom app import tariff\nfrom app.tariff import check, discount\n\n\n"
BAD = {
    "asserts nothing": (
        "def test_runs():\n    discount(200, True)\n",
        "test_runs asserts nothing that depends on the code",
    ),
    "asserts what is true anyway": (
        "def test_runs():\n    discount(200, True)\n    assert True\n",
        "test_runs asserts nothing that depends on the code",
    ),
    "compares a value with itself": (
        "def test_runs():\n    given = discount(200, True)\n    assert given == given\n",
        "test_runs asserts nothing that depends on the code",
    ),
    "only imports": ("assert tariff\n", "The file holds no test"),
    "is skipped": (
        "@pytest.mark.skip\ndef test_it():\n    assert discount(200, True) == 40\n",
        "skips a test",
    ),
    "mocks the function away": (
        "from unittest import mock\n\n\ndef test_it():\n    with mock.patch('app.tariff.discount', return_value=1):\n"
        "        assert tariff.discount(200, True) == 1\n",
        "replaces 'discount', which is what has to be tested",
    ),
    "assigns over the function": (
        "def test_it():\n    tariff.discount = lambda total, member: 1\n    assert tariff.discount(200, True) == 1\n",
        "replaces 'discount', which is what has to be tested",
    ),
    "brings a function of its own": (
        "def discount(total, member):\n    return 1\n\n\ndef test_it():\n    assert discount(200, True) == 1\n",
        "replaces 'discount', which is what has to be tested",
    ),
    "is satisfied by anything": (
        "def test_it():\n    assert discount(200, True) is not None\n",
        "The tests of discount still pass when it is broken",
    ),
    "fails on the code": (
        "def test_it():\n    assert discount(200, True) == 41\n",
        "test_it fails on the code as it is",
    ),
    "writes into the project": (
        "def test_it():\n    open('app/notes.txt', 'w').write('x')\n    assert discount(200, True) == 40\n"
        "    assert discount(100, True) == 0\n",
        "The tests write 'app/notes.txt', outside of temporary folders",
    ),
    "is not Python": ("def test_it(:\n", "does not parse"),
}


async def test_tests_that_hold_are_written_with_their_score(bench: Bench) -> None:
    bench.put("app/tariff.py", TARIFF)
    bench, model = asking(bench, {"tests": GOOD})
    output = await bench.run("generate_tests", path="app/tariff.py")
    assert output.ok
    assert output.changed_paths == ("tests/test_tariff.py",)
    assert bench.text("tests/test_tariff.py") == GOOD
    assert "They pass twice, and notice" in output.content
    assert len(model.asked) == 1


@pytest.mark.parametrize(("first", "second"), list(zip(list(BAD)[::2], list(BAD)[1::2], strict=True)))
async def test_bad_answers_are_refused_with_a_sentence_and_nothing_is_written(
    bench: Bench, first: str, second: str
) -> None:
    bench.put("app/tariff.py", TARIFF)
    texts, said = zip(BAD[first], BAD[second], strict=True)
    bench, model = asking(bench, *({"tests": HEAD + text} for text in texts))
    with pytest.raises(ToolRejected) as refusal:
        await bench.run("generate_tests", path="app/tariff.py", symbols=["discount"])
    assert said[0] in model.asked[1]
    assert said[1] in refusal.value.message
    assert len(model.asked) == 2
    assert not bench.copy.files.exists("tests")
    assert not bench.copy.files.exists("app/notes.txt")


async def test_a_function_that_is_not_tested_is_named_and_a_second_answer_that_is_mended_is_taken(
    bench: Bench,
) -> None:
    bench.put("app/tariff.py", TARIFF)
    text = HEAD + "def test_it():\n    assert discount(200, True) == 40\n"
    bench, model = asking(bench, {"tests": text}, {"tests": GOOD})
    assert (await bench.run("generate_tests", path="app/tariff.py")).ok
    assert "The tests of check still pass when it is broken: line 12" in model.asked[1]


async def test_the_preview_shows_the_file_and_writes_nothing(bench: Bench) -> None:
    bench.put("app/tariff.py", TARIFF)
    bench, _ = asking(bench, {"tests": GOOD})
    preview = await bench.preview("generate_tests", path="app/tariff.py")
    assert "+    assert discount(200, True) == 40" in preview.markdown
    assert not bench.copy.files.exists("tests")


async def test_without_a_model_and_for_what_is_not_there_it_says_so(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="No model can be asked"):
        await bench.run("generate_tests", path="app/money.py")
    bench, _ = asking(bench, {"tests": GOOD})
    with pytest.raises(ToolRejected, match=r"has no 'totl'"):
        await bench.run("generate_tests", path="app/money.py", symbols=["totl"])
    with pytest.raises(ToolRejected, match="not written in python or javascript"):
        await bench.run("generate_tests", path="README.md")
