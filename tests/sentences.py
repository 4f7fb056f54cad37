"""The sentences of ``docs/errors.md``, for tests that compare them with what the program says."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
_ROW = re.compile(r"^\| (?P<case>[^|]+) \| (?P<said>[^|]+) \|$", re.MULTILINE)


def rows() -> dict[str, str]:
    """Each case with what is said; empty where nothing is."""
    found = {match["case"]: match["said"] for match in _ROW.finditer(DOCUMENT.read_text())}
    told = {case: said for case, said in found.items() if case not in {"case", "---"}}
    return {case: said.strip("`") if said.startswith("`") else "" for case, said in told.items()}


def assert_said(case: str, text: str, **known: object) -> None:
    """The text holds the sentence of the case, with the known names where the document has braces."""
    sentence = rows()[case]
    assert sentence, f"nothing is said in the case {case!r}"
    unknown = set(known) - set(re.findall(r"\{(\w+)\}", sentence))
    assert not unknown, f"the sentence of {case!r} has no {sorted(unknown)}"
    assert re.search(_pattern(sentence, known), text, re.DOTALL), f"{sentence!r} is not in {text!r}"


def assert_silent(case: str, warnings: list[str]) -> None:
    """The document promises that nothing is said, and nothing is."""
    assert rows()[case] == ""
    assert warnings == []


def _pattern(sentence: str, known: dict[str, object]) -> str:
    parts = re.split(r"\{(\w+)\}", sentence)
    # Every second part is a name in braces.
    return "".join(
        re.escape(part) if number % 2 == 0 else re.escape(str(known[part])) if part in known else ".+?"
        for number, part in enumerate(parts)
    )
