"""The first step: record the task, and settle what the installation grants it."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import AppendsEntries, next_entry, scheduled_at
from activities.redaction import redaction
from perdure.contracts.errors import InvalidInput
from perdure.contracts.repositories import SCHEME, host_name, host_of, is_path
from perdure.contracts.steps import MAX_STEPS, ForkPoint, Limits, OpenedTask, OpenTask, Timing
from perdure.contracts.task import Budget, Safety, TaskRequest
from perdure.contracts.transcript import EntryKind

POLICY = "the 'roots' of the policy"


class RecordsTasks(AppendsEntries, Protocol):
    """The record's part that this step needs."""

    async def open_task(
        self, *, task_id: str, workflow_id: str, request: TaskRequest, repository: str, at: datetime
    ) -> None:
        """Make the task's row; a second time changes nothing."""
        ...

    async def copy_transcript(
        self, *, source: str, head: str, task_id: str, about: Mapping[str, Any], request: str, at: datetime
    ) -> str:
        """Copy another task's transcript up to a head; ``request`` follows where nothing in it says so."""
        ...


class FindsForkPoints(Protocol):
    """Other tasks as their event histories tell of them."""

    async def __call__(self, task: str, step: int) -> tuple[ForkPoint, str]:
        """The task at the end of a step, and its request; InvalidInput where there is no such task or step."""
        ...


class ChecksModels(Protocol):
    """Model access, before anything is spent."""

    @property
    def scripted(self) -> bool:
        """Whether a script answers instead of a language model."""
        ...

    def model_for(self, role: str) -> str:
        """The model configured for a role; raises ConfigurationError when none can answer."""
        ...


class GivesPlaces(Protocol):
    """How many tasks a user and a repository may have."""

    async def claim(self, *, task_id: str, workflow_id: str, user: str, repository: str) -> None:
        """Take a place for the task, or keep the one it has; LimitReached where there is none."""
        ...


@dataclass(frozen=True)
class Grants:
    """What this installation allows every task, whoever starts it."""

    max_safety: Safety
    repository_roots: tuple[str, ...]
    """Paths and hosts a task may name; empty: any."""
    policy_roots: Callable[[str], tuple[tuple[str, ...], ...]]
    """More such lists for a user, by the policy: each must hold what a task names."""
    limits: Limits
    timing: Timing
    tools_digest: str
    search_attributes: bool
    strip_credentials: Callable[[str], str]
    warnings: Callable[[], Awaitable[Sequence[str]]]


class OpenTaskDoor:
    """Opens tasks."""

    def __init__(
        self,
        record: RecordsTasks,
        models: ChecksModels,
        grants: Grants,
        fork_point: FindsForkPoints,
        places: GivesPlaces,
    ) -> None:
        self._places = places
        self._record = record
        self._fork_point = fork_point
        self._models = models
        self._grants = grants

    @activity.defn(name="open_task")
    async def open_task(self, request: OpenTask) -> OpenedTask:
        """Record the request as the transcript's first entry; refuse what the installation does not allow."""
        async with heartbeating():
            return await self._open(request)

    async def _open(self, request: OpenTask) -> OpenedTask:
        grants, asked = self._grants, request.request
        repository = grants.strip_credentials(asked.repository)
        check_repository_root(asked.repository, grants.repository_roots, shown=repository)
        for roots in grants.policy_roots(asked.user):
            check_repository_root(asked.repository, roots, shown=repository, by=POLICY)
        models = {role: self._models.model_for(role) for role in ("plan", "decide", "reflect", "synthesize")}
        point = await self._point_of(asked, repository)
        if asked.fork is not None and asked.fork.model:
            models = dict.fromkeys(models, asked.fork.model)
        safety = asked.safety.capped(grants.max_safety)
        warnings = list(await grants.warnings())
        if safety is not asked.safety:
            warnings.append(
                f"Safety {asked.safety.value!r} was lowered to {safety.value!r}: PERDURE_MAX_SAFETY allows no more."
            )
        if (asked.budget.steps or 0) > MAX_STEPS:
            warnings.append(
                f"The budget of {asked.budget.steps} steps was lowered to {MAX_STEPS}, the most of a task."
            )
        await self._places.claim(
            task_id=request.task_id,
            workflow_id=request.workflow_id,
            user=asked.user,
            repository=repository,
        )
        await self._record.open_task(
            task_id=request.task_id,
            workflow_id=request.workflow_id,
            request=redaction().model(asked.model_copy(update={"repository": repository})),
            repository=repository,
            at=scheduled_at(),
        )
        body = {"request": asked.request, "repository": repository, "mode": asked.mode.value}
        body |= {"safety": safety.value, "models": models, "scripted": self._models.scripted}
        limits = limits_of(asked.budget, grants.limits)
        if point is None:
            entry = next_entry(None, task_id=request.task_id, step=0, kind=EntryKind.REQUEST, body=body)
            head = await self._record.append([entry])
        else:
            head = await self._copied(request, point, body)
            # The steps of the other task are no use of this one's budget.
            limits = limits.model_copy(update={"steps": min(limits.steps + point.step, MAX_STEPS)})
        return OpenedTask(
            head=head,
            repository=repository,
            safety=safety,
            limits=limits,
            timing=grants.timing,
            models=models,
            scripted=self._models.scripted,
            tools_digest=grants.tools_digest,
            search_attributes=grants.search_attributes,
            warnings=tuple(warnings),
            forked=point,
            request=redaction().text(asked.request),
        )

    async def _point_of(self, asked: TaskRequest, repository: str) -> ForkPoint | None:
        """Where a fork begins; refused where the request does not fit the other task."""
        if asked.fork is None:
            return None
        if asked.base_branch is not None:
            raise InvalidInput(
                "A fork begins with the files of another task, so 'base_branch' has no meaning for it.",
                "leave 'base_branch' out.",
            )
        point, request = await self._fork_point(asked.fork.task, asked.fork.step)
        if self._grants.strip_credentials(point.repository) != repository:
            raise InvalidInput(
                f"Task {asked.fork.task!r} works on another repository than {repository!r}.",
                "name the repository as that task's own request does.",
            )
        return point.model_copy(update={"repository": repository, "asked_anew": request != asked.request})

    async def _copied(self, request: OpenTask, point: ForkPoint, body: Mapping[str, Any]) -> str:
        about = {name: value for name, value in body.items() if name not in {"request", "repository"}}
        about["forked"] = {"workflow_id": point.workflow_id, "task_id": point.task_id, "step": point.step}
        return await self._record.copy_transcript(
            source=point.task_id,
            head=point.head,
            task_id=request.task_id,
            about=about,
            request=request.request.request,
            at=scheduled_at(),
        )


def limits_of(budget: Budget, defaults: Limits) -> Limits:
    """The request's budget, with the installation's defaults where it says nothing."""
    given = budget.model_dump(exclude_none=True)
    limits = defaults.model_copy(update=given)
    return limits.model_copy(update={"steps": min(limits.steps, MAX_STEPS)})


def check_repository_root(
    repository: str, roots: Sequence[str], *, shown: str, by: str = "PERDURE_REPOSITORY_ROOTS"
) -> None:
    """Raise InvalidInput, which names it as ``shown``, unless it lies below an allowed path or on an allowed host."""
    if not roots or any(_lies_within(repository, root) for root in roots):
        return
    raise InvalidInput(
        f"The repository {shown!r} lies outside what this installation allows: {', '.join(roots)}.",
        f"name a repository below one of those, or have the operator add it to {by}.",
    )


def _lies_within(repository: str, root: str) -> bool:
    if not is_path(repository):
        return ":" not in root and host_of(repository) == host_name(root)
    if not root.startswith(("/", "~", ".")):
        return False
    path = unquote(urlsplit(repository).path) if SCHEME.match(repository) else repository
    if "\0" in path:
        return False
    # Judged as the clone finds it: no home folders, and ``..`` is taken away before any link is followed.
    folder = Path(os.path.abspath(path))  # noqa: PTH100
    return folder.resolve().is_relative_to(Path(root).expanduser().resolve())
