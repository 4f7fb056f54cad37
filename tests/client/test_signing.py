"""What a key signs by itself, and what it leaves to who has looked."""

from pathlib import Path

import pytest

from perdure.client.signing import SigningKey, signed_for
from perdure.contracts.calls import Effect
from perdure.contracts.decisions import Approval, Decide, Pending

TASK = "task-1"
DIGEST = "9f" * 32


def waiting(*, hidden: int) -> Pending:
    """One approval, whose preview leaves so many characters out."""
    approval = Approval(
        id="0a1b2c3d4e5f", operation_digest=DIGEST, step=2, call=0, tool="execute_command", effect=Effect.RUN_WRITING,
        title="make", preview="runs make", asked_at="2026-01-01T00:00:00+00:00",
        expires_at="2026-01-02T00:00:00+00:00", hidden=hidden,
    )  # fmt: skip
    return Pending(approvals=(approval,))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.create(Path(tmp_path_factory.mktemp("keys")) / "ada.pem")


@pytest.mark.parametrize(
    ("verdict", "hidden", "said", "signs"),
    [
        ("approve", 0, "", True),
        ("approve", 700, "", False),
        ("approve", 700, DIGEST[:12], True),
        ("deny", 700, "", True),
        ("approve", 0, "0" * 12, False),
    ],
)
def test_a_key_fills_in_no_digest_of_what_was_not_all_shown(
    key: SigningKey, verdict: str, hidden: int, said: str, signs: bool
) -> None:
    decision = Decide.model_validate(
        {"approval_id": "0a1b2c3d4e5f", "verdict": verdict, "by": "ada", "operation_digest": said}
    )

    sent = signed_for(decision, waiting(hidden=hidden), key, TASK)

    assert bool(sent.signature) is signs
    assert sent.operation_digest == (DIGEST if signs else said)
