"""What the model sees of a long output."""

from tools.model_view import for_model


def test_leaves_a_short_text_alone() -> None:
    assert for_model("short\n") == "short\n"


def test_shows_head_tail_and_lines_that_speak_of_errors() -> None:
    lines = [f"line {number}" for number in range(1, 5_001)]
    lines[2_499] = "E   AssertionError: wrong total"
    shown = for_model("\n".join(lines), rest=lambda line: f"ask from {line}")
    assert len(shown) <= 8_000
    assert shown.startswith("line 1\nline 2\n")
    assert shown.endswith("line 4999\nline 5000")
    head = shown.partition("\n[…")[0].count("\n") + 1
    assert f"of 5,000 lines left out; ask from {head + 1}. Lines among them that speak of errors:" in shown
    assert "2500: E   AssertionError: wrong total" in shown


def test_says_what_was_left_out_where_nothing_speaks_of_errors() -> None:
    shown = for_model("calm\n" * 5_000)
    assert "of 5,000 lines left out …]" in shown
    assert len(shown) <= 8_000


def test_cuts_lines_that_are_too_long_to_show() -> None:
    for text in ("x" * 100_000, "head\n" + "x" * 100_000 + "\ntail", "x" * 100_000 + "\n" + "y" * 100_000):
        shown = for_model(text)
        assert len(shown) <= 8_000
        assert "left out" in shown


def test_is_bounded_where_every_line_is_an_error() -> None:
    assert len(for_model("error: no\n" * 50_000, limit=2_000)) <= 2_000
