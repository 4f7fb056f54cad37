"""The verdict on a line of shell: allowed, allowed within limits, a person's to decide, or refused."""

import unicodedata
from dataclasses import dataclass
from itertools import accumulate

from perdure.contracts.calls import Verdict
from perdure.safety.command.arguments import Finding, Scene, ask
from perdure.safety.command.catastrophes import catastrophe
from perdure.safety.command.judging import Judge
from perdure.safety.command.kinds import worst
from perdure.safety.command.structure import structure_of
from perdure.safety.command.trees import disagreement, tree_of
from perdure.safety.command.words import Node, TooLarge, Unreadable
from perdure.safety.display import escape_hidden

LONGEST = 20_000
MOST_SIGNS = 1_500
"""Of the signs that make a tree large or slow to build."""
MOST_QUOTES = 5_000
DEEPEST = 60
"""How many parentheses may be open at once: what is looked for in each is looked for in all that are around it."""
MOST_SHELLS = 4
_SIGNS = "|(<{[$`"
_ALLOWED = "Every program of the line only reads, with options that are known, in the workspace."


@dataclass(frozen=True)
class Analysis:
    """What may become of a line, and why: a sentence that names the word that decided."""

    verdict: Verdict
    reason: str


def analyse(line: str, *, workspace: str = "") -> Analysis:
    """The verdict on a line of shell. ``workspace`` is its absolute path, so that paths below it count as inside."""
    return Analysis(*_judged(line, Scene(workspace=workspace)))


def _judged(line: str, scene: Scene) -> Finding:
    if found := _unfit(line):
        return found
    try:
        structure, unreadable = _structure(line)
        root = tree_of(line.encode("utf-8"))
        if refused := catastrophe(root):
            return Finding(Verdict.DENY, refused)
    except TooLarge as reason:
        return Finding(Verdict.DENY, str(reason))
    if structure is None:
        return ask(unreadable)
    if root.has_error:
        return ask("The line is not a whole command of shell.")
    if different := disagreement(structure, root):
        return ask(f"Two readers of the line do not see the same in it: {different}.")
    findings, _ = Judge(_script).findings(structure, scene)
    return worst(findings) or Finding(Verdict.ALLOW, _ALLOWED)


def _structure(line: str) -> tuple[Node | None, str]:
    """The line's commands, or why the strict reader does not take it. TooLarge before a tree is built of it."""
    try:
        return structure_of(line), ""
    except TooLarge:
        raise
    except Unreadable as reason:
        return None, str(reason)


def _script(text: str, scene: Scene) -> list[Finding]:
    """What is wrong with the script of a shell within the line."""
    if scene.depth >= MOST_SHELLS:
        return [ask(f"More than {MOST_SHELLS} shells stand within each other.")]
    inner = Scene(scene.folders, {}, scene.is_fed, scene.workspace, scene.depth + 1)
    found = _judged(text, inner)
    return [] if found.verdict is Verdict.ALLOW else [found]


def _unfit(line: str) -> Finding | None:
    """A line that nobody can read rightly, or that is too long to be looked into."""
    if len(line) > LONGEST:
        return Finding(
            Verdict.DENY, f"The line has {len(line)} characters; at most {LONGEST} are looked into."
        )
    if sum(map(line.count, _SIGNS)) > MOST_SIGNS:
        return Finding(
            Verdict.DENY, f"The line has more than {MOST_SIGNS} operators and brackets; send parts of it."
        )
    if line.count("'") + line.count('"') > MOST_QUOTES:
        return Finding(Verdict.DENY, f"The line has more than {MOST_QUOTES} quotes; send parts of it.")
    if _depth(line) > DEEPEST:
        return Finding(Verdict.DENY, f"The line is nested more than {DEEPEST} deep.")
    if not line.strip():
        return ask("The line is empty.")
    hidden = "" if line.isascii() and line.isprintable() else next(filter(_hides, line), "")
    if not hidden:
        return None
    code = f"U+{ord(hidden):04X}"
    if hidden == "\r" or unicodedata.category(hidden) == "Zs":
        return ask(f"The line holds an unusual blank ({code}).")
    kind = "a control" if unicodedata.category(hidden) == "Cc" else "an invisible"
    return Finding(
        Verdict.DENY, f"The line holds {kind} character ({code}), which changes what people see of it."
    )


def _depth(line: str) -> int:
    """How many parentheses are open at once, quoted ones too."""
    signs = (1 if character == "(" else -1 for character in line if character in "()")
    return max(accumulate(signs, lambda depth, sign: max(depth + sign, 0)), default=0)


def _hides(character: str) -> bool:
    """Whether a character is not drawn, moves others, or is a blank that is none for a shell."""
    return character not in "\n\t" and (not character.isprintable() or escape_hidden(character) != character)
