"""Who agreed, and how sure that is: names, different people, and what a signature covers."""

import dataclasses

import pytest

from perdure.client.signing import SigningKey
from perdure.contracts.calls import Assurance
from perdure.contracts.consents import (
    PURPOSE,
    Approver,
    Consent,
    SignedWords,
    counted_people,
    fingerprint,
    raw_key,
    signing_key,
    unusable_name,
)
from perdure.contracts.errors import ConfigurationError, InvalidInput

WORDS = SignedWords(
    task_id="task", run_id="run", approval_id="a1", operation_digest="d" * 64, verdict="approve", remember="once",
    arguments_digest="", by="Ada",
)  # fmt: skip


def consent(by: str, key: str = "") -> Consent:
    assurance = Assurance.SIGNED if key else Assurance.CLAIMED
    return Consent(by=by, assurance=assurance, at="2026-11-28T12:00:00+00:00", key=key)


@pytest.fixture
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.create(tmp_path_factory.mktemp("keys") / "ada.pem")


def test_a_signature_holds_for_exactly_what_was_signed(key: SigningKey) -> None:
    approvers = (Approver(name="Grace", keys=(key.public,)), Approver(name="ada", keys=(key.public,)))
    signature = key.sign(WORDS)
    assert signing_key(WORDS, signature, approvers) == key.fingerprint == fingerprint(key.public)
    for field in dataclasses.fields(SignedWords):
        other = dataclasses.replace(WORDS, **{field.name: "other"})
        assert signing_key(other, signature, approvers) == ""
    assert signing_key(WORDS, signature, approvers[:1]) == "", "Grace's key is not Ada's"
    assert WORDS.message().startswith(PURPOSE)


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", "A" * 88])
def test_what_is_no_signature_is_by_nobody(key: SigningKey, signature: str) -> None:
    assert signing_key(WORDS, signature, (Approver(name="Ada", keys=(key.public,)),)) == ""


@pytest.mark.parametrize("text", ["", "AAAA", "not base64", "A" * 44])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the key"):
        raw_key(text)


@pytest.mark.parametrize(
    ("consents", "least", "count"),
    [
        ([consent("Ada"), consent("Bob")], Assurance.CLAIMED, 2),
        ([consent("Ada"), consent(" ADA "), consent("ａｄａ")], Assurance.CLAIMED, 1),
        # Cyrillic letters alone, that look like Latin ones.
        ([consent("Coco"), consent("\u0421\u043e\u0441\u043e")], Assurance.CLAIMED, 1),
        ([consent("Alan"), consent("AIan"), consent("a1an")], Assurance.CLAIMED, 1),
        ([consent("Ada Byron"), consent("ada.byron"), consent("ADA_BYRON!")], Assurance.CLAIMED, 1),
        ([consent("Ada"), consent("Adá")], Assurance.CLAIMED, 2),
        ([consent("\u0421ar\u043el"), consent("Ada")], Assurance.CLAIMED, 1),
        ([consent("Ada"), consent("Bob", "k1")], Assurance.SIGNED, 1),
        ([consent("Ada", "k1"), consent("Bob", "k1")], Assurance.SIGNED, 1),
        ([consent("Ada", "k1"), consent("Bob", "k2")], Assurance.SIGNED, 2),
        ([consent("carol"), consent("Ada")], Assurance.CLAIMED, 1),
    ],
)
def test_only_different_people_with_enough_assurance_count(
    consents: list[Consent], least: Assurance, count: int
) -> None:
    assert counted_people(consents, least=least, requester="Carol", people=2) == count


def test_who_asked_may_approve_where_one_person_is_enough() -> None:
    assert counted_people([consent("Carol")], least=Assurance.CLAIMED, requester="carol", people=1) == 1


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "  ",
            "deadline",
            " Perdure",
            "Ada\nBob",
            "Ada\u202e",
            "a\u200bda",
            "...",
            "dead1ine",
            "your-name",
        ),
        # Selectors and fillers that are drawn as nothing, and a Cyrillic letter among Latin ones.
        *("Ada\ufe0f", "Ada\u3164", "Ada\u034f", "Ada\u2800", "\u0410da"),
    ],
)
def test_a_name_that_nobody_can_have_is_refused(name: str) -> None:
    assert unusable_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace",
        "ada@example.invalid",
        "O'Neil, J.",
        "José",
        "Ада",
        "李雷",
        "山田 たろう",
        "user-17",
        "Ελένη",
        "김 Kim",
    ],
)
def test_names_of_people_may_be_of_any_one_script(name: str) -> None:
    assert unusable_name(name) == ""


def test_a_key_file_belongs_to_its_owner_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("keys")
    made = SigningKey.create(folder / "key.pem")
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(folder / "key.pem").public == made.public
    with pytest.raises(InvalidInput, match="is there already"):
        SigningKey.create(folder / "key.pem")
    (folder / "key.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match="others than its owner"):
        SigningKey.read(folder / "key.pem")
    (folder / "other.pem").write_text("no key")
    (folder / "other.pem").chmod(0o600)
    for name in ("other.pem", "missing.pem"):
        with pytest.raises(ConfigurationError, match="cannot be used"):
            SigningKey.read(folder / name)
