"""What the strict reader makes of a line of shell: words whose value is certain, operators, and nothing else."""

from dataclasses import dataclass
from enum import Enum


def words_in(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


class Unreadable(Exception):
    """The line uses something whose meaning is not certain enough to run it without asking; says what."""


class TooLarge(Unreadable):
    """The line is larger than what is looked into."""


class PartKind(Enum):
    """What a piece of a word is."""

    TEXT = "text"
    VARIABLE = "variable"
    NUMBER = "number"
    """An arithmetic expansion of digits and signs: some number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: its text, or the name of the variable that stands there."""

    kind: PartKind
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the line. ``start`` and ``end`` count bytes of UTF-8."""

    parts: tuple[Part, ...]
    start: int
    end: int
    raw: str
    """As it stands in the line."""
    is_pattern: bool = False
    """Whether an unquoted ``*``, ``?`` or ``[`` stands in it, so that names of files may take its place."""
    has_tilde: bool = False
    """Whether a home folder may take the place of an unquoted ``~``."""

    @property
    def bare(self) -> str:
        """Its text where nothing in it is quoted or expanded: only then can it be a keyword. Else nothing."""
        if len(self.parts) == 1 and self.parts[0].kind is PartKind.TEXT and self.raw == self.parts[0].text:
            return self.raw
        return ""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, a line's end (``\\n``), or a redirection with the number before it (``2>``)."""

    text: str
    start: int
    descriptor: str = ""


@dataclass(frozen=True, slots=True)
class HereDocument:
    """The body of a here-document without any expansion."""

    text: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where one descriptor of a command goes or comes from."""

    operator: str
    descriptor: str
    target: Word | HereDocument


@dataclass(frozen=True, slots=True)
class Simple:
    """One command: a program or a builtin with its words, or a test in double brackets."""

    assignments: tuple[Word, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands of which each reads what the one before writes."""

    members: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other, each with the operator before it: ``;``, ``&&`` or ``||``."""

    steps: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Commands in parentheses or braces, or the parts of an ``if``."""

    bodies: tuple["Node", ...]
    redirects: tuple[Redirect, ...]
    is_subshell: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    """A ``for`` over words."""

    variable: str
    items: tuple[Word, ...]
    body: "Node"
    redirects: tuple[Redirect, ...]


Node = Simple | Pipeline | Sequence | Group | Loop
