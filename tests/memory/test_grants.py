"""What people let be remembered: found by its shape, and no longer once it is revoked, expired or void."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perdure.contracts.calls import CallSummary, Effect, SandboxLevel, Verdict
from perdure.contracts.grants import Grant, GrantScope, grant_sentence, why_not_counted
from perdure.contracts.task import Safety, TaskRequest
from perdure.memory.record import Record

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
SHOP, BANK = "/srv/shop", "/srv/bank"


def grant(id: str, task_id: str = "g1", **changes: Any) -> Grant:
    """One for a repository, unless it is told."""
    given: dict[str, Any] = {
        "id": id,
        "scope": GrantScope.REPOSITORY,
        "task_id": task_id,
        "workflow_id": f"w-{task_id}",
        "repository": SHOP,
        "tool": "execute_command",
        "effect": Effect.RUN_WRITING,
        "title": "execute_command: make\0",
        "shape": "s1",
        "rules": ("ask-before-writing",),
        "reason": "ask-before-writing: It may change files.",
        "approval_id": "a1",
        "operation_digest": "d" * 64,
        "entry": f"entry of {id}",
        "by": "Ada",
        "given_at": NOW,
        "expires_at": NOW + HOUR,
    }
    return Grant(**{**given, **changes})


async def opened(record: Record, task_id: str, repository: str = SHOP) -> None:
    """A task with a row."""
    request = TaskRequest(request="Mend it", repository=repository)
    await record.open_task(
        task_id=task_id, workflow_id=f"w-{task_id}", request=request, repository=repository, at=NOW
    )


async def states(record: Record) -> dict[str, str]:
    """What became of each."""
    return {each.id: each.state for each in await record.listed_grants(everything=True)}


async def test_a_grant_is_for_its_shape_in_its_task_or_repository(record: Record, other: Record) -> None:
    for task, repository in (("g1", SHOP), ("g2", SHOP), ("g3", BANK)):
        await opened(record, task, repository)
    lasting, brief = grant("g-lasting"), grant("g-brief", scope=GrantScope.TASK, expires_at=None)
    for each in (lasting, brief, lasting):
        assert await record.keep_grant(each, asked_at=NOW)
    assert await other.grants_for("g1", "s1") == [brief, lasting]
    assert await other.grants_for("g2", "s1") == [lasting]
    assert await other.grants_for("g3", "s1") == await other.grants_for("g2", "s2") == []
    assert "for the repository /srv/shop" in grant_sentence(lasting)
    assert "until the task ends" in grant_sentence(brief)

    await record.keep_grant(grant("g-old", expires_at=NOW - HOUR), asked_at=NOW)
    await record.keep_grant(grant("g-mine", task_id="g2", by="Bob"), asked_at=NOW)
    assert [each.id for each in await other.grants_for("g2", "s1")] == ["g-lasting", "g-mine"]
    await other.revoke_grants(["g-mine"], by="Eve", reason="a mistake", at=NOW)
    await other.revoke_grants(["g-mine"], by="Mallory", reason="", at=NOW + HOUR)
    await record.close_task(task_id="g1", status="completed", summary="", at=NOW)
    assert await states(record) == {
        "g-lasting": "active",
        "g-brief": "ended",
        "g-old": "expired",
        "g-mine": "revoked",
    }
    assert [each.id for each in await record.listed_grants()] == ["g-lasting"]
    assert await record.listed_grants(repository=BANK, everything=True) == []
    [revoked] = await record.listed_grants(ids=["g-mine", "nothing"], everything=True)
    assert (revoked.revoked_by, revoked.revoked_because, revoked.revoked_at) == ("Eve", "a mistake", NOW)


async def test_what_was_remembered_on_a_way_that_was_taken_back_is_void(record: Record) -> None:
    await opened(record, "g1")
    await record.keep_grant(grant("g-behind"), asked_at=NOW)
    assert await record.grants_of("g1") == [("g-behind", "entry of g-behind")]
    await record.rewound("g1", at=NOW + HOUR)
    await record.void_grants(["g-behind"], at=NOW + HOUR)
    assert await record.grants_for("g1", "s1") == await record.grants_of("g1") == []
    assert await states(record) == {"g-behind": "void"}
    # A step of the run before that was still under way, and one of the run that goes on.
    assert not await record.keep_grant(grant("g-late"), asked_at=NOW + HOUR / 2)
    assert await record.keep_grant(grant("g-new"), asked_at=NOW + 2 * HOUR)
    assert not await record.keep_grant(grant("g-lost", task_id="unknown"), asked_at=NOW)
    assert [each.id for each in await record.grants_for("g1", "s1")] == ["g-new"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"verdict": Verdict.DENY}, "verdict is 'deny'"),
        ({"verdict": Verdict.ALLOW}, "verdict is 'allow'"),
        ({"rules": ("ask-before-writing", "night")}, "other reasons"),
        ({"reason": "ask-before-writing: It may change the world."}, "other reasons"),
        ({"least_sandbox": SandboxLevel.B}, "other reasons"),
    ],
)
def test_a_grant_counts_only_where_the_policy_asks_as_it_did_then(changes: dict[str, Any], why: str) -> None:
    given = grant("g")
    call = CallSummary(
        index=0, tool=given.tool, title=given.title, effect=given.effect, verdict=Verdict.ASK,
        reason=given.reason, rules=given.rules, arguments_digest="",
    )  # fmt: skip
    found = why_not_counted(given, call.model_copy(update=changes), Safety.CAUTIOUS)
    assert (why in found) if why else found == ""


@pytest.mark.parametrize(
    ("given_at", "here", "counts"),
    [
        (Safety.STANDARD, Safety.CAUTIOUS, False),
        (Safety.STANDARD, Safety.STANDARD, True),
        (Safety.STANDARD, Safety.AUTONOMOUS, True),
        (None, Safety.CAUTIOUS, True),
    ],
)
def test_a_grant_counts_at_no_stricter_level_than_it_was_given_at(
    given_at: Safety | None, here: Safety, counts: bool
) -> None:
    given = grant("g").model_copy(update={"safety": given_at})
    call = CallSummary(
        index=0, tool=given.tool, title=given.title, effect=given.effect, verdict=Verdict.ASK,
        reason=given.reason, rules=given.rules, arguments_digest="",
    )  # fmt: skip
    assert (why_not_counted(given, call, here) == "") is counts
