"""The sandbox: a program sees one view of the workspace, has no network, and ends whole; how well, its level says.

A run may be given a way out to named package hosts; even then its network namespace has nothing but its own loopback.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import SandboxRefused
from perdure.safety.bubblewrap import SYSTEM_PATH
from perdure.safety.commands import check_command
from perdure.safety.descriptors import Descriptors
from perdure.safety.egress import Egress
from perdure.safety.environment import environment_for
from perdure.safety.interpreters import bare_interpreter
from perdure.safety.isolation import Errand, Isolation
from perdure.safety.mounts import Mount, extra_mounts, workspace_mounts
from perdure.safety.owner import Owner
from perdure.safety.report import SandboxReport
from perdure.safety.scratch import Written, copied, layered, marks_of
from perdure.safety.supervision import supervise
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import FOLDER, WayOut, forwarded

__all__ = ["Finished", "Owner", "Sandbox", "SandboxLimits", "View", "environment_for"]

Keeper = Callable[[Written], None]
"""Looks at what a program left."""

OUTER_ENVIRONMENT: Mapping[str, str] = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
"""All that the sandbox's own first program gets: what it has could be read inside."""


class Sandbox:
    """Runs programs isolated. ``perdure.safety.probing`` makes one after it has tried to break out of it."""

    def __init__(
        self,
        isolation: Isolation | None,
        *,
        owner: Owner,
        report: SandboxReport,
        max_parallel: int | None = None,
        scratch: Literal["overlay", "copy"] = "overlay",
    ) -> None:
        self._isolation = isolation
        self.owner = owner
        """Uid and gid of sandboxed programs: files they shall change must belong to it."""
        self.report = report
        """What the probes found."""
        self._scratch = scratch
        self._places = asyncio.Semaphore(max_parallel or os.cpu_count() or 1)

    @property
    def level(self) -> SandboxLevel:
        """How much of the sandbox holds here, for approvals and results."""
        return self.report.level

    async def run(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        git_folder: Path | None = None,
        objects_folder: Path | None = None,
        working_directory: str = ".",
        view: View,
        limits: SandboxLimits,
        environment: Mapping[str, str] = {},
        read_only: Sequence[Path] = (),
        stdin: bytes = b"",
        way_out: WayOut | None = None,
        on_output: Callable[[int], None] | None = None,
        keep: Keeper | None = None,
        by_copy: bool = False,
    ) -> Finished:
        """Run a program in the workspace at ``root`` and wait for its end; nothing of it is left afterwards.

        The program sees ``root`` at /workspace, ``git_folder`` read-only at /workspace/.git and the extra
        ``read_only`` folders at their own paths. It waits for a free place first; that does not count as its time.
        ``way_out`` lets it reach package hosts. ``on_output`` is told the number of bytes written so far. ``keep`` looks
        at what was written in a throw-away view, in a thread, once the program has ended and before that is thrown
        away; with ``by_copy`` such a view is a copy even where overlays can be mounted. Cancellation kills the whole
        tree, then goes on. SandboxRefused where this host's level does not give what is asked.
        """
        check_command(argv, root, working_directory)
        if self._isolation is None:
            raise SandboxRefused(
                f"No program can run on this host: {' '.join(self.report.sentences)}",
                "read files with read_file and list_directory, and say in the answer that nothing could be run",
            )
        if way_out is not None:
            argv, environment = forwarded(argv), {**environment, **way_out.environment}
            read_only = [*read_only, bare_interpreter()[1]]
        async with self._places, contextlib.AsyncExitStack() as resources:
            layers, written = None, None
            if view is View.SCRATCH and (by_copy or self._scratch == "copy"):
                tree, view = root, View.WRITABLE
                root = await resources.enter_async_context(copied(tree))
                if keep is not None:
                    written = Written(tree, root, await asyncio.to_thread(marks_of, root))
            elif view is View.SCRATCH and keep is not None:
                layers = await resources.enter_async_context(layered(root, self.owner))
                written = Written(root, layers.upper)
            mounts = workspace_mounts(root, git_folder, objects_folder, view, layers)
            mounts += extra_mounts(read_only)
            if way_out is not None:
                egress = Egress(way_out.hosts, on_request=way_out.on_request, limits=way_out.limits)
                socket_folder = await resources.enter_async_context(egress.open(self.owner))
                mounts.append(Mount(str(socket_folder), FOLDER))
            errand = Errand(
                argv=argv,
                environment=environment_for(environment),
                mounts=mounts,
                working_directory=working_directory,
                limits=limits,
                stdin=stdin,
                files=way_out.files if way_out is not None else {},
                reaches_hosts=way_out is not None,
            )
            finished = await _carried_out(self._isolation, errand, on_output)
            if keep is not None and written is not None:
                await _to_its_end(keep, written)
            return finished


async def _to_its_end(keep: Keeper, written: Written) -> None:
    """Let it look; a cancellation is passed on at the end, since what it looks at goes then."""
    looking = asyncio.ensure_future(asyncio.to_thread(keep, written))
    try:
        await asyncio.shield(looking)
    except asyncio.CancelledError:
        await asyncio.wait([looking])
        raise


async def _carried_out(
    isolation: Isolation, errand: Errand, on_output: Callable[[int], None] | None
) -> Finished:
    """The program's end."""
    with Descriptors() as descriptors:
        launch = isolation.launch(errand, descriptors)
        ended = await supervise(
            launch.command,
            environment=OUTER_ENVIRONMENT,
            limits=errand.limits,
            stdin=descriptors.holding(launch.stdin),
            descriptors=descriptors.numbers,
            held_in_files=launch.held_in_files,
            writable=[mount.written for mount in errand.mounts if mount.written],
            on_output=on_output,
            prepare=launch.prepare,
        )
        launch.afterwards()
        if not ended.killed_for and ended.exit_code >= 0 and not descriptors.program_ended():
            said = ended.output[-2_000:].decode("utf-8", "replace").strip() or "(nothing)"
            raise isolation.did_not_come_up(said)
    # A negative code means that a signal from outside ended the outermost process, and the program with it.
    code = ended.exit_code if ended.exit_code >= 0 else 128 - ended.exit_code
    return Finished(
        None if ended.killed_for else code,
        launch.as_asked(ended.output),
        ended.killed_for,
        ended.duration_s,
        ended.peak_bytes,
        ended.peak_processes,
    )
