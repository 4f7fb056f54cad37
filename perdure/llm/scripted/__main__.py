"""``python -m perdure.llm.scripted --script FILE``: the scripted model server as a process of its own."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from perdure.contracts.errors import PerdureError
from perdure.llm.scripted.server import ScriptedServer

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2 where the script or the address is of no use."""
    arguments = _parser().parse_args()
    if arguments.die_with_parent:
        _die_with_parent()
    try:
        asyncio.run(_serve(arguments))
    except PerdureError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m perdure.llm.scripted", description="Answer Groq's chat completions from a script."
    )
    parser.add_argument("--script", type=Path, required=True, help="script file (docs/scripted-models.md)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--address-file", type=Path, help="written with the server's URL once it listens")
    parser.add_argument("--log", type=Path, help="append one line of JSON for each request")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the parent process ends (Linux)"
    )
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await ScriptedServer().start(arguments.script, arguments.host, arguments.port, log=arguments.log)
    try:
        if arguments.address_file is not None:
            _write_whole(arguments.address_file, server.url)
        sys.stdout.write(f"scripted model server at {server.url}, answering from {arguments.script}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await server.stop()


def _write_whole(path: Path, text: str) -> None:
    """Readers see no file or the whole of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _die_with_parent() -> None:
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have ended before the request was made; then nobody is left to send the signal.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
