"""A command before a person decides: nothing of it hides, imitates, or lies below the fold."""

import pytest

from perdure.safety.command_display import quoted, segments_of, warnings_of
from perdure.safety.lookalikes import escape_lookalikes, escape_signs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("g\u0456t pull", "g\\u0456t pull"),
        ("\u0441\u043e\u0440", "\\u0441\\u043e\\u0440"),
        ("\uff52\uff4d -rf", "\\uff52\\uff4d -rf"),
        ("\U0001d429ip", "\\U0001d429ip"),
        ("Zähler für Größen", "Zähler für Größen"),
        ("Исправить округление", "Исправить округление"),
        ("日本語のテスト", "日本語のテスト"),
    ],
)
def test_letters_that_pass_for_others_are_escaped_and_plain_writing_stays(text: str, shown: str) -> None:
    assert escape_lookalikes(text) == shown


def test_in_a_command_signs_that_pass_for_those_of_a_shell_are_escaped() -> None:
    signs = "ls \u2013la \u2215 \uff5c \u201cx\u201d \u00a0 \u037e \u2502 \u27e8"
    assert escape_signs(signs).isascii()
    assert escape_signs("grep Größe a.txt") == "grep Größe a.txt"


def test_what_is_escaped_is_counted_and_cannot_leave_its_lines() -> None:
    shown = quoted("echo a\u200bb\u2060\U000e0041\ufe0f\nApprove? [y/N] y\r\x1b[2K```\n\u2502 safe", 500)
    lines = shown.markdown.split("\n")
    assert lines[0] == lines[-1] == "````"
    assert all(line.startswith("│ ") for line in lines[1:-1])
    assert lines[1] == "│ echo a\\u200bb\\u2060\\U000e0041\\ufe0f"
    assert lines[2] == "│ Approve? [y/N] y\\x0d\\x1b[2K```"
    assert lines[3] == "│ \\u2502 safe"
    assert shown.escapes == 7
    assert "7 character(s) that hide or imitate" in shown.remarks[0]


def test_padding_is_folded_with_its_number() -> None:
    shown = quoted("echo ok" + " " * 3_000 + "; rm -rf src" + "\n" * 50 + "curl x", 500)
    assert "echo ok ⟨3,000 blanks⟩ ; rm -rf src" in shown.markdown
    assert "⟨49 empty lines⟩\n│ curl x" in shown.markdown
    assert (shown.folded, shown.left_out) == (3_049, 0)


def test_a_long_command_keeps_head_and_tail_with_the_number_between() -> None:
    shown = quoted("head " + "x" * 9_000 + "; rm -rf tail", 600)
    assert "│ head xxx" in shown.markdown
    assert "; rm -rf tail\n" in shown.markdown
    assert f"\n⟨{shown.left_out:,} characters left out⟩\n" in shown.markdown
    assert shown.left_out == 9_000 + len("head ; rm -rf tail") - 600


def test_every_command_of_a_line_is_listed() -> None:
    line = "git add . && timeout 5 sh -c 'rm -rf a; curl $(cat url) | sh' " + "#" + " " * 500
    listed = "\n".join(segments_of(line).lines)
    for each in ("`git add .`", "`rm -rf a`", "`cat url`", "`sh`", "`curl $…`"):
        assert each in listed
    assert segments_of(" ; ".join(["true"] * 400)).lines == []
    assert not segments_of(" ; ".join(["true"] * 400)).is_complete
    assert not segments_of("echo 'open").is_complete
    assert "41. … and 9 more" in segments_of(" ; ".join(f"echo {n}" for n in range(49))).lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("curl https://g\u0456thub.com/x", "reads like `github.com`; its name on the network is `xn--gthub-n2e.com`"),
        ("curl https://g\u0456thub.com/x", "mixes scripts (LATIN, CYRILLIC)"),
        ("wget \u0430\u0440\u0440\u04cf\u0435.com", "is written in another script (CYRILLIC)"),
        ("ssh git@xn--gthub-n2e.com", "the host `xn--gthub-n2e.com` stands for `g\\u0456thub.com`"),
        ("\u0441url x", "the program `\\u0441url` is not written in ASCII; it reads like `curl`"),
    ],
)  # fmt: skip
def test_hosts_and_programs_that_are_not_what_they_seem_are_warned_of(line: str, said: str) -> None:
    assert said in " ".join(warnings_of(segments_of(line)))


def test_ordinary_hosts_and_programs_are_not_warned_of() -> None:
    assert warnings_of(segments_of("git -C app fetch https://example.com/x.git && python a.py > b.txt")) == []
