"""``doctor``: looks at everything a task needs, one line each, with what to do about what is wrong."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from perdure.client.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Finding, State
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Session
from perdure.client.connection import find_server
from perdure.client.errors import ServerUnreachable
from perdure.client.task_list import registration
from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError, PerdureError
from perdure.contracts.names import SEARCH_ATTRIBUTES
from perdure.safety.probing import probed_sandbox
from perdure.safety.report import Outcome, SandboxReport

ENOUGH_BYTES = 2 * 2**30
LEAST_BYTES = 256 * 2**20
OLDEST_PYTHON = (3, 11)
OLDEST_GIT = (2, 38)

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


async def doctor(session: Session) -> ExitCode:
    """Look at everything; exit code 7 when something failed."""
    place = session.installation.place()
    home = place.home
    looks = [check() for check in session.installation.checks()]
    groups = await asyncio.gather(
        check_python(),
        check_git(),
        check_disk(home),
        check_sandbox(home, without_sandbox=place.without_sandbox),
        *looks,
        check_server(session),
    )
    findings = [finding for group in groups for finding in group]
    if session.output.as_json:
        listed = [vars(finding) for finding in findings]
        session.output.data({"ok": all(each.state != "failed" for each in findings), "findings": listed})
    else:
        for finding in findings:
            show_finding(session.output, finding)
    failed = any(finding.state == "failed" for finding in findings)
    return ExitCode.INSTALLATION if failed else ExitCode.OK


def show_finding(output: Output, finding: Finding) -> None:
    """One line, and the hint below it."""
    mark, style = _MARKS[finding.state]
    output.show(
        Text.assemble((f"{mark} ", style), (f"{finding.name}: ", "bold")).append_text(clean(finding.detail))
    )
    if finding.hint:
        for line in finding.hint.splitlines():
            output.line(f"  {line}", "cyan")
    if finding.table:
        show_table(output, finding.table)


def show_table(output: Output, rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest word, below the line that they belong to."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        output.log(Text("  " + "  ".join(cells).rstrip()))


async def check_python() -> Sequence[Finding]:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return [Finding("python", "failed", f"{version} is too old.", "install Python 3.11 or newer.")]
    return [Finding("python", "ok", f"{version}, {sys.executable}")]


async def check_git() -> Sequence[Finding]:
    """The git program's version."""
    program = shutil.which("git")
    if program is None:
        return [Finding("git", "failed", "There is no git on the PATH.", "install git.")]
    asked = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE, env={})
    said = (await asked.communicate())[0].decode("utf-8", "replace").strip()
    version = said.removeprefix("git version ").split()[0] if said else "unknown"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_GIT:
        return [Finding("git", "failed", f"{version} is too old.", "install git 2.38 or newer.")]
    return [Finding("git", "ok", f"{version}, {program}")]


async def check_disk(home: Path) -> Sequence[Finding]:
    """Room and rights where workspaces and the embedded servers' data lie."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free / 2**30:.1f} GiB free for {home}"
    if not os.access(there, os.W_OK):
        return [
            Finding("disk", "failed", f"{there} cannot be written.", "set PERDURE_HOME to another folder.")
        ]
    if free < LEAST_BYTES:
        return [Finding("disk", "failed", detail, "free some space, or set PERDURE_HOME to another disk.")]
    if free < ENOUGH_BYTES:
        return [
            Finding("disk", "warning", detail, "large repositories need more; PERDURE_HOME names the folder.")
        ]
    return [Finding("disk", "ok", detail)]


async def check_sandbox(home: Path, *, without_sandbox: bool = False) -> Sequence[Finding]:
    """The sandbox's level here, and what came of each attack on each layer."""
    try:
        sandbox = await probed_sandbox(
            workspaces=home if home.is_dir() else None, without_sandbox=without_sandbox
        )
    except ConfigurationError as error:
        return [Finding("sandbox", "failed", error.message, error.hint)]
    report = sandbox.report
    states: dict[SandboxLevel, State] = {SandboxLevel.A: "ok", SandboxLevel.C: "failed"}
    counts = ", ".join(f"{report.count(outcome)} {outcome.value}" for outcome in Outcome)
    detail = report.summary + (f" ({counts}; {report.took_s:.1f} s)" if report.marks else "")
    state = states.get(report.level, "warning")
    return [Finding("sandbox", state, detail, "\n".join(report.sentences), _table(report))]


def _table(report: SandboxReport) -> tuple[tuple[str, ...], ...]:
    """One line an attack, the layers' own together; empty where nothing was tried."""
    marks = sorted(report.marks, key=lambda mark: (mark.level, mark.layer))
    rows = [(mark.level.value, mark.layer, mark.probe, mark.outcome.value) for mark in marks]
    return (("level", "layer", "probe", "outcome"), *rows) if rows else ()


async def check_server(session: Session) -> Sequence[Finding]:
    """The Temporal server: whether it answers, its version, our search attributes, and who polls."""
    place = session.installation.place()
    try:
        async with session.client() as client:
            version = await client.server_version()
            server = Finding("temporal server", "ok", f"{version} at {client.address}")
            namespace = find_server(home=place.home, environment=place.temporal_environment).config.get(
                "namespace"
            )
            attributes = await check_search_attributes(client, namespace or "default")
            return [server, attributes, await check_workers(client, place.task_queue)]
    except ServerUnreachable as error:
        return [Finding("temporal server", "failed", error.message, error.hint)]
    except ConfigurationError as error:
        return [Finding("temporal server", "failed", error.message, error.hint)]


async def check_search_attributes(client: PerdureClient, namespace: str) -> Finding:
    """Whether lists in the Web UI can be filtered by our attributes."""
    try:
        missing = await client.missing_search_attributes()
    except PerdureError as error:
        return Finding("search attributes", "warning", f"They cannot be listed: {error.message}", error.hint)
    if not missing:
        return Finding("search attributes", "ok", f"all {len(SEARCH_ATTRIBUTES)} are registered")
    wanted = {name: SEARCH_ATTRIBUTES[name] for name in missing}
    return Finding(
        "search attributes",
        "warning",
        f"{', '.join(missing)} are not registered: tasks run, but lists cannot be filtered by them.",
        registration(wanted, address=client.address, namespace=namespace) + "\nthen restart the workers.",
    )


async def check_workers(client: PerdureClient, task_queue: str) -> Finding:
    """Whether anybody would carry a task out."""
    workers = await client.workers()
    if workers:
        return Finding(
            "workers", "ok", f"{len(workers)} poll task queue {task_queue!r}: {', '.join(workers)}"
        )
    return Finding(
        "workers",
        "warning",
        f"No worker polls task queue {task_queue!r}.",
        "start one with `python starter.py worker` (or `python starter.py up`).",
    )
