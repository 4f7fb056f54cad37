"""The entries of programs: each holds what its examples say, and a file that is wrong is not loaded."""

import pytest

from perdure.contracts.calls import Verdict
from perdure.contracts.errors import ConfigurationError
from perdure.safety.command.analysis import analyse
from perdure.safety.command.programs import Entry, parsed, programs

ENTRIES = list({entry.names: entry for entry in (program.entry for program in programs().values())}.values())
ENTRY = 'v = 1\n[[program]]\nnames = ["a"]\ndoes_not_match = ["a b"]\n'


def named(entry: Entry) -> str:
    return entry.names[0]


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_an_entry_allows_what_its_examples_say(entry: Entry) -> None:
    expected = dict.fromkeys(entry.matches, Verdict.ALLOW)
    expected |= dict.fromkeys(entry.matches_within_limits, Verdict.BOUNDED)
    assert expected
    assert {line: analyse(line).verdict for line in expected} == expected


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_an_entry_does_not_allow_what_comes_near(entry: Entry) -> None:
    assert [line for line in entry.does_not_match if analyse(line).verdict is Verdict.ALLOW] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v = ", "is not valid TOML"),
        ("v = 2\nprogram = []", "is malformed at 'v'"),
        (ENTRY.replace("names", "name"), "is malformed at 'program.0.names'"),
        (ENTRY + 'options = "-a:colour"', "has an unknown kind 'colour'"),
        (ENTRY + 'operands = "colour"', "has an unknown kind 'colour'"),
        (ENTRY + 'options = "a"', "has a malformed option: 'a'"),
        (ENTRY + 'options = "-a?"', "has a malformed option: '-a?'"),
        (ENTRY + 'bounded = "-f"', "names in 'bounded' an option that it does not have: '-f'"),
        (ENTRY + ENTRY.removeprefix("v = 1\n"), "The program 'a' has two entries"),
    ],
)
def test_a_wrong_file_is_not_loaded(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed({"a.toml": text})
    assert message in str(caught.value)
