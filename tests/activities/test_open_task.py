"""What an installation grants: repositories below its roots, its limits, its highest safety."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from activities.open_task import Grants, OpenTaskDoor, check_repository_root, limits_of
from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.contracts.steps import ForkPoint, Limits, OpenedTask, OpenTask, Timing
from perdure.contracts.task import Budget, Safety, TaskRequest
from perdure.contracts.transcript import Entry
from tests.activities.doors import as_activity

LIMITS = Limits(usd=5.0, tokens=1_000, minutes=60.0, steps=20)


def allowed(repository: str, *roots: str) -> bool:
    """Whether a task may name the repository."""
    try:
        check_repository_root(repository, roots, shown="as shown")
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize(
    ("repository", "root"),
    [
        ("/srv/code", "/srv/code"),
        ("/srv/code/", "/srv/code"),
        ("/srv/code/app", "/srv/code/"),
        ("/srv/code/../code/app", "/srv/code"),
        ("/srv/code/co:lon", "/srv/code"),
        ("/etc", "/"),
        ("file:///srv/code/app", "/srv/code"),
        ("https://git.example/org/app.git", "git.example"),
        ("https://ada:secret@git.example:8443/app", "Git.Example"),
        ("HTTPS://GIT.EXAMPLE/app", "git.example"),
        ("ssh://git@git.example:22/app", "git.example"),
        ("git@git.example:org/app.git", "git.example"),
        ("git.example:org/app.git", "git.example"),
    ],
)
def test_allows_what_lies_within(repository: str, root: str) -> None:
    assert allowed(repository, root)
    assert allowed(repository, "/elsewhere", "other.example", root)


@pytest.mark.parametrize(
    ("repository", "root"),
    [
        ("/srv/code2", "/srv/code"),
        ("/srv", "/srv/code"),
        ("/srv/code/../secret", "/srv/code"),
        ("/srv/code/a/../../secret", "/srv/code"),
        ("file:///etc", "/srv/code"),
        ("file:///srv/code/../secret", "/srv/code"),
        ("file:///srv/code/%2e%2e/secret", "/srv/code"),
        ("file:///srv/code/%00", "/srv/code"),
        ("/srv/code/\0", "/srv/code"),
        ("https://git.example.evil.example/app", "git.example"),
        ("https://evil.example/git.example", "git.example"),
        ("https://git.example@evil.example/app", "git.example"),
        ("https://evil.example?git.example", "git.example"),
        ("git.example@evil.example:app", "git.example"),
        ("git@evil.example:git.example", "git.example"),
        ("ext::sh -c true", "git.example"),
        ("/git.example/app", "git.example"),
        ("git.example", "git.example"),
        ("https://git.example/app", "/srv/code"),
        ("https:///srv/code", "/srv/code"),
        ("1ttps://srv/code", "/"),
        ("~nobody-of-this-name/app", "/srv/code"),
    ],
)
def test_refuses_what_lies_outside(repository: str, root: str) -> None:
    assert not allowed(repository, root)


def test_without_roots_every_repository_is_allowed() -> None:
    assert allowed("/anywhere")
    assert allowed("https://git.example/app")


def test_links_are_followed_before_a_path_is_judged(tmp_path: Path) -> None:
    inside, outside = tmp_path / "code", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (inside / "out").symlink_to(outside)
    (outside / "in").symlink_to(inside)
    assert not allowed(str(inside / "out"), str(inside))
    assert allowed(str(outside / "in"), str(inside))
    (tmp_path / "root").symlink_to(inside)
    assert allowed(str(inside / "app"), str(tmp_path / "root"))


def test_dots_are_taken_away_before_links_as_the_clone_does_it(tmp_path: Path) -> None:
    inside, outside = tmp_path / "code", tmp_path / "secret"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "in").symlink_to(inside / "deep")
    assert not allowed(f"{outside}/in/../app", str(inside))


def test_a_file_url_is_no_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not allowed("file:///etc", str(tmp_path))
    assert not allowed("file:///etc", ".")
    assert allowed("app", ".")
    assert allowed(os.path.relpath(tmp_path), str(tmp_path))


def test_a_home_folder_is_known_in_roots_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert allowed(str(tmp_path / "code" / "app"), "~/code")
    # The clone takes "~" for a folder of that name.
    assert not allowed("~/code/app", "~/code")


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        ({}, {}),
        ({"usd": 1.5}, {"usd": 1.5}),
        ({"tokens": 5_000_000, "steps": 3}, {"tokens": 5_000_000, "steps": 3}),
        ({"usd": 9.0, "tokens": 1, "minutes": 0.5, "steps": 1}, None),
    ],
)
def test_limits_are_the_requests_and_else_the_installations(
    asked: dict[str, Any], limits: dict[str, Any] | None
) -> None:
    wanted = asked if limits is None else limits
    assert limits_of(Budget.model_validate(asked), LIMITS) == LIMITS.model_copy(update=wanted)


class Record:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.kept: list[Entry] = []

    async def open_task(
        self, *, task_id: str, workflow_id: str, request: TaskRequest, repository: str, at: datetime
    ) -> None:
        self.tasks.append({"task_id": task_id, "request": request, "repository": repository, "at": at})

    async def append(self, entries: Sequence[Entry]) -> str:
        self.kept += entries
        return entries[-1].digest

    async def copy_transcript(
        self, *, source: str, head: str, task_id: str, about: Mapping[str, Any], request: str, at: datetime
    ) -> str:
        raise InvalidInput(f"The transcript of task {source!r} has no entry {head!r}.")

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        return self.kept

    async def since(self, task_id: str, head: str, digest: str) -> list[Entry]:
        return self.kept

    async def entry(self, task_id: str, digest: str) -> Entry:
        return next(each for each in self.kept if each.digest == digest)


class Places:
    """Has a place for every task."""

    async def claim(self, *, task_id: str, workflow_id: str, user: str, repository: str) -> None:
        assert (task_id, workflow_id) == ("task-1", "w")


class Models:
    """Serves one model, or none."""

    scripted = True

    def __init__(self, *, served: bool = True) -> None:
        self._served = served

    def model_for(self, role: str) -> str:
        if not self._served:
            raise ConfigurationError("No model can be asked.")
        return f"model-that-{role}s"


async def opened(record: Record, models: Models, **fields: Any) -> OpenedTask:
    """What the door says of a request."""

    async def warnings() -> Sequence[str]:
        return ["Something is odd."]

    grants = Grants(
        max_safety=Safety.STANDARD,
        repository_roots=("/srv/code", "git.example"),
        policy_roots=lambda user: (("git.example",),) if user == "narrow" else (),
        limits=LIMITS,
        timing=Timing(heartbeat_s=3.0),
        tools_digest="digest",
        search_attributes=True,
        strip_credentials=lambda url: url.replace("ada:secret@", ""),
        warnings=warnings,
    )
    request = TaskRequest.model_validate({"request": "Fix it.", "repository": "/srv/code/app", **fields})
    step = OpenTask(task_id="task-1", workflow_id="w", request=request)
    return await as_activity(OpenTaskDoor(record, models, grants, nowhere, Places()).open_task, step)


async def nowhere(task: str, step: int) -> tuple[ForkPoint, str]:
    """No other task is known."""
    raise InvalidInput(f"There is no task {task!r}.", f"step {step} of which?")


async def test_opens_a_task_with_what_it_is_granted() -> None:
    record = Record()
    task = await opened(record, Models(), safety="autonomous", budget={"steps": 3})
    assert (task.safety, task.limits) == (Safety.STANDARD, LIMITS.model_copy(update={"steps": 3}))
    assert task.models == {
        role: f"model-that-{role}s" for role in ("plan", "decide", "reflect", "synthesize")
    }
    assert (task.timing.heartbeat_s, task.scripted, task.head) == (3.0, True, record.kept[0].digest)
    assert task.warnings[0] == "Something is odd."
    assert "'autonomous' was lowered to 'standard'" in task.warnings[1]
    assert record.kept[0].body["request"] == "Fix it."
    assert record.kept[0].body["safety"] == "standard"


async def test_keeps_no_credentials() -> None:
    record = Record()
    task = await opened(record, Models(), repository="https://ada:secret@git.example/app")
    assert task.repository == "https://git.example/app"
    assert "secret" not in f"{task!r} {record.tasks!r} {record.kept!r}"


async def test_a_refusal_shows_no_credentials_and_records_nothing() -> None:
    record = Record()
    with pytest.raises(InvalidInput) as refused:
        await opened(record, Models(), repository="https://ada:secret@evil.example/app")
    assert "https://evil.example/app" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert record.tasks == []


async def test_records_nothing_where_no_model_can_answer() -> None:
    record = Record()
    with pytest.raises(ConfigurationError):
        await opened(record, Models(served=False))
    assert (record.tasks, record.kept) == ([], [])
