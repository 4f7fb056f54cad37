"""Whole maintenance runs on the real servers: what is kept, what is taken back, and what is said of the rest."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import ApplicationError

from perdure.contracts.decisions import Approval, Pending
from tests.workflows.conftest import Bench, git, make_repository, numbers, script_of, until

Handle = WorkflowHandle[Any, Any]

TEST = "from money import cents\n\n\ndef test_cents():\n    assert cents(2) == 200\n"
UNTIDY = {
    "conftest.py": "",
    "money.py": "import os\n\n\ndef cents(amount):\n    unused = 1\n    return amount * 100\n",
    "test_money.py": TEST,
}
#: Ruff takes the import away, and with it what the test needs.
TRAP = {
    "conftest.py": "",
    "registry.py": "NAMES = []\n",
    "plugin.py": "import registry\n\nregistry.NAMES.append('plugin')\n",
    "money.py": "import plugin\nimport registry\n\n\ndef known():\n    return registry.NAMES\n",
    "test_money.py": "from money import known\n\n\ndef test_known():\n    assert known() == ['plugin']\n",
}
NO_KEY: dict[str, Any] = {"model_script": None, "groq_base_url": None}


def repository_of(bench: Bench, files: Mapping[str, str]) -> tuple[Path, Path]:
    """A repository with these files, and its remote."""
    return make_repository(bench.folder / f"kept-{next(numbers)}", files)


async def maintain(bench: Bench, repository: Path, **fields: Any) -> Handle:
    """Start a maintenance run."""
    request = {"repository": str(repository), "playbook": "python-hygiene", **fields}
    handle: Handle = await bench.client.start_workflow(
        "MaintenanceRun",
        request,
        id=f"maintain-{next(numbers)}",
        task_queue=bench.settings.task_queue,
    )
    bench.handles.append(handle)
    return handle


async def approval_of(handle: Handle) -> Approval:
    """The pending approval; a run has tests to run before it asks."""

    async def look() -> Approval | None:
        pending = await handle.query("pending", result_type=Pending)
        return next(iter(pending.approvals), None)

    return await until(look, within_s=200)


async def steps_of(handle: Handle) -> list[str]:
    """The activities of a run in their order."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]


async def failure(handle: Handle) -> ApplicationError:
    """The error that a run failed with."""
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def test_a_change_that_the_tests_vouch_for_is_committed_and_the_push_asks(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, remote = repository_of(bench, UNTIDY)
        handle = await maintain(bench, repository)
        approval = await approval_of(handle)
        assert approval.tool == "git_push"
        assert "✓ Remove what nothing uses" in (await bench.card(handle)).replace("\\", "")
        await bench.decide(handle, approval, "approve")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", True)
        commits = git(remote, "log", "--format=%s", f"main..{result['branch']}").splitlines()
        # The file was formatted before the fix took a line away from it, and so it is afterwards.
        assert commits == ["Format with ruff", "Remove what nothing uses"]
        assert "import os" not in git(remote, "show", f"{result['branch']}:money.py")
        assert [(check["name"], check["status"]) for check in result["checks"]] == [
            ("tests before", "passed"),
            ("tests after", "passed"),
            ("ruff", "passed"),
        ]
        assert re.match(r"ruff [\d.]+, the installation's \[exit code 0", result["checks"][-1]["detail"])
        found = {(each["what"].partition(" ")[0], each["fixed"]) for each in result["findings"]}
        assert found == {("F401", True), ("F841", False)}
        assert git(repository, "status", "--porcelain") == ""


async def test_a_ruff_of_the_project_s_own_comes_before_the_installation_s(benches: Any) -> None:
    own = Path(sys.executable).with_name("ruff")
    text = f'#!/bin/sh\n[ "$1" = --version ] && echo "ruff 0.0.1" || exec {own} "$@"\n'
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, remote = repository_of(bench, {**UNTIDY, ".venv/bin/ruff": text})
        (repository / ".venv/bin/ruff").chmod(0o755)
        git(repository, "commit", "--all", "--quiet", "--message", "Can be run")
        git(repository, "push", "--quiet", "origin", "main")
        handle = await maintain(bench, repository)
        await bench.decide(handle, await approval_of(handle), "approve")
        result = await handle.result()
        assert result["checks"][-1]["detail"].startswith("ruff 0.0.1, the project's own [exit code 0")
        assert "import os" not in git(remote, "show", f"{result['branch']}:money.py")


async def test_a_fix_that_breaks_a_test_is_taken_back_and_the_test_named(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, remote = repository_of(bench, TRAP)
        handle = await maintain(bench, repository)
        result = await handle.result()
        assert (result["status"], result["commits"], result["pushed"]) == ("completed", [], False)
        why = {each["what"]: each["why"] for each in result["withheld"]}["Remove what nothing uses"]
        assert "test_money.py::test_known" in why
        assert why.endswith("It was taken back.")
        assert git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads") == "main"


async def test_without_tests_that_pass_only_what_needs_none_is_kept(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, {"money.py": UNTIDY["money.py"]})
        result = await (await maintain(bench, repository)).result()
        assert (result["status"], result["commits"]) == ("completed", [])
        withheld = {each["what"]: each["why"] for each in result["withheld"]}
        assert "No test passed before" in withheld["Apply ruff's safe fixes"]
        assert "No test passed before" in withheld["Remove what nothing uses"]
        assert {each["what"].partition(" ")[0] for each in result["findings"]} == {"F401", "F841"}


async def test_an_unknown_playbook_lists_those_there_are(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, UNTIDY)
        error = await failure(await maintain(bench, repository, playbook="rust-hygiene"))
        assert error.type == "InvalidInput"
        assert "javascript-hygiene, python-hygiene" in error.message
        assert error.details[0]["status"] == "failed"


async def test_a_denied_push_completes_and_says_why(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, UNTIDY)
        handle = await maintain(bench, repository)
        await bench.decide(handle, await approval_of(handle), "deny", reason="not on a Friday")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", False)
        assert "not on a Friday" in result["withheld"][-1]["why"]


async def test_a_scheduled_run_ends_at_the_precheck_where_nothing_changed(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, {"money.py": "def cents(amount):\n    return amount * 100\n"})
        identity = f"upkeep-{next(numbers)}"
        action = ScheduleActionStartWorkflow(
            "MaintenanceRun",
            {"repository": str(repository), "playbook": "python-hygiene"},
            id=identity,
            task_queue=bench.settings.task_queue,
        )
        schedule = await bench.client.create_schedule(identity, Schedule(action=action, spec=ScheduleSpec()))
        try:
            statuses: list[str] = []
            for runs in (1, 2):
                await schedule.trigger()

                async def ran(wanted: int = runs) -> str | None:
                    actions = (await schedule.describe()).info.recent_actions
                    if len(actions) < wanted:
                        return None
                    started = actions[-1].action
                    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
                    return started.workflow_id

                handle: Handle = bench.client.get_workflow_handle(await until(ran))
                bench.handles.append(handle)
                statuses.append((await handle.result())["status"])
            assert statuses == ["completed", "unchanged"]
            assert await steps_of(bench.handles[-1]) == ["open_maintenance", "close_task"]
            copies = list((bench.folder / "home" / "workspaces").glob("*/workspace.json"))
            assert len(copies) == 1
        finally:
            await schedule.delete()


NODE_PROJECT = {
    "package.json": '{ "name": "money", "type": "module", "devDependencies": { "prettier": "3.6.2" } }\n',
    ".gitignore": "node_modules\n",
    "money.js": "export function cents(amount) {\n      return amount * 100\n}\n",
    "money.test.js": (
        'import test from "node:test";\nimport assert from "node:assert";\nimport { cents } from "./money.js";\n\n'
        'test("cents", () => {\n  assert.equal(cents(2), 200);\n});\n'
    ),
}


async def test_a_projects_own_prettier_is_installed_and_used_and_missing_eslint_said(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, remote = repository_of(bench, NODE_PROJECT)
        handle = await maintain(bench, repository, playbook="javascript-hygiene")
        approval = await approval_of(handle)
        await bench.decide(handle, approval, "approve")
        result = await handle.result()
        assert "  return amount * 100;" in git(remote, "show", f"{result['branch']}:money.js")
        assert "node_modules" not in git(remote, "ls-tree", "-r", "--name-only", result["branch"])
        withheld = {each["what"]: each["why"] for each in result["withheld"]}
        assert withheld["Apply ESLint's fixes"] == "The project does not depend on ESLint."
