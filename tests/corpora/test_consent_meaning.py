"""What the cases of consent mean is read from their words and class; words that say nothing are played as nothing."""

import pytest

from tests.corpora.consent.meaning import scenes_of
from tests.corpora.consent.own_cases import OWN, cases


@pytest.mark.parametrize(("case", "scene"), list(zip(cases(), [scene for *_, scene in OWN], strict=True)))
def test_a_case_is_played_as_what_its_words_say(case: dict[str, object], scene: str) -> None:
    names = [each.__name__ for each in scenes_of(case)]
    assert scene in names if scene else not names, f"{case['name']}: {names}"


def test_words_that_two_kinds_share_lead_to_scenes_of_the_case_s_own_kind() -> None:
    shared = {"name": "the script's text", "steps": ["sh deploy.sh"], "required": ""}
    seen = {each.__name__ for each in scenes_of({**shared, "class_": "display"})}
    done = {each.__name__ for each in scenes_of({**shared, "class_": "what-runs-is-what-was-approved"})}
    assert "long_line" in seen
    assert "ignored_script_rewritten" in done - seen
