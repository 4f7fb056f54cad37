"""The workflow can be loaded in the SDK's sandbox, although the worker does without it: nothing there is forbidden."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError, SandboxedWorkflowRunner

import workflows
from workflows.coding_task import CodingTask
from workflows.grants import GrantsRun
from workflows.maintenance_run import MaintenanceRun
from workflows.sweep import SweepRun
from workflows.task_lookup import TaskLookup

CAREFUL = """
from temporalio import workflow

@workflow.defn
class Careful:
    @workflow.run
    async def run(self) -> str:
        return "done"
"""


def prepare(kind: type[Any]) -> None:
    """Load the workflow in the sandbox, as a worker with it does before it polls."""
    # The SDK has no public way to ask for this alone.
    definition = workflow._Definition.must_from_class(kind)  # pyright: ignore[reportPrivateUsage]
    SandboxedWorkflowRunner().prepare_workflow(definition)


@pytest.mark.parametrize("kind", [CodingTask, MaintenanceRun, TaskLookup, SweepRun, GrantsRun])
async def test_the_workflow_loads_in_the_sandbox(kind: type[Any]) -> None:
    prepare(kind)


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("", True),
        ("import random; LUCK = random.random()", False),
        ("from datetime import datetime; NOW = datetime.now()", False),
    ],
)
async def test_the_sandbox_refuses_what_is_not_deterministic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, *, allowed: bool
) -> None:
    # pytest leaves the parameter untyped.
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType]
    name = f"careful_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(CAREFUL + line)
    careful: type[Any] = importlib.import_module(name).Careful
    if allowed:
        prepare(careful)
        return
    with pytest.raises(RestrictedWorkflowAccessError):
        prepare(careful)


def modules() -> list[ModuleType]:
    """Every workflow file."""
    return [
        importlib.import_module(f"workflows.{each.name}") for each in pkgutil.iter_modules(workflows.__path__)
    ]


def test_no_workflow_file_holds_state_that_could_change() -> None:
    changeable = {
        f"{module.__name__}.{name}"
        for module in modules()
        for name, value in vars(module).items()
        # A name in capitals is a constant by convention.
        if isinstance(value, list | dict | set | bytearray) and not name.strip("_").isupper()
        if not name.startswith("__")
    }
    assert len(modules()) > 5
    assert changeable == set()
