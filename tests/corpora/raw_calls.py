"""A model's raw answer as the provider hands it over: calls with the very text of their arguments, or prose.

The arguments keep every byte that the model wrote (a key that stands twice, half of a surrogate pair, ``NaN``), since what is
tried is how they are read.
"""

import json
import re
from typing import Any

NAMES = {"run_command": "execute_command"}
"""Our names of the collection's tools; the others are called as they are."""
_DECODER = json.JSONDecoder(strict=False)
_BLANK = re.compile(r"[ \t\n\r]*")
_CUT_OFF = re.compile(
    r"""^\s*\{\s*"(?:id"\s*:\s*"[^"]*"\s*,\s*")?tool"\s*:\s*"([^"]*)"\s*,\s*"args"\s*:?\s*(.*)$""", re.DOTALL
)
_FIELDS = {"tool", "args", "arguments", "id"}


def reply_of(raw: str, times: int = 1) -> dict[str, Any]:
    """The scripted reply: an object (or a list of them) with a tool and its arguments becomes calls, each ``times`` times.

    One that is cut off in its arguments becomes a call with what is left of them; anything else is prose.
    """
    text = raw.strip(" \t\n\r")
    objects = _elements(text) if text.startswith("[") else [text]
    calls = [call for each in objects or [] if (call := _call(each)) is not None]
    if calls and len(calls) == len(objects or []):
        return {"calls": calls * times}
    found = _CUT_OFF.match(raw)
    if found is not None and _members(text) is None:
        # The object around the arguments ends with a brace of its own, unless it was cut off.
        rest = found[2].rstrip()
        rest = rest[:-1] if rest.endswith("}") else rest
        return {"calls": [{"tool": NAMES.get(found[1], found[1]), "raw": rest or "{"}]}
    return {"content": raw or " "}


def _call(text: str) -> dict[str, Any] | None:
    members = _members(text) or []
    fields = dict(members)
    if any(sum(key == name for key, _ in members) > 1 for name in _FIELDS):
        # No provider makes a call of two tools, or of one with two sets of arguments.
        return None
    given = fields.get("args", fields.get("arguments"))
    name = _string(fields.get("tool", ""))
    if name is None or given is None:
        return None
    inside = _string(given)
    arguments = inside if inside is not None else given
    if name == "run_command":
        arguments = _saying_that_it_writes(arguments)
    call = {"tool": NAMES.get(name, name), "raw": arguments}
    id = _string(fields.get("id", ""))
    return call if id is None else {**call, "id": id}


def _saying_that_it_writes(arguments: str) -> str:
    """Our command says whether it may change files; the collection's may."""
    members = _members(arguments)
    if members is None or any(key == "writes" for key, _ in members):
        return arguments
    rest = arguments.strip()[1:]
    return f'{{"writes": true{"," if members else ""}{rest}'


def _string(text: str) -> str | None:
    """What the text of a JSON string says; None for anything else."""
    if not text.startswith('"'):
        return None
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        return None
    return str(value) if end == len(text) else None


def _members(text: str) -> list[tuple[str, str]] | None:
    """The keys of the one object that the text is, each with the text of its value; None where it is none."""
    found: list[tuple[str, str]] = []
    try:
        at = _opened(text, "{")
        while text[at] != "}":
            if text[at] != '"':
                return None
            key, at = _DECODER.raw_decode(text, at)
            at = _after(text, at)
            if text[at] != ":":
                return None
            begin = _after(text, at + 1)
            _, end = _DECODER.raw_decode(text, begin)
            found.append((str(key), text[begin:end]))
            at = _next(text, end, "}")
    except (ValueError, IndexError, RecursionError):
        return None
    return found if at == len(text) - 1 else None


def _elements(text: str) -> list[str] | None:
    """The texts of the values of the one list that the text is; None where it is none."""
    found: list[str] = []
    try:
        at = _opened(text, "[")
        while text[at] != "]":
            _, end = _DECODER.raw_decode(text, at)
            found.append(text[at:end])
            at = _next(text, end, "]")
    except (ValueError, IndexError, RecursionError):
        return None
    return found if at == len(text) - 1 else None


def _opened(text: str, brace: str) -> int:
    if text[:1] != brace:
        raise ValueError("it begins with something else")
    return _after(text, 1)


def _next(text: str, end: int, closing: str) -> int:
    """Where the next member begins, or the closing brace stands."""
    at = _after(text, end)
    if text[at] == closing:
        return at
    at = _after(text, at + 1) if text[at] == "," else -1
    if at < 0 or text[at] == closing:
        raise ValueError("no comma, or one too many")
    return at


def _after(text: str, at: int) -> int:
    """The first place that is not blank."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
