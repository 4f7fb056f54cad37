"""Durations as Groq writes them."""

import pytest

from perdure.llm.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", 179.56),
        ("7.66s", 7.66),
        ("6s", 6.0),
        ("450ms", 0.45),
        ("1h2m3s", 3723.0),
        ("12µs", 12e-6),
        ("0s", 0.0),
        (".5s", 0.5),
        ("12", 12.0),
        (" 3.5 ", 3.5),
    ],
)
def test_reads_a_duration(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "-5s", "nan", "inf", "2m59", "1d", "Wed, 21 Oct 2026 07:28:00 GMT"]
)
def test_refuses_what_is_no_duration(text: str) -> None:
    assert seconds_of(text) is None
