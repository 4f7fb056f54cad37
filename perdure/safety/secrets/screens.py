"""The screens of a worker: one for what belongs to no task, and one a task, which knows the values of its tree as well."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from perdure.safety.secrets.env_files import EnvFiles
from perdure.safety.secrets.known import KnownValue, KnownValues
from perdure.safety.secrets.redactor import Redactor
from perdure.safety.secrets.screen import Screen

MOST_TASKS = 500
"""As many trees are kept in mind; the least recently used is looked at again when it is met again."""

Allows = Callable[[str], bool]


def nothing_allowed(repository: str) -> Allows:
    """No text is known to be harmless, in whichever repository."""
    return lambda text: False


class Screens:
    """Everything that leaves a worker goes through one of them. Without any values they still know credentials by their form."""

    def __init__(
        self,
        values: Iterable[KnownValue] = (),
        *,
        allowed_in: Callable[[str], Allows] = nothing_allowed,
    ) -> None:
        """``allowed_in`` gives what an administrator knows to be harmless in a repository; empty: in all of them."""
        self._values = tuple(values)
        self._allowed_in = allowed_in
        self._worker = self._screen((), "")
        self._tasks: OrderedDict[str, _OfTask] = OrderedDict()

    @property
    def worker(self) -> Screen:
        """For what belongs to no task."""
        return self._worker

    def know(self, values: Iterable[KnownValue]) -> None:
        """These are secrets from now on, in every task: such as credentials that were fetched for a clone."""
        added = tuple(value for value in values if value not in self._values)
        if added:
            self._values += added
            self._worker = self._screen((), "")
            for task in self._tasks.values():
                task.screen = self._screen(task.values, task.repository)

    def of(self, task_id: str, *, repository: str = "") -> Screen:
        """A task's, as far as its tree was looked at here."""
        known = self._tasks.get(task_id)
        if known is not None:
            self._tasks.move_to_end(task_id)
            if repository and repository != known.repository:
                known.repository = repository
                known.screen = self._screen(known.values, repository)
            return known.screen
        return self._kept(task_id, repository).screen if task_id and repository else self._worker

    def repository_of(self, task_id: str) -> str:
        """The task's repository; empty where this worker does not know it."""
        known = self._tasks.get(task_id)
        return "" if known is None else known.repository

    async def look_at(self, task_id: str, root: Path, *, repository: str = "") -> Screen:
        """Take the values of the tree's ``.env`` files as secrets of the task."""
        task = self._tasks.get(task_id) or self._kept(task_id, repository)
        if task.files is None or task.files.root != root:
            task.files = EnvFiles(root)
        async with task.looking:
            values = tuple(await asyncio.to_thread(task.files.refresh))
        # What was a secret before a tool wrote the file anew is one still.
        added = tuple(value for value in values if value not in task.values)
        if added:
            task.values += added
            task.screen = self._screen(task.values, task.repository)
        return task.screen

    def _kept(self, task_id: str, repository: str) -> "_OfTask":
        while len(self._tasks) >= MOST_TASKS:
            self._tasks.popitem(last=False)
        self._tasks[task_id] = _OfTask(repository, self._screen((), repository))
        return self._tasks[task_id]

    def _screen(self, values: tuple[KnownValue, ...], repository: str) -> Screen:
        redactor = Redactor(KnownValues([*self._values, *values]))
        return Screen(redactor, allowed=self._allowed_in(repository))


class _OfTask:
    def __init__(self, repository: str, screen: Screen) -> None:
        self.repository = repository
        self.screen = screen
        self.values: tuple[KnownValue, ...] = ()
        self.files: EnvFiles | None = None
        self.looking = asyncio.Lock()
