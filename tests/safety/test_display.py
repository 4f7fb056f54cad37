"""Text of unknown origin is shown so that nothing in it can hide, reorder or imitate what stands around it."""

import re
import unicodedata

import pytest

from perdure.contracts.errors import InvalidInput
from perdure.safety.display import escape_hidden, fenced, for_display, inline_code
from perdure.safety.operations import for_display as for_display_of_operations


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\nwith a\ttab", "plain text\nwith a\ttab"),
        ("naïve 日本語 Ελλάδα עברית 👍", "naïve 日本語 Ελλάδα עברית 👍"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("over\rwritten\x08\x00\x7f", "over\\x0dwritten\\x08\\x00\\x7f"),
        ("safe\u202egnp.exe\u2066x\u2069", "safe\\u202egnp.exe\\u2066x\\u2069"),
        ("a\u200bb\u200dc\ufeffd\u2060e\u00adf", "a\\u200bb\\u200dc\\ufeffd\\u2060e\\xadf"),
        ("tag\U000e0041\U000e007f", "tag\\U000e0041\\U000e007f"),
        ("line\u2028paragraph\u2029next\x85", "line\\u2028paragraph\\u2029next\\x85"),
        ("variation\ufe0f\U000e0100", "variation\\ufe0f\\U000e0100"),
        ("filler\u3164\u115f\uffa0\u2800\u034f", "filler\\u3164\\u115f\\uffa0\\u2800\\u034f"),
        ("surrogate\ud800", "surrogate\\ud800"),
        ("private\ue000 unassigned\U000e0fff", "private\\ue000 unassigned\\U000e0fff"),
    ],
)
def test_hidden_characters_are_escaped_and_others_stay(text: str, shown: str) -> None:
    assert for_display(text, 500) == shown


def test_no_hidden_character_of_unicode_passes() -> None:
    # Between the planes in use and the tags, and after these, all is unassigned or private: a sample of it is enough.
    planes = (*range(0x33000), *range(0xE0000, 0xE1000), *range(0xE1000, 0x110000, 997))
    everything = "".join(map(chr, planes))
    kept = escape_hidden(everything)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert {character for character in kept if unicodedata.category(character) in hidden} == {"\n", "\t"}


def test_a_long_text_keeps_head_and_tail_and_counts_what_is_left_out() -> None:
    text = "HEAD" + "x" * 10_000 + "TAIL"
    shown = for_display(text, 200)
    assert len(shown) <= 200
    assert shown.startswith("HEADxxx")
    assert shown.endswith("xxxTAIL")
    found = re.search(r"\n… (\d+) characters left out …\n", shown)
    assert found is not None
    assert len(shown) - len(found.group()) + int(found.group(1)) == len(text)


def test_a_text_that_grows_by_escaping_is_cut_between_escapes() -> None:
    shown = for_display("\u202e" * 100, 200)
    assert len(shown) <= 200
    assert re.fullmatch(r"(\\u202e)+\n… \d+ characters left out …\n(\\u202e)+", shown)
    assert shown.count("\\u202e") + int(re.findall(r"… (\d+)", shown)[0]) == 100


@pytest.mark.parametrize("length", [199, 200, 201])
def test_only_what_exceeds_the_limit_is_cut(length: int) -> None:
    shown = for_display("x" * length, 200)
    assert (shown == "x" * length) is (length <= 200)
    assert len(shown) <= 200


def test_a_huge_text_is_shown_at_once() -> None:
    assert for_display("x" * 50_000_000, 100).count("x") > 50


def test_a_limit_without_room_for_both_ends_is_refused() -> None:
    with pytest.raises(InvalidInput, match="The display limit is 20"):
        for_display("text", 20)


@pytest.mark.parametrize(
    "text", ["plain", "```\nescape", "a ````` b", "`" * 50 + "\n", "", "x\n```", "~~~\n```` \n"]
)
def test_a_fence_cannot_be_closed_from_inside(text: str) -> None:
    lines = fenced(text, 1_000, language="text").split("\n")
    fence = lines[0].removesuffix("text")
    assert set(fence) == {"`"}
    assert len(fence) >= 3
    assert lines[-1] == fence
    assert not any(line.strip().startswith(fence) for line in lines[1:-1])
    assert "\n".join(lines[1:-1]).rstrip("\n") == text.rstrip("\n")


def test_a_fence_keeps_the_limit_for_the_text_inside() -> None:
    shown = fenced("y" * 5_000, 300)
    assert "characters left out" in shown
    assert len(shown) <= 300 + len("```\n") + len("\n```")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("two\nlines\tand", "`two\\nlines\\tand`"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        ("x\u202ey", "`x\\u202ey`"),
    ],
)
def test_inline_code_is_one_line_that_cannot_be_closed_from_inside(text: str, shown: str) -> None:
    assert inline_code(text, 100) == shown


def test_inline_code_stays_one_line_when_it_is_cut() -> None:
    shown = inline_code("a\n" * 500, 120)
    assert "\n" not in shown
    assert "characters left out" in shown


def test_the_name_in_operations_is_the_same_function() -> None:
    assert for_display_of_operations is for_display
