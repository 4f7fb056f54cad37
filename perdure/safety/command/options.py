"""The arguments of a program, checked against what its entry allows."""

import re
from dataclasses import dataclass, field, replace
from posixpath import normpath

from perdure.safety.command.arguments import Argument, Finding, Scene, ask, bounded, shown
from perdure.safety.command.kinds import KINDS, hunts, is_vague
from perdure.safety.command.programs import Option, Program

_SUFFIX = re.compile(r"[^/]\.\w{1,8}$")


@dataclass
class Taken:
    """What the arguments of one call were taken for."""

    findings: list[Finding] = field(default_factory=list[Finding])
    given: set[str] = field(default_factory=set[str])
    values: list[tuple[str, Argument]] = field(default_factory=list[tuple[str, Argument]])
    operands: list[Argument] = field(default_factory=list[Argument])


def judge_arguments(name: str, program: Program, arguments: list[Argument], scene: Scene) -> list[Finding]:
    """What is wrong with the arguments; nothing where all are allowed."""
    if program.entry.needs_argument and not arguments:
        return [ask(f"The program {name!r} may run what it is sent, or what the workspace holds.")]
    taken = _Arguments(name, program, arguments, scene).run()
    entry, findings = program.entry, taken.findings
    for option in sorted(taken.given & program.bounded):
        findings.append(bounded(f"The option {option!r} of {name!r} may keep it from ending."))
    if entry.within_limits:
        findings.append(bounded(f"The command {name!r} does not end by itself."))
    operands = taken.operands
    if operands and not entry.operands and not entry.first:
        findings.append(ask(f"The operand {shown(operands[0].raw)} of {name!r} may change something."))
        return findings
    if len(operands) > entry.most:
        return [*findings, ask(f"More than {entry.most} operands of {name!r} may be written to.")]
    if operands and program.operands_need and not taken.given & program.operands_need:
        findings.append(ask(f"With {shown(operands[0].raw)} {name!r} may change something."))
    kinds = _kinds(program, taken)
    checked = [KINDS[kind](operand, scene) for kind, operand in zip(kinds, operands, strict=True)]
    findings += [finding for finding in checked if finding]
    findings += _counted(name, program, taken, scene)
    findings += _spread(name, program, taken, kinds, scene)
    return findings


def _kinds(program: Program, taken: Taken) -> list[str]:
    """The kind of each operand."""
    entry = program.entry
    other = entry.first and not taken.given & program.first_unless
    rest = entry.operands or entry.first
    return [entry.first if other and place == 0 else rest for place in range(len(taken.operands))]


def _counted(name: str, program: Program, taken: Taken, scene: Scene) -> list[Finding]:
    """Whether there are too many operands, or so few that it waits for input."""
    entry, count = program.entry, len(taken.operands)
    if entry.most < 10 and any(one.is_pattern for one in taken.operands[entry.most - 1 :]):
        return [ask(f"More than {entry.most} operands of {name!r} may be written to.")]
    if count < entry.least:
        return [ask(f"The command {name!r} has too few operands.")]
    takes_first = bool(entry.first) and not taken.given & program.first_unless
    spreads = "always" in program.spreads or bool(taken.given & program.spreads)
    idle = bool(taken.given & program.waits_unless) or (
        bool(entry.reads_nothing)
        and count > 0
        and bool(re.fullmatch(entry.reads_nothing, taken.operands[0].text))
    )
    if entry.waits and not idle and not spreads and not scene.is_fed and count <= takes_first:
        return [bounded(f"The command {name!r} waits for input.")]
    return []


def _spread(name: str, program: Program, taken: Taken, kinds: list[str], scene: Scene) -> list[Finding]:
    """Whether a search in the whole workspace could show secrets."""
    if "always" not in program.spreads and not taken.given & program.spreads:
        return []
    patterns = [one for kind, one in zip(kinds, taken.operands, strict=True) if kind == "search"]
    patterns += [value for kind, value in taken.values if kind == "search"]
    places = [one for kind, one in zip(kinds, taken.operands, strict=True) if kind != "search"]
    if (not places and scene.is_fed) or (not patterns and program.entry.first):
        return []
    whole = not places or any(_is_whole(place, scene) for place in places)
    if not patterns:
        problem = ask(f"The command {name!r} reads the whole workspace, where secrets may be; name folders.")
        return [problem] if whole else []
    # Files by a pattern or a language; each pattern is itself checked for the names of secrets.
    if any(kind == "glob" and not value.text.startswith("!") for kind, value in taken.values):
        return []
    files_alone = bool(places) and all(_SUFFIX.search(place.text) for place in places)
    takes_all = bool({"-v", "--invert-match", "--passthru"} & taken.given) or any(
        is_vague(one.text) for one in patterns
    )
    if takes_all and not files_alone:
        return [ask(f"The search by {name!r} shows almost all that is in the folders, where secrets may be.")]
    if whole and any(hunts(pattern.text) for pattern in patterns):
        return [
            ask(f"The search by {name!r} in the whole workspace may show secrets; name folders or files.")
        ]
    return []


def _is_whole(place: Argument, scene: Scene) -> bool:
    return place.is_pattern or any(normpath(f"./{folder}/{place.text}") == "." for folder in scene.folders)


class _Arguments:
    """Options as GNU's getopt reads them: they may stand anywhere before ``--``, short ones may be joined."""

    def __init__(self, name: str, program: Program, arguments: list[Argument], scene: Scene) -> None:
        self._name = name
        self._program = program
        self._waiting = list(reversed(arguments))
        self._scene = scene
        self._taken = Taken()

    def run(self) -> Taken:
        taken = self._taken
        while self._waiting:
            argument = self._waiting.pop()
            is_option = argument.is_known and argument.text.startswith("-") and argument.text != "-"
            if is_option and self._program.entry.options_first and taken.operands:
                taken.findings.append(
                    ask(f"The word {shown(argument.raw)} is no option of {self._name!r} where it stands.")
                )
            if argument.text == "--" and argument.is_known:
                taken.operands += reversed(self._waiting)
                break
            if is_option:
                self._option(argument)
                continue
            begins = argument.text[:1]
            if not self._program.entry.any_name and (
                (not argument.is_known and not argument.is_number)
                or (argument.is_pattern and begins in "*?[")
            ):
                taken.findings.append(
                    ask(
                        f"An option of {self._name!r} may take the place of {shown(argument.raw)}; begin it with './'."
                    )
                )
            taken.operands.append(argument)
        return taken

    def _option(self, argument: Argument) -> None:
        text, options = argument.text, self._program.options
        name, equals, _ = text.partition("=")
        if argument.is_pattern:
            # A pattern after the equals sign stays a value of the same option, whatever names it stands for.
            is_glob = (
                name in options and options[name].kind == "glob" and not any(sign in name for sign in "*?[")
            )
            if not is_glob:
                self._refuse(argument, text)
                return
            argument = replace(argument, is_pattern=False)
        if text.startswith("--") and equals and name in options and options[name].kind:
            self._value(name, argument.part(len(name) + 1))
        elif text in options:
            self._exact(text, options[text], argument)
        elif "-#" in options and re.fullmatch(r"-[0-9]{1,6}", text):
            self._taken.given.add("-#")
        elif text.startswith("--"):
            self._refuse(argument, name)
        else:
            self._joined(argument)

    def _exact(self, name: str, option: Option, argument: Argument) -> None:
        if not option.kind or option.is_optional:
            self._taken.given.add(name)
        elif len(self._waiting) > (option.kind == "pair"):
            self._value(name, self._waiting.pop())
            if option.kind == "pair":
                self._value(name, self._waiting.pop())
        else:
            self._taken.findings.append(ask(f"The option {name!r} of {self._name!r} has no value."))

    def _joined(self, argument: Argument) -> None:
        """Several short options in one word, of which the last may have its value there or in the next word."""
        text, options = argument.text, self._program.options
        for place in range(1, len(text)):
            name = f"-{text[place]}"
            if name not in options:
                self._refuse(argument, name)
                return
            rest = text[place + 1 :]
            option = options[name]
            entry = self._program.entry
            glued = bool(option.kind and rest)
            if (glued and not entry.glues and option.kind != "number") or (
                len(text) > 2 and not glued and not entry.joins
            ):
                self._refuse(argument, text)
                return
            if glued:
                self._value(name, argument.part(place + 1))
                return
            self._exact(name, option, argument)

    def _value(self, name: str, value: Argument) -> None:
        kind = self._program.options[name].kind
        self._taken.given.add(name)
        self._taken.values.append((kind, value))
        if finding := KINDS[kind](value, self._scene):
            self._taken.findings.append(finding)

    def _refuse(self, argument: Argument, name: str) -> None:
        where = "" if name == argument.text else f" in {shown(argument.raw)}"
        self._taken.findings.append(
            ask(
                f"The option {shown(name)}{where} is not among those of {self._name!r} that run without asking."
            )
        )
