"""Runs a call's one writing program in a throw-away view of the workspace, and later does what it did there instead of it."""

from dataclasses import dataclass, field

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError, NoLongerApproved, SandboxRefused
from perdure.safety.sandbox import Sandbox
from perdure.safety.scratch import Written
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.workspace.applying import apply_delta
from perdure.workspace.deltas import Delta
from perdure.workspace.working_copy import WorkingCopy
from perdure.workspace.written_delta import Changes, NotUsable, changes_in
from tools.running.errands import Errand

ACROSS_LAYERS = (b"ross-device link", b"EXDEV", b"Errno 18]")
"""What programs say of a folder that an overlay cannot rename: it lies in the layer below, and is not copied up."""

NO_SANDBOX = "this host runs programs without a sandbox, so that nothing holds back what they change"


@dataclass
class Rehearsing:
    """The program in a throw-away view; ``delta`` is what it did there, ``why_not`` why that does not count."""

    copy: WorkingCopy
    sandbox: Sandbox
    tree: str
    """The raw tree of the files before."""
    delta: Delta | None = None
    why_not: str = ""
    limits: SandboxLimits | None = None
    """Those of the program that ran."""
    _found: list[Changes] = field(default_factory=list[Changes])

    async def run(self, errand: Errand) -> Finished:
        """See ``RunsAhead``."""
        if self.delta is not None or self.why_not:
            self.delta, self.why_not = None, "it is more than one program"
            return Finished(None, b"", "cancelled", 0.0)
        if self.sandbox.level is SandboxLevel.D:
            self.why_not = NO_SANDBOX
            return Finished(None, b"", "cancelled", 0.0)
        self.limits = errand.limits
        try:
            finished = await self._in_some_view(errand)
        except SandboxRefused as error:
            self.why_not = error.message.rstrip(".")
            raise
        if not self.why_not:
            changes, contents = self._found[-1]
            self.delta = Delta(errand.digest, self.tree, finished, changes, contents)
        return finished

    async def _in_some_view(self, errand: Errand) -> Finished:
        """In an overlay; in a copy where none can be mounted here, or where the program needs what overlays lack."""
        try:
            finished = await self._in_view(errand, by_copy=False)
        except ConfigurationError:
            return await self._in_view(errand, by_copy=True)
        if finished.exit_code and any(words in finished.output for words in ACROSS_LAYERS):
            self.why_not = ""
            finished = await self._in_view(errand, by_copy=True)
        return finished

    async def _in_view(self, errand: Errand, *, by_copy: bool) -> Finished:
        return await self.sandbox.run(
            errand.argv,
            root=self.copy.root,
            git_folder=self.copy.mounted_git_folder,
            objects_folder=self.copy.mounted_objects_folder,
            working_directory=errand.working_directory,
            view=View.SCRATCH,
            limits=errand.limits,
            environment=errand.environment,
            read_only=errand.read_only,
            stdin=errand.stdin,
            keep=self._look,
            by_copy=by_copy,
        )

    def _look(self, written: Written) -> None:
        try:
            self._found.append(changes_in(written))
        except NotUsable as error:
            self.why_not = str(error)


@dataclass
class Recorded:
    """What the program did in the throw-away view, done to the workspace: it is not run again."""

    copy: WorkingCopy
    delta: Delta
    begun: bool = False

    async def run(self, errand: Errand) -> Finished:
        """See ``RunsAhead``."""
        if errand.digest != self.delta.errand or self.begun:
            raise NoLongerApproved("what would run is another program than the one that was run ahead")
        self.begun = True
        await apply_delta(self.copy, self.delta)
        return self.delta.finished
