"""Programs of awk that only compute and print: no command, no file, no variable of the environment."""

import re
from dataclasses import dataclass

from perdure.safety.command.arguments import Finding, ask, bounded, shown
from perdure.safety.command.awk_loops import may_not_end
from perdure.safety.command.words import words_in

_FUNCTIONS = words_in(
    "length substr index split sub gsub gensub match sprintf tolower toupper int sqrt exp log sin cos atan2 rand srand "
    "strftime systime mktime and or xor lshift rshift compl asort asorti patsplit strtonum"
)
_KEYWORDS = words_in(
    "BEGIN END if else for while do break continue in delete next exit return print printf nextfile"
)
_LOOPS = frozenset(["for", "while", "do"])
_REFUSED = re.compile(
    r"(?i)\b(?:system|getline|close|fflush|ENVIRON|ARGV|ARGC|ARGIND|PROCINFO|SYMTAB|FUNCTAB|function|func)\b|@|\\\n"
)
_TOKEN = re.compile(
    r"""(?x) (?P<space>[ \t]+) | (?P<end>[;\n{}]) | (?P<string>"(?:\\.|[^"\\\n])*") | (?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*) | (?P<sign>\+\+|--|&&|\|\||[-+*%^=!<>~,()\[\]?:$/|]=?) """
)
_REGEX = re.compile(r"/(?:\\.|[^\\/\n\[]|\[\^?\]?(?:\\.|[^\]\\\n/])*\])*/")
_HUGE = re.compile(r"%[-+ #0]*(?:[0-9]{5}|\*)|%[-+ #0]*[0-9]*\.(?:[0-9]{5}|\*)|\$\s*[0-9]{6}")
"""A field or a number of a format that alone makes a line of any length."""
_BEFORE_REGEX = frozenset(["", "{", "}", ";", "\n", "(", ",", "~", "!", "&&", "||"])


def awk_program(program: str) -> Finding | None:
    """Why a program is not known to only compute and print."""
    if found := _REFUSED.search(program):
        return ask(f"The awk program uses {shown(found[0])}.")
    at, state = 0, _State()
    while at < len(program):
        token, kind = _next(program, at, state)
        if not token:
            return ask(f"The awk program is not understood at {shown(program[at:])}.")
        if kind == "name" and (found := _called(token, program)):
            return found
        if found := _written(token[0], state):
            return found
        if kind != "space":
            state.take(token[0], kind)
        at = token.end()
    if may_not_end(program):
        return bounded("The awk program has a loop that may not end.")
    return bounded("The awk program may print without measure.") if _HUGE.search(program) else None


@dataclass
class _State:
    """What stood before a token."""

    previous: str = ""
    kind: str = ""
    prints: bool = False
    """Whether a print is open: up to the next semicolon or brace, since a newline need not end it."""
    has_condition: bool = False

    def take(self, said: str, kind: str) -> None:
        self.previous, self.kind = said, kind
        self.has_condition |= said in _LOOPS or said == "if"
        if kind == "end" and said != "\n":
            self.prints = False
        elif said in {"print", "printf"}:
            self.prints = True

    @property
    def divides(self) -> bool:
        """Whether a slash here is certainly a division."""
        if self.kind == "name":
            return self.previous not in _KEYWORDS and self.previous not in _FUNCTIONS
        closes = self.previous == "]" or (self.previous == ")" and not self.has_condition)
        return self.kind == "number" or closes


def _next(program: str, at: int, state: _State) -> tuple[re.Match[str] | None, str]:
    """The next token and its kind; none where it is not certain what stands there."""
    if program[at] == "/" and not state.divides:
        return (_REGEX.match(program, at) if state.previous in _BEFORE_REGEX else None), "regex"
    token = _TOKEN.match(program, at)
    return token, (token.lastgroup or "") if token else ""


def _called(token: re.Match[str], program: str) -> Finding | None:
    if token[0] in _KEYWORDS or token[0] in _FUNCTIONS:
        return None
    called = program[token.end() :].lstrip(" \t").startswith("(")
    return ask(f"The awk program calls {shown(token[0])}.") if called else None


def _written(said: str, state: _State) -> Finding | None:
    if said in {"|", "|="}:
        return ask("The awk program writes to a command or reads from one ('|').")
    if said[0] == ">" and state.prints:
        return ask("The awk program prints into a file ('>').")
    return None
