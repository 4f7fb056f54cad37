"""A command line as people see it before they decide: nothing of it hides, imitates, or lies below the fold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from perdure.safety.command.commands import UNKNOWN, Ran, commands_of
from perdure.safety.command.trees import tree_of
from perdure.safety.command.words import TooLarge
from perdure.safety.display import escape_hidden, inline_code
from perdure.safety.lookalikes import ascii_twin, escape_signs, scripts_of
from perdure.safety.secrets.cutting import beginning, ending

PREFIX = "│ "
"""Begins each line of what is quoted; a line without it is ours, and no text can leave its lines."""
WIDEST_BLANK = 16
MOST_EMPTY_LINES = 2
MOST_SEGMENTS = 40
_BLANKS = re.compile(rf"[ \t]{{{WIDEST_BLANK},}}")
_EMPTY_LINES = re.compile(rf"\n(?:[ \t]*\n){{{MOST_EMPTY_LINES + 1},}}")
_ESCAPE = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")
_HOST = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://|@)([^/:\s?#@\"']+)|([^/:\s?#@=\"',;()]+\.[^/:\s?#@=\"',;().\d]{2,})"
)


@dataclass(frozen=True)
class Quoted:
    """A text as it is shown, and what a reader must know of that."""

    markdown: str
    left_out: int = 0
    """Characters of the text that are not shown."""
    escapes: int = 0
    """Characters that are shown as escapes."""
    folded: int = 0
    """Blanks and empty lines of which only the number is shown."""

    @property
    def remarks(self) -> list[str]:
        """A line for each thing that a reader must know."""
        lines: list[str] = []
        if self.escapes:
            lines.append(f"**{self.escapes} character(s) that hide or imitate others are shown as escapes**")
        if self.folded:
            lines.append(f"**{self.folded:,} blanks or empty lines are folded, with their number in ⟨⟩**")
        if self.left_out:
            lines.append(f"**{self.left_out:,} characters are not shown here**")
        return lines


def quoted(text: str, limit: int) -> Quoted:
    """A command or the text of a script, head and tail, each line behind a prefix that content cannot forge."""
    before = len(_ESCAPE.findall(text))
    shown, folded = _folded(escape_signs(escape_hidden(text)))
    escapes = len(_ESCAPE.findall(shown)) - before
    left_out = 0
    parts = [shown]
    if len(shown) > limit:
        tail = limit // 3
        parts = [beginning(shown, limit - tail), ending(shown, tail)]
        left_out = len(shown) - sum(map(len, parts))
    blocks = ["\n".join(PREFIX + line for line in part.splitlines() or [""]) for part in parts]
    body = f"\n⟨{left_out:,} characters left out⟩\n".join(blocks)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return Quoted(f"{fence}\n{body}\n{fence}", left_out, escapes, folded)


def _folded(text: str) -> tuple[str, int]:
    """Long runs of blanks and of empty lines as their number."""
    count = 0

    def blanks(found: re.Match[str]) -> str:
        nonlocal count
        count += len(found[0])
        return f" ⟨{len(found[0]):,} blanks⟩ "

    def lines(found: re.Match[str]) -> str:
        nonlocal count
        number = found[0].count("\n") - 1
        count += number
        return f"\n⟨{number:,} empty lines⟩\n"

    return _BLANKS.sub(blanks, _EMPTY_LINES.sub(lines, text)), count


@dataclass(frozen=True)
class Segments:
    """What a line runs."""

    ran: tuple[Ran, ...]
    is_complete: bool
    """Whether all of the line could be read."""

    @property
    def lines(self) -> list[str]:
        """Each command of the line, numbered."""
        shown = [
            f"{number}. {in_command(' '.join(one.words), 160)}"
            for number, one in enumerate(self.ran[:MOST_SEGMENTS], start=1)
        ]
        more = len(self.ran) - len(shown)
        return [*shown, *([f"{len(shown) + 1}. … and {more} more"] if more > 0 else [])]


def segments_of(line: str) -> Segments:
    """Every command that a line can run, those in wrappers and substitutions included."""
    try:
        root = tree_of(line.encode("utf-8", "replace"))
        found = dict.fromkeys(one for one in commands_of(root) if one.words and _is_program(one.words[0]))
    except TooLarge:
        return Segments((), is_complete=False)
    return Segments(tuple(found), is_complete=not root.has_error)


def _is_program(word: str) -> bool:
    """Whether the word can name a program; a wrapper's further words are looked at as if each could."""
    return not word.startswith(("-", "{", "+", ";")) and not word[:1].isdigit() and bool(word.strip())


def in_command(text: str, limit: int) -> str:
    """A piece of a command as one line of Markdown code."""
    return inline_code(escape_signs(escape_hidden(text)).replace(UNKNOWN, "$…"), limit)


def warnings_of(segments: Segments) -> list[str]:
    """What of the programs, hosts and words is not what it seems."""
    found: dict[str, None] = {}
    for one in segments.ran:
        for word in one.words:
            found |= dict.fromkeys(_host_warnings(word))
        program = one.words[0].replace(UNKNOWN, "")
        if not program.isascii():
            found[f"the program {in_command(program, 100)} is not written in ASCII{_likeness(program)}"] = (
                None
            )
    return [f"**{text}**" for text in found][:12]


def _host_warnings(word: str) -> Iterator[str]:
    for match in _HOST.finditer(word.replace(UNKNOWN, "")):
        host = match[1] or match[2]
        if not host.isascii():
            yield f"the host {in_command(host, 100)} {_scripts(host)}{_likeness(host)}{_on_network(host)}"
        elif "xn--" in host.lower():
            yield f"the host {in_command(host, 100)} stands for {in_command(_from_punycode(host), 200)}"


def _scripts(host: str) -> str:
    foreign = [scripts_of(label) for label in host.split(".") if not label.isascii()]
    mixed = any(len(scripts) > 1 for scripts in foreign)
    names = ", ".join(dict.fromkeys(name for scripts in foreign for name in scripts))
    return f"{'mixes scripts' if mixed else 'is written in another script'} ({names})"


def _likeness(word: str) -> str:
    twin = ascii_twin(word)
    return f"; it reads like {inline_code(twin, 100)}" if twin else ""


def _on_network(host: str) -> str:
    try:
        return f"; its name on the network is {inline_code(host.encode('idna').decode('ascii'), 100)}"
    except UnicodeError:
        return "; no name on the network can be made of it"


def _from_punycode(host: str) -> str:
    labels: list[str] = []
    for label in host.split("."):
        try:
            labels.append(
                label[4:].encode("ascii").decode("punycode") if label.lower().startswith("xn--") else label
            )
        except UnicodeError:
            labels.append(label)
    return ".".join(labels)
