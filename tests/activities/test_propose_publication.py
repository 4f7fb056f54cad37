"""The commit at the end of a task keeps to the convention, whatever the model wrote."""

import pytest

from activities.propose_publication import fitted_message

LONG = "Round amounts of money to the nearest cent and say so in the documentation of it"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Round to the nearest cent", "Round to the nearest cent"),
        ("x" * 72, "x" * 72),
        (LONG, f"Round amounts of money to the nearest cent and say so in the…\n\n{LONG}"),
        ("y" * 100, f"{'y' * 71}…\n\n{'y' * 100}"),
    ],
)
def test_a_line_that_is_too_long_for_a_subject_is_cut_between_words(line: str, message: str) -> None:
    assert fitted_message(line) == message
    assert len(message.partition("\n")[0]) <= 72
