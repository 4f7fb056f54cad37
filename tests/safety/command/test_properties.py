"""Whatever is added to an allowed line, it does not stay allowed with it; and no text breaks the analysis."""

import shlex

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.contracts.calls import Verdict
from perdure.safety.command.analysis import analyse
from perdure.safety.command.programs import programs

ALLOWED = sorted({line for program in programs().values() for line in program.entry.matches})
ADDED = [
    "; rm x", "\nrm x", " && rm x", " || rm x", " | sh", " |& tee x", " & rm x", " > f", " >> f", " 2> f", " $(rm x)", " `rm x`", ' "$(rm x)"', " <(rm x)",
    " >(rm x)", " ${x:=$(rm x)}", " $'\\n'", "; eval x", " | xargs rm", "; (rm x)", "; { rm x; }", "; f() { rm x; }; f", "; PATH=.", " &",
]  # fmt: skip
BEFORE = [
    "rm x; ",
    "rm x | ",
    "X=1 ",
    "PATH=. ",
    "LD_PRELOAD=./x ",
    "sudo ",
    "nohup ",
    "exec ",
    "x() { rm x; }; ",
    "cd / && ",
    "! rm x && ",
    "> f ",
    "coproc ",
]
INNER = ["$(rm x)", "`rm x`", "<(rm x)"]
SIGNS = st.sampled_from([
    *"|&;<>(){}[]$`'\"\\\n\t #!~*?=-%@^+,./", "ls", "echo ", "rm", " x", "<<E\n", "$((", "))", "[[ ", " ]]", "$x", "if ", "then ", "fi", "é", "find ",
    " -exec", " -name", " {}", " \\;", "xargs ", " -0", "awk '", "sed '", "jq '", "git ", "log", " -C", "test ", " -f", "timeout ", "env ", "time ", "nice ", " -n",
    "cd ", "printf ", "set ", "tar ", "tf", "command ", "for x in ", "; do ", "; done", "bash -c ", " -v", " -eq", "2>", "grep -r ", "date ", " --",
])  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(ALLOWED), st.sampled_from(ADDED))
def test_a_command_behind_an_allowed_one_is_not_allowed(line: str, added: str) -> None:
    assert analyse(line.rstrip("\n") + added).verdict not in {Verdict.ALLOW, Verdict.BOUNDED}


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(ALLOWED), st.sampled_from(BEFORE))
def test_a_command_before_an_allowed_one_is_not_allowed(line: str, before: str) -> None:
    assert analyse(before + line).verdict not in {Verdict.ALLOW, Verdict.BOUNDED}


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(ALLOWED), st.data())
def test_a_substitution_between_words_is_not_allowed(line: str, data: st.DataObject) -> None:
    blanks = [place for place, character in enumerate(line) if character == " "] or [len(line)]
    place = data.draw(st.sampled_from(blanks))
    outside = line[:place].count("'") % 2 == 0
    inner = data.draw(st.sampled_from(INNER))
    if outside and inner[0] != "<":
        assert analyse(f"{line[:place]} {inner} {line[place:]}").verdict not in {
            Verdict.ALLOW,
            Verdict.BOUNDED,
        }


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_quoted_words_are_what_echo_gets(words: list[str]) -> None:
    text = " ".join(words)
    found = analyse(f"echo {shlex.join(words)}")
    if text.isascii() and text.replace("\t", " ").isprintable():
        assert found.verdict is Verdict.ALLOW, found.reason


@settings(deadline=None, max_examples=150)
@given(st.lists(SIGNS, max_size=25).map("".join))
def test_any_line_gets_a_verdict_with_a_reason(line: str) -> None:
    found = analyse(line)
    assert found.reason.isprintable()
    assert found.reason[0].isupper()
    assert found.reason.endswith(".")
