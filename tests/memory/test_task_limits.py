"""Limits of users and repositories: counted in one step by Redis, and by the record while Redis is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from perdure.contracts.errors import ConfigurationError, LimitReached
from perdure.contracts.task import TaskRequest
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.installation import user_limits_of
from perdure.looks import check_limits
from perdure.memory.places import Places
from perdure.memory.record import Record
from perdure.memory.task_limits import TaskLimits, UserLimits
from perdure.settings import Settings
from tests.embedded.test_stores import client_of

QUEUES = (f"limits-{number}" for number in count())
PATIENT_S = 60.0

Make = Callable[..., TaskLimits]


@pytest.fixture
def url(stack: Stack) -> str:
    """The session's Valkey."""
    return stack.addresses.others["valkey"]


@pytest_asyncio.fixture(loop_scope="session")
async def make(record: Record, url: str) -> AsyncIterator[Make]:
    """Makes the limits of several workers on one queue; ``away``: where no Redis answers."""
    queue, made = next(QUEUES), list[TaskLimits]()

    def limits(most: UserLimits, *, away: bool = False, lease_s: float = 600.0) -> TaskLimits:
        address = f"redis://127.0.0.1:{free_port()}" if away else url
        places = Places(address, task_queue=queue, lease_s=lease_s, answer_s=PATIENT_S)
        made.append(TaskLimits(most, record, places))
        return made[-1]

    yield limits
    for each in made:
        await each.close()


async def claim(limits: TaskLimits, task: str, *, user: str = "ada", repository: str = "/srv/a") -> None:
    await limits.claim(task_id=task, workflow_id=f"w-{task}", user=user, repository=repository)


async def open_task(record: Record, task: str, *, user: str = "ada", repository: str = "/srv/a") -> None:
    request = TaskRequest(request="Do it.", repository=repository, user=user)
    await record.open_task(
        task_id=task, workflow_id=f"w-{task}", request=request, repository=repository, at=datetime.now(UTC)
    )


async def test_of_many_starts_at_one_moment_as_many_are_let_in_as_there_are_places(make: Make) -> None:
    workers = [make(UserLimits(user_tasks=3)) for _ in range(2)]
    tried = await asyncio.gather(
        *(claim(workers[number % 2], f"t{number}") for number in range(20)), return_exceptions=True
    )
    refused = [each for each in tried if isinstance(each, LimitReached)]
    assert (len(refused), tried.count(None)) == (17, 3)
    assert refused[0].retry_after_s
    assert "The user 'ada' has 3 tasks that run" in refused[0].message
    # Another user has places of their own, and who has one keeps it when it asks again.
    await claim(workers[0], "other", user="bob")
    held = tried.index(None)
    await claim(workers[1], f"t{held}")
    await workers[1].release(f"t{held}")
    await claim(workers[0], "next")


async def test_a_repository_has_places_whoever_the_users_are(make: Make) -> None:
    limits = make(UserLimits(user_tasks=5, repository_tasks=2))
    for number, user in enumerate(("ada", "bob")):
        await claim(limits, f"t{number}", user=user)
    with pytest.raises(LimitReached, match="The repository '/srv/a' has 2 tasks that run"):
        await claim(limits, "t3", user="eve")
    await claim(limits, "t4", user="eve", repository="/srv/b")


@pytest.mark.parametrize("away", [False, True])
async def test_another_way_to_write_a_repository_gives_no_more_places(
    make: Make, record: Record, away: bool
) -> None:
    limits = make(UserLimits(user_tasks=9, repository_tasks=2), away=away)
    for task, name in (("t1", "https://git.example/a/b"), ("t2", "git@GIT.example.:a/b.git")):
        await claim(limits, task, repository=name)
        await open_task(record, task, repository=name)
        with limits.attended(task):
            await limits.renew()
    for name in ("https://git.example/a/b.git/", "ssh://git@git.example/A//b", "https://git.example:443/a/b"):
        with pytest.raises(LimitReached, match="has 2 tasks that run"):
            await claim(limits, "t3", repository=name)
    await claim(limits, "t3", repository="https://git.example/a/c")


async def test_starts_beyond_the_rate_are_refused_for_good_and_a_retry_is_no_start(make: Make) -> None:
    limits = make(UserLimits(user_starts=2))
    for task in ("t1", "t1", "t2", "t1"):
        await claim(limits, task)
        await limits.release(task)
    with pytest.raises(LimitReached, match="has started 2 tasks within an hour") as refusal:
        await claim(limits, "t3")
    assert refusal.value.retry_after_s is None
    assert 3_500 < int(refusal.value.hint.split()[4]) <= 3_600


async def test_a_user_may_have_limits_of_their_own(make: Make) -> None:
    limits = make(UserLimits(user_tasks=1, own={"ada": (0, 0), "bob": (2, 0)}))
    for number in range(4):
        await claim(limits, f"a{number}")
    await claim(limits, "b1", user="bob")
    await claim(limits, "b2", user="bob")
    for user in ("bob", "eve", ""):
        held = {"bob": 2}.get(user, 1)
        for number in range(held if user != "bob" else 0):
            await claim(limits, f"{user}-{number}", user=user)
        with pytest.raises(LimitReached, match=user or f"Whoever names no user has {held} tasks"):
            await claim(limits, f"{user}-more", user=user)


async def test_a_place_ends_with_its_lease_unless_something_of_its_task_runs(
    make: Make, record: Record
) -> None:
    # Any lease of a moment is over when it is looked at, and any of an hour is not: no time is waited for.
    dead, alive = (
        make(UserLimits(user_tasks=1), lease_s=0.001),
        make(UserLimits(user_tasks=1), lease_s=3_600.0),
    )
    await claim(dead, "t1")
    await asyncio.sleep(0.01)
    await open_task(record, "t1")
    with alive.attended("t1"):
        pass
    await alive.renew()
    with pytest.raises(LimitReached):
        await claim(alive, "t2")
    # Nothing ran of it since: the next renewal leaves it to its end.
    await record.close_task(task_id="t1", status="completed", summary="", at=datetime.now(UTC))
    await alive.release("t1")
    with alive.attended("t1"):
        await alive.renew()
    await claim(alive, "t2")


async def test_where_redis_is_away_the_record_counts_and_the_log_says_so(
    make: Make, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    limits = make(UserLimits(user_tasks=2, repository_tasks=3, user_starts=4), away=True)
    with caplog.at_level(logging.WARNING, logger="perdure.memory"):
        for task in ("t1", "t2"):
            await claim(limits, task)
            await open_task(record, task)
    assert sum("tasks are counted in PostgreSQL" in line for line in caplog.messages) == 1
    with pytest.raises(LimitReached, match="The user 'ada' has 2 tasks that run"):
        await claim(limits, "t3")
    # Its own row does not count against a task.
    await claim(limits, "t2")
    await claim(limits, "t3", user="bob")
    await open_task(record, "t3", user="bob")
    with pytest.raises(LimitReached, match="The repository '/srv/a' has 3 tasks that run"):
        await claim(limits, "t4", user="bob")
    for task in ("t1", "t2"):
        await record.close_task(task_id=task, status="completed", summary="", at=datetime.now(UTC))
        await limits.release(task)
    for task in ("t5", "t6"):
        await claim(limits, task)
        await open_task(record, task)
        await record.close_task(task_id=task, status="completed", summary="", at=datetime.now(UTC))
    with pytest.raises(LimitReached, match="has started 4 tasks within an hour") as refusal:
        await claim(limits, "t7")
    assert refusal.value.retry_after_s is None


async def test_doctor_says_who_has_places_and_who_counts(url: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, redis_url=SecretStr(url), task_queue=next(QUEUES), user_limits=("ada=2/9",)
    )
    places = Places(url, task_queue=settings.task_queue)
    limits = TaskLimits(user_limits_of(settings), Record.__new__(Record), places)
    await claim(limits, "t1")
    await claim(limits, "t2", user="")
    [finding] = await check_limits(settings)
    assert finding.state == "ok"
    assert finding.detail == "2 tasks have places: ada 1 of 2, nobody named 1 of 100"
    await limits.close()
    gone = settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}")})
    [finding] = await check_limits(gone)
    assert (finding.state, finding.detail.partition(",")[0]) == ("warning", "Tasks are counted in PostgreSQL")
    [finding] = await check_limits(Settings(home=tmp_path))
    assert finding.detail == "no Redis is known or runs: tasks are counted in PostgreSQL"


def test_a_limit_that_is_none_is_named(tmp_path: Path) -> None:
    assert user_limits_of(Settings(home=tmp_path, user_limits=("ada=1/2", "b c=0/0"))).own == {
        "ada": (1, 2),
        "b c": (0, 0),
    }
    for given in ("ada", "ada=1", "ada=x/1", "=1/1", "ada=-1/1"):
        with pytest.raises(ConfigurationError, match="PERDURE_USER_LIMITS"):
            user_limits_of(Settings(home=tmp_path, user_limits=(given,)))


async def test_what_is_kept_in_redis_ends_by_itself(make: Make, url: str) -> None:
    limits = make(UserLimits(user_starts=5))
    await claim(limits, "t1", user="somebody who is counted here alone")
    client = client_of(url)
    try:
        keys = [key async for key in client.scan_iter("perdure:1:limits:*:starts:*")]
        assert keys
        assert all([await client.ttl(key) > 0 for key in keys])
    finally:
        await client.aclose()
