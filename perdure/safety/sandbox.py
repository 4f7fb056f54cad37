"""The sandbox: a program sees a minimal root and one view of the workspace, has no network, and ends whole.

A run may be given a way out to named package hosts; even then its network namespace has nothing but its own loopback.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import SYSTEM_PATH, TEMPORARY, Bubblewrap, bounded, isolation, mounted
from perdure.safety.commands import check_command
from perdure.safety.descriptors import Descriptors
from perdure.safety.egress import Egress
from perdure.safety.environment import WORKSPACE, environment_for
from perdure.safety.mounts import Mount, extra_mounts, workspace_mounts
from perdure.safety.near_root import remove_left_folders
from perdure.safety.probes import prepared_ground, withstands
from perdure.safety.scratch import copied
from perdure.safety.staging import Owner, Staged, Staging
from perdure.safety.supervision import supervise
from perdure.safety.system_calls import system_call_filter
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import FOLDER, WayOut, bare_interpreter, forwarded

__all__ = ["Finished", "Owner", "Sandbox", "SandboxLimits", "View", "environment_for"]

LESSER_OWNER = Owner(61_000, 61_000)
"""What root's sandboxed programs run as. No account has it: the range is left free by distributions and systemd."""

OUTER_ENVIRONMENT: Mapping[str, str] = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
"""All that bubblewrap itself gets: what it has could be read inside."""


class Sandbox:
    """Runs programs isolated. :meth:`probe` makes one after it has tried to break out of it."""

    def __init__(
        self,
        *,
        bubblewrap: Bubblewrap,
        staging: Staging,
        max_parallel: int | None = None,
        scratch: Literal["overlay", "copy"] = "overlay",
    ) -> None:
        self._bubblewrap = bubblewrap
        self._staging = staging
        self._scratch = scratch
        self._filter = system_call_filter()
        self._places = asyncio.Semaphore(max_parallel or os.cpu_count() or 1)

    @property
    def level(self) -> str:
        """The layers that were probed, for approvals and results."""
        layers = ["bubblewrap"]
        if self._filter is not None:
            layers.append("system call filter")
        if self._scratch == "copy":
            layers.append("scratch views by copy")
        return ", ".join(layers)

    @property
    def filters_system_calls(self) -> bool:
        """Whether a system call filter is known for this machine's architecture."""
        return self._filter is not None

    @property
    def owner(self) -> Owner:
        """Uid and gid of sandboxed programs: files they shall change must belong to it."""
        return self._staging.owner

    @classmethod
    async def probe(
        cls,
        *,
        workspaces: Path | None = None,
        run_as: Owner = LESSER_OWNER,
        max_parallel: int | None = None,
        search_path: str = SYSTEM_PATH,
    ) -> "Sandbox":
        """A sandbox that withstood small real attacks; ConfigurationError naming the missing layer when it did not.

        ``workspaces`` is the folder below which workspaces will lie: the attacks are made on its file system.
        ``run_as`` is whom root becomes; an ordinary user stays who it is.
        """
        bubblewrap = await asyncio.to_thread(Bubblewrap.find, search_path)
        staging = Staging.for_user(uid=os.geteuid(), gid=os.getegid(), lesser=run_as)
        folder = workspaces or Path(tempfile.gettempdir())
        if not folder.is_dir():
            raise ConfigurationError(
                f"The folder for workspaces {str(folder)!r} does not exist.", "create it first"
            )
        await asyncio.to_thread(remove_left_folders)
        sandbox = cls(bubblewrap=bubblewrap, staging=staging, max_parallel=max_parallel)
        async with prepared_ground(folder, staging.owner) as ground:
            await withstands(sandbox, ground, View.READ_ONLY)
            if not (bubblewrap.has_overlays and await sandbox._mounts_overlay(ground.tree)):
                sandbox = cls(
                    bubblewrap=bubblewrap, staging=staging, max_parallel=max_parallel, scratch="copy"
                )
            await withstands(sandbox, ground, View.SCRATCH)
            await withstands(sandbox, ground, View.WRITABLE)
        return sandbox

    async def _mounts_overlay(self, root: Path) -> bool:
        """Whether a throw-away overlay over this folder comes up; asked of a sandbox whose other views do."""
        try:
            finished = await self.run(["true"], root=root, view=View.SCRATCH, limits=SandboxLimits())
        except ConfigurationError:
            return False
        return finished.exit_code == 0

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
    ) -> Finished:
        """Run a program in the workspace at ``root`` and wait for its end; nothing of it is left afterwards.

        The program sees ``root`` at /workspace, ``git_folder`` read-only at /workspace/.git and the extra
        ``read_only`` folders at their own paths. It waits for a free place first; that does not count as its time.
        ``way_out`` lets it reach package hosts. ``on_output`` is told the number of bytes written so far. Cancellation
        kills the whole tree, then goes on.
        """
        check_command(argv, root, working_directory)
        if way_out is not None:
            argv, environment = forwarded(argv), {**environment, **way_out.environment}
            read_only = [*read_only, bare_interpreter()[1]]
        program = bounded(limits, argv, environment_for(environment), working_directory=working_directory)
        async with self._places, contextlib.AsyncExitStack() as resources:
            if view is View.SCRATCH and self._scratch == "copy":
                root, view = await resources.enter_async_context(copied(root)), View.WRITABLE
            mounts = workspace_mounts(root, git_folder, objects_folder, view) + extra_mounts(read_only)
            if way_out is not None:
                egress = Egress(way_out.hosts, on_request=way_out.on_request, limits=way_out.limits)
                socket_folder = await resources.enter_async_context(egress.open(self.owner))
                mounts.append(Mount(str(socket_folder), FOLDER))
            descriptors = resources.enter_context(Descriptors())
            files = descriptors.files(way_out.files) if way_out is not None else {}
            staged = self._staging.staged(self._bubblewrap, mounts)
            ended = await supervise(
                self._command(staged, limits, descriptors, files) + program,
                environment=OUTER_ENVIRONMENT,
                limits=limits,
                stdin=descriptors.holding(stdin),
                descriptors=descriptors.numbers,
                memory_backed=[*TEMPORARY, WORKSPACE] if view is View.SCRATCH else TEMPORARY,
                on_output=on_output,
                prepare=staged.prepare,
            )
            if not ended.killed_for and ended.exit_code >= 0 and not descriptors.program_ended():
                raise _did_not_come_up(ended.output)
        # A negative code means that a signal from outside ended bubblewrap, and the program with it.
        code = ended.exit_code if ended.exit_code >= 0 else 128 - ended.exit_code
        return Finished(
            None if ended.killed_for else code,
            ended.output,
            ended.killed_for,
            ended.duration_s,
            ended.peak_bytes,
        )

    def _command(
        self,
        staged: Staged,
        limits: SandboxLimits,
        descriptors: Descriptors,
        files: Mapping[str, int],
    ) -> list[str]:
        """The command line up to the program."""
        command = [*staged.before, staged.program]
        command += isolation(limits, {**descriptors.identity_files(self.owner), **files})
        command += mounted(staged.mounts)
        if self._filter is not None:
            command += ["--seccomp", str(descriptors.passing(self._filter))]
        return [*command, "--json-status-fd", str(descriptors.status), "--"]


def _did_not_come_up(output: bytes) -> ConfigurationError:
    """The error for a sandbox whose program never started, with bubblewrap's own words."""
    said = output[-2_000:].decode("utf-8", "replace").strip() or "(nothing)"
    return ConfigurationError(
        f"The sandbox could not be set up, so the program did not run. The set-up said: {said!r}",
        "unprivileged user namespaces must be allowed: see `sysctl user.max_user_namespaces`, "
        "`sysctl kernel.unprivileged_userns_clone` and `sysctl kernel.apparmor_restrict_unprivileged_userns`, "
        "and in a container its seccomp and AppArmor profiles and masked paths (docs/server.md); a worker that runs as root also needs bubblewrap's program "
        "and libraries to be readable by everybody",
    )
