"""Scripts of sed that only print: every command is known, and none writes, reads or runs anything."""

import re

from perdure.safety.command.arguments import Finding, ask, bounded, shown

_ADDRESS = re.compile(r"\$|[0-9]+(?:~[0-9]+)?|/(?:\\.|[^\\/\n])+/I?")
_SECOND = re.compile(r"[ ]*,[ ]*([+~][0-9]+|\$|[0-9]+|/(?:\\.|[^\\/\n])+/I?)")
_SIMPLE = re.compile(r"[dDgGhHnNpPxqQ=](?=[ \t]*(?:[;\n}]|$))|[qQ][ ]?[0-9]{1,3}(?=[ \t]*(?:[;\n}]|$))")
_SUBSTITUTION = re.compile(
    r"([sy])([/|#,:@!_%+])((?:\\.|(?!\2)[^\\\n])*)\2((?:\\.|(?!\2)[^\\\n])*)\2([gpiI0-9]*)(?=[ \t]*(?:[;\n}]|$))"
)


def sed_script(script: str) -> Finding | None:
    """Why a script is not known to only print."""
    at = _after_blanks(script, 0)
    depth, begins_again = 0, False
    while at < len(script):
        rest = ask(f"The sed command at {shown(script[at:])} is not known to only print.")
        if script[at] == "}":
            depth -= 1
            end = at + 1
        else:
            end = _after_address(script, at)
            if script[end : end + 1] == "{":
                depth += 1
                end += 1
            elif found := _SIMPLE.match(script, end) or _SUBSTITUTION.match(script, end):
                if not _is_balanced(found):
                    return rest
                # After 'D' the script runs again on what is left of the line, which it may have made longer.
                begins_again |= found[0] == "D"
                end = found.end()
            else:
                return rest
        if depth < 0:
            return rest
        at = _after_blanks(script, end)
    if depth:
        return ask("The sed script has a brace without its other half.")
    return bounded("The sed script may begin again for ever ('D').") if begins_again else None


def _after_blanks(script: str, at: int) -> int:
    while script[at : at + 1] in {" ", "\t", ";", "\n"}:
        at += 1
    return at


def _after_address(script: str, at: int) -> int:
    """Where the command begins after its addresses."""
    first = _ADDRESS.match(script, at)
    if not first:
        return at
    second = _SECOND.match(script, first.end())
    end = second.end() if second else first.end()
    for piece in (first[0], second[1] if second else ""):
        if not _closes_brackets(piece):
            return at
    while script[end : end + 1] in {" ", "!"}:
        end += 1
    return end


def _is_balanced(found: re.Match[str]) -> bool:
    return found.re is not _SUBSTITUTION or _closes_brackets(found[3])


def _closes_brackets(pattern: str) -> bool:
    """Whether no bracket stays open, within which another sed than GNU's takes the delimiter for text."""
    return "[" not in re.sub(r"\[\^?\]?[^\]]*\]|\\.", "", pattern)
