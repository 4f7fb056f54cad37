"""Records histories for the replay tests: ``python -m tests.histories.record [NAME …]`` makes those that are missing.

A recorded history stays: it stands for the tasks of installations that are updated while they run. Only ``--again``
records one anew, which is right as long as no release has the old one.
"""

import argparse
import asyncio
import base64
import json
import re
import shutil
import socket
import sys
import sysconfig
from pathlib import Path
from typing import Any, cast

from perdure.settings import PROJECT_FOLDER
from tests.faults.driver import own_servers
from tests.histories.recipes import RECIPES, Handle, Recipe, Stage

HISTORIES = Path(__file__).resolve().parent

#: The repositories lie here while recording, so that no history names a folder of the machine that recorded it.
PLACE = Path("/tmp/perdure-histories")
MAX_BYTES = 150_000
DATA = re.compile(r'"data": "([A-Za-z0-9+/=]+)"')


async def history_of(handle: Handle) -> str:
    """The history as JSON without names of this machine."""
    history = json.loads((await handle.fetch_history()).to_json())
    text = json.dumps(_without_identities(history), ensure_ascii=False, indent=1)
    # Stack traces are not looked at in a replay; their folders are this machine's.
    for folder, neutral in (
        (str(PROJECT_FOLDER), "/perdure"),
        (sysconfig.get_path("purelib"), "/python/site-packages"),
        (sysconfig.get_path("stdlib"), "/python"),
    ):
        text = text.replace(folder, neutral)
    # The names of sticky queues hold the machine's.
    return DATA.sub(_without_hosts, text.replace(f"@{socket.gethostname()}", "@host")) + "\n"


def _without_hosts(found: re.Match[str]) -> str:
    """A payload that names no package host of whoever records it."""
    data = base64.b64decode(found[1])
    neutral = re.sub(rb"(?<![\w.-])[\w-]+(?:\.[\w-]+)+(?=:443\b)", b"packages.example", data)
    return f'"data": "{base64.b64encode(neutral).decode()}"'


def _without_identities(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: "worker" if name == "identity" else _without_identities(each) for name, each in items}
    if isinstance(value, list):
        return [_without_identities(each) for each in cast("list[Any]", value)]
    return value


async def record(stage: Stage, recipe: Recipe) -> Path:
    """Play one recipe and write its history."""
    shutil.rmtree(stage.folder, ignore_errors=True)
    text = await history_of(await recipe(stage))
    size = len(text.encode())
    assert size <= MAX_BYTES, f"{recipe.__name__} has {size} bytes; make the recipe shorter"
    file = HISTORIES / f"{recipe.__name__}.json"
    file.write_text(text)
    return file


async def main(arguments: argparse.Namespace) -> int:
    """Record what is missing or named."""
    wanted = [
        recipe
        for recipe in RECIPES
        if (recipe.__name__ in arguments.names or not arguments.names)
        and (arguments.again or not (HISTORIES / f"{recipe.__name__}.json").exists())
    ]
    unknown = set(arguments.names) - {recipe.__name__ for recipe in RECIPES}
    if unknown:
        sys.stderr.write(f"There are no recipes {sorted(unknown)}.\n")
        return 2
    PLACE.mkdir(parents=True, exist_ok=True)
    try:
        async with own_servers(PLACE / "servers") as (stack, servers):
            for recipe in wanted:
                file = await record(Stage(stack, servers, PLACE / recipe.__name__), recipe)
                sys.stdout.write(f"{file.name}: {file.stat().st_size} bytes\n")
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.histories.record", description=__doc__)
    parser.add_argument("names", nargs="*", help="recipes; left out, all")
    parser.add_argument("--again", action="store_true", help="also those that are recorded already")
    sys.exit(asyncio.run(main(parser.parse_args())))
