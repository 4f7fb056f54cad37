"""What an option's value or an operand may be: each kind names what is wrong with an argument, or gives None."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from perdure.contracts.calls import Verdict
from perdure.safety.command.arguments import PRINTABLE, Argument, Finding, Scene, ask, bounded, shown
from perdure.safety.command.awk import awk_program
from perdure.safety.command.jq import jq_filter
from perdure.safety.command.paths import PUBLIC, could_be_secret, outside, secret
from perdure.safety.command.sed import sed_script

Kind = Callable[[Argument, Scene], Finding | None]
LARGE = 1_000_000
_HUNTED = re.compile(
    r"(?i)key|token|secr|passw|pwd|cred|bearer|private|begin |akia|asia|gh[pousr]_|github_pat|xox[bpa]|sk-|eyj|jwt|\.env|://|_url|dsn"
)
"""Pieces of what stands in files with secrets, and of their names."""
_HUNTED_ALONE = re.compile(
    r"(?i)\W*(?:api|aws|azure|gcp|auth|cert|login|account|user|export|pass|pw|id)_?\W*"
)
"""What is harmless as a piece of a longer word."""
_TWO_LETTERS = re.compile(r"[A-Za-z0-9_]{2}")
_THREE_LETTERS = re.compile(r"[A-Za-z0-9_]{3}")
_PATTERN = re.compile(r"[^/]*[*?\[][^/]*")
_CHOICE = re.compile(r"([^{}]*)\{([^{}]*)\}([^{}]*)")
_FORMAT_RUNS = re.compile(r"(?i)%[-+ ]?G|signature")


def _known(argument: Argument) -> Finding | None:
    if not argument.is_known:
        return ask(f"The word {shown(argument.raw)} is not known before it runs.")
    if argument.has_tilde:
        return ask(f"A home folder takes the place of {shown(argument.raw)}.")
    return None


def _exact(argument: Argument) -> Finding | None:
    """A word that is known and no pattern, so that it stays one word."""
    if argument.is_pattern:
        return ask(f"Names of files may take the place of {shown(argument.raw)}.")
    return _known(argument)


def text(argument: Argument, scene: Scene) -> Finding | None:
    """Any certain text that is no path."""
    return _exact(argument)


def said(argument: Argument, scene: Scene) -> Finding | None:
    """What is only printed: also names of files, and variables that hold no secret."""
    if argument.is_pattern:
        return outside(argument, scene)
    if argument.is_known:
        return None
    if argument.is_printable:
        return None
    return ask(f"The word {shown(argument.raw)} prints a variable that may hold a secret.")


def number(argument: Argument, scene: Scene) -> Finding | None:
    """A number, perhaps with a sign or a unit."""
    if argument.is_number:
        return None
    if found := _exact(argument):
        return found
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,9})?[A-Za-z%]{0,3}", argument.text):
        return ask(f"The word {shown(argument.raw)} is no number.")
    return None


def count(argument: Argument, scene: Scene) -> Finding | None:
    """A number that says how much is printed."""
    if found := number(argument, scene):
        return found
    if not argument.is_known:
        return bounded(f"The number {shown(argument.raw)} may be large.")
    whole, _, fraction = argument.text.partition(".")
    digits = re.sub(r"[^0-9]", "", whole)
    if len(fraction) > 2:
        return bounded(f"With the number {shown(argument.raw)} there may be many steps.")
    return bounded(f"The number {shown(argument.raw)} is large.") if int(digits or 0) > LARGE else None


def seconds(argument: Argument, scene: Scene) -> Finding | None:
    """A time to wait."""
    return number(argument, scene) or bounded("It waits.")


def word(argument: Argument, scene: Scene) -> Finding | None:
    """A plain word: letters, digits and a few signs, no path."""
    if found := _exact(argument):
        return found
    # What begins with '@' is for some programs the name of a file with more arguments, wherever it stands.
    if not re.fullmatch(r"[A-Za-z0-9_.,+:=%-][A-Za-z0-9_.,+:@=%-]{0,79}", argument.text):
        return ask(f"The word {shown(argument.raw)} is not a plain one.")
    return None


def variable(argument: Argument, scene: Scene) -> Finding | None:
    """The name of a variable that may be printed."""
    if found := _exact(argument):
        return found
    if argument.text in PRINTABLE:
        return None
    return ask(f"The variable {shown(argument.raw)} may hold a secret.")


def moment(argument: Argument, scene: Scene) -> Finding | None:
    """A format of a date, which begins with ``+``; anything else would set the clock."""
    if found := _exact(argument):
        return found
    return None if argument.text.startswith("+") else ask(f"The word {shown(argument.raw)} is no format.")


def name(argument: Argument, scene: Scene) -> Finding | None:
    """A path of which only the name, the kind, the size or the number of lines is shown."""
    return outside(argument, scene)


def counted(argument: Argument, scene: Scene) -> Finding | None:
    """A path whose content is only counted."""
    if argument.is_pattern and fnmatchcase("--files0-from=.env", argument.text):
        return ask(
            f"An option that reads names may take the place of {shown(argument.raw)}; begin it with './'."
        )
    return outside(argument, scene) or secret(argument.text)


def disk(argument: Argument, scene: Scene) -> Finding | None:
    """A path, or the machine's root, of which only the size of its disk is shown."""
    return None if argument.is_known and argument.text == "/" else outside(argument, scene)


def package(argument: Argument, scene: Scene) -> Finding | None:
    """The name of a package, perhaps with a scope and a version."""
    if found := _exact(argument):
        return found
    if re.fullmatch(
        r"(?:@[\w.-]+/)?[A-Za-z0-9][\w.-]{0,80}(?:@[\w.^~<>=*-]{1,40})?", argument.text, re.ASCII
    ):
        return None
    return ask(f"The word {shown(argument.raw)} is no name of a package.")


def read(argument: Argument, scene: Scene) -> Finding | None:
    """A path whose content is shown."""
    if argument.text == "-" and argument.is_known:
        return None if scene.is_fed else bounded("It waits for input.")
    if argument.text in PUBLIC and argument.is_known and not argument.is_pattern:
        return None
    if argument.text.startswith("@"):
        return ask(f"The word {shown(argument.raw)} may name a file that holds more arguments.")
    # A shell's pattern takes no hidden folder, so of folders in the midst of a path only those count that are named.
    folders, slash, name = argument.text.rpartition("/")
    found = secret(f"{_PATTERN.sub('', folders)}{slash}{name}", is_pattern=argument.is_pattern)
    return outside(argument, scene) or found


def glob(argument: Argument, scene: Scene) -> Finding | None:
    """A pattern that a program itself matches with names of files."""
    if found := _exact(argument):
        return found
    pattern = argument.text
    if pattern.startswith("!"):
        return None
    choice = _CHOICE.fullmatch(pattern)
    patterns = [f"{choice[1]}{each}{choice[3]}" for each in choice[2].split(",")] if choice else [pattern]
    if any("{" in each or "\\" in each or "[" in each for each in patterns):
        return ask(f"The pattern {shown(argument.raw)} is not a simple one.")
    return next(filter(None, (secret(each, is_pattern=True) for each in [*patterns, pattern])), None)


def search(argument: Argument, scene: Scene) -> Finding | None:
    """What is searched for; ``hunts`` says whether it may be searched for everywhere."""
    return _exact(argument)


def is_vague(pattern: str) -> bool:
    """Whether it finds almost any line: a branch of it has no two letters in a row."""
    return any(not _TWO_LETTERS.search(branch) for branch in re.split(r"\\?\|", pattern))


def hunts(pattern: str) -> bool:
    """Whether a search in all files may show secrets: it looks for a part of one, or for almost anything."""
    branches = re.split(r"\\?\|", pattern)
    vague = any(not _THREE_LETTERS.search(branch) or _HUNTED_ALONE.fullmatch(branch) for branch in branches)
    return vague or bool(_HUNTED.search(pattern))


def looks_for_secrets(pattern: str) -> bool:
    """Whether it names a part of a secret, or of what stands before one."""
    return bool(_HUNTED.search(pattern))


def hunt(argument: Argument, scene: Scene) -> Finding | None:
    """What is searched for in the whole history."""
    if found := _exact(argument):
        return found
    if hunts(argument.text):
        return ask(f"The search for {shown(argument.raw)} in the whole history may show secrets.")
    return None


def revision(argument: Argument, scene: Scene) -> Finding | None:
    """A revision of Git, a path, or both as ``REVISION:PATH``."""
    if found := outside(argument, scene):
        return found
    spoken = argument.text
    if spoken.startswith((":!", ":^", ":(exclude)")):
        return None
    if spoken.startswith(":") or "\\" in spoken:
        return ask(f"The path {shown(argument.raw)} has a form of Git's own that is not looked into.")
    before, _, path = spoken.partition(":")
    is_pattern = argument.is_pattern or any(sign in spoken for sign in "*?[")
    for place in (before, path):
        inner = Argument(place, argument.raw)
        if found := (outside(inner, scene) or secret(place, is_pattern=is_pattern)):
            return found
    return None


def pretty(argument: Argument, scene: Scene) -> Finding | None:
    """A format of Git's that checks no signature, since a program of the repository's choice does that."""
    if found := _exact(argument):
        return found
    if _FORMAT_RUNS.search(argument.text):
        return ask(f"The format {shown(argument.raw)} starts a program that checks signatures.")
    return None


def lines(argument: Argument, scene: Scene) -> Finding | None:
    """Lines of a file as ``git log -L`` names them, or numbers of lines."""
    if found := _exact(argument):
        return found
    # Without a colon it names lines alone, by numbers or by what stands in them.
    _, colon, path = argument.text.rpartition(":")
    return revision(Argument(path, argument.raw), scene) if colon else None


def setting(argument: Argument, scene: Scene) -> Finding | None:
    """The name of a setting of Git's that holds no secret."""
    if found := _exact(argument):
        return found
    if re.fullmatch(r"(?:user\.(?:name|email)|init\.defaultbranch|core\.(?:bare|autocrlf|eol|filemode|ignorecase|hookspath|editor|"
                    r"excludesfile|fsmonitor|pager|safecrlf|symlinks|worktree)|push\.default|merge\.ff|commit\.gpgsign|"
                    r"branch\.[\w/-]+\.(?:merge|remote)|pull\.rebase)", argument.text, re.IGNORECASE):  # fmt: skip
        return None
    return ask(f"The setting {shown(argument.raw)} is not among those that are read without asking.")


def tuning(argument: Argument, scene: Scene) -> Finding | None:
    """A setting for one command of Git's that only says how it prints."""
    if found := _exact(argument):
        return found
    if re.fullmatch(r"color\.(?:ui|diff|status|branch|grep)=(?:true|false|never|always|auto)|core\.quotepath=(?:true|false|on|off)|"
                    r"core\.pager=cat|advice\.\w+=false|log\.(?:decorate|date|abbrevcommit)=[\w-]+", argument.text, re.IGNORECASE | re.ASCII):  # fmt: skip
        return None
    return ask(f"The setting {shown(argument.raw)} may change what the command does.")


def archive(argument: Argument, scene: Scene) -> Finding | None:
    """A local archive; with a colon in its name tar would connect to another machine."""
    if ":" in argument.text:
        return ask(f"The archive {shown(argument.raw)} is on another machine.")
    return read(argument, scene)


def _language(problem: Callable[[str], Finding | None]) -> Kind:
    def kind(argument: Argument, scene: Scene) -> Finding | None:
        return _exact(argument) or problem(argument.text)

    return kind


KINDS: dict[str, Kind] = {
    "archive": archive,
    "awk": _language(awk_program),
    "count": count,
    "counted": counted,
    "disk": disk,
    "glob": glob,
    "hunt": hunt,
    "jq": _language(jq_filter),
    "lines": lines,
    "moment": moment,
    "name": name,
    "number": number,
    "package": package,
    "pair": text,
    "pretty": pretty,
    "read": read,
    "revision": revision,
    "said": said,
    "search": search,
    "seconds": seconds,
    "sed": _language(sed_script),
    "setting": setting,
    "text": text,
    "tuning": tuning,
    "variable": variable,
    "word": word,
}
"""Every kind by the name under which ``programs/*.toml`` knows it."""


def worst(findings: list[Finding]) -> Finding | None:
    """The strictest finding, the first of several."""
    order = [Verdict.ALLOW, Verdict.BOUNDED, Verdict.ASK, Verdict.DENY]
    return max(findings, key=lambda finding: order.index(finding.verdict), default=None)


__all__ = ["KINDS", "Kind", "could_be_secret", "hunts", "worst"]
