"""The strict reader's second half: words and operators as commands, pipelines, groups and loops, or a refusal."""

import re

from perdure.safety.command.scanning import Token, tokens_of
from perdure.safety.command.words import (
    Group,
    HereDocument,
    Loop,
    Node,
    Operator,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    Unreadable,
    Word,
)

DEEPEST = 12
MOST_COMMANDS = 50
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DESCRIPTOR_NAME = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_REDIRECTS = frozenset([">", ">>", "<", "<<", "<<<", "<>", ">|", ">&", "<&", "&>", "&>>"])
_SEPARATORS = frozenset([";", "\n"])
_REFUSED = {
    "while": "a loop with 'while'",
    "until": "a loop with 'until'",
    "case": "a choice with 'case'",
    "select": "a menu with 'select'",
    "function": "a definition of a function",
    "coproc": "a coprocess",
}
_ENDINGS = frozenset(["then", "elif", "else", "fi", "do", "done", "}", "in"])


def structure_of(line: str) -> Node:
    """The commands of the line in their order. Unreadable where a construct is not one that may run unasked."""
    return _Parser(tokens_of(line)).run()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._commands = 0

    def run(self) -> Node:
        node = self._sequence(frozenset())
        if self._at < len(self._tokens):
            raise Unreadable(
                f"The line goes on with {_said(self._tokens[self._at])} where a command should end."
            )
        return node

    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next_operator(self) -> str:
        token = self._next()
        return token.text if isinstance(token, Operator) else ""

    def _next_keyword(self) -> str:
        token = self._next()
        return token.bare if isinstance(token, Word) else ""

    def _expect(self, *, keyword: str = "", operator: str = "") -> None:
        if (keyword and self._next_keyword() != keyword) or (operator and self._next_operator() != operator):
            raise Unreadable(f"A {keyword or operator!r} is missing.")
        self._at += 1

    def _skip(self, operators: frozenset[str]) -> None:
        while self._next_operator() in operators:
            self._at += 1

    def _sequence(self, ends: frozenset[str]) -> Node:
        """Commands up to one of the keywords, a closing parenthesis or the line's end."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unreadable(f"The line is nested more than {DEEPEST} deep.")
        steps: list[tuple[str, Node]] = []
        operator = ";"
        self._skip(frozenset("\n"))
        while self._next() and self._next_operator() != ")" and self._next_keyword() not in ends:
            steps.append((operator, self._pipeline()))
            operator = self._next_operator()
            if operator == "&":
                raise Unreadable("A command runs in the background ('&').")
            if operator in {"&&", "||"}:
                self._at += 1
                self._skip(frozenset("\n"))
                if not self._next():
                    raise Unreadable(f"Nothing follows {operator!r}.")
            elif operator in _SEPARATORS:
                self._at += 1
                self._skip(frozenset("\n"))
                operator = ";"
            else:
                break
        if not steps:
            raise Unreadable("There is no command.")
        self._depth -= 1
        return steps[0][1] if len(steps) == 1 else Sequence(tuple(steps))

    def _pipeline(self) -> Node:
        while self._next_keyword() == "!":
            self._at += 1
        members = [self._command()]
        while self._next_operator() in {"|", "|&"}:
            self._at += 1
            self._skip(frozenset("\n"))
            members.append(self._command())
        return members[0] if len(members) == 1 else Pipeline(tuple(members))

    def _command(self) -> Node:
        self._commands += 1
        if self._commands > MOST_COMMANDS:
            raise Unreadable(f"The line has more than {MOST_COMMANDS} commands.")
        keyword = self._next_keyword()
        if keyword in _REFUSED:
            raise Unreadable(f"The line holds {_REFUSED[keyword]}.")
        if self._next_operator() == "(":
            return self._group("(", ")")
        if keyword == "{":
            return self._group("{", "}")
        if keyword == "if":
            return self._choice()
        if keyword == "for":
            return self._loop()
        if keyword in _ENDINGS:
            raise Unreadable(f"The word {keyword!r} stands where a command should begin.")
        return self._simple()

    def _group(self, begin: str, end: str) -> Node:
        self._at += 1
        body = self._sequence(frozenset([end]))
        if end == ")":
            self._expect(operator=end)
        else:
            self._expect(keyword=end)
        return Group((body,), self._redirects(), is_subshell=begin == "(")

    def _choice(self) -> Node:
        bodies: list[Node] = []
        keyword = "if"
        while keyword in {"if", "elif"}:
            self._expect(keyword=keyword)
            bodies.append(self._sequence(frozenset(["then"])))
            self._expect(keyword="then")
            bodies.append(self._sequence(frozenset(["elif", "else", "fi"])))
            keyword = self._next_keyword()
        if keyword == "else":
            self._at += 1
            bodies.append(self._sequence(frozenset(["fi"])))
        self._expect(keyword="fi")
        return Group(tuple(bodies), self._redirects())

    def _loop(self) -> Node:
        self._at += 1
        variable = self._next_keyword()
        if not _NAME.fullmatch(variable):
            raise Unreadable("A loop has no plain variable.")
        self._at += 1
        self._expect(keyword="in")
        items: list[Word] = []
        while isinstance(token := self._next(), Word):
            items.append(token)
            self._at += 1
        if self._next_operator() not in _SEPARATORS:
            raise Unreadable("The words of a loop have no end.")
        self._skip(_SEPARATORS)
        self._expect(keyword="do")
        body = self._sequence(frozenset(["done"]))
        self._expect(keyword="done")
        return Loop(variable, tuple(items), body, self._redirects())

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while self._next_operator() in _REDIRECTS:
            found.append(self._redirect())
        return tuple(found)

    def _redirect(self) -> Redirect:
        operator = self._tokens[self._at]
        before = self._tokens[self._at - 1] if self._at else None
        self._at += 1
        target = self._next()
        if not isinstance(operator, Operator) or not isinstance(target, Word | HereDocument):
            raise Unreadable(f"The redirection {_said(operator)} has no target.")
        names = isinstance(before, Word) and _DESCRIPTOR_NAME.fullmatch(before.raw)
        if names and isinstance(before, Word) and before.end == operator.start:
            raise Unreadable("A redirection names its descriptor by a variable.")
        self._at += 1
        return Redirect(operator.text, operator.descriptor, target)

    def _simple(self) -> Node:
        assignments: list[Word] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while token := self._next():
            if isinstance(token, Word):
                assigns = not words and _ASSIGNMENT.match(token.raw)
                (assignments if assigns else words).append(token)
                self._at += 1
                if token.bare == "[[" and len(words) == 1:
                    words += self._double_brackets()
            elif isinstance(token, Operator) and token.text in _REDIRECTS:
                redirects.append(self._redirect())
            else:
                break
        if not words and not assignments and not redirects:
            raise Unreadable(f"The sign {_said(self._next())} stands where a command should begin.")
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _double_brackets(self) -> list[Word]:
        """The words up to the closing brackets; ``&&`` and ``||`` between them are words too."""
        words: list[Word] = []
        while token := self._next():
            self._at += 1
            if isinstance(token, Operator) and token.text in {"&&", "||"}:
                words.append(Word((), token.start, token.start + 2, token.text))
            elif isinstance(token, Word):
                words.append(token)
                if token.bare == "]]":
                    return words
            else:
                raise Unreadable(f"A test in double brackets holds {_said(token)}.")
        raise Unreadable("A test in double brackets has no end.")


def _said(token: Token | None) -> str:
    if isinstance(token, Word):
        return repr(token.raw[:60])
    return repr(token.text) if isinstance(token, Operator) else "that ends the line"
