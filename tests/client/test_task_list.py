"""Tasks as a list: filters, a namespace without search attributes, ids that were started again."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.task_table import moment_of
from perdure.client.task_list import ListedTask
from perdure.contracts.errors import InvalidInput
from perdure.contracts.names import SEARCH_USER
from tests.client.player import Player
from tests.client.search_attributes import unregistered
from tests.client.shell import Shell
from tests.client.waiting import approval_of, becomes, eventually

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)


async def listed(client: PerdureClient, number: int, **fields: object) -> list[ListedTask]:
    """The list once it has so many entries: the server brings it up to date a moment after the fact."""

    async def look() -> list[ListedTask] | None:
        found = await client.tasks(**fields)
        return found if len(found) == number else None

    return await eventually(look)


async def ids(client: PerdureClient, **fields: object) -> list[str]:
    """The ids that the list has now, in its order."""
    return [each.id for each in await client.tasks(**fields)]


async def test_tasks_are_found_by_what_they_do_need_and_are_for(
    client: PerdureClient, worker: Player
) -> None:
    user = f"o'{worker.task_queue}"
    waiting = await client.start("Mend the rounding", repository="/srv/o'shop", user=user)
    await approval_of(waiting)
    worker.decisions = ()
    done = await client.start("Say hello", repository="/srv/other", user=user)
    await done.result()

    async def everything() -> list[tuple[str, bool, str]]:
        return [(each.id, each.open, each.kind) for each in await client.tasks(user=user)]

    await becomes(everything, [(waiting.id, True, "CodingTask"), (done.id, False, "CodingTask")])
    [found] = await listed(client, 1, user=user, status="waiting")
    assert (found.id, found.needs, found.repository, found.user) == (
        waiting.id,
        "approval",
        "/srv/o'shop",
        user,
    )
    assert found.cost_usd is not None
    for fields in ({"needs": "approval"}, {"open": True}, {"repository": "/srv/o'shop"}):
        await becomes(lambda fields=fields: ids(client, user=user, **fields), [waiting.id])
    for fields in ({"status": "completed"}, {"open": False}, {"repository": "/srv/other"}):
        await becomes(lambda fields=fields: ids(client, user=user, **fields), [done.id])
    assert await client.tasks(user=user, since=datetime.now(UTC) + timedelta(minutes=1)) == []
    assert len(await client.tasks(user=user, limit=1)) == 1


async def test_a_task_that_was_terminated_counts_as_failed(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    user = worker.task_queue
    task = await client.start("Mend it", repository="/srv/shop", user=user)
    await approval_of(task)
    await temporal_client.get_workflow_handle(task.id).terminate(reason="enough")
    [found] = await listed(client, 1, user=user, status="failed")
    assert (found.id, found.state, found.status, found.needs) == (
        task.id,
        "terminated",
        "terminated",
        "nothing",
    )


async def test_an_id_that_was_used_again_is_listed_once_with_its_newest_run(
    client: PerdureClient, worker: Player
) -> None:
    worker.decisions = ()
    id, user = f"again-{worker.task_queue}", worker.task_queue
    first = await client.start("Mend it", repository="/srv/shop", user=user, id=id)
    await first.result()
    second = await client.start("Mend it", repository="/srv/shop", user=user, id=id)
    await second.result()

    async def look() -> list[ListedTask] | None:
        found = await client.tasks(user=user)
        newest = [each for each in found if each.run_id == second.task_id and each.status == "completed"]
        return found if newest else None

    assert [each.id for each in await eventually(look)] == [id]


async def test_bad_filters_are_refused_with_the_field(client: PerdureClient, shell: Shell) -> None:
    for fields, name in (
        ({"limit": 0}, "limit"),
        ({"status": "asleep"}, "status"),
        ({"colour": "red"}, "colour"),
    ):
        with pytest.raises(InvalidInput, match=f"'{name}' (cannot be used|is unknown)"):
            await client.tasks(**fields)
    for arguments in (
        ("--since", "yesterday"),
        ("--limit", "0"),
        ("--status", "asleep"),
        ("--repository", ""),
    ):
        assert (await shell.run("list", *arguments)).exit_code == ExitCode.USAGE


async def test_without_search_attributes_the_list_works_and_filters_say_how_to_get_them(
    client: PerdureClient, shell: Shell, temporal_client: Client, worker: Player
) -> None:
    worker.registered = False
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    async with unregistered(client, temporal_client, SEARCH_USER):

        async def shown() -> list[str]:
            plain = await shell.json("list", "--open", "--since", "1h", "--limit", "1000")
            return [each["status"] for each in plain if each["id"] == task.id]

        await becomes(shown, ["running"])
        refused = await shell.run("list", "--user", "ada")
        assert refused.exit_code == ExitCode.INSTALLATION
        said = refused.stderr.replace("\n", " ")
        assert "lacks the search attributes PerdureUser" in said
        assert f"search-attribute create --address {client.address}" in said
        assert "--name PerdureUser --type Keyword" in said


async def test_the_table_fits_80_columns_and_keeps_ids_whole(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    user = worker.task_queue
    task = await client.start(
        "Mend the rounding of totals everywhere in the shop", repository="/srv/" + "shop" * 30, user=user
    )
    await approval_of(task)
    await listed(client, 1, user=user, needs="approval")
    narrow = (await shell.run("list", "--user", user, columns=80)).stdout.splitlines()
    assert max(map(len, narrow)) <= 80
    assert f"{task.id} " in narrow[1]
    assert "waiting: approval" in narrow[1]
    wide = (await shell.run("list", "--user", user, columns=160)).stdout
    assert "/srv/shop" in wide
    assert (await shell.run("list", "--user", f"nobody-{user}")).stdout == "No task fits.\n"


def test_since_takes_spans_and_dates() -> None:
    assert moment_of("90m", NOW) == NOW - timedelta(minutes=90)
    assert moment_of("1w", NOW) == NOW - timedelta(days=7)
    with pytest.raises(InvalidInput, match="'999999w' is no span and no date"):
        moment_of("999999w", NOW)
    assert moment_of("2026-05-30T10:00:00+02:00", NOW) == datetime(2026, 5, 30, 8, tzinfo=UTC)
    for wrong in ("", "3", "3y", "2026-13-01", "-2h"):
        with pytest.raises(InvalidInput, match="is no span and no date"):
            moment_of(wrong, NOW)
