"""``python -m perdure.safety.command``: JSON lines with ``id`` and ``command`` in, with ``id``, ``verdict`` and ``reason`` out."""

import io
import json
import sys
from collections.abc import Iterable, Iterator
from typing import cast

from perdure.safety.command.analysis import analyse

_TWICE = "A name stands twice in an object of the line, so that two readers of it may see two commands."


class _NoQuestion(ValueError):
    """The line holds JSON that is not one question; says why."""


def answers(lines: Iterable[str]) -> Iterator[str]:
    """One answer for each line that is not empty; what is no object with a text as its command is denied."""
    for line in lines:
        if line.strip():
            yield _answer(line) + "\n"


def _answer(line: str) -> str:
    identity: object = None
    try:
        question = _fields(json.loads(line, object_pairs_hook=_object, parse_constant=_no_number))
        identity = _identity(question.get("id"))
        command = question.get("command")
        if not isinstance(command, str):
            return _denied(identity, "The line is no object with a text in 'command'.")
    except _NoQuestion as reason:
        return _denied(identity, str(reason))
    except json.JSONDecodeError as error:
        return _denied(identity, f"The line is not JSON: {error}.")
    except (RecursionError, ValueError):
        return _denied(identity, "The line is nested too deep, or a number in it is too long.")
    analysis = analyse(command)
    return json.dumps({"id": identity, "verdict": analysis.verdict.value, "reason": analysis.reason})


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object none of whose names stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NoQuestion(_TWICE)
    return found


def _no_number(said: str) -> object:
    raise _NoQuestion(f"The line is not JSON: {said!r} is no number of it.")


def _fields(question: object) -> dict[str, object]:
    """The fields of an object; none of anything else."""
    return cast(dict[str, object], question) if isinstance(question, dict) else {}


def _identity(identity: object) -> object:
    """The question's own name, as it is sent back; _NoQuestion where JSON has no way to say it."""
    try:
        json.dumps(identity, allow_nan=False)
    except ValueError as error:
        raise _NoQuestion("The number in 'id' is too large.") from error
    return identity


def _denied(identity: object, reason: str) -> str:
    return json.dumps({"id": identity, "verdict": "deny", "reason": reason})


def main() -> int:
    """Answer until the input ends, each line as soon as it is read."""
    # A carriage return is a character of the line, and bytes that are no UTF-8 are denied in the answer to theirs.
    lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
    for answer in answers(lines):
        sys.stdout.write(answer)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
