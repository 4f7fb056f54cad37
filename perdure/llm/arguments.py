"""Arguments of tool calls as models write them: strict JSON, or a repair that can mean only one thing.

What is repaired: a Markdown fence around the object, the object encoded as a string, comments, single quotes, unquoted
keys, Python's constants, a trailing comma. What never is: a text that ends early (half a command is another command),
two objects, the same key twice, a missing comma or quote. Those come back as a problem for the model to mend.
"""

import json
import logging
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from perdure.contracts.calls import ToolCall
from perdure.contracts.model import ModelReply, RequestedCall

_log = logging.getLogger(__name__)

LONGEST_ARGUMENTS = 1_000_000
_LARGEST_INTEGER = 2**63
_DEEPEST = 50
_FENCE = re.compile(r"\s*```[A-Za-z0-9]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<double>"(?:[^"\\\x00-\x1f]++|\\.)*+")|(?P<single>'(?:[^'\\\x00-\x1f]++|\\.)*+')
    |(?P<mark>[\[\]{}:,])|(?P<word>[^\s\[\]{}:,"'/]+)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED_OR_QUOTE = re.compile(r"\\(.)|\"", re.DOTALL)
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


class _Unusable(ValueError):
    """Why a text is no JSON object; stays inside this module."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def parse_arguments(raw: str) -> tuple[dict[str, Any], str]:
    """The arguments and an empty text, or no arguments and the problem as a sentence for the model."""
    if not raw.strip():
        # A call of a tool without parameters often comes without any text.
        return {}, ""
    try:
        if len(raw) > LONGEST_ARGUMENTS:
            raise _Unusable(f"they are {len(raw)} characters long, more than {LONGEST_ARGUMENTS}")
        return _object_in(raw), ""
    except _Unusable as fault:
        return {}, (
            f"The arguments are not one JSON object: {fault}. The call did not run. "
            "Send it again with exactly one complete JSON object as its arguments."
        )


def parse_calls(reply: ModelReply) -> tuple[ToolCall, ...]:
    """The reply's calls in order, each with its arguments or its problem.

    A call that comes twice with the same id and content is one call; another call under a used id gets an id of its own.
    An answer that was cut off runs none of its calls.
    """
    calls: list[ToolCall] = []
    seen: dict[str, RequestedCall] = {}
    for call in reply.calls:
        if seen.get(call.id) == call:
            continue
        call_id = call.id if call.id not in seen else f"{call.id}_{len(calls)}"
        seen.setdefault(call.id, call)
        arguments, problem = parse_arguments(call.arguments)
        if reply.finish_reason == "length":
            arguments, problem = {}, _CUT_OFF
        calls.append(
            ToolCall(index=len(calls), call_id=call_id, tool=call.name, arguments=arguments, problem=problem)
        )
    return tuple(calls)


_CUT_OFF = (
    "Your answer was cut off at the token limit, so no call of it ran. Send the call again, shorter: write large files "
    "in several edits."
)


def _object_in(raw: str) -> dict[str, Any]:
    text = raw.strip()
    try:
        value = _strict(text)
    except _Unusable:
        raise
    except ValueError as error:
        value = _repaired(text, _said(error))
    if isinstance(value, str):
        # Some models encode the object twice; its inside is then strict JSON, or it is not what it seems.
        try:
            value = _strict(value.strip())
        except ValueError as error:
            raise _Unusable(f"they are a string, and its inside is no JSON ({_said(error)})") from None
        _log.warning("Tool arguments were encoded twice; the inner object is used.")
    if not isinstance(value, dict):
        raise _Unusable(f"they are {_kind(value)}")
    return cast("dict[str, Any]", value)


def _repaired(text: str, fault: str) -> Any:
    fenced = _FENCE.fullmatch(text)
    try:
        value = _strict(_rewritten(fenced[1].strip() if fenced else text))
    except ValueError:
        raise _Unusable(fault) from None
    _log.warning("Tool arguments were not strict JSON (%s) and were repaired.", fault)
    return value


def _strict(text: str) -> Any:
    """RFC 8259 and nothing more; ValueError for the rest, and _Unusable for what other programs could not take."""
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_number
        )
    except RecursionError:
        raise _Unusable("they are nested too deeply") from None
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse what cannot be stored or shown: deep nesting, and half of a surrogate pair."""
    if depth > _DEEPEST:
        raise _Unusable("they are nested too deeply")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Unusable("a string holds half of a surrogate pair, which is no character") from None
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            _check(item, depth + 1)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Unusable(f"the key {twice[:60]!r} stands there twice")
    return found


def _constant(name: str) -> NoReturn:
    raise _Unusable(f"{name} is not a JSON value")


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -_LARGEST_INTEGER <= int(digits) < _LARGEST_INTEGER:
        raise _Unusable(f"the number {digits[:20]}… has more than 64 bits")
    return int(digits)


def _number(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise _Unusable(f"the number {digits[:20]!r} is too large")
    return value


def _rewritten(text: str) -> str:
    """The same tokens as strict JSON. Grammar is not judged here: the strict parser reads what comes out."""
    tokens = _tokens(text)
    written: list[str] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.text == "," and following in {"}", "]"}:
            continue
        if token.kind == "single":
            written.append(f'"{_ESCAPED_OR_QUOTE.sub(_double_quoted, token.text[1:-1])}"')
        elif token.kind == "word" and following == ":" and _KEY.fullmatch(token.text):
            written.append(f'"{token.text}"')
        else:
            written.append(_PYTHON_WORDS.get(token.text, token.text))
    # A space keeps neighbours apart: "1" and "2" must not become 12.
    return " ".join(written)


def _double_quoted(found: re.Match[str]) -> str:
    if found[0] == '"':
        return '\\"'
    return "'" if found[1] == "'" else found[0]


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise ValueError(f"unexpected text at character {position}")
        if found.lastgroup not in {"space", "comment"}:
            tokens.append(_Token(found.lastgroup, found[0]))
        position = found.end()
    return tokens


def _said(error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.msg == "Extra data":
        return f"more text follows the first value at character {error.pos}"
    if error.msg.startswith("Unterminated string") or error.pos >= len(error.doc.rstrip()):
        return "they end too early, so the call was cut off"
    if error.pos == 0:
        return "they do not begin with a brace"
    said = error.msg.removesuffix(" at")
    return f"{said[:1].lower()}{said[1:]} at character {error.pos}"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    return "a list" if isinstance(value, list) else "a number"
