"""``versions``: what runs here and what answers, each with its version."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import StoreVersion
from perdure.client.command_line.output import Output
from perdure.client.command_line.session import Session
from perdure.client.connection import running_stack
from perdure.client.deployments import OpenVersion
from perdure.client.versions import ServerVersions, libraries
from perdure.contracts.errors import PerdureError

PAGE_S = 3.0


async def versions(session: Session) -> ExitCode:
    """Tell every version that can be found out; what does not answer is said and is no error."""
    here = libraries()
    (server, problem), web_ui, stores = await asyncio.gather(
        _server(session), _web_ui(session), session.installation.stores()
    )
    if session.output.as_json:
        session.output.data(
            {
                **here.model_dump(),
                "temporal_server": server.temporal_server if server is not None else None,
                "temporal_address": server.address if server is not None else None,
                "temporal_problem": problem or None,
                "web_ui": web_ui or None,
                "stores": [vars(store) for store in stores],
                "workers": [each.model_dump(mode="json") for each in server.workers]
                if server is not None
                else [],
                "open_tasks": server.open_tasks if server is not None else None,
                "versions": [each.model_dump(mode="json") for each in server.versions]
                if server is not None
                else [],
            }
        )
        return ExitCode.OK
    for name, text in here.model_dump().items():
        session.output.line(f"{name:<16} {text}")
    temporal = f"{server.temporal_server} at {server.address}" if server is not None else problem
    session.output.line(f"{'Temporal server':<16} {temporal}")
    session.output.line(f"{'Temporal Web UI':<16} {web_ui or 'none of this machine runs'}")
    _show_stores(session.output, stores)
    if server is not None:
        _show_work(session.output, server, datetime.now(UTC))
    return ExitCode.OK


def _show_stores(output: Output, stores: Sequence[StoreVersion]) -> None:
    for store in stores:
        output.line(f"{store.name:<16} {store.version or store.problem}")


def _show_work(output: Output, server: ServerVersions, now: datetime) -> None:
    for each in server.workers:
        seconds = max(0, round((now - each.last_seen_at).total_seconds()))
        output.line(f"{'worker':<16} {each.identity}, last seen {seconds} s ago")
    if not server.workers:
        output.line(f"{'worker':<16} none polls; start one: python starter.py worker")
    output.line(f"{'open tasks':<16} {server.open_tasks}")
    for version in server.versions:
        output.line(f"{'version':<16} {_version_line(version)}")


def _version_line(version: OpenVersion) -> str:
    tasks = f"{version.open_tasks} open task{'' if version.open_tasks == 1 else 's'}"
    workers = f"{len(version.workers)} worker{'' if len(version.workers) == 1 else 's'}"
    said = [f"{version.name}: {tasks}", workers if version.workers else "no worker"]
    said += ["takes new tasks"] if version.current else []
    said += ["STRANDED: start its workers again"] if version.stranded else []
    return ", ".join(said)


async def _server(session: Session) -> tuple[ServerVersions | None, str]:
    """What the server says, or why it says nothing."""
    try:
        async with session.client() as client:
            return await client.versions(), ""
    except PerdureError as error:
        return None, error.message


async def _web_ui(session: Session) -> str:
    """The version of the Web UI of the stack that runs on this machine, or nothing."""
    running = running_stack(session.installation.place().home)
    if running is None or not running.web_ui:
        return ""
    page = f"{running.web_ui}/api/v1/settings"
    try:
        return await asyncio.to_thread(_version_on, page)
    except (OSError, ValueError, urllib.error.URLError) as error:
        return f"does not answer at {running.web_ui}: {error}"


def _version_on(page: str) -> str:
    # No proxy: the address is one of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(page, timeout=PAGE_S) as answer:
        return str(json.load(answer)["Version"])
