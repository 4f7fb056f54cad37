"""Runs of one proof share a process that has loaded pytest, and nothing else."""

from tests.tools.conftest import Bench
from tools.proving.proof_runs import ProofRun, proof_runs
from tools.test_frameworks.commands import Unable
from tools.test_frameworks.python_tests import PythonTests

PLACE = "tests/test_it.py"
LOOKS = """\
import os, pathlib
from app import money


def test_sees_nothing_of_another_run():
    assert not hasattr(os, "left") and not hasattr(money, "left")
    assert not pathlib.Path("/tmp/left/file").exists() and not pathlib.Path("app/left.txt").exists()
    assert money.total([1, 2]) == 3
"""
LEAVES = """

def test_leaves_something():
    os.left = money.left = True
    pathlib.Path("/tmp/left").mkdir()
    pathlib.Path("/tmp/left/file").write_text("x")
"""
WRITES = LEAVES + '    pathlib.Path("app/left.txt").write_text("x")\n'
STARTS = (
    LEAVES
    + '    import subprocess\n\n    subprocess.run(["sh", "-c", "echo x > app/left.txt"], check=True)\n'
)
NEVER_ENDS = "\n\ndef test_never_ends():\n    while True:\n        pass\n"
ENDS_ALL = "\n\ndef test_ends_all():\n    os.kill(os.getppid(), 9)\n"


async def run(bench: Bench, *texts: str, cpu_s: int = 0) -> list[ProofRun]:
    command = await PythonTests(bench.context).command_for_new(PLACE)
    assert not isinstance(command, Unable)
    return await proof_runs(bench.context, command, [{PLACE: text} for text in texts], time_s=60, cpu_s=cpu_s)


async def test_no_run_sees_anything_of_the_one_before_whatever_that_did(bench: Bench) -> None:
    broken = "def total(prices):\n    return 4\n"
    command = await PythonTests(bench.context).command_for_new(PLACE)
    assert not isinstance(command, Unable)
    texts = [LOOKS, LOOKS + LEAVES, LOOKS, LOOKS + WRITES, LOOKS, LOOKS + STARTS, LOOKS]
    jobs = [{PLACE: text} for text in texts]
    jobs[2]["app/money.py"] = broken
    runs = await proof_runs(bench.context, command, jobs, time_s=60)
    sees = [run.cases[f"{PLACE}::test_sees_nothing_of_another_run"] for run in runs]
    assert [each.outcome for each in sees] == ["passed", "passed", "failed", *["passed"] * 4]
    assert sees[2].asserted
    assert "assert 4 == 3" in sees[2].detail
    assert [run.written for run in runs] == [(), (), (), ("app/left.txt",), (), (), ()]


async def test_a_run_that_never_ends_or_ends_all_costs_no_other_run(bench: Bench) -> None:
    runs = await run(bench, LOOKS, LOOKS + NEVER_ENDS, LOOKS, LOOKS + ENDS_ALL, LOOKS, cpu_s=2)
    assert [run.of("passed") != [] for run in runs] == [True, False, True, False, True]
    assert runs[1].ended == "ended by signal 24"
    assert "SIGKILL" in runs[3].ended


async def test_a_plugin_that_is_what_is_tested_is_loaded_anew_for_each_run(bench: Bench) -> None:
    bench.put("pytest.ini", "[pytest]\naddopts = -p app.money\n")
    command = await PythonTests(bench.context).command_for_new(PLACE)
    assert not isinstance(command, Unable)
    jobs = [{PLACE: LOOKS}, {PLACE: LOOKS, "app/money.py": "def total(prices):\n    return 4\n"}]
    runs = await proof_runs(bench.context, command, jobs, time_s=60)
    assert [len(run.of("passed")) for run in runs] == [1, 0]
