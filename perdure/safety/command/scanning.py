"""The strict reader's first half: a line of shell as words and operators, or a refusal.

It knows less than a shell on purpose. What it takes has one meaning in bash and in sh; everything else is Unreadable.
"""

import re
from bisect import bisect_right

from perdure.safety.command.words import HereDocument, Operator, Part, PartKind, TooLarge, Unreadable, Word

MOST_TOKENS = 2_000
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%^!-]+")
_SAME = re.compile(r"\*+|\?+")
_BRACES = re.compile(r"\{[A-Za-z0-9_./:=+@%^!*-]*\}")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\}|([?#$!]))")
_ARITHMETIC = re.compile(r"\$\(\(([0-9+*/%() \t-]*)\)\)")
_OPERATOR = re.compile(r"&>>|<<<|<<-|;;|&&|\|\||\|&|&>|>>|>&|<&|<<|<>|>\||[|;<>()&]")
_DESCRIPTOR = re.compile(r"([0-9]+)(?=[<>])")
_DELIMITER = re.compile(r"(?:'[A-Za-z_]+'|\"[A-Za-z_]+\"|[A-Za-z_]+)(?=[ \t\n|&;<>()]|$)")
_STANDS_FOR_ITSELF = frozenset(["", '"', " ", "|", ")", "/", ".", ",", "\n"])
"""What may follow a dollar sign that expands nothing."""
_END_OF_WORD = frozenset(" \t\n|&;<>()")
_ENDS = frozenset(["", " ", "\t", "\n", "|", ";"])
_NEVER = {
    "$'": "a string in $'…'",
    '$"': 'a string in $"…"',
    "$(": "a command substitution",
    "`": "a command substitution in backquotes",
    "<(": "a process substitution",
    ">(": "a process substitution",
}
Token = Word | Operator | HereDocument


def tokens_of(line: str) -> list[Token]:
    """Every word and operator; the body of a here-document follows its delimiter. Unreadable for all else."""
    return _Scanner(line).run()


class _Scanner:
    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0
        self._tokens: list[Token] = []
        self._waiting: list[tuple[int, str, bool]] = []
        """Here-documents that have not begun: place among the tokens, delimiter, whether it is quoted."""
        self._wide = [] if line.isascii() else [i for i, c in enumerate(line) for _ in range(_extra(c))]

    def run(self) -> list[Token]:
        line = self._line
        while self._at < len(line):
            if len(self._tokens) > MOST_TOKENS:
                raise TooLarge(f"The line has more than {MOST_TOKENS} words and operators.")
            character = line[self._at]
            if character in " \t":
                self._at += 1
            elif line.startswith("\\\n", self._at):
                self._at += 2
                self._must_end_a_word()
            elif character == "\n":
                self._operator("\n")
                self._read_here_documents()
            elif character == "#":
                self._at = self._end_of_line()
            elif character in "|&;<>()":
                self._read_operator()
            elif (found := _DESCRIPTOR.match(line, self._at)) and self._is_at_a_boundary():
                self._at = found.end()
                self._read_operator(found[1])
            else:
                self._read_word()
        if self._waiting:
            raise Unreadable("A here-document has no body.")
        return self._tokens

    def _must_end_a_word(self) -> None:
        """A continuation inside of a word would join two lines to one word, which nobody sees."""
        if self._at > 2 and self._line[self._at - 3] not in _END_OF_WORD:
            raise Unreadable("A word goes on across the end of a line.")

    def _is_at_a_boundary(self) -> bool:
        return not self._at or self._line[self._at - 1] in _END_OF_WORD

    def _byte(self, index: int) -> int:
        return index + bisect_right(self._wide, index - 1)

    def _end_of_line(self) -> int:
        end = self._line.find("\n", self._at)
        return len(self._line) if end < 0 else end

    def _operator(self, text: str, descriptor: str = "") -> None:
        self._tokens.append(Operator(text, self._byte(self._at), descriptor))
        self._at += len(text)

    def _read_operator(self, descriptor: str = "") -> None:
        pair = self._line[self._at : self._at + 2]
        if pair in _NEVER:
            raise Unreadable(f"The line holds {_NEVER[pair]}.")
        found = _OPERATOR.match(self._line, self._at)
        if not found or found[0] in {";;", "<<-"} or (descriptor and found[0][0] == "&"):
            raise Unreadable(f"The operator {pair!r} is not one that runs without asking.")
        self._operator(found[0], descriptor)
        if found[0] == "<<":
            self._read_delimiter()

    def _read_delimiter(self) -> None:
        while self._at < len(self._line) and self._line[self._at] in " \t":
            self._at += 1
        found = _DELIMITER.match(self._line, self._at)
        if not found:
            raise Unreadable("The delimiter of a here-document is not a plain word.")
        self._waiting.append((len(self._tokens), found[0].strip("'\""), found[0][0] in "'\""))
        self._tokens.append(HereDocument(""))
        self._at = found.end()

    def _read_here_documents(self) -> None:
        for index, delimiter, is_quoted in self._waiting:
            lines = list[str]()
            while True:
                if self._at >= len(self._line):
                    raise Unreadable(f"The here-document {delimiter!r} has no end.")
                end = self._end_of_line()
                line, self._at = self._line[self._at : end], end + 1
                if line == delimiter:
                    break
                lines.append(line)
            text = "\n".join([*lines, ""])
            if not is_quoted and any(sign in text for sign in "$`\\"):
                raise Unreadable(f"The here-document {delimiter!r} may expand something.")
            self._tokens[index] = HereDocument(text)
        self._waiting.clear()
        self._at = min(self._at, len(self._line))

    def _read_word(self) -> None:
        start, parts = self._at, list[Part]()
        flags = {"pattern": False, "tilde": False}
        while self._at < len(self._line) and self._line[self._at] not in _END_OF_WORD:
            parts += self._read_parts(start, flags)
        raw = self._line[start : self._at]
        self._tokens.append(
            Word(
                _joined(parts),
                self._byte(start),
                self._byte(self._at),
                raw,
                flags["pattern"] and raw not in {"[", "[["},
                flags["tilde"],
            )
        )

    def _read_parts(self, start: int, flags: dict[str, bool]) -> list[Part]:
        if self._line[self._at] == '"':
            return self._read_double_quoted()
        return [self._read_part(start, flags)]

    def _read_part(self, start: int, flags: dict[str, bool]) -> Part:
        line, at = self._line, self._at
        if found := _PLAIN.match(line, at):
            self._at = found.end()
            return Part(PartKind.TEXT, found[0])
        character = line[at]
        if character == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise Unreadable("A quote has no end.")
            self._at = end + 1
            return Part(PartKind.TEXT, line[at + 1 : end], quoted=True)
        if character == "\\":
            self._at += 2
            escaped = line[at + 1 : at + 2]
            if not escaped or not (escaped.isascii() and escaped.isprintable()):
                raise Unreadable(
                    "A backslash stands before the end of a line or before no visible character."
                )
            return Part(PartKind.TEXT, escaped, quoted=True)
        if character in "$`":
            return self._read_dollar(quoted=False)
        return self._read_sign(character, start, flags)

    def _read_sign(self, character: str, start: int, flags: dict[str, bool]) -> Part:
        line, at = self._line, self._at
        if character in "{}":
            found = _BRACES.match(line, at)
            if found and ".." not in found[0]:
                self._at = found.end()
                flags["pattern"] |= "*" in found[0]
                return Part(PartKind.TEXT, found[0])
            alone = at == start and (at + 1 == len(line) or line[at + 1] in _END_OF_WORD)
            if not alone:
                raise Unreadable("A brace expansion makes words that do not stand in the line.")
        elif character in "*?[]":
            flags["pattern"] |= character != "]"
            if found := _SAME.match(line, at):
                self._at = found.end()
                return Part(PartKind.TEXT, found[0])
        elif character == "~":
            flags["tilde"] |= at == start or line[at - 1] in "=:"
        elif character != "#":
            raise Unreadable(f"The character {character!r} stands outside of quotes.")
        self._at += 1
        return Part(PartKind.TEXT, character)

    def _read_dollar(self, *, quoted: bool) -> Part:
        line, at = self._line, self._at
        if found := _ARITHMETIC.match(line, at):
            if found[1].count("(") != found[1].count(")") or "))" in found[1]:
                raise Unreadable("An arithmetic expansion holds nested parentheses.")
            self._at = found.end()
            return Part(PartKind.NUMBER, found[0], quoted)
        if found := _VARIABLE.match(line, at):
            self._at = found.end()
            return Part(PartKind.VARIABLE, found[1] or found[2] or found[3], quoted)
        if not quoted and line[at] == "$" and line[at + 1 : at + 2] in _ENDS:
            self._at += 1
            return Part(PartKind.TEXT, "$")
        if line.startswith("$((", at):
            raise Unreadable("An arithmetic expansion holds more than digits and signs.")
        for sign, name in _NEVER.items():
            if line.startswith(sign, at):
                raise Unreadable(f"The line holds {name}.")
        raise Unreadable("An expansion with '$' is not a plain variable.")

    def _read_double_quoted(self) -> list[Part]:
        line, parts, text = self._line, list[Part](), list[str]()
        self._at += 1
        while True:
            character = line[self._at : self._at + 1]
            following = line[self._at + 1 : self._at + 2]
            if not character or (character == "\\" and following == "\n"):
                raise Unreadable("A quote has no end, or a quoted word goes on across the end of a line.")
            if character == "`" or (character == "$" and following not in _STANDS_FOR_ITSELF):
                parts += [Part(PartKind.TEXT, "".join(text), quoted=True), self._read_dollar(quoted=True)]
                text.clear()
                continue
            self._at += 1
            if character == '"':
                return [*parts, Part(PartKind.TEXT, "".join(text), quoted=True)]
            if character == "\\" and following in {"$", "`", '"', "\\"}:
                self._at += 1
                character = following
            text.append(character)


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """The parts, with neighbours of plain text that are quoted alike made one."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.kind is part.kind is PartKind.TEXT and last.quoted is part.quoted:
            joined[-1] = Part(PartKind.TEXT, last.text + part.text, part.quoted)
        else:
            joined.append(part)
    return tuple(joined)


def _extra(character: str) -> int:
    return len(character.encode("utf-8", "surrogatepass")) - 1
