"""Level A: bubblewrap with a minimal root, namespaces for everything, and a system call filter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import TEMPORARY, Bubblewrap, bounded, isolation, mounted
from perdure.safety.descriptors import Descriptors
from perdure.safety.environment import WORKSPACE
from perdure.safety.isolation import Errand, Launch
from perdure.safety.owner import Owner
from perdure.safety.process_tree import file_system_bytes
from perdure.safety.staging import Staged, Staging
from perdure.safety.system_calls import system_call_filter
from perdure.safety.views import SandboxLimits


@dataclass(frozen=True)
class Namespaces:
    """Programs in namespaces of their own."""

    bubblewrap: Bubblewrap
    staging: Staging
    filter: bytes | None = field(default_factory=system_call_filter)

    @property
    def owner(self) -> Owner:
        """Uid and gid of its programs."""
        return self.staging.owner

    @property
    def loads_filter(self) -> bool:
        """Whether a filter is known for this machine's architecture."""
        return self.filter is not None

    @property
    def mounts_overlays(self) -> bool:
        """Whether bubblewrap knows how to."""
        return self.bubblewrap.has_overlays

    def launch(self, errand: Errand, descriptors: Descriptors) -> Launch:
        """Bubblewrap's command line."""
        staged = self.staging.staged(self.bubblewrap, errand.mounts)
        program = bounded(
            errand.limits, errand.argv, errand.environment, working_directory=errand.working_directory
        )
        command = self._command(staged, errand.limits, descriptors, descriptors.files(errand.files)) + program
        workspace = errand.mounts[0]
        in_memory = workspace.overlay and not workspace.upper
        backed = (*TEMPORARY, WORKSPACE) if in_memory else TEMPORARY

        def held_in_files(tree: Sequence[int]) -> int:
            # A first process with a child has its own root; before that it may still see the host's file systems.
            return sum(file_system_bytes(tree[0], path) for path in backed) if len(tree) > 1 else 0

        return Launch(command, errand.stdin, prepare=staged.prepare, held_in_files=held_in_files)

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
        if self.filter is not None:
            command += ["--seccomp", str(descriptors.passing(self.filter))]
        return [*command, "--json-status-fd", str(descriptors.status), "--"]

    def did_not_come_up(self, said: str) -> ConfigurationError:
        """The error for a sandbox whose program never started, with bubblewrap's own words."""
        return ConfigurationError(
            f"The sandbox could not be set up, so the program did not run. The set-up said: {said!r}",
            "unprivileged user namespaces must be allowed: see `sysctl user.max_user_namespaces`, "
            "`sysctl kernel.unprivileged_userns_clone` and `sysctl kernel.apparmor_restrict_unprivileged_userns`, "
            "and in a container its seccomp and AppArmor profiles and masked paths (docs/server.md); a worker that runs as root also needs bubblewrap's program "
            "and libraries to be readable by everybody",
        )
