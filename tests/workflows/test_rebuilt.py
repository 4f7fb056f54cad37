"""What Git ignores is gone from a rebuilt workspace: it is named, and packages are installed again."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from perdure.embedded.database import connected
from tests.faults.picture import Handle
from tests.workflows.conftest import FILES, READ, Bench, Call, make_repository, script_of, until
from tests.workflows.test_takeover import completed

IGNORING: Call = ("write_file", {"path": ".gitignore", "content": "local.cfg\n"})
SECRET: Call = ("write_file", {"path": "local.cfg", "content": "KEY=1\n"})
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
        assert told.endswith("Gone unless it is made again: local.cfg.")


INSTALLING: Call = ("install_dependencies", {"ecosystem": "node"})
INSTALLED = Path("tree", "node_modules", "isarray", "index.js")


async def installed_again(bench: Bench, folder: Path) -> Handle:
    """A task whose packages were installed, and installed again after its workspace vanished; people approve both."""
    package = {"name": "money", "version": "1.0.0", "dependencies": {"isarray": "2.0.5"}}
    files = {**FILES, "package.json": json.dumps(package), ".gitignore": "node_modules/\n"}
    repository, _ = make_repository(folder, files)
    handle = await bench.start(repository=str(repository))
    first = await bench.approval(handle)
    await bench.decide(handle, first, "approve")
    workspace = await folder_of(bench, 1)
    generation = newest(workspace)
    assert (workspace / str(generation) / INSTALLED).exists()
    await asyncio.to_thread(shutil.rmtree, workspace / str(generation))
    again = await bench.approval(handle, but=first.id)
    assert (first.tool, again.tool) == ("install_dependencies", "install_dependencies")
    await bench.decide(handle, again, "approve")

    async def looked() -> bool | None:
        return any(call["title"].startswith("read_file") for call in await bench.calls(handle)) or None

    await until(looked)
    assert newest(workspace) > generation
    assert (workspace / str(newest(workspace)) / INSTALLED).exists()
    await handle.result()
    return handle


def newest(workspace: Path) -> int:
    """The number of the newest folder."""
    return max(int(each.name) for each in workspace.iterdir() if each.name.isdigit())


INSTALL_SCRIPT = script_of([[INSTALLING], [READ], [READ]], before=[{**SLOW_READ, "turn": 1}])


async def test_packages_are_installed_again_in_a_rebuilt_workspace(benches: Any, tmp_path: Path) -> None:
    async with benches(INSTALL_SCRIPT) as bench:
        handle = await installed_again(bench, tmp_path / "packages")
        titles = [call["title"].split()[0] for call in await bench.calls(handle)]
        assert titles == ["install_dependencies:", "install_dependencies:", "read_file", "read_file"]
        assert (await handle.result())["status"] == "completed"
