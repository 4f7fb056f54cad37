"""Answers without a tool call that are no prose either: nothing in them runs, and the model is told."""

import json
import re

_CALL = re.compile(
    r"[\"'](?:tool|tool_calls?|function|arguments|args|tool_result|role)[\"']\s*:"
    r"|<(?:function_calls?|tool_calls?|tool_use|invoke|tool_result)\b|<function=|<\|[a-z_]+\|>"
    r"|\[TOOL_CALLS?\]|^[ \t]*Action Input[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_CODE = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)
_PAGE = re.compile(r"<(?:!doctype|html)\b|!!\w", re.IGNORECASE)
LONGEST = 100_000

NO_PROSE = (
    "Your answer holds no tool call, but text in the shape of one, or of something else that is no answer. "
    "Nothing of it ran. Call the tool itself, or say in words that you are done."
)


def problem_with(content: str) -> str:
    """What the model is told of its text; empty where it is prose, or nothing at all."""
    text = content.strip()[:LONGEST]
    shaped = _CALL.search(text) or _CODE.fullmatch(text) or _PAGE.match(text) or _is_json(text)
    return NO_PROSE if text and shaped else ""


def _is_json(text: str) -> bool:
    if text[:1] in "{[":
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
