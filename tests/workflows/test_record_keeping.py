"""Rebuilding what is derived, collecting what nothing refers to, forgetting, and going on from a restored backup."""

import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from perdure.client.command_line.exit_codes import ExitCode
from perdure.embedded.database import connected
from perdure.embedded.postgres import Postgres
from perdure.embedded.postgres_binaries import installed_binaries
from perdure.llm.scripted.server import ScriptedServer
from tests.workflows.conftest import FIX, READ, TESTS, Bench, Benches, git, script_of
from tests.workflows.test_archive import forgotten, mended, shell_of
from tests.workflows.test_reset import first_task, reset_to
from tests.workflows.test_sweep import folders, listed, sweep
from tests.workflows.test_task_lookup import LONG
from worker import open_house, workers

TABLES = {"tasks": "request", "entries": "body"}
"""With the column whose text counts."""
OLD = "UPDATE artifacts SET stored_at = now() - interval '3 days'"


async def dump(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that can be made again."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, text in TABLES.items():
        query = f"SELECT to_jsonb(t) - '{text}' AS facts, t.{text}::text FROM {table} t ORDER BY 1, 2"
        found[table] = [tuple(row) for row in await bench.house.record.database.fetch(query)]
    return found


async def execute(database_url: str, *statements: str) -> None:
    """Do something to the database behind Perdure's back."""
    async with connected(database_url) as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize("source", ["Temporal", "archive"])
async def test_the_rows_of_a_task_are_made_again_as_they_were(
    benches: Benches, database_url: str, source: str
) -> None:
    async with mended(benches) as (bench, started):
        before = await dump(bench)
        if source == "archive":
            await forgotten(bench, started)
        shell = shell_of(bench)
        same = await shell.json("rebuild", started.id, "--dry-run")
        assert (same["differs"], same["row"], same["source"]) == (False, "same", source)
        await execute(database_url, "DELETE FROM tasks", "DELETE FROM entries")
        missing = await shell.json("rebuild", started.id, "--dry-run")
        assert (missing["row"], missing["missing_rows"]) == ("missing", same["entries"])
        assert (await dump(bench))["entries"] == []
        await shell.json("rebuild", started.id)
        assert await dump(bench) == before
        again = await shell.json("rebuild", started.id)
        assert (again["differs"], again["lost"]) == (False, [])


async def test_changed_and_missing_rows_are_told_and_mended(benches: Benches, database_url: str) -> None:
    async with mended(benches) as (bench, started):
        before = await dump(bench)
        await execute(
            database_url,
            "UPDATE tasks SET status = 'working', summary = 'no'",
            """UPDATE entries SET body = '{"v": 2}' WHERE depth = 2""",
            "DELETE FROM entries WHERE depth = 3",
        )
        result = await shell_of(bench).run("rebuild", started.id)
        assert result.exit_code == 0
        assert "the row of the task is differs: status, summary" in result.stdout
        assert "1 rows missing, made again" in result.stdout
        assert "1 rows damaged, replaced" in result.stdout
        assert await dump(bench) == before


async def test_an_open_task_goes_on_after_its_rows_were_made_again(
    benches: Benches, database_url: str
) -> None:
    async with benches(script_of([[READ], [FIX], [TESTS]])) as bench:
        started = await bench.start()
        approval = await bench.approval(started)
        await execute(database_url, "DELETE FROM tasks", "DELETE FROM entries")
        report = await shell_of(bench).json("rebuild", started.id)
        assert (report["row"], report["lost"]) == ("missing", [])
        await bench.decide(started, approval, "approve")
        assert (await started.result())["pushed"]


async def test_what_is_nowhere_is_said_to_be_lost(benches: Benches, database_url: str) -> None:
    async with mended(benches) as (bench, started):
        await execute(
            database_url,
            "DELETE FROM entries",
            "DELETE FROM artifacts WHERE media_type LIKE '%entries'",
        )
        result = await shell_of(bench).run("rebuild", started.id)
        assert result.exit_code == ExitCode.NOT_DONE
        assert "lost: no chain leads to the entry" in result.stdout
        await execute(database_url, "DELETE FROM tasks", "DELETE FROM artifact_keys")
        refused = await shell_of(bench).run("rebuild", started.id)
        assert refused.exit_code == ExitCode.INSTALLATION
        assert "The key of the artifacts" in refused.stderr


async def test_garbage_goes_and_everything_that_is_named_stays(benches: Benches, database_url: str) -> None:
    async with mended(benches) as (bench, started):
        record, shell = bench.house.record, shell_of(bench)
        task_id = (await started.describe()).raw_info.first_run_id
        orphan = await record.put_artifact(
            task_id, "output", b"of an attempt that was overtaken", "text/plain"
        )
        waiting = await bench.start()
        await bench.approval(waiting)
        open_id = (await waiting.describe()).raw_info.first_run_id
        theirs = await record.put_artifact(open_id, "output", b"of a step that goes on", "text/plain")
        assert (await shell.json("gc"))["artifacts"] == 0
        await execute(database_url, OLD)
        fresh = await record.put_artifact(task_id, "output", b"just stored", "text/plain")
        dry = await shell.json("gc", "--dry-run")
        assert (dry["artifacts"], dry["open"], dry["left"]) == (1, 1, [])
        assert (await shell.json("gc"))["artifacts"] == 1
        left = {row["id"] for row in await record.database.fetch("SELECT id FROM artifacts")}
        assert orphan.id not in left
        assert {theirs.id, fresh.id} <= left
        await forgotten(bench, started)
        await sweep(bench, keep_workspaces_s=0)
        assert (await shell.run("diff", started.id)).stdout.startswith("diff --git")
        assert (await shell.json("rebuild", started.id))["lost"] == []
        refused = await shell.run("gc", "--older-than", "5m")
        assert (refused.exit_code, "less than an hour" in refused.stderr) == (ExitCode.USAGE, True)


async def test_garbage_of_a_terminated_task_goes_unless_a_reset_goes_on_with_it(
    benches: Benches, database_url: str
) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        record, shell = bench.house.record, shell_of(bench)
        started = await bench.start()
        push = await bench.approval(started)
        task_id = (await started.describe()).raw_info.first_run_id
        orphan = await record.put_artifact(task_id, "output", b"of an attempt that was overtaken", "x/y")
        await started.terminate("enough")
        await listed(bench, started)
        assert (await sweep(bench)).archived == 1
        facts = await shell.json("rebuild", started.id, "--dry-run")
        assert (facts["row"], facts["differs"]) == ("same", False)
        await execute(database_url, OLD)
        dry = await shell.json("gc", "--dry-run")
        assert (dry["artifacts"], dry["open"], dry["left"]) == (1, 0, [])

        again = await reset_to(bench, started, await first_task(started))
        await bench.approval(again, but=push.id)
        await sweep(bench)
        dry = await shell.json("gc", "--dry-run")
        assert (dry["artifacts"], dry["open"]) == (0, 1)
        await again.terminate("enough")
        await listed(bench, again)
        await sweep(bench)
        await execute(database_url, OLD)
        assert (await shell.json("gc"))["open"] == 0
        left = {row["id"] for row in await record.database.fetch("SELECT id FROM artifacts")}
        assert orphan.id not in left
        assert (await shell.run("diff", started.id)).stdout.startswith("diff --git")


async def test_bytes_that_are_stored_again_are_not_taken(benches: Benches, database_url: str) -> None:
    async with mended(benches) as (bench, started):
        record = bench.house.record
        task_id = (await started.describe()).raw_info.first_run_id
        kept = await record.put_artifact(task_id, "output", b"twice", "text/plain")
        await execute(database_url, OLD)
        await record.put_artifact(task_id, "output", b"twice", "text/plain")
        assert (await shell_of(bench).json("gc"))["artifacts"] == 0
        assert await record.artifact(task_id, kept.id) == b"twice"


async def test_a_forgotten_task_is_nowhere_any_more(benches: Benches, database_url: str) -> None:
    async with mended(benches) as (bench, started):
        shell = shell_of(bench)
        task_id = await listed(bench, started)
        waiting = await bench.start()
        await bench.approval(waiting)
        assert (await shell.run("forget", waiting.id, "--yes")).exit_code == ExitCode.NOT_DONE
        assert (await shell.run("forget", started.id)).exit_code == ExitCode.USAGE
        gone = await shell.json("forget", started.id, "--yes")
        assert (gone["task_id"], gone["runs"]) == (task_id, 1)
        bench.handles.remove(started)
        assert gone["artifacts"] > 5
        for table in ("artifacts", "artifact_keys", "entries", "calls", "answers", "archived_runs"):
            query = f"SELECT FROM {table} WHERE task_id = $1"
            assert (table, await bench.house.record.database.fetch(query, task_id)) == (table, [])
        [swept] = (await sweep(bench, keep_workspaces_s=0)).hosts
        assert (swept.removed, swept.kept) == (1, 1)
        assert len(folders(bench)) == 1
        assert (await bench.finish(waiting))["pushed"]


async def test_a_restored_backup_shows_what_is_archived_and_goes_on_with_what_is_open(
    benches: Benches, postgres_server: Postgres, database_url: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.dump"
    async with mended(benches) as (bench, started):
        shown = await shell_of(bench).json("show", started.id)
        waiting = await bench.start()
        approval = await bench.approval(waiting)
        program("pg_dump", "--format=custom", f"--file={backup}", database_url)
        await forgotten(bench, started)
        # The task outlives this worker, its database and its host.
        bench.handles.remove(waiting)
    async with restored(postgres_server, backup) as url, worker_after(bench, url) as again:
        after = await shell_of(again).json("show", started.id)
        assert {**after, "closed_at": 0} == {**shown, "closed_at": 0}
        assert not folders(again)
        await again.decide(waiting, approval, "approve")
        assert (await waiting.result())["pushed"]
        assert len(folders(again)) == 1
        branch = next(name for name in again.remote_branches() if name != "main")
        assert "round(amount * 100)" in git(again.remote, "show", f"{branch}:money/rounding.py")


@asynccontextmanager
async def restored(server: Postgres, backup: Path) -> AsyncGenerator[str]:
    """A database made from a backup."""
    name = "restored_from_backup"
    async with connected(server.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        program("pg_restore", "--no-owner", f"--dbname={server.url(name)}", str(backup))
        yield server.url(name)
    finally:
        async with connected(server.url("postgres")) as connection:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def worker_after(bench: Bench, database_url: str) -> AsyncGenerator[Bench]:
    """A worker on another host that knows nothing but this database and the Temporal server."""
    models = await ScriptedServer().start(script_of([[LONG], [FIX]]))
    changes = {
        "database_url": SecretStr(database_url),
        "home": bench.folder / "other-home",
        "groq_base_url": models.url,
    }
    settings = bench.settings.model_copy(update=changes)
    try:
        async with open_house(settings) as house, workers(house) as pair:
            yield replace(bench, house=house, models=models, settings=settings, workers=pair, handles=[])
    finally:
        await models.stop()


def program(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs."""
    folder = installed_binaries()[0].folder
    subprocess.run([str(folder / name), *arguments], check=True, capture_output=True)
