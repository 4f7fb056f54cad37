"""Script files: what they may say, and what is said of a mistake in one."""

import json
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import InvalidInput
from perdure.llm.scripted.script import Reply, Script, filled_in, load_script, read_script


def test_reads_a_whole_script(tmp_path: Path) -> None:
    script = {
        "v": 1,
        "about": "every field",
        "models": ["a"],
        "decommissioned": ["b"],
        "limits": {"tokens_per_minute": 8000, "requests_per_day": 1000},
        "replies": [
            {
                "about": "one reply",
                "for": "decide",
                "turn": [0, 3],
                "last": "x",
                "request": "y",
                "content": "z",
                "reasoning": "r",
                "calls": [{"tool": "t", "arguments": {"a": 1}}, {"tool": "t", "raw": "{", "id": "c"}],
                "error": {
                    "status": 429,
                    "code": "c",
                    "type": "t",
                    "message": "m",
                    "retry_after": 1,
                    "times": 1,
                },
                "drop": {"times": 1},
                "delay_ms": 1,
                "chunk_delay_ms": 1,
                "finish_reason": "length",
                "usage": {
                    "prompt_tokens": 1,
                    "completion_tokens": 1,
                    "cached_tokens": 1,
                    "reasoning_tokens": 1,
                },
            }
        ],
    }
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script), encoding="utf-8")
    assert load_script(path) == Script.model_validate(script)


_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"content": "x", "contnet": "y"}, "field 'contnet'"),
    ({"for": "think", "content": "x"}, "field 'for'"),
    ({}, "give 'content', 'calls' or 'error'"),
    ({"content": "x", "last": "("}, "field 'last': not a regular expression"),
    ({"content": "x", "turn": -1}, "field 'turn"),
    ({"content": "x", "turn": [5, 2]}, "turns count from 0"),
    ({"calls": [{"arguments": {}}]}, "field 'calls.0.tool'"),
    (
        {"calls": [{"tool": "t", "arguments": {"a": 1}, "raw": "{}"}]},
        "give 'arguments' or 'raw', not both",
    ),
    ({"error": {"status": 42}}, "field 'error.status'"),
    ({"error": {"status": 429, "times": 0}}, "field 'error.times'"),
    ({"content": "x", "finish_reason": "tired"}, "field 'finish_reason'"),
]


@pytest.mark.parametrize(("reply", "fault"), _MISTAKES)
def test_a_mistake_names_its_reply_and_field(reply: dict[str, Any], fault: str) -> None:
    text = json.dumps({"v": 1, "replies": [{"content": "fine"}, reply]})
    with pytest.raises(InvalidInput) as caught:
        read_script(text)
    assert "reply 1 (from 0)" in caught.value.message
    assert fault in caught.value.message
    assert "docs/scripted-models.md" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"v": 2, "replies": []}', '{"v": 1, "replies": [], "x": 1}']
)
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a model script"):
        read_script(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.json"):
        load_script(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, True),
        ({"for": "decide"}, True),
        ({"for": "plan"}, False),
        ({"turn": 3}, True),
        ({"turn": 2}, False),
        ({"turn": [0, 3]}, True),
        ({"turn": [3, 9]}, True),
        ({"turn": [4, 9]}, False),
        ({"last": "2 failed"}, True),
        ({"last": "^FAILED.*failed$"}, True),
        ({"last": "passed"}, False),
        ({"request": "rounding"}, True),
        ({"request": "^rounding"}, False),
        ({"for": "decide", "turn": 3, "last": "failed", "request": "Mend"}, True),
        ({"for": "decide", "turn": 3, "last": "passed", "request": "Mend"}, False),
    ],
)
def test_a_reply_answers_when_all_its_conditions_hold(conditions: dict[str, Any], expected: bool) -> None:
    reply = Reply.model_validate({"content": "x", **conditions})
    assert (
        reply.matches(role="decide", turn=3, last="FAILED a\n2 failed", request="Mend the rounding")
        is expected
    )


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"for": "assist", "content": "x"}, True),
        ({"for": "decide", "content": "x"}, True),
        ({"for": "decide", "calls": [{"tool": "read_file"}]}, False),
        ({"for": "plan", "content": "x"}, False),
    ],
)
def test_a_tools_question_is_answered_by_what_is_for_it_or_by_words_of_a_decision(
    reply: dict[str, Any], expected: bool
) -> None:
    assert Reply.model_validate(reply).matches(role="assist", turn=0, last="", request="") is expected


def test_the_turn_is_filled_in_at_any_depth() -> None:
    value = {"path": "step-{turn}.txt", "edits": [{"new": "{turn}{turn}"}, 1, None], "{turn}": "{other}"}
    assert filled_in(value, 7) == {
        "path": "step-7.txt",
        "edits": [{"new": "77"}, 1, None],
        "{turn}": "{other}",
    }
