"""The sandbox: a program sees a minimal root and one view of the workspace, has no network, and ends whole."""

import asyncio
import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from perdure.contracts.errors import ConfigurationError, InvalidInput, ToolRejected
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap, bounded, isolation, mounted
from perdure.safety.descriptors import Descriptors
from perdure.safety.environment import environment_for
from perdure.safety.mounts import Mount, extra_mounts, workspace_mounts
from perdure.safety.probes import overlay_works, withstand_attacks
from perdure.safety.scratch import copied
from perdure.safety.staging import Owner, Staging
from perdure.safety.supervision import supervise
from perdure.safety.system_calls import system_call_filter
from perdure.safety.views import Finished, SandboxLimits, View

__all__ = ["Finished", "Owner", "Sandbox", "SandboxLimits", "View", "environment_for"]

LESSER_OWNER = Owner(61_000, 61_000)
"""What root's sandboxed programs run as. No account has it: the range is left free by distributions and systemd."""

OUTER_ENVIRONMENT: Mapping[str, str] = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
"""All that bubblewrap itself gets: what it has could be read inside."""

LONGEST_ARGUMENT = 128 * 1024 - 1
"""Linux's own limit of one argument."""


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
        sandbox = cls(bubblewrap=bubblewrap, staging=staging, max_parallel=max_parallel)
        if not (bubblewrap.has_overlays and await overlay_works(sandbox, folder)):
            sandbox = cls(bubblewrap=bubblewrap, staging=staging, max_parallel=max_parallel, scratch="copy")
        await withstand_attacks(sandbox, folder)
        return sandbox

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
        on_output: Callable[[int], None] | None = None,
    ) -> Finished:
        """Run a program in the workspace at ``root`` and wait for its end; nothing of it is left afterwards.

        The program sees ``root`` at /workspace, ``git_folder`` read-only at /workspace/.git and the extra
        ``read_only`` folders at their own paths. It waits for a free place first; that does not count as its time.
        ``on_output`` is told the number of bytes written so far. Cancellation kills the whole tree, then goes on.
        """
        _check_arguments(argv, root, working_directory)
        variables = environment_for(environment)
        async with self._places, contextlib.AsyncExitStack() as resources:
            seen_root, seen_view = root, view
            if view is View.SCRATCH and self._scratch == "copy":
                seen_root, seen_view = await resources.enter_async_context(copied(root)), View.WRITABLE
            mounts = workspace_mounts(seen_root, git_folder, objects_folder, seen_view) + extra_mounts(read_only)
            descriptors = resources.enter_context(Descriptors())
            staged = self._staging.staged(self._bubblewrap, mounts)
            arguments = [*isolation(limits, descriptors.identity_files(self.owner)), *mounted(staged.mounts)]
            for name, value in variables.items():
                arguments += ["--setenv", name, value]
            if self._filter is not None:
                arguments += ["--seccomp", str(descriptors.passing(self._filter))]
            arguments += ["--json-status-fd", str(descriptors.status), "--"]
            arguments += bounded(limits, argv, working_directory=working_directory)
            try:
                ended = await supervise(
                    [*staged.before, staged.program, *arguments],
                    environment=OUTER_ENVIRONMENT,
                    limits=limits,
                    stdin=descriptors.holding(stdin),
                    descriptors=descriptors.numbers,
                    throw_away_files="/workspace" if seen_view is View.SCRATCH else None,
                    on_output=on_output,
                )
            except OSError as error:
                if error.errno != errno.E2BIG:
                    raise
                raise ToolRejected("The command is too long for the operating system.", "pass the data in a file") from error
            if not ended.killed_for and not descriptors.program_ended():
                raise _did_not_come_up(ended.output)
            exit_code = None if ended.killed_for else ended.exit_code
            return Finished(exit_code, ended.output, ended.killed_for, ended.duration_s)


def _check_arguments(argv: Sequence[str], root: Path, working_directory: str) -> None:
    """Refuse what cannot be started, before a place is taken."""
    if not argv or not argv[0]:
        raise ToolRejected("The command is empty.", "send the program and its arguments")
    for number, argument in enumerate(argv):
        if "\0" in argument or len(os.fsencode(argument)) > LONGEST_ARGUMENT:
            raise ToolRejected(
                f"Argument {number} of the command holds a NUL or is longer than {LONGEST_ARGUMENT} bytes.",
                "pass the data in a file",
            )
    relative = PurePosixPath(working_directory)
    if relative.is_absolute() or ".." in relative.parts or "\0" in working_directory:
        raise InvalidInput(
            f"The working directory {working_directory!r} is not inside the workspace.",
            "name a folder relative to the workspace's root, such as 'src'",
        )
    if not (root / relative).is_dir():
        raise ToolRejected(
            f"There is no folder {working_directory!r} in the workspace.", "name an existing folder, or '.' for the root"
        )


def _did_not_come_up(output: bytes) -> ConfigurationError:
    """The error for a sandbox whose program never started, with bubblewrap's own words."""
    said = output[-2_000:].decode("utf-8", "replace").strip() or "(nothing)"
    return ConfigurationError(
        f"The sandbox could not be set up, so the program did not run. The set-up said: {said!r}",
        "unprivileged user namespaces must be allowed: see `sysctl user.max_user_namespaces`, "
        "`sysctl kernel.unprivileged_userns_clone` and `sysctl kernel.apparmor_restrict_unprivileged_userns`, "
        "and the seccomp profile of the container, if any",
    )
