"""Schedules on the real server: made, listed, run, held, made up for, deleted."""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import ValidationError
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from perdure.client import (
    ListedSchedule,
    PerdureClient,
    Refused,
    ScheduleDescription,
    ScheduledRun,
    ScheduleNotFound,
    ScheduleTerms,
    ScheduleTimes,
)
from perdure.contracts.errors import InvalidInput
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN, SEARCH_REPOSITORY, SEARCH_USER
from perdure.contracts.task import TaskRequest
from tests.client.player import Player
from tests.client.waiting import LIMIT_S, eventually

UPKEEP = MaintenanceRequest(repository="/srv/shop", playbook="python-hygiene", user="ada")
NIGHTLY = ScheduleTimes(cron=("0 3 * * 1-5",), time_zone="Europe/Zurich", jitter=timedelta(minutes=5))


@pytest_asyncio.fixture(loop_scope="session")
async def schedule_id(temporal_client: Client, player: Player) -> AsyncIterator[str]:
    """An id; the schedule that a test made under it is gone afterwards, its runs end with the test's."""
    id = f"nightly-{uuid.uuid4().hex[:8]}"
    client = PerdureClient(temporal_client, task_queue=player.task_queue)
    yield id
    # Not asked of the list, which follows a moment later in both directions.
    with suppress(ScheduleNotFound):
        await client.schedules.delete(id)


async def ended(client: PerdureClient, id: str, count: int) -> ScheduleDescription:
    """The schedule once so many of its runs are over."""

    async def look() -> ScheduleDescription | None:
        found = await client.schedules.describe(id)
        over = [run for run in found.recent if run.state != "running"]
        return found if len(over) >= count else None

    return await eventually(look)


async def test_a_new_schedule_says_when_it_runs_and_on_which_terms(
    client: PerdureClient, schedule_id: str
) -> None:
    made = await client.schedules.create(
        schedule_id, UPKEEP, times=NIGHTLY, terms=ScheduleTerms(made_by="ada")
    )
    assert made.model_dump(exclude={"next_runs", "task_queue"}) == {
        "id": schedule_id,
        "kind": MAINTENANCE_RUN,
        "summary": "python-hygiene: /srv/shop",
        "paused": False,
        "note": "made by ada",
        "made_by": "ada",
        "last_run": "",
        "request": UPKEEP.model_dump(),
        "times": ("cron 0 3 * * 1-5 (Europe/Zurich)", "up to 0:05:00 later"),
        "overlap": "skip",
        "catch_up": timedelta(hours=1),
        "pause_on_failure": True,
        "remaining_runs": None,
        "runs": 0,
        "skipped": 0,
        "missed": 0,
        "recent": (),
        "running": (),
    }
    assert made.next_runs
    assert all(each > datetime.now(UTC) for each in made.next_runs)


async def test_its_runs_carry_its_name_the_request_and_for_whom_they_are(
    client: PerdureClient, temporal_client: Client, upkeep: Player, schedule_id: str
) -> None:
    await client.schedules.create(schedule_id, UPKEEP, times=NIGHTLY, terms=ScheduleTerms(paused=True))
    run_id = await client.schedules.run_now(schedule_id)
    assert run_id.startswith(f"{schedule_id}-20")
    run = await client.task(run_id)
    await run.wait(LIMIT_S)
    raw = await temporal_client.get_workflow_handle(run_id).describe()
    assert await raw.static_summary() == "python-hygiene: /srv/shop"
    assert f"by schedule: `{schedule_id}`" in (await raw.static_details() or "")
    assert (raw.raw_info.priority.priority_key, raw.raw_info.priority.fairness_key) == (4, "ada")
    shown = [
        raw.typed_search_attributes.get(SearchAttributeKey.for_keyword(name))
        for name in (SEARCH_USER, SEARCH_REPOSITORY)
    ]
    assert shown == ["ada", "/srv/shop"]
    found = await ended(client, schedule_id, 1)
    [recent] = found.recent
    assert isinstance(recent, ScheduledRun)
    assert (recent.id, recent.state, recent.status, recent.summary) == (
        run_id, "completed", "completed", "Two steps were kept.",
    )  # fmt: skip


async def test_a_schedule_is_listed_with_what_it_does(client: PerdureClient, schedule_id: str) -> None:
    request = TaskRequest(request="Update the licence headers\nof all files", repository="/srv/shop")
    times = ScheduleTimes(every=timedelta(hours=6), offset=timedelta(hours=1))
    made = await client.schedules.create(schedule_id, request, times=times)
    assert made.times == ("every 6:00:00, offset 1:00:00",)

    async def look() -> ListedSchedule | None:
        return next((each for each in await client.schedules.list() if each.id == schedule_id), None)

    listed = await eventually(look)
    assert (listed.kind, listed.summary, listed.paused) == (CODING_TASK, "Update the licence headers", False)


async def test_a_failed_run_pauses_the_schedule(
    client: PerdureClient, upkeep: Player, schedule_id: str
) -> None:
    failing = UPKEEP.model_copy(update={"playbook": "failing"})
    await client.schedules.create(schedule_id, failing, times=NIGHTLY)
    await client.schedules.run_now(schedule_id)

    async def look() -> ScheduleDescription | None:
        found = await client.schedules.describe(schedule_id)
        return found if found.paused else None

    paused = await eventually(look)
    assert "failure" in paused.note
    [run] = paused.recent
    assert (run.status, run.summary) == ("failed", "It did not work.")
    await client.schedules.resume(schedule_id, note="mended by ada")
    found = await client.schedules.describe(schedule_id)
    assert (found.paused, found.note) == (False, "mended by ada")


async def test_a_second_run_is_refused_while_the_first_is_under_way(
    client: PerdureClient, upkeep: Player, schedule_id: str
) -> None:
    waiting = UPKEEP.model_copy(update={"playbook": "waiting"})
    await client.schedules.create(schedule_id, waiting, times=NIGHTLY)
    run_id = await client.schedules.run_now(schedule_id)
    with pytest.raises(Refused, match=f"Run '{run_id}' of schedule '{schedule_id}' is not over"):
        await client.schedules.run_now(schedule_id)
    assert await client.schedules.delete(schedule_id) == (run_id,)
    run = await client.task(run_id)
    await run.resume()
    await run.wait(LIMIT_S)


async def test_runs_within_the_same_second_share_an_id_and_are_told_apart(
    client: PerdureClient, upkeep: Player, schedule_id: str
) -> None:
    await client.schedules.create(schedule_id, UPKEEP, times=NIGHTLY)
    ids: list[str] = []
    # Of so many quick runs at least two begin in the same second; where none did, a busy machine took longer.
    for _ in range(4):
        run = await client.task(await client.schedules.run_now(schedule_id))
        assert (await run.wait(20)).status == "completed"
        ids.append(run.id)
    found = await ended(client, schedule_id, 4)
    assert [each.id for each in found.recent] == ids
    assert [each.status for each in found.recent] == ["completed"] * 4


async def test_times_that_fall_due_during_a_run_are_skipped_and_counted(
    client: PerdureClient, upkeep: Player, schedule_id: str
) -> None:
    waiting = UPKEEP.model_copy(update={"playbook": "waiting"})
    await client.schedules.create(schedule_id, waiting, times=ScheduleTimes(every=timedelta(seconds=1)))

    async def look() -> ScheduleDescription | None:
        found = await client.schedules.describe(schedule_id)
        return found if found.skipped >= 2 else None

    found = await eventually(look)
    assert len(found.running) == 1
    [running] = await client.schedules.delete(schedule_id)
    await (await client.task(running)).resume()


async def test_a_past_span_is_made_up_for(client: PerdureClient, upkeep: Player, schedule_id: str) -> None:
    await client.schedules.create(schedule_id, UPKEEP, times=ScheduleTimes(cron=("0 3 * * *",)))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = await client.schedules.backfill(schedule_id, start_at=today - timedelta(days=2), end_at=today)
    # It waits for a moment only, so that a busy server may have started none yet.
    assert begun in {0, 1, 2}
    found = await ended(client, schedule_id, 2)
    assert [run.due_at for run in found.recent] == [today - timedelta(hours=45), today - timedelta(hours=21)]


async def test_a_span_that_is_not_past_is_refused(client: PerdureClient, schedule_id: str) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidInput, match="which is not after its start"):
        await client.schedules.backfill(schedule_id, start_at=now, end_at=now - timedelta(days=1))
    with pytest.raises(InvalidInput, match="only the past can be made up for"):
        await client.schedules.backfill(schedule_id, start_at=now, end_at=now + timedelta(days=1))


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (ScheduleTimes(cron=("99 3 * * *",)), "'99 3"),
        (ScheduleTimes(cron=("tomorrow",)), "'tomorrow'"),
        (ScheduleTimes(cron=("0 3 * * *",), time_zone="Europe/Nowhere"), "Europe/Nowhere"),
    ],
)
async def test_times_that_the_server_cannot_read_are_refused_with_an_example(
    client: PerdureClient, schedule_id: str, times: ScheduleTimes, why: str
) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        await client.schedules.create(schedule_id, UPKEEP, times=times)
    assert "'0 3 * * 1-5'" in caught.value.hint


async def test_an_id_that_is_taken_is_refused_and_nothing_is_changed(
    client: PerdureClient, schedule_id: str
) -> None:
    await client.schedules.create(schedule_id, UPKEEP, times=NIGHTLY)
    with pytest.raises(Refused, match="There is a schedule"):
        await client.schedules.create(schedule_id, UPKEEP, times=ScheduleTimes(cron=("@daily",)))
    assert (await client.schedules.describe(schedule_id)).times[0].startswith("cron 0 3")


async def test_an_id_that_cannot_be_one_is_refused(client: PerdureClient) -> None:
    with pytest.raises(InvalidInput, match="'id'"):
        await client.schedules.create("every night", UPKEEP, times=NIGHTLY)


async def test_every_order_to_a_schedule_that_is_not_there_says_so(client: PerdureClient) -> None:
    schedules, now = client.schedules, datetime.now(UTC)
    for order in (
        schedules.describe("none"),
        schedules.pause("none"),
        schedules.resume("none"),
        schedules.run_now("none"),
        schedules.backfill("none", start_at=now - timedelta(days=1), end_at=now),
        schedules.delete("none"),
    ):
        with pytest.raises(ScheduleNotFound, match="There is no schedule 'none'") as caught:
            await order
        assert "schedule list" in caught.value.hint


def test_a_span_that_can_only_be_a_slip_is_refused() -> None:
    absurd = timedelta(weeks=999_999)
    with pytest.raises(ValidationError, match=r"jitter\n.* less than or equal to 366 days"):
        ScheduleTimes(cron=("0 3 * * *",), jitter=absurd)
    with pytest.raises(ValidationError, match=r"catch_up\n.* less than or equal to 366 days"):
        ScheduleTerms(catch_up=absurd)
