"""What a command gets for a word of the line, what was found wrong with it, and where the command runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from perdure.contracts.calls import Verdict
from perdure.safety.command.words import PartKind, Word
from perdure.safety.display import escape_hidden

LONGEST_SHOWN = 60
_NO_VARIABLES: Mapping[str, "Argument"] = MappingProxyType({})
NUMERIC = frozenset("?#$")
PRINTABLE = NUMERIC | {
    "BASH_VERSION", "CI", "COLUMNS", "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "EDITOR", "EUID", "GOPATH", "GOROOT", "HOME", "HOSTNAME", "JAVA_HOME",
    "LANG", "LC_ALL", "LC_CTYPE", "LINENO", "LINES", "LOGNAME", "NODE_ENV", "NODE_PATH", "NVM_DIR", "OLDPWD", "OSTYPE", "PAGER", "PATH", "PPID", "PWD",
    "PYTHONPATH", "RANDOM", "SECONDS", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "UID", "USER", "VIRTUAL_ENV",
}  # fmt: skip
"""Variables whose values are no secret, so that they may be printed."""


class Finding(NamedTuple):
    """Why a command does not simply run, and what that means."""

    verdict: Verdict
    reason: str


def ask(reason: str) -> Finding:
    """A finding that a person decides."""
    return Finding(Verdict.ASK, reason)


def bounded(reason: str) -> Finding:
    """A finding that the command may run, but must be ended by a limit."""
    return Finding(Verdict.BOUNDED, reason)


def shown(text: str) -> str:
    """A word of the line as a reason shows it: short, and with nothing hidden in it."""
    cut = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return repr(escape_hidden(cut))


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its text where that is certain, and what the shell may still make of it."""

    text: str
    raw: str
    is_known: bool = True
    is_printable: bool = True
    """Of one that is not known: whether it holds only variables that may be printed, and numbers."""
    is_number: bool = False
    """Of one that is not known: whether it is some number, whatever the variables hold."""
    is_pattern: bool = False
    has_tilde: bool = False

    def part(self, start: int) -> "Argument":
        """What follows an option's name in the same word."""
        return replace(self, text=self.text[start:])


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a command runs. ``folders`` are all those, relative to the workspace, that it may run in."""

    folders: frozenset[str] = frozenset([""])
    variables: Mapping[str, Argument] = field(default_factory=lambda: _NO_VARIABLES)
    is_fed: bool = False
    """Whether something comes in by its standard input, so that it does not wait for ever."""
    workspace: str = ""
    """The workspace's absolute path, where it is known."""
    depth: int = 0
    """How many shells are around it."""


def argument_of(word: Word, variables: Mapping[str, Argument]) -> Argument:
    """The word with what is known of its variables in their place."""
    texts: list[str] = []
    is_known = is_printable = is_number = True
    is_pattern = word.is_pattern
    for part in word.parts:
        if part.kind is PartKind.TEXT:
            texts.append(part.text)
            is_number = is_number and not part.text
            continue
        value = variables.get(part.text) if part.kind is PartKind.VARIABLE else None
        splits = value is not None and not part.quoted and any(sign in value.text for sign in " \t\n*?[\\")
        if value is not None and value.is_known and (not splits or value.is_pattern):
            texts.append(value.text)
            is_pattern = is_pattern or value.is_pattern
            continue
        is_known = False
        numeric = part.kind is PartKind.NUMBER or part.text in NUMERIC
        is_number = is_number and numeric
        is_printable = is_printable and (numeric or part.text in PRINTABLE) and value is None
    return Argument("".join(texts), word.raw, is_known, is_printable, is_number, is_pattern, word.has_tilde)
