"""Shapes that were once stored are still read: a specimen of each version stays here for ever."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from perdure.contracts import steps
from perdure.contracts.continuation import ContinuedTask
from perdure.contracts.durable import Durable
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.steps import Decided, Executed, OpenedTask, Previewed
from perdure.contracts.task import TaskRequest, TaskResult
from perdure.contracts.transcript import Entry
from perdure.contracts.upkeep import (
    ChangeMeasured,
    ConditionsSeen,
    OpenedMaintenance,
    ReportRead,
    Vouched,
)
from perdure.contracts.workspace import Checkpoint, Workspace

FOLDER = Path(__file__).parent / "specimens"
SPECIMENS: dict[str, type[BaseModel]] = {
    "change_measured": ChangeMeasured,
    "checkpoint": Checkpoint,
    "conditions_seen": ConditionsSeen,
    "continued_task": ContinuedTask,
    "decided": Decided,
    "entry": Entry,
    "executed": Executed,
    "maintenance_request": MaintenanceRequest,
    "maintenance_result": MaintenanceResult,
    "opened_maintenance": OpenedMaintenance,
    "opened_task": OpenedTask,
    "previewed": Previewed,
    "report_read": ReportRead,
    "task_request": TaskRequest,
    "task_result": TaskResult,
    "vouched": Vouched,
    "workspace": Workspace,
}


def specimen(name: str) -> dict[str, Any]:
    """The stored JSON."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def read_whole(value: Any) -> Any:
    """All that was read as JSON, with what a model leaves out when it is written."""
    if isinstance(value, BaseModel):
        return {name: read_whole(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: read_whole(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [read_whole(each) for each in cast("list[Any]", value)]
    return to_jsonable_python(value)


def lost(old: Any, new: Any, where: str = "") -> list[str]:
    """What the old JSON says and the new one does not; fields that are new are no loss."""
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        return [each for key in before for each in lost(before[key], after.get(key), f"{where}.{key}")]
    if isinstance(old, list) and isinstance(new, list):
        first, second = cast("list[Any]", old), cast("list[Any]", new)
        if len(first) == len(second):
            pairs = enumerate(zip(first, second, strict=True))
            return [each for number, (a, b) in pairs for each in lost(a, b, f"{where}.{number}")]
    # By their writing: 1 and true are equal in Python but not in JSON.
    return [] if f"{old!r}" == f"{new!r}" else [f"{where}: {old!r} became {new!r}"]


def test_every_specimen_is_looked_at() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SPECIMENS)


@pytest.mark.parametrize("name", SPECIMENS)
def test_what_was_stored_is_read_without_loss(name: str) -> None:
    old = specimen(name)
    assert lost(old, read_whole(SPECIMENS[name].model_validate(old))) == []


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_specimen_shows_every_field_of_its_version(name: str) -> None:
    fields = {field for field in SPECIMENS[name].model_fields if field in specimen(name)}
    assert fields == set(specimen(name))
    required = {field for field, info in SPECIMENS[name].model_fields.items() if info.is_required()}
    assert required <= fields


def test_loss_is_noticed() -> None:
    old = specimen("executed")
    assert lost(old, {**old, "stale_approval": None}) == [".stale_approval: 1 became None"]
    assert lost(old, {**old, "results": []}) != []
    assert lost({"a": 1}, {"a": True}) == [".a: 1 became True"]
    assert lost({"a": 1}, {}) == [".a: 1 became None"]
    assert lost({"a": 1}, {"a": 1, "b": 2}) == []


def test_the_digest_of_an_old_entry_is_found_again() -> None:
    old = specimen("entry")
    assert old["digest"] == "57040df40776eddd7bedc118f452d369bcd553bb426732b8dd12f02bf45d4797"
    assert Entry.model_validate({**old, "digest": ""}).sealed().digest == old["digest"]


def test_whatever_is_written_to_histories_carries_a_version() -> None:
    durable = [each for each in vars(steps).values() if isinstance(each, type) and issubclass(each, Durable)]
    assert len(durable) > 20
    assert {
        each.__name__: each.model_fields["v"].default
        for each in durable
        if each.model_fields["v"].default != 1
    } == {}
    assert {Checkpoint.model_fields["v"].default, Workspace.model_fields["v"].default} == {1}
