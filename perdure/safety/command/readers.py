"""Arguments that options and operands do not describe: of tests, find, printf, set and tar."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

from perdure.safety.command.arguments import Argument, Finding, Scene, ask, shown
from perdure.safety.command.kinds import archive, name, number, said, text, word
from perdure.safety.command.paths import could_be_secret, secret
from perdure.safety.command.words import words_in

Command = Callable[[list[Argument], Scene], list[Finding]]
_FILE_TESTS = words_in("-e -f -d -h -L -r -w -x -s -b -c -p -S -g -u -k -O -G -N")
_TEXT_TESTS = frozenset(["-z", "-n"])
_JOINS = frozenset(["!", "-a", "-o", "(", ")", "&&", "||"])
_COMPARISONS = frozenset(["=", "==", "!="])
_NUMBERS = words_in("-eq -ne -lt -le -gt -ge")
_AGES = frozenset(["-nt", "-ot", "-ef"])
_FORMAT = re.compile(r"(?:[^%]|%%|%[-+ #0]*[0-9]{0,3}(?:\.[0-9]{0,3})?[sdiuoxXfegcbq])*", re.DOTALL)
_STRICT = "-[eu]+|-[eu]*o (?:pipefail|errexit|nounset)"
_LISTING = re.compile(r"-?(?:t[vzjJ]*f|[vzjJ]*tf)")


def judge_test(arguments: list[Argument], scene: Scene, *, doubled: bool = False) -> list[Finding]:
    """Of ``test``, ``[`` and ``[[`` without their brackets: files, texts and numbers, never a variable by its name."""
    by_name = next((one for one in arguments if one.text in {"-v", "-R"}), None)
    if by_name:
        return [ask(f"The test {shown(by_name.raw)} evaluates the name of a variable.")]
    findings: list[Finding | None] = []
    waiting = list(arguments)
    while waiting:
        first = waiting.pop(0)
        sign = first.text if first.is_known else ""
        following = waiting[0].text if waiting and waiting[0].is_known else ""
        if sign in _JOINS and following not in _COMPARISONS:
            continue
        if sign in _FILE_TESTS | _TEXT_TESTS and waiting and following not in _COMPARISONS | _NUMBERS:
            value = waiting.pop(0)
            findings.append(name(value, scene) if sign in _FILE_TESTS else _value(value, scene))
        elif following in _COMPARISONS | _NUMBERS | _AGES | {"=~"} and len(waiting) > 1:
            findings += _compared(first, waiting[0].text, waiting[1], scene, doubled=doubled)
            del waiting[:2]
        elif sign.startswith("-") and len(sign) > 1:
            findings.append(ask(f"The test {shown(sign)} is not among those that run without asking."))
        else:
            findings.append(_value(first, scene))
    return [finding for finding in findings if finding]


def _compared(
    left: Argument, sign: str, right: Argument, scene: Scene, *, doubled: bool
) -> list[Finding | None]:
    if sign in _AGES:
        return [name(left, scene), name(right, scene)]
    if sign in _NUMBERS:
        # Double brackets compute what stands here, and computing runs a substitution within a subscript.
        return [number(left, scene), number(right, scene)]
    matches = doubled and (right.is_pattern or sign == "=~")
    return [_value(left, scene), None if matches and right.is_known else _value(right, scene)]


def _value(argument: Argument, scene: Scene) -> Finding | None:
    if argument.is_known or argument.is_number:
        return text(argument, scene) if argument.is_known else None
    return said(argument, scene)


def judge_echo(arguments: list[Argument], scene: Scene) -> list[Finding]:
    """Of ``echo``: whatever it prints is no secret."""
    findings = [said(argument, scene) for argument in arguments]
    return [finding for finding in findings if finding]


def judge_printf(arguments: list[Argument], scene: Scene) -> list[Finding]:
    """Of ``printf``: a known format that stores nothing in a variable, and what it prints."""
    if arguments and arguments[0].text == "--":
        arguments = arguments[1:]
    if not arguments or text(arguments[0], scene) or arguments[0].text.startswith("-"):
        return [ask("The format of 'printf' is not a plain text.")]
    if not _FORMAT.fullmatch(arguments[0].text) or len(arguments[0].text) > 1_000:
        return [
            ask(
                f"The format {shown(arguments[0].raw)} of 'printf' has a part that is not known to only print."
            )
        ]
    return judge_echo(arguments[1:], scene)


def judge_set(arguments: list[Argument], scene: Scene) -> list[Finding]:
    """Of ``set``: that a script ends at its first error; nothing else, since it prints or changes variables."""
    words = " ".join(argument.text if argument.is_known else "?" for argument in arguments)
    if re.fullmatch(rf"(?:{_STRICT})(?: (?:{_STRICT}))*", words):
        return []
    return [ask("The command 'set' may print or change variables.")]


def judge_tar(arguments: list[Argument], scene: Scene) -> list[Finding]:
    """Of ``tar``: the list of an archive's members."""
    if len(arguments) >= 2 and arguments[0].is_known and _LISTING.fullmatch(arguments[0].text):
        findings = [archive(arguments[1], scene)]
        findings += [word(one, scene) or _no_option(one) for one in arguments[2:]]
        return [finding for finding in findings if finding]
    return [ask("The command 'tar' does more than list an archive.")]


def _no_option(argument: Argument) -> Finding | None:
    return (
        ask(f"The option {shown(argument.raw)} of 'tar' is not known.") if argument.text[:1] == "-" else None
    )


_FIND_FLAGS = words_in(
    "-print -print0 -prune -not ! -a -and -o -or ( ) , -true -false -ls -empty -readable -writable -executable -xdev "
    "-mount -depth -daystart -quit -nouser -nogroup -noleaf -ignore_readdir_race"
)
_FIND_VALUES: dict[str, Callable[[Argument, Scene], Finding | None]] = {
    **dict.fromkeys(
        words_in("-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex"), text
    ),
    **dict.fromkeys(words_in("-type -xtype -regextype -user -group -fstype -perm -size"), word),
    **dict.fromkeys(words_in("-mtime -mmin -ctime -cmin -atime -amin -links -inum -uid -gid -used"), number),
    **dict.fromkeys(words_in("-maxdepth -mindepth"), number),
    **dict.fromkeys(words_in("-newer -anewer -cnewer -samefile"), name),
    "-newermt": text,
    "-printf": text,
}
_NAMING = frozenset(["-name", "-iname"])
_SUFFIX_ALONE = re.compile(r"\*\.[A-Za-z0-9]{1,10}")
_CHOICES = words_in("-o -or , -depth")
ACTIONS = words_in("-print -print0 -printf -ls -exec -execdir")
_NEGATIONS = words_in("! -not")
_WITH_SUFFIX = re.compile(r".*\.(?!sample$|pack$|idx$|rev$|lock$)[A-Za-z]\w*")
FOUND = "./found"
"""Stands for every file that ``find`` finds."""


def judge_find(arguments: list[Argument], scene: Scene, inner: Command) -> list[Finding]:
    """Of ``find``: places in the workspace and conditions on names, kinds and times; what ``-exec`` runs too."""
    findings: list[Finding | None] = []
    waiting = list(arguments)
    while waiting and waiting[0].text in {"-H", "-L", "-P"} and waiting[0].is_known:
        waiting.pop(0)
    begun = False
    while waiting:
        argument = waiting.pop(0)
        sign = argument.text if argument.is_known and not argument.is_pattern else ""
        begun = begun or sign[:1] in {"-", "(", "!"}
        if sign in {"-exec", "-execdir"}:
            findings += _executed(waiting, scene, arguments, inner)
        elif sign in _NAMING and waiting and _SUFFIX_ALONE.fullmatch(waiting[0].text):
            # Unquoted it may become several names, but with such an ending none of them is a part of an expression.
            waiting.pop(0)
        elif sign in _FIND_VALUES and waiting:
            findings.append(_FIND_VALUES[sign](waiting.pop(0), scene))
        elif begun and sign not in _FIND_FLAGS:
            findings.append(
                ask(f"The word {shown(argument.raw)} of 'find' is not among those that only look.")
            )
        elif not begun:
            findings.append(_place(argument, scene))
    return [finding for finding in findings if finding]


def _place(argument: Argument, scene: Scene) -> Finding | None:
    if argument.is_pattern and argument.text[:1] in "*?[":
        return ask(
            f"A part of an expression may take the place of {shown(argument.raw)}; begin it with './'."
        )
    return name(argument, scene)


def _executed(
    waiting: list[Argument], scene: Scene, arguments: list[Argument], inner: Command
) -> list[Finding | None]:
    """The command after ``-exec``, with one found file in the place of ``{}``."""
    command: list[Argument] = []
    before = ""
    while waiting:
        argument = waiting.pop(0)
        ends_several, before = argument.text == "+" and before == "{}", argument.text
        if argument.text == ";":
            break
        if ends_several:
            # As many names as fit take its place, and a program may write to its second operand.
            command.append(command[-1])
            break
        if "{}" in argument.text and argument.text != "{}":
            return [ask(f"The name of a found file becomes a part of {shown(argument.raw)}.")]
        command.append(replace(argument, text=FOUND) if argument.text == "{}" else argument)
    else:
        return [ask("The command that 'find' runs has no end.")]
    if not command:
        return [ask("The command that 'find' runs is empty.")]
    if not finds_no_secrets(arguments):
        inner_words = [argument.text for argument in command[1:]]
        if FOUND in inner_words and command[0].text not in TELLS_LITTLE:
            return [
                ask(f"What 'find' finds may hold secrets, and {shown(command[0].raw)} shows it; add -name.")
            ]
    return list(inner(command, replace(scene, is_fed=True)))


TELLS_LITTLE = words_in("echo ls stat wc basename dirname md5sum sha1sum sha256sum test [ true du realpath")
"""Programs that show of a file only its name, its size or a sum."""


def finds_no_secrets(arguments: list[Argument]) -> bool:
    """Whether every file that is found has a name by a pattern that neither a file with secrets nor one of Git's has.

    Only conditions before the first action count, since an action runs where it stands.
    """
    words = [argument.text for argument in arguments]
    if any(sign in words for sign in _CHOICES):
        return False
    names: list[str] = []
    waiting, begun, excludes = iter(words[words[:1] == ["find"] :]), False, False
    for sign in takewhile(lambda sign: sign not in ACTIONS, waiting):
        begun = begun or sign[:1] in {"-", "(", "!"}
        if (not begun and secret(sign)) or (excludes and sign == "("):
            return False
        value = next(waiting, "") if sign in _FIND_VALUES else ""
        if sign in _NAMING and not excludes:
            names.append(value)
        excludes = sign in _NEGATIONS
    return bool(names) and all(map(is_harmless_name, names))


def is_harmless_name(pattern: str) -> bool:
    """Whether a pattern of names has an ending, and no file with secrets or of Git's fits it."""
    return bool(_WITH_SUFFIX.fullmatch(pattern)) and not could_be_secret(pattern)
