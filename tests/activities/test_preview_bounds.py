"""A preview that is too long for the history keeps its head and its tail, and says what is between."""

from activities.preview_call import MAX_PREVIEW, bounded


def test_a_short_preview_stays_as_it_is() -> None:
    assert bounded("a\nb") == ("a\nb", 0)


def test_a_long_preview_keeps_both_ends_and_its_code_blocks_whole() -> None:
    body = "\n".join(f"line {number}" for number in range(2_000))
    whole = f"```\nhead\n{body}\ntail\n```\n- the last remark"
    shown, hidden = bounded(whole)
    assert len(shown) <= MAX_PREVIEW
    assert shown.startswith("```\nhead\nline 0\n")
    assert shown.endswith("tail\n```\n- the last remark")
    assert shown.count("```") == 4, "what was open is closed before the word on it and opened again after"
    assert f"**{hidden:,} of {len(whole):,} characters are not shown here" in shown
    kept = sum(len(line) + 1 for line in shown.split("\n") if line.startswith("line"))
    assert kept + hidden <= len(whole) < kept + hidden + 100


def test_one_line_that_is_too_long_is_counted_as_hidden() -> None:
    shown, hidden = bounded("x" * 10_000)
    assert len(shown) <= MAX_PREVIEW
    assert hidden == 10_000
