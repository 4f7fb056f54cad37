"""The sample repository holds exactly the bug that the demo is about, and the scripted edits mend it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.demo_upkeep import shown_by_repositories
from examples.sample_repository import EXAMPLES as SAMPLES
from examples.sample_repository import (
    SampleRepository,
    git,
    make_release_repository,
    make_sample_repository,
    make_untidy_repository,
)
from perdure.contracts.calls import ToolCall
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.task import TaskStatus
from perdure.llm.scripted.script import load_script
from tools.registry import Registry

RUFF = str(Path(sys.executable).with_name("ruff"))
LEFT_OUT = {"__pycache__", ".pytest_cache"}

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMPLAINT = "tests/test_invoice.py::test_the_lines_carry_the_whole_discount"


@pytest.fixture
def billing(tmp_path: Path) -> Path:
    """The sample's files in a folder of their own."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLES / "billing", tmp_path / "billing", ignore=ignored))


def scripted_edits() -> list[dict[str, Any]]:
    """The arguments of every ``edit_file`` call of the script, in the order in which they are made."""
    script = json.loads((EXAMPLES / "billing.script.json").read_text())
    calls = [call for reply in script["replies"] for call in reply.get("calls", [])]
    return [call["arguments"] for call in calls if call["tool"] == "edit_file"]


def apply(folder: Path, edit: dict[str, Any]) -> None:
    """Make one edit as the tool would: each block must be there exactly once."""
    path = folder / edit["path"]
    text = path.read_text()
    for block in edit["blocks"]:
        assert text.count(block["search"]) == 1, block["search"]
        text = text.replace(block["search"], block["replace"])
    path.write_text(text)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in the folder."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


def failing_tests(folder: Path) -> list[str]:
    """Ids of the sample's tests that fail; there must be some that pass."""
    done = run(folder, "pytest", "-q", "-rf", "-p", "no:cacheprovider")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert " passed" in done.stdout
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]


def test_exactly_the_complaint_fails_before_the_demo(billing: Path) -> None:
    assert failing_tests(billing) == [COMPLAINT]
    assert run(billing, "billing", "check", "invoices/office.json").returncode == 0
    assert run(billing, "billing", "check", "invoices/spring-order.json").returncode == 1


def test_the_wrong_turn_leaves_the_complaint_failing(billing: Path) -> None:
    apply(billing, scripted_edits()[0])
    assert failing_tests(billing) == [COMPLAINT]


def test_everything_passes_after_the_scripted_edits(billing: Path) -> None:
    for edit in scripted_edits():
        apply(billing, edit)
    assert failing_tests(billing) == []
    assert (
        run(billing, "billing", "check", "invoices/spring-order.json", "invoices/office.json").returncode == 0
    )


def test_the_added_tests_would_have_caught_the_bug(billing: Path) -> None:
    apply(billing, scripted_edits()[-1])
    caught = [name for name in failing_tests(billing) if name.startswith("tests/test_money.py::")]
    assert caught


def test_every_scripted_call_is_one_that_the_tools_take() -> None:
    registry = Registry.discover()
    script = load_script(EXAMPLES / "billing.script.json")
    calls = [call for reply in script.replies for call in reply.calls]
    assert len(calls) >= 12
    for index, call in enumerate(calls):
        registry.summarize(ToolCall(index=index, call_id="c", tool=call.tool, arguments=call.arguments))


@pytest.mark.parametrize(
    ("make", "commits"),
    [(make_sample_repository, "4"), (make_untidy_repository, "3"), (make_release_repository, "2")],
)
def test_a_repository_has_a_history_a_remote_and_every_file(
    make: Callable[[Path], SampleRepository], commits: str, tmp_path: Path
) -> None:
    made = make(tmp_path)
    again = make(tmp_path / "again")
    tracked = git(made.path, "ls-files").splitlines()
    folder = SAMPLES / made.path.name
    files = [path for path in folder.rglob("*") if path.is_file() and not LEFT_OUT & {*path.parts}]
    assert sorted(tracked) == sorted(str(path.relative_to(folder)) for path in files)
    assert git(made.path, "status", "--porcelain") == ""
    assert git(made.path, "remote", "get-url", "origin") == str(made.origin)
    assert git(made.origin, "rev-parse", "main") == git(made.path, "rev-parse", "HEAD")
    assert git(made.path, "rev-list", "--count", "main") == commits
    assert git(again.path, "rev-parse", "HEAD") == git(made.path, "rev-parse", "HEAD")


def test_the_untidy_repository_passes_its_tests_and_has_a_removal_that_breaks_them(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    assert run_tests_of(made.path).returncode == 0
    for program in (["check", "--fix", "--no-unsafe-fixes", "--unfixable", "F"], ["format"]):
        subprocess.run([RUFF, *program, "--quiet", "--no-cache", "."], cwd=made.path, check=False)
    assert run_tests_of(made.path).returncode == 0
    subprocess.run([RUFF, "check", "--fix", "--quiet", "--no-cache", "."], cwd=made.path, check=False)
    assert "no carrier takes" in run_tests_of(made.path).stdout


def tidied(made: SampleRepository, change: str = "") -> MaintenanceResult:
    """A branch with one commit on the remote, made in a clone, and the result that tells of it."""
    clone = made.path.parent / "clone"
    git(clone.parent, "clone", "--quiet", str(made.origin), str(clone))
    git(clone, "checkout", "--quiet", "-b", "tidy")
    with (clone / "src/parcels/quotes.py").open("a") as file:
        file.write(change)
    git(clone, "commit", "--quiet", "--all", "--allow-empty", "--message=Tidy")
    git(clone, "push", "--quiet", "origin", "tidy")
    head = git(clone, "rev-parse", "HEAD")
    return MaintenanceResult(
        status=TaskStatus.COMPLETED, summary="Tidied.", branch="tidy", commits=(head,), pushed=True
    )


def verdicts(made: SampleRepository, result: MaintenanceResult) -> dict[str, bool]:
    """What the demo would say of each source; the last word of each."""
    return {fact.source: fact.ok for fact in shown_by_repositories(made, result)}


def test_upkeep_that_went_well_is_shown_by_tests_remote_and_checkout(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    assert verdicts(made, tidied(made)) == {"pytest": True, "remote": True, "checkout": True}


def test_upkeep_that_broke_a_test_is_seen(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    result = tidied(made, "\nquotes = None\n")
    assert verdicts(made, result) == {"pytest": False, "remote": True, "checkout": True}


def test_a_commit_that_the_result_does_not_name_is_seen(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    result = tidied(made).model_copy(update={"commits": ()})
    assert verdicts(made, result) == {"pytest": True, "remote": False, "checkout": True}


def test_a_branch_that_got_out_although_nothing_was_pushed_is_seen(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    result = tidied(made).model_copy(update={"pushed": False})
    assert verdicts(made, result) == {"pytest": True, "remote": False, "checkout": True}


def test_a_checkout_that_somebody_wrote_to_is_seen(tmp_path: Path) -> None:
    made = make_untidy_repository(tmp_path)
    result = tidied(made)
    (made.path / "README.md").write_text("Tidied.\n")
    assert verdicts(made, result) == {"pytest": True, "remote": True, "checkout": False}


def run_tests_of(folder: Path) -> subprocess.CompletedProcess[str]:
    """The project's tests."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
