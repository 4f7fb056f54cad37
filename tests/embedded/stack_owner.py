"""A program that owns a stack: it starts one on the folder of its first argument and runs until it is ended."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from perdure.contracts.errors import PerdureError
from perdure.embedded.postgres import PostgresSettings
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings


async def own(home: Path, without: Sequence[str]) -> None:
    """Print the addresses as one line of JSON once everything runs; stop everything on SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    stack = Stack(
        home,
        temporal=TemporalSettings(port=0, web_ui_port=0),
        postgres=PostgresSettings(durable=True),
        without=without,
    )
    addresses = await stack.start()
    sys.stdout.write(addresses.model_dump_json() + "\n")
    sys.stdout.flush()
    await ended.wait()
    await stack.stop()


if __name__ == "__main__":
    try:
        asyncio.run(own(Path(sys.argv[1]), sys.argv[2:]))
    except PerdureError as error:
        sys.exit(str(error))
