"""Each level for real: under a filter like a strict container's the sandbox falls, says so, and refuses what it must."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.contracts.calls import Effect, SandboxLevel, Verdict
from perdure.contracts.errors import SandboxRefused
from perdure.contracts.judging import Judgement
from perdure.safety.demanded_level import held_to_level
from perdure.safety.probing import LESSER_OWNER, owner_of, probed_sandbox
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox, View
from tests.safety.ground import LIMITS, Ground

PROJECT = Path(perdure.__file__).parents[1]
OUTER = Path(__file__).with_name("outer_filter.py")


def doctor_under(absent: str, home: Path) -> tuple[dict[str, Any], str]:
    """What doctor finds of the sandbox where something is absent: as JSON, and as people read it."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PERDURE_")},
        "PERDURE_HOME": str(home),
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
    }
    said = [
        subprocess.run(
            [sys.executable, OUTER, absent, sys.executable, PROJECT / "starter.py", "doctor", *options],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for options in (["--json"], [])
    ]
    findings = json.loads(said[0])["findings"]
    return next(each for each in findings if each["name"] == "sandbox"), said[1]


def test_without_namespaces_doctor_says_level_b_and_shows_each_layer_and_probe(tmp_path: Path) -> None:
    found, shown = doctor_under("namespaces", tmp_path)
    assert (found["state"], found["detail"].startswith("level B")) == ("warning", True)
    assert "Level A cannot be had" in found["hint"]
    assert "At level B a program can still" in found["hint"]
    header, *rows = found["table"]
    assert header == ["level", "layer", "probe", "outcome"]
    b = {(layer, probe): outcome for level, layer, probe, outcome in rows if level == "B"}
    assert b["Landlock's rules for files", "read a file outside the workspace"] == "held"
    assert b["nothing", "change the mode of a file outside the workspace"] == "broke"
    broke = [each for each, outcome in b.items() if outcome == "broke"]
    assert broke == [("nothing", "change the mode of a file outside the workspace")]
    for layer, probe in b:
        assert any(layer in line and probe in line for line in shown.splitlines())


def test_without_landlock_too_doctor_says_level_c_and_that_nothing_runs(tmp_path: Path) -> None:
    found, shown = doctor_under("namespaces,landlock", tmp_path)
    assert (found["state"], found["detail"].startswith("level C")) == ("failed", True)
    assert "Level B cannot be had: this kernel does not offer Landlock." in found["hint"]
    assert "No program runs and nothing is changed here" in shown


async def test_at_level_c_no_program_runs_and_the_refusal_says_why(ground: Ground) -> None:
    report = SandboxReport(
        SandboxLevel.C, (), ("Level B cannot be had: this kernel does not offer Landlock.",)
    )
    sandbox = Sandbox(None, owner=ground.sandbox.owner, report=report)
    with pytest.raises(
        SandboxRefused, match=r"No program can run on this host: Level B cannot be had.*hint: read"
    ):
        await sandbox.run(["true"], root=ground.root, view=View.READ_ONLY, limits=LIMITS)


async def test_level_d_is_only_had_by_name_bounds_programs_and_leaves_nothing(tmp_path: Path) -> None:
    sandbox = await probed_sandbox(without_sandbox=True)
    assert sandbox.level is SandboxLevel.D
    assert "The operator chose to run without a sandbox" in sandbox.report.sentences[0]
    ground = Ground.make(sandbox, tmp_path)
    finished = await ground.shell("cat /proc/1/comm; cat /workspace/file.txt; ulimit -n; id -u")
    assert finished.output.decode().split("\n")[1:] == [
        "original",
        str(LIMITS.open_files),
        str(owner_of(LESSER_OWNER).uid),
        "",
    ]


@pytest.mark.parametrize(
    ("level", "effect", "verdict", "least", "expected"),
    [
        (SandboxLevel.A, Effect.RUN_WRITING, Verdict.ALLOW, None, Verdict.ALLOW),
        (SandboxLevel.A, Effect.RUN, Verdict.BOUNDED, SandboxLevel.A, Verdict.BOUNDED),
        (SandboxLevel.B, Effect.WRITE, Verdict.ALLOW, None, Verdict.ALLOW),
        (SandboxLevel.B, Effect.RUN, Verdict.BOUNDED, SandboxLevel.A, Verdict.DENY),
        (SandboxLevel.C, Effect.READ, Verdict.ALLOW, None, Verdict.ALLOW),
        (SandboxLevel.C, Effect.READ, Verdict.ALLOW, SandboxLevel.B, Verdict.DENY),
        (SandboxLevel.C, Effect.WRITE, Verdict.ALLOW, None, Verdict.DENY),
        (SandboxLevel.C, Effect.PUBLISH, Verdict.ASK, None, Verdict.DENY),
        (SandboxLevel.D, Effect.READ, Verdict.ALLOW, None, Verdict.ASK),
        (SandboxLevel.D, Effect.RUN_WRITING, Verdict.ASK, SandboxLevel.B, Verdict.ASK),
        (SandboxLevel.D, Effect.RUN_WRITING, Verdict.ASK, SandboxLevel.A, Verdict.DENY),
        (SandboxLevel.D, Effect.RUN, Verdict.DENY, None, Verdict.DENY),
    ],
)
def test_a_level_below_what_is_demanded_refuses_and_no_sandbox_asks(
    level: SandboxLevel, effect: Effect, verdict: Verdict, least: SandboxLevel | None, expected: Verdict
) -> None:
    judged = held_to_level(Judgement(verdict, "rule: Why.", ("rule",), least_sandbox=least), effect, level)
    assert judged.verdict is expected
    changed = level is SandboxLevel.D or expected is not verdict
    assert (judged.rules[0] == "sandbox-level") is (changed and verdict is not Verdict.DENY)
    if expected is Verdict.DENY and verdict is not Verdict.DENY:
        assert f"this host has level {level.value}" in judged.reason
