"""``rewind`` and ``fork``: what would be dropped is shown, and only then is the task taken back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.command_line.tasks import whole_path
from perdure.client.errors import Refused, TaskNotFound
from perdure.client.rewinding import RewindPreview, kept_how_long
from perdure.contracts.errors import InvalidInput

SHOWN = 20


def rewind(id: str, *, to: int, yes: bool, by: str | None) -> Action:
    """Take a task back to the end of a step."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        async with session.client() as client:
            try:
                task = await client.task(id)
            except TaskNotFound as error:
                raise kept_how_long(error) from error
            preview = await task.rewind_preview(to=to)
            if not output.as_json:
                for line in told(preview):
                    output.line(line)
            _confirmed(session, preview, yes=yes)
            receipt = await task.rewind(to=preview, by=this_person() if by is None else by)
        if output.as_json:
            output.data(receipt)
        else:
            output.line(
                f"{task.id} was taken back to the end of step {to} and goes on from there; "
                f"`python starter.py watch {task.id}` follows it."
            )
        return ExitCode.OK

    return action


@dataclass(frozen=True)
class Fork:
    """What ``fork`` was told; None means as in the other task."""

    task: str
    step: int
    request: str | None = None
    model: str | None = None
    repository: str | None = None
    id: str | None = None


def fork(asked: Fork) -> Action:
    """Start a task at a step of another one."""

    async def action(session: Session) -> ExitCode:
        fields = {"repository": whole_path(asked.repository)} if asked.repository else {}
        async with session.client() as client:
            try:
                task = await client.fork(
                    asked.task,
                    step=asked.step,
                    request=asked.request,
                    model=asked.model,
                    id=asked.id,
                    **fields,
                )
            except TaskNotFound as error:
                raise TaskNotFound(
                    error.message,
                    "a task that ended long ago may be in the archive: name its --repository and a --request.",
                ) from error
            page = session.web_page(task)
        if session.output.as_json:
            session.output.data(
                {
                    "id": task.id,
                    "task_id": task.task_id,
                    "from": asked.task,
                    "step": asked.step,
                    "web_page": page,
                }
            )
        else:
            session.output.line(task.id, "bold")
            session.output.line(f"It begins at the end of step {asked.step} of {asked.task}.")
            if page:
                session.output.line(page, "dim")
        return ExitCode.OK

    return action


def told(preview: RewindPreview) -> Iterator[str]:
    """What would be dropped, for people."""
    count = len(preview.steps)
    yield f"Taking {preview.id} back to the end of step {preview.to_step} drops {_counted(count, 'step')}:"
    yield from _listed([f"step {each.step}: {each.title}" for each in preview.steps])
    if preview.files is None:
        yield f"Which files change is not known: {preview.files_unknown}"
    elif preview.files:
        yield f"{_counted(len(preview.files), 'file')} become as they were then:"
        yield from _listed(preview.files)
    if preview.commits:
        yield f"{_counted(len(preview.commits), 'commit')} leave the task's branch:"
        yield from _listed([commit[:12] for commit in preview.commits])
    if preview.pushes:
        yield "What was pushed stays at the remote, and the work goes on under another branch name:"
        yield from _listed(preview.pushes)
    if preview.approvals:
        yield "Asked for since, and asked for anew where it comes up again:"
        yield from _listed(preview.approvals)
    if preview.words:
        yield "What people told it since is dropped:"
        yield from _listed(preview.words)
    yield f"What these steps cost stays spent: {preview.cost.usd:.4f} USD, {preview.cost.tokens:,} tokens."
    yield "Changes in its workspace that no step recorded are kept beside it, and named."
    if preview.open:
        yield "The task is open: what it does until then is dropped as well."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:SHOWN]:
        yield f"  {' '.join(line.split())[:200]}"
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN} more"


def _confirmed(session: Session, preview: RewindPreview, *, yes: bool) -> None:
    """Raise unless somebody says yes to what was shown."""
    if yes:
        return
    if not session.output.person:
        raise InvalidInput(
            "There is no terminal to ask at, and --yes was not given, so nothing was taken back.",
            f"`python starter.py rewind {preview.id} --to {preview.to_step} --yes` does it without asking.",
        )
    if not session.output.confirm("Drop all this?"):
        raise Refused("Nothing was taken back.", f"`python starter.py show {preview.id}` shows the task.")
