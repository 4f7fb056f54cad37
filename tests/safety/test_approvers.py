"""The administrator's file of who may sign: what it says, and what is wrong with one that cannot be used."""

import base64
from pathlib import Path

import pytest

from perdure.contracts.consents import Approver
from perdure.contracts.errors import ConfigurationError
from perdure.safety.approvers import Approvers

ONE, TWO = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
FILE = f"""
[approvers.ada]
keys = ["{ONE}"]

[approvers."Grace Hopper"]
keys = ["{TWO}"]
rules = ["publishing-*"]
users = ["bob"]
"""


def otherwise_written(key: str) -> str:
    """The same 32 bytes: the last two bits of the last letter of base64 stand for nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{key[:-2]}{letters[letters.index(key[-2]) + 1]}="


def written(folder: Path, text: str, mode: int = 0o640) -> Approvers:
    file = folder / "approvers.toml"
    file.write_text(text)
    file.chmod(mode)
    return Approvers(file)


def test_who_may_sign_depends_on_rule_and_user(tmp_path: Path) -> None:
    approvers = written(tmp_path, FILE)
    ada, grace = Approver(name="ada", keys=(ONE,)), Approver(name="Grace Hopper", keys=(TWO,))
    assert approvers.signers(rules=("publishing-asks", "other"), requester="bob") == (ada, grace)
    assert approvers.signers(rules=("publishing-asks",), requester="carol") == (ada,)
    assert approvers.signers(rules=("writing-asks",), requester="bob") == (ada,)
    assert approvers.check() == 2


def test_the_file_is_read_anew_so_that_a_key_can_be_taken_back(tmp_path: Path) -> None:
    approvers = written(tmp_path, FILE)
    written(tmp_path, "")
    assert approvers.signers(rules=(), requester="") == ()


def test_nobody_is_registered_where_no_file_is_set() -> None:
    assert Approvers().signers(rules=("any",), requester="bob") == ()


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (FILE, 0o666, "others than its owner may write it"),
        (FILE, 0o620, "others than its owner may write it"),
        ("[approvers", 0o600, "it is no TOML"),
        ("[approvers.ada]\nkeys = []", 0o600, "approvers.ada.keys"),
        ("[approvers.ada]\nkeys = ['x']", 0o600, "no base64"),
        (f"[approvers.ada]\nkeys = ['{ONE}']\nkey = 1", 0o600, "approvers.ada.key"),
        (f"[approvers.deadline]\nkeys = ['{ONE}']", 0o600, "no person can use it"),
        (
            f"[approvers.ada]\nkeys = ['{ONE}']\n[approvers.Ada]\nkeys = ['{TWO}']",
            0o600,
            "mean the same person",
        ),
        (
            f"[approvers.ada]\nkeys = ['{ONE}']\n[approvers.bob]\nkeys = ['{ONE}']",
            0o600,
            "a key is one person's",
        ),
        (
            f"[approvers.ada]\nkeys = ['{ONE}']\n[approvers.bob]\nkeys = ['{otherwise_written(ONE)}']",
            0o600,
            "a key is one person's",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_is_wrong(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        written(tmp_path, text, mode).check()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Approvers(tmp_path / "none.toml").check()
