"""What starts a run: the one JSON object, and what the server and the Web UI show of it."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from temporalio.common import Priority

from perdure.client.said import shown
from perdure.client.validation import valid
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN
from perdure.contracts.repositories import strip_credentials
from perdure.contracts.task import TaskRequest

_SHOWN_REQUEST = 4_000
UPKEEP_PRIORITY = 4
"""Upkeep gives way to people's tasks."""
MAX_FAIRNESS_BYTES = 64
"""The server's limit."""

Request = TaskRequest | MaintenanceRequest


@dataclass(frozen=True)
class Launch:
    """A request as a workflow to be started."""

    request: Request

    @property
    def kind(self) -> str:
        """The workflow's type."""
        return CODING_TASK if isinstance(self.request, TaskRequest) else MAINTENANCE_RUN

    @property
    def summary(self) -> str:
        """One line, for the Web UI's list."""
        request = self.request
        if isinstance(request, TaskRequest):
            return first_line(shown(request.request))
        return f"{request.playbook}: {strip_credentials(request.repository)}"[:200]

    @property
    def details(self) -> str:
        """The card's fixed text: the whole request and its terms, as Markdown."""
        request = self.request
        terms = [f"* repository: `{strip_credentials(request.repository)}`"]
        if request.base_branch:
            terms.append(f"* base branch: `{request.base_branch}`")
        if request.user:
            terms.append(f"* for: {request.user}")
        if isinstance(request, MaintenanceRequest):
            return "\n".join([f"Maintenance by the playbook `{request.playbook}`", "", *terms])
        terms.insert(1, f"* mode: {request.mode}, safety: {request.safety}, priority: {request.priority}")
        terms += [f"* {name}: {shown(value)}" for name, value in request.labels.items()]
        if request.fork is not None:
            terms.append(f"* forked from: `{request.fork.task}`, step {request.fork.step}")
        return shown(request.request)[:_SHOWN_REQUEST] + "\n\n" + "\n".join(terms)

    @property
    def priority(self) -> Priority:
        """When it is served, and whose share of the queue it takes."""
        request = self.request
        key = request.priority if isinstance(request, TaskRequest) else UPKEEP_PRIORITY
        # A longer key would be refused; the workflow hashes it for its steps.
        fits = 0 < len(request.user.encode()) <= MAX_FAIRNESS_BYTES
        return Priority(priority_key=key, fairness_key=request.user if fits else None)

    def readable_id(self) -> str:
        """A workflow id made from the request, such as ``task-fix-rounding-in-totals-1a2b3c``."""
        if isinstance(self.request, TaskRequest):
            beginning, words = "task", first_line(shown(self.request.request))
        else:
            repository = self.request.repository.rstrip("/").removesuffix(".git").rpartition("/")[2]
            beginning, words = "maintain", f"{repository} {self.request.playbook}"
        return "-".join(part for part in (beginning, _slug(words), secrets.token_hex(3)) if part)


def task_request(request: TaskRequest | str, **fields: Any) -> TaskRequest:
    """A whole request with these fields changed, or one made from its text and fields."""
    if isinstance(request, TaskRequest):
        return valid(TaskRequest, **{**request.model_dump(exclude_unset=True), **fields})
    return valid(TaskRequest, request=request, **fields)


def maintenance_request(
    repository: MaintenanceRequest | str, playbook: str | None, **fields: Any
) -> MaintenanceRequest:
    """A whole request with these fields changed, or one made from its fields."""
    if playbook is not None:
        fields["playbook"] = playbook
    if isinstance(repository, MaintenanceRequest):
        return valid(MaintenanceRequest, **{**repository.model_dump(exclude_unset=True), **fields})
    return valid(MaintenanceRequest, repository=repository, **fields)


def first_line(request: str) -> str:
    """The first line of a request (at most 200 characters)."""
    line = request.strip().splitlines()[0].strip()
    return line if len(line) <= 200 else f"{line[:199]}…"


def _slug(text: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words if len(words) <= 40 else words[:40].rsplit("-", 1)[0]
