"""What an outline shortens, it shortens between words: half of a credential is not known as one any more."""

import pytest

from tools.symbols.outlines import DOCUMENTATION_CHARACTERS, SIGNATURE_CHARACTERS, outline_of

TOKEN = "gsk_" + "Ab3dEf9h" * 6


@pytest.mark.parametrize("before", range(SIGNATURE_CHARACTERS - 60, SIGNATURE_CHARACTERS + 2, 7))
def test_a_signature_is_not_cut_within_a_word(before: int) -> None:
    text = f'def f({"a" * before}, token="{TOKEN}", rest=({", ".join(map(str, range(400)))})):\n    pass\n'

    [entry] = outline_of("python", text.encode()).entries

    assert len(entry.signature) <= SIGNATURE_CHARACTERS
    assert entry.signature.endswith("…")
    assert TOKEN in entry.signature or TOKEN[:5] not in entry.signature


@pytest.mark.parametrize("before", range(DOCUMENTATION_CHARACTERS - 60, DOCUMENTATION_CHARACTERS + 2, 7))
def test_a_comment_is_not_cut_within_a_word(before: int) -> None:
    text = f'def f():\n    """{"b" * before} {TOKEN} {"and so on " * 300}"""\n'

    [entry] = outline_of("python", text.encode()).entries

    assert len(entry.documentation) <= DOCUMENTATION_CHARACTERS
    assert TOKEN in entry.documentation or TOKEN[:5] not in entry.documentation
