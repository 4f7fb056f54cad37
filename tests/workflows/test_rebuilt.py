"""What Git ignores is gone from a rebuilt workspace: it is named, and packages are installed again."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from perdure.embedded.database import connected
from tests.workflows.conftest import READ, Bench, Call, script_of, until
from tests.workflows.test_takeover import completed

IGNORING: Call = ("write_file", {"path": ".gitignore", "content": ".env\n"})
SECRET: Call = ("write_file", {"path": ".env", "content": "KEY=1\n"})
SLOW_READ: dict[str, Any] = {
    "for": "decide",
    "turn": 2,
    "delay_ms": 3_000,
    "calls": [{"tool": "read_file", "arguments": {"path": "money/rounding.py"}}],
}


async def folder_of(bench: Bench, calls: int) -> Path:
    """The folder of the bench's one task, once so many calls are done."""

    async def look() -> Path | None:
        if len(await bench.calls(bench.handles[0])) < calls:
            return None
        return next((bench.folder / "home" / "workspaces").glob("*/objects")).parent

    return await until(look)


async def test_files_that_no_checkpoint_holds_are_named_to_the_model_and_to_people(
    benches: Any, database_url: str
) -> None:
    async with benches(script_of([[IGNORING], [SECRET], [READ], [READ]], before=[SLOW_READ])) as bench:
        handle = await bench.start()
        folder = await folder_of(bench, 2)
        generation = max(int(each.name) for each in folder.iterdir() if each.name.isdigit())
        await asyncio.to_thread(shutil.rmtree, folder / str(generation))
        await bench.decide(handle, await bench.approval(handle), "approve")
        assert (await handle.result())["status"] == "completed"
        assert "prepare_workspace takeover" in await completed(handle)
        assert "A rebuilt workspace lacks what Git ignores." in await bench.warnings(handle)
        query = "SELECT body->>'text' FROM entries WHERE task_id = $1 AND body->>'kind' = 'rebuilt'"
        async with connected(database_url) as connection:
            told = str(await connection.fetchval(query, handle.first_execution_run_id))
        assert told.endswith("Gone unless it is made again: .env.")
