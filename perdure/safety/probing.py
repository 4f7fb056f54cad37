"""Finds the strongest sandbox that withstands its attacks on this host, and says what each weaker level lacks."""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError, SandboxRefused
from perdure.safety.attacks import LEFT_OPEN_AT_B
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.confinement import Confinement
from perdure.safety.landlock import SCOPES_SINCE, landlock_version
from perdure.safety.namespaces import Namespaces
from perdure.safety.near_root import remove_left_folders
from perdure.safety.owner import Owner
from perdure.safety.probers import prober_for
from perdure.safety.probes import Ground, Report, attacked, marks_of, prepared_ground
from perdure.safety.report import Mark, Outcome, SandboxReport
from perdure.safety.sandbox import Sandbox
from perdure.safety.staging import Staging
from perdure.safety.views import View

LESSER_OWNER = Owner(61_000, 61_000)
"""What root's sandboxed programs run as. No account has it: the range is left free by distributions and systemd."""

ATTEMPTS = 3
"""How often attacks on level B may begin before their not coming to an end speaks against it."""

NO_PROGRAM = "No program runs and nothing is changed here: only files are read."
NO_SANDBOX = (
    "The operator chose to run without a sandbox: programs see and may change whatever the worker's user may, and every "
    "call asks a person."
)


@dataclass(frozen=True)
class _Tried:
    """One level's attempt."""

    level: SandboxLevel
    sandbox: Sandbox | None
    marks: tuple[Mark, ...] = ()
    why_not: str = ""

    @property
    def holds(self) -> bool:
        """Whether no attack worked that the level claims to hold."""
        return not self.why_not


async def probed_sandbox(
    *,
    workspaces: Path | None = None,
    run_as: Owner = LESSER_OWNER,
    max_parallel: int | None = None,
    search_path: str = SYSTEM_PATH,
    without_sandbox: bool = False,
) -> Sandbox:
    """The strongest sandbox that withstood small real attacks; its report says what came of each.

    ``workspaces`` is the folder below which workspaces will lie: the attacks are made on its file system. ``run_as`` is
    whom root becomes; an ordinary user stays who it is. ``without_sandbox`` is the operator's wish for level D.
    """
    folder = workspaces or Path(tempfile.gettempdir())
    if not folder.is_dir():
        raise ConfigurationError(
            f"The folder for workspaces {str(folder)!r} does not exist.", "create it first"
        )
    owner = owner_of(run_as)
    await asyncio.to_thread(remove_left_folders)
    if without_sandbox:
        bare = Confinement(owner, confines=False)
        report = SandboxReport(SandboxLevel.D, (), (NO_SANDBOX,))
        return Sandbox(bare, owner=owner, report=report, max_parallel=max_parallel, scratch="copy")
    begun = time.monotonic()
    async with prepared_ground(folder, owner) as ground:
        outside = asyncio.ensure_future(_without_layers(owner, ground))
        try:
            first = await _namespaces(owner, ground, outside, search_path, max_parallel)
            others = [] if first.holds else [await _confinement(owner, folder, outside, max_parallel)]
            tries = [first, *others]
        finally:
            # The ground is taken away only when nobody is on it.
            await asyncio.gather(outside, return_exceptions=True)
    return _strongest(owner, tries, took_s=time.monotonic() - begun)


def owner_of(lesser: Owner) -> Owner:
    """Whom programs run as: root's become the lesser one, which must not be root; an ordinary user's stay its own."""
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    if lesser.uid == 0 or lesser.gid == 0:
        raise ConfigurationError(
            "The owner of sandboxed programs is root, so the sandbox would not bound them.",
            "choose a uid and gid above 0",
        )
    return lesser


def _strongest(owner: Owner, tries: list[_Tried], *, took_s: float) -> Sandbox:
    """The sandbox of the last try, or none at all, with the report of all."""
    marks = tuple(mark for tried in tries for mark in tried.marks)
    sentences = tuple(tried.why_not for tried in tries if tried.why_not)
    last = tries[-1]
    if last.sandbox is None or not last.holds:
        report = SandboxReport(SandboxLevel.C, marks, (*sentences, NO_PROGRAM), took_s)
        return Sandbox(None, owner=owner, report=report)
    if last.level is SandboxLevel.B:
        sentences = (*sentences, LEFT_OPEN_AT_B)
    last.sandbox.report = SandboxReport(last.level, marks, sentences, took_s)
    return last.sandbox


async def _without_layers(owner: Owner, ground: Ground) -> Report:
    """What the attacks can do where nothing holds them back."""
    report = SandboxReport(SandboxLevel.D)
    bare = Sandbox(Confinement(owner, confines=False, bounds=False), owner=owner, report=report)
    return await attacked(bare, ground.in_the_open(), "control", View.WRITABLE)


async def _namespaces(
    owner: Owner,
    ground: Ground,
    outside: "asyncio.Future[Report]",
    search_path: str,
    max_parallel: int | None,
) -> _Tried:
    """Level A, all views at once."""
    level = SandboxLevel.A
    try:
        bubblewrap = await asyncio.to_thread(Bubblewrap.find, search_path)
        staging = Staging.for_user(uid=os.geteuid(), gid=os.getegid(), lesser=owner)
        isolation = Namespaces(bubblewrap, staging)
        # A throw-away view is also what shows whether overlays can be mounted here at all.
        sandbox = Sandbox(
            isolation,
            owner=owner,
            report=SandboxReport(level),
            max_parallel=max_parallel,
            scratch="overlay" if isolation.mounts_overlays else "copy",
        )
        by_copy = Sandbox(
            isolation, owner=owner, report=sandbox.report, max_parallel=max_parallel, scratch="copy"
        )
        scratch = asyncio.ensure_future(_scratch(sandbox, by_copy, ground))
        kept = {
            view: asyncio.ensure_future(attacked(sandbox, ground, view, view))
            for view in (View.READ_ONLY, View.WRITABLE)
        }
        await asyncio.gather(scratch, *kept.values(), return_exceptions=True)
        sandbox, thrown_away = await scratch
        reports = {view: await attack for view, attack in kept.items()} | {View.SCRATCH: thrown_away}
        return _judged(level, sandbox, reports, await outside)
    except (ConfigurationError, SandboxRefused) as error:
        return _Tried(level, None, why_not=f"Level {level.value} cannot be had: {error}")


async def _scratch(sandbox: Sandbox, by_copy: Sandbox, ground: Ground) -> tuple[Sandbox, Report]:
    """The sandbox whose throw-away view comes up, by an overlay or else by a copy, and what the attacks say of it."""
    try:
        return sandbox, await attacked(sandbox, ground, View.SCRATCH, View.SCRATCH)
    except ConfigurationError:
        return by_copy, await attacked(by_copy, ground, View.SCRATCH, View.SCRATCH)


async def _confinement(
    owner: Owner, folder: Path, outside: "asyncio.Future[Report]", max_parallel: int | None
) -> _Tried:
    """Level B, one view after the other: they share the limit of one user's processes."""
    level = SandboxLevel.B
    version = landlock_version()
    if version == 0:
        return _Tried(level, None, why_not="Level B cannot be had: this kernel does not offer Landlock.")
    isolation = Confinement(owner, signals=version >= SCOPES_SINCE)
    if not isolation.loads_filter:
        return _Tried(level, None, why_not="Level B cannot be had: no filter is known for this processor.")
    sandbox = _unjudged(isolation, max_parallel)
    # An ordinary user's attacks that nothing holds back take up processes of the same user, so they end first.
    await asyncio.wait([outside])
    try:
        async with prober_for(owner) as prober, prepared_ground(folder, prober) as ground:
            probed = _unjudged(replace(isolation, owner=prober), max_parallel)
            reports = {view: await _attacked_at_last(probed, ground, view) for view in View}
        return _judged(level, sandbox, reports, await outside)
    except (ConfigurationError, SandboxRefused) as error:
        return _Tried(level, None, why_not=f"Level {level.value} cannot be had: {error}")


def _unjudged(isolation: Confinement, max_parallel: int | None) -> Sandbox:
    """Level B before it has withstood anything."""
    report = SandboxReport(SandboxLevel.B)
    return Sandbox(isolation, owner=isolation.owner, report=report, max_parallel=max_parallel, scratch="copy")


async def _attacked_at_last(sandbox: Sandbox, ground: Ground, view: View) -> Report:
    """What the attacks say, of the first run that came to its end: other programs of the user may take its processes."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attacked(sandbox, ground, view, view)
        except ConfigurationError:
            continue
    return await attacked(sandbox, ground, view, view)


def _judged(level: SandboxLevel, sandbox: Sandbox, reports: Mapping[View, Report], outside: Report) -> _Tried:
    """Whether the level holds, and what broke."""
    marks = marks_of(level, reports, outside)
    broken = [mark for mark in marks if mark.outcome is Outcome.BROKE and not mark.is_open]
    if not broken:
        return _Tried(level, sandbox, marks)
    said = "; ".join(f"a probe program could {mark.probe}, missing layer: {mark.layer}" for mark in broken)
    return _Tried(level, None, marks, f"Level {level.value} does not hold here: {said}.")
