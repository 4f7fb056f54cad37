"""``approve``, ``deny`` and ``answer``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.client.client import PerdureClient
from perdure.client.command_line.drawing import draw_approval
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.errors import NotPending, Refused
from perdure.client.handle import TaskHandle
from perdure.client.signing import SigningKey
from perdure.contracts.decisions import Approval, Receipt
from perdure.contracts.errors import InvalidInput


@dataclass(frozen=True)
class Word:
    """What a person says with an approval."""

    reason: str
    remember: str
    by: str | None
    digest: str
    key: str | None


def approve(id: str | None, word: Word, *, task: str | None, yes: bool) -> Action:
    """Approve an operation: the named one, or the only one that waits once it was shown."""

    async def action(session: Session) -> ExitCode:
        file = word.key or session.installation.signing_key()
        key = SigningKey.read(Path(file)) if file else None
        async with session.client() as client:
            if id is not None:
                handle, approval = await _approval(client, id, task)
                _show(session, approval)
            else:
                handle, approval = await _only_approval(client)
                _show(session, approval)
                _confirmed(session, approval, yes=yes)
            if approval.hidden and not word.digest:
                raise _shortened(approval)
            receipt = await handle.approve(
                approval.id,
                reason=word.reason,
                remember=word.remember,
                by=_person(word.by),
                operation_digest=word.digest,
                key=key,
            )
        return _said(session, receipt)

    return action


def show_approval(id: str, *, task: str | None) -> Action:
    """All of an operation that waits for approval, with its digest."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        async with session.client() as client:
            handle, approval = await _approval(client, id, task)
            data = bytearray()
            if approval.whole is not None:
                async for part in handle.artifact(approval.whole.id):
                    data += part.data
        whole = data.decode("utf-8", "replace")
        if output.as_json:
            output.data({**approval.model_dump(mode="json"), "operation": whole})
            return ExitCode.OK
        output.show(*draw_approval(approval, width=output.console.width))
        if whole:
            output.line(whole)
        output.line(f"digest of the operation: {approval.operation_digest}")
        return ExitCode.OK

    return action


def _shortened(approval: Approval) -> Refused:
    return Refused(
        f"The preview leaves out {approval.hidden:,} characters, so nobody has seen all of it.",
        f"`python starter.py show --approval {approval.id}` shows it with its digest; approve with --digest then.",
    )


def deny(id: str, *, task: str | None, reason: str, by: str | None) -> Action:
    """Refuse an operation; the model reads the reason."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            handle, approval = await _approval(client, id, task)
            receipt = await handle.deny(approval.id, reason=reason, by=_person(by))
        return _said(session, receipt)

    return action


def answer(
    id: str, choice: str, *, task: str | None, text: str, budget: Mapping[str, float | None], by: str | None
) -> Action:
    """Answer a question with one of its choices."""
    limits = {name: value for name, value in budget.items() if value is not None}

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            handle = await _task_of(client, id, task)
            if id in {approval.id for approval in (await handle.pending()).approvals}:
                raise Refused(
                    f"{id!r} is an approval and no question.",
                    f"use `python starter.py approve {id}`, or deny.",
                )
            receipt = await handle.answer(id, choice, text=text, budget=limits, by=_person(by))
        return _said(session, receipt)

    return action


async def _task_of(client: PerdureClient, id: str, task: str | None) -> TaskHandle[Any]:
    return (await client.find_pending(id))[0] if task is None else await client.task(task)


async def _approval(client: PerdureClient, id: str, task: str | None) -> tuple[TaskHandle[Any], Approval]:
    if task is None:
        handle, waiting = await client.find_pending(id)
        approvals, questions = waiting.approvals, waiting.questions
    else:
        handle = await client.task(task)
        pending = await handle.pending()
        approvals, questions = pending.approvals, pending.questions
    for approval in approvals:
        if approval.id == id:
            return handle, approval
    if id in {question.id for question in questions}:
        raise Refused(
            f"{id!r} is a question and no approval.", f"use `python starter.py answer {id} CHOICE`."
        )
    there = tuple(approval.id for approval in approvals)
    raise NotPending(
        f"No approval {id!r} waits in task {handle.id!r}. What waits: {', '.join(there) or 'nothing'}.",
        "`python starter.py approvals` shows what waits in every task.",
        there,
    )


async def _only_approval(client: PerdureClient) -> tuple[TaskHandle[Any], Approval]:
    tasks = await client.approvals()
    found = [(task, approval) for task in tasks for approval in task.approvals]
    unread = [task.problem for task in tasks if task.problem]
    if len(found) == 1:
        task, approval = found[0]
        return await client.task(task.id), approval
    there = tuple(approval.id for _, approval in found)
    listed = f"{len(there)} approvals wait: {', '.join(there)}." if there else "No approval waits."
    raise NotPending(
        " ".join([listed, *unread]),
        "give the id of the one you mean; `python starter.py approvals` shows them."
        if there
        else "`python starter.py list --open` shows what runs; a task that needs a person waits in `approvals`.",
        there,
    )


def _show(session: Session, approval: Approval) -> None:
    if not session.output.as_json:
        session.output.show(*draw_approval(approval, width=session.output.console.width))


def _confirmed(session: Session, approval: Approval, *, yes: bool) -> None:
    """Raise unless somebody says yes to what was shown."""
    if yes:
        return
    if not session.output.person:
        raise InvalidInput(
            "There is no terminal to ask at, and neither an id nor --yes was given.",
            f"`python starter.py approve {approval.id}` approves exactly this operation.",
        )
    if not session.output.confirm("Approve exactly this?"):
        raise Refused(
            "Nothing was approved.", f"`python starter.py deny {approval.id} --reason …` refuses it."
        )


def _person(by: str | None) -> str:
    return this_person() if by is None else by


def _said(session: Session, receipt: Receipt) -> ExitCode:
    if session.output.as_json:
        session.output.data(receipt)
    else:
        session.output.line(receipt.message)
    return ExitCode.OK
