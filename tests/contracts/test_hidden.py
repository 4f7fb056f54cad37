"""Characters that nobody sees, as people and as models are shown them."""

import json

import pytest

from perdure.contracts.hidden import escape_hidden, escape_in_json, shown_to_model

HIDDEN = [
    "a\u200bb",
    "\u202eabc\u202c",
    "x\ufe02\ufe0d",
    "\U000e0072\U000e006d",
    "\x1b[8mx",
    "a\rb",
    "\ufff9a\ufffb",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_a_model_is_shown_escapes_that_mean_the_character_in_json(text: str) -> None:
    shown, count = shown_to_model(text)
    assert shown.isprintable()
    assert count > 0
    assert json.loads(f'"{shown}"') == text


@pytest.mark.parametrize(
    "text", ["plain\n\ttext", "a\r\nb", "\u2714\ufe0f done", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647"]
)
def test_what_ordinary_writing_needs_stays(text: str) -> None:
    assert shown_to_model(text) == (text, 0)


@pytest.mark.parametrize("text", HIDDEN)
def test_json_for_programs_holds_no_hidden_character_and_means_the_same(text: str) -> None:
    written = escape_in_json(json.dumps({"said": text, "more": "é中"}, ensure_ascii=False))
    assert written == escape_hidden(written)
    assert "é中" in written
    assert json.loads(written) == {"said": text, "more": "é中"}
