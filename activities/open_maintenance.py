"""The first step of a maintenance run: its playbook, what the installation grants, and where the base branch stands."""

from typing import Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.open_task import POLICY, GivesPlaces, Grants, RecordsTasks, check_repository_root, limits_of
from activities.record import next_entry, scheduled_at
from activities.redaction import redaction
from activities.upkeep import Playbooks
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.steps import OpenedTask
from perdure.contracts.task import Budget, Safety, TaskRequest
from perdure.contracts.transcript import EntryKind
from perdure.contracts.upkeep import OpenedMaintenance, OpenMaintenance, PlaybookOutline


class FindsHeads(Protocol):
    """Looks at repositories without copying them."""

    async def head_of(self, repository: str, base_branch: str | None) -> tuple[str, str]:
        """The base branch and its commit; InvalidInput says why a repository cannot be used."""
        ...


class OpenMaintenanceDoor:
    """Opens maintenance runs. No model is needed, and none is asked for."""

    def __init__(
        self,
        record: RecordsTasks,
        playbooks: Playbooks,
        heads: FindsHeads,
        grants: Grants,
        places: GivesPlaces,
    ) -> None:
        self._places = places
        self._record = record
        self._playbooks = playbooks
        self._heads = heads
        self._grants = grants

    @activity.defn(name="open_maintenance")
    async def open_maintenance(self, request: OpenMaintenance) -> OpenedMaintenance:
        """Record the run with its playbook as the transcript's first entry; refuse what is not allowed."""
        async with heartbeating():
            return await self._open(request)

    async def _open(self, request: OpenMaintenance) -> OpenedMaintenance:
        grants, asked = self._grants, request.request
        repository = grants.strip_credentials(asked.repository)
        check_repository_root(asked.repository, grants.repository_roots, shown=repository)
        for roots in grants.policy_roots(asked.user):
            check_repository_root(asked.repository, roots, shown=repository, by=POLICY)
        outline, minutes, content = self._playbooks.playbook(asked.playbook)
        _, base_commit = await self._heads.head_of(asked.repository, asked.base_branch)
        task = task_of(asked, outline)
        await self._places.claim(
            task_id=request.task_id,
            workflow_id=request.workflow_id,
            user=asked.user,
            repository=repository,
        )
        await self._record.open_task(
            task_id=request.task_id,
            workflow_id=request.workflow_id,
            request=redaction().model(task.model_copy(update={"repository": repository})),
            repository=repository,
            at=scheduled_at(),
        )
        body = {"request": task.request, "repository": repository, "mode": task.mode.value}
        body |= {"safety": task.safety.value, "models": {}, "scripted": False, "base_commit": base_commit}
        body |= {"playbook": {"id": outline.id, "digest": outline.digest, "content": content}}
        entry = next_entry(None, task_id=request.task_id, step=0, kind=EntryKind.REQUEST, body=body)
        defaults = grants.limits.model_copy(update={"minutes": minutes})
        lowered = min(asked.budget.minutes or minutes, minutes)
        limits = limits_of(Budget(minutes=lowered, steps=asked.budget.steps), defaults)
        opened = OpenedTask(
            head=await self._record.append([entry]),
            repository=repository,
            safety=task.safety,
            limits=limits,
            timing=grants.timing,
            models={},
            scripted=False,
            tools_digest=grants.tools_digest,
            search_attributes=grants.search_attributes,
            warnings=tuple(await grants.warnings()),
        )
        return OpenedMaintenance(opened=opened, task=task, playbook=outline, base_commit=base_commit)


def task_of(asked: MaintenanceRequest, playbook: PlaybookOutline) -> TaskRequest:
    """The run as a task: what it does beyond a playbook's programs, such as a push, is asked as of any other."""
    return TaskRequest(
        request=playbook.title,
        repository=asked.repository,
        base_branch=asked.base_branch,
        safety=Safety.CAUTIOUS,
        budget=asked.budget,
        user=asked.user,
        policy=asked.policy,
        labels={"playbook": playbook.id},
    )
