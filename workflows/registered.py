"""The types of workflows that a worker runs."""

from workflows.coding_task import CodingTask
from workflows.grants import GrantsRun
from workflows.maintenance_run import MaintenanceRun
from workflows.sweep import SweepRun
from workflows.task_lookup import TaskLookup

WORKFLOWS = (CodingTask, MaintenanceRun, TaskLookup, SweepRun, GrantsRun)
