"""``up``: shows the running stack and keeps this process until it is told to stop."""

import asyncio
import signal

from rich.table import Table
from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import PartHealth, RunningStack
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Session

LOOK_EVERY_S = 2.0
WIDE = 72


async def up(session: Session) -> ExitCode:
    """Start everything, show where it is, and stop it on Ctrl-C or SIGTERM."""
    output = session.output
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(session.installation.up())

    def stop() -> None:
        stopping.set()
        starting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if not output.as_json:
        output.line("starting …", "dim")
    try:
        stack = await starting
    except asyncio.CancelledError:
        if stopping.is_set():
            return ExitCode.OK
        raise
    try:
        health = list(await stack.health())
        if output.as_json:
            output.data({"addresses": dict(stack.addresses), "health": [_facts(part) for part in health]})
        else:
            show_stack(output, stack, health)
        await _watch_over(output, stack, health, stopping)
    finally:
        if not output.as_json:
            output.line("stopping …", "dim")
        await stack.stop()
    return ExitCode.OK


async def _watch_over(
    output: Output, stack: RunningStack, before: list[PartHealth], stopping: asyncio.Event
) -> None:
    """Until it is told to stop, say which part changed."""
    known = {part.name: part for part in before}
    while not stopping.is_set():
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stopping.wait()
        except TimeoutError:
            for part in await stack.health():
                was = known.get(part.name)
                restarted = "started again" in part.detail and (was is None or was.detail != part.detail)
                if was is not None and was.ok == part.ok and not restarted:
                    continue
                known[part.name] = part
                if output.as_json:
                    output.data({"health": _facts(part)})
                else:
                    output.show(_state(part))


def show_stack(output: Output, stack: RunningStack, health: list[PartHealth]) -> None:
    """Addresses and health: a table, or lines where there is no room for one."""
    if output.console.width < WIDE:
        for part in health:
            output.show(_state(part))
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "part", "version", "address", "state"):
            table.add_column(heading, overflow="fold")
        for part in health:
            mark = Text("✓", style="green") if part.ok else Text("✗", style="red")
            table.add_row(
                mark, clean(part.name), clean(part.version), clean(part.address), clean(part.detail)
            )
        output.show(table)
    for name, address in stack.addresses.items():
        output.show(Text.assemble((f"{name}: ", "bold")).append_text(clean(address, "cyan")))
    output.line("Ctrl-C stops everything. Next: python starter.py start REQUEST --repository FOLDER", "dim")


def _facts(part: PartHealth) -> dict[str, object]:
    return {
        "name": part.name,
        "ok": part.ok,
        "detail": part.detail,
        "version": part.version,
        "address": part.address,
    }


def _state(part: PartHealth) -> Text:
    mark = ("✓ ", "green") if part.ok else ("✗ ", "red")
    return Text.assemble(mark, (f"{part.name}: ", "bold")).append_text(clean(part.detail))
