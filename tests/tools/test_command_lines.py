"""What a line of shell starts and writes."""

import pytest

from tools.running.command_lines import command_line


@pytest.mark.parametrize(
    ("line", "programs", "writes"),
    [
        ("ls -la", ("ls",), ()),
        ("cd app && /usr/bin/python -m x | grep y > out.txt", ("cd", "python", "grep"), ("> out.txt",)),
        ("make >/dev/null 2>&1", ("make",), ()),
        ("pytest 2> /tmp/errors >> 'a b.log'", ("pytest",), (">> 'a b.log'",)),
        ("sed -i s/a/b/ x; sed -n 1p x", ("sed",), ("sed -i",)),
        ("git log; git commit -m x", ("git",), ("git commit",)),
        ("touch /tmp/x; cp a /tmp/b; rm b", ("touch", "cp", "rm"), ("rm",)),
        ("for f in *; do if true; then mv $f $(basename $f); fi; done", ("true", "mv", "basename"), ("mv",)),
        ("X=1 env", ("env",), ()),
        ("cat < in.txt", ("cat",), ()),
        ("", (), ()),
    ],
)
def test_tells_programs_and_what_writes(
    line: str, programs: tuple[str, ...], writes: tuple[str, ...]
) -> None:
    found = command_line(line)
    assert (found.programs, found.writes, found.is_whole) == (programs, writes, True)


@pytest.mark.parametrize("line", ["if true", "echo 'open", "a | | b", "(" * 3_000, "$(" * 3_000])
def test_a_broken_or_hostile_line_is_said_to_be_broken(line: str) -> None:
    assert not command_line(line).is_whole


def test_a_redirection_without_a_target_breaks_nothing() -> None:
    assert command_line("cat <").writes == ()
    assert command_line("cat >").writes in {(), (">",)}
    assert not command_line("<b>f('/a/1',{m:'x'})</b>").is_whole
