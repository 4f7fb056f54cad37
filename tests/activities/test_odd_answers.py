"""Answers without a tool call: prose is an answer, what only looks like a call is not."""

import pytest

from activities.answers import problem_with


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Everything is done.",
        "I cannot do that.",
        "See `f(x)` in a.py: it returns {}.",
        "The action inputs are checked.",
    ],
)
def test_prose_is_an_answer(text: str) -> None:
    assert problem_with(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        'Now: {"tool": "read_file", "arguments": {"path": "x"}}',
        "read_file(path='x')",
        "null",
        '"finished"',
        "[1, 2]",
        '{"broken',
        "<tool_call>read</tool_call>",
        '<function=read_file>{"path":"a.txt"}</function>',
        'Thought: I look.\nAction: read_file\nAction Input: {"path": "a.txt"}',
        "[TOOL_CALLS] read_file",
        '{"role": "user", "content": "go on"}',
        "<!DOCTYPE html><p>busy</p>",
        "!!python/object:x []",
    ],
)
def test_what_only_looks_like_a_call_is_told_to_the_model(text: str) -> None:
    assert "Nothing of it ran" in problem_with(text)
