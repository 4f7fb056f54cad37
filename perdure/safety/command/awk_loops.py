"""Whether a program of awk surely ends: its loops count up or down to what does not move, or go over an array."""

import re

from perdure.safety.command.words import words_in

_LOOP = re.compile(
    r"(?x)\bfor\s*\(\s*(?: \w+\s+in\s+\w+ | (?P<counter>\w+)\s*=\s*\w+\s*;\s*(?P=counter)\s*"
    r"(?: <=?\s*(?P<most>\w+)\s*;\s*(?:(?P=counter)\+\+|\+\+(?P=counter)) | >=?\s*(?P<least>\w+)\s*;\s*(?:(?P=counter)--|--(?P=counter)) )"
    r")\s*\)"
)
"""A loop over an array, or with a counter."""
_ANY_LOOP = re.compile(r"\b(?:for|while|do)\b")
_LARGE, _LARGE_WITHIN = re.compile(r"[0-9]{8}|\^|\*\*"), re.compile(r"[0-9]{5}|\^|\*\*")
"""Numbers that are many rounds: of one loop, and of one that may stand within another."""
_COUNTS = words_in("NF NR FNR")
_SETS = r"\s*(?:(?:[-+*/%^]|\*\*)?=(?!=)|\+\+|--)"
_NUMBER_GIVEN = re.compile(r"\s*=\s*(?:split|length|int|NF|NR|[0-9])")


def may_not_end(program: str) -> bool:
    """Whether a loop of the program is not known to end soon."""
    loops = list(_LOOP.finditer(program))
    rest = _LOOP.sub(" ", program)
    if _ANY_LOOP.search(rest):
        return True
    if not loops:
        return False
    counters = [loop["counter"] for loop in loops if loop["counter"]]
    if (_LARGE if len(loops) == 1 else _LARGE_WITHIN).search(program):
        return True
    # A loop within one with the same counter would set it back for ever.
    return len(set(counters)) < len(counters) or any(_moves(loop, program, rest) for loop in loops)


def _moves(loop: re.Match[str], program: str, rest: str) -> bool:
    """Whether the counter, or what it is counted to, may change in another way than by the loop itself."""
    counter, limit = loop["counter"], loop["most"] or loop["least"]
    if not counter:
        return False
    if _is_set(counter, rest) or re.search(rf"sub\s*\(.*,\s*{counter}\s*\)", rest, re.DOTALL):
        return True
    if limit.isdecimal():
        return False
    if limit in _COUNTS:
        return _is_set(limit, rest) or (limit == "NF" and _adds_fields(counter, rest))
    # The limit is a variable: one that is given a number once, before. A text would be larger than any number.
    given = list(re.finditer(rf"(?<![\w$]){limit}(?={_SETS})", program))
    return (
        len(given) != 1 or given[0].start() > loop.start() or not _NUMBER_GIVEN.match(program, given[0].end())
    )


def _is_set(name: str, text: str) -> bool:
    return bool(re.search(rf"(?<![\w$]){name}{_SETS}|(?:\+\+|--)\s*{name}\b", text))


def _adds_fields(counter: str, text: str) -> bool:
    """Whether a field other than the one that the counter names is set, or the whole line by a substitution."""
    if re.search(rf"\$\s*(?!{counter}\b|[1-9])(?:\w+|\([^)]*\)){_SETS}", text):
        return True
    calls = len(re.findall(r"\bg?sub\s*\(", text))
    return calls > len(re.findall(rf",\s*(?:\${counter}|[A-Za-z_]\w*)\s*\)", text))
