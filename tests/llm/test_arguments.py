"""Arguments as models write them: what is read, what is repaired, what goes back to the model."""

import json
import logging
from typing import Any

import pytest
from pydantic import JsonValue

from perdure.contracts.calls import ToolCall
from perdure.contracts.model import ModelReply, RequestedCall
from perdure.llm.arguments import parse_arguments, parse_calls


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"path": "a.txt"}', {"path": "a.txt"}),
        ('  \n\t{"path":"a.txt"}\n ', {"path": "a.txt"}),
        ("{}", {}),
        ("", {}),
        ("  ", {}),
        ('{"content": "a\\r\\nb\\r\\n"}', {"content": "a\r\nb\r\n"}),
        ('{"text": "\\ud83d\\ude00 ü 你"}', {"text": "😀 ü 你"}),
        ('{"a": [1, 2.5, true, null, {"b": "c"}]}', {"a": [1, 2.5, True, None, {"b": "c"}]}),
        ('{"command": "ls\\u001b[2K"}', {"command": "ls\x1b[2K"}),
        ('{"number": -9223372036854775808}', {"number": -(2**63)}),
    ],
)
def test_reads_strict_json(raw: str, expected: dict[str, JsonValue]) -> None:
    assert parse_arguments(raw) == (expected, "")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('```json\n{"path":"a.txt"}\n```', {"path": "a.txt"}),
        ('```\n{"path":"a.txt"}\n```\n', {"path": "a.txt"}),
        ('"{\\"path\\":\\"a.txt\\"}"', {"path": "a.txt"}),
        ("{'path':'a.txt'}", {"path": "a.txt"}),
        ("{'text':'it\\'s \"so\" \\n'}", {"text": 'it\'s "so" \n'}),
        ('{"path": // the file\n"a.txt" /* here */}', {"path": "a.txt"}),
        ('{"url": "http://x.invalid/*"}', {"url": "http://x.invalid/*"}),
        ('{path: "a.txt", line_2: 3}', {"path": "a.txt", "line_2": 3}),
        ("{'all': True, 'none': None, 'no': False}", {"all": True, "none": None, "no": False}),
        ('{"paths": ["a", "b",], }', {"paths": ["a", "b"]}),
        ('{"word": "True, None,}"}', {"word": "True, None,}"}),
    ],
)
def test_repairs_what_can_mean_only_one_thing(raw: str, expected: dict[str, JsonValue]) -> None:
    assert parse_arguments(raw) == (expected, "")


_NEVER = [
    pytest.param('{"command":"rm -rf build/tmp', id="cut off inside a string"),
    pytest.param('{"command":"rm -rf build/tmp"', id="cut off before the brace"),
    pytest.param('{"command"', id="cut off after a key"),
    pytest.param("{'command':'rm -rf build", id="cut off in single quotes"),
    pytest.param('{"path":"a.txt", "args":[1,2', id="cut off in a list"),
    pytest.param('```json\n{"path":"a.txt"', id="cut off in a fence"),
    pytest.param('{"path":"a.txt"}\n{"path":"b.txt"}', id="two objects"),
    pytest.param('{"path":"a.txt"}{"path":"b.txt"}', id="two objects without a gap"),
    pytest.param('{"path":"a.txt","path":"b.txt"}', id="the same key twice"),
    pytest.param("{'path':'a.txt','path':'b.txt'}", id="the same key twice in a repair"),
    pytest.param('{"command":"echo "hi" > x"}', id="quotes inside quotes"),
    pytest.param("{'text': 'it's'}", id="an apostrophe inside single quotes"),
    pytest.param('{"path" "a.txt"}', id="a missing colon"),
    pytest.param('{"a": 1 "b": 2}', id="a missing comma"),
    pytest.param('{"a": 1 2}', id="two numbers that must not become one"),
    pytest.param('{"path": a.txt}', id="a bare word as value"),
    pytest.param('{"path":"a\n.txt"}', id="a raw newline in a string"),
    pytest.param('{"limit":NaN}', id="NaN"),
    pytest.param('{"limit":Infinity}', id="infinity"),
    pytest.param('{"limit":1e999}', id="a number beyond a double"),
    pytest.param('{"limit":' + "9" * 400 + "}", id="400 digits"),
    pytest.param('{"limit":' + "9" * 100_000 + "}", id="100,000 digits"),
    pytest.param('{"limit":9223372036854775808}', id="64 bits and one"),
    pytest.param('{"text":"\\ud800"}', id="half a surrogate pair"),
    pytest.param('{"\\udc00":1}', id="half a surrogate pair as key"),
    pytest.param("[" * 100_000, id="deep and cut off"),
    pytest.param('{"a":' * 500 + "1" + "}" * 500, id="deep and whole"),
    pytest.param('{"a":' * 60 + "1" + "}" * 60, id="deeper than any tool needs"),
    pytest.param('[{"path":"a"}]', id="a list"),
    pytest.param("true", id="true"),
    pytest.param("42", id="a number"),
    pytest.param("null", id="null"),
    pytest.param('"done"', id="a string"),
    pytest.param('"\\"{}\\""', id="encoded three times"),
    pytest.param("I can't help with that.", id="a refusal"),
    pytest.param('Sure! {"path":"a.txt"} Let me know.', id="prose around"),
    pytest.param("<html><body>502 Bad Gateway</body></html>", id="a page"),
    pytest.param(
        "<invoke name='read_file'><parameter name='path'>a</parameter></invoke>", id="another dialect"
    ),
    pytest.param("read_file(path='a.txt')", id="a Python call"),
    pytest.param("!!python/object/apply:os.system ['touch MARK']", id="a YAML tag"),
    pytest.param('{"a": __import__("os").system("x")}', id="Python code as value"),
    pytest.param("/*" * 50_000, id="comments without an end"),
    pytest.param('{"path": "a"}<|call|>', id="control tokens of the model"),
    pytest.param('{"content":"' + "A" * 1_000_001 + '"}', id="too long"),
]


@pytest.mark.parametrize("raw", _NEVER)
def test_never_guesses(raw: str) -> None:
    arguments, problem = parse_arguments(raw)
    assert arguments == {}
    assert problem.startswith("The arguments are not one JSON object: ")
    assert "did not run" in problem
    assert "exactly one complete JSON object" in problem
    assert len(problem) < 400


@pytest.mark.parametrize(
    "raw", ['{"a": 1, "b": [2, {"c": "d e"}], "f": "g\'h"}', "{'a': 'b', c: [True, None,],}"]
)
def test_no_beginning_of_a_call_is_ever_accepted(raw: str) -> None:
    """Wherever a stream is cut, nothing may be completed and run."""
    assert parse_arguments(raw)[1] == ""
    for length in range(1, len(raw)):
        arguments, problem = parse_arguments(raw[:length])
        assert (arguments, bool(problem)) == ({}, True), raw[:length]


def test_a_long_argument_is_read_quickly_even_when_it_is_repaired() -> None:
    content = "it is \\'long\\' " * 60_000
    arguments, problem = parse_arguments("{'content': '" + content + "'}")
    assert problem == ""
    assert arguments == {"content": content.replace("\\'", "'")}


def test_a_repair_is_logged_without_its_content(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        parse_arguments("{'password': 'swordfish'}")
    assert "repaired" in caplog.text
    assert "swordfish" not in caplog.text


def test_strict_json_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        parse_arguments('{"a": 1}')
    assert caplog.text == ""


def _reply(*calls: tuple[str, str, str], **more: Any) -> ModelReply:
    found = tuple(RequestedCall(id=call_id, name=name, arguments=raw) for call_id, name, raw in calls)
    return ModelReply(model="m", scripted=True, calls=found, **more)


def test_calls_keep_their_order_and_their_problems() -> None:
    good, bad = parse_calls(
        _reply(("c1", "read_file", '{"path": "a"}'), ("c2", "run_command", '{"command": "rm'))
    )
    assert good == ToolCall(index=0, call_id="c1", tool="read_file", arguments={"path": "a"})
    assert (bad.index, bad.call_id, bad.tool, bad.arguments) == (1, "c2", "run_command", {})
    assert "cut off" in bad.problem


def test_an_answer_that_was_cut_off_runs_none_of_its_calls() -> None:
    calls = parse_calls(_reply(("c1", "a", '{"x": 1}'), ("c2", "b", "{}"), finish_reason="length"))
    assert [call.arguments for call in calls] == [{}, {}]
    assert all("cut off at the token limit" in call.problem for call in calls)


def test_the_same_call_twice_is_one_call() -> None:
    twice = ("call_1", "run_command", '{"command": "echo 1 >> n"}')
    assert [call.call_id for call in parse_calls(_reply(twice, twice))] == ["call_1"]


def test_another_call_under_a_used_id_gets_its_own_id() -> None:
    calls = parse_calls(_reply(("c", "write_file", '{"path": "a"}'), ("c", "write_file", '{"path": "b"}')))
    assert [(call.index, call.call_id) for call in calls] == [(0, "c"), (1, "c_1")]


def test_what_was_parsed_can_be_stored() -> None:
    for raw in ['{"a": "\\u0000"}', '{"a": 1.5e10, "b": -0.0}', "{'ü': '你'}"]:
        arguments, problem = parse_arguments(raw)
        assert problem == ""
        assert json.loads(json.dumps(arguments, allow_nan=False).encode()) == arguments
