"""Say which commits and pushes are still missing when the work is done."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from temporalio import activity

from activities.exact_arguments import kept_exactly
from activities.heartbeat import heartbeating
from activities.host_steps import Host
from activities.judge import JudgesCalls, judged, standing_of
from activities.record import Transcript, answer_key, next_entry
from activities.redaction import redaction
from perdure.contracts.calls import Author, ToolCall
from perdure.contracts.steps import ProposePublication, Publication
from perdure.contracts.transcript import EntryKind

Copy = TypeVar("Copy")
CopyIn = TypeVar("CopyIn", contravariant=True)
SUBJECT_CHARACTERS = 72


class SurveysBranches(Protocol[CopyIn]):
    """What the Git side says of a working copy."""

    async def __call__(
        self, copy: CopyIn, *, base_commit: str
    ) -> tuple[str, bool, Sequence[str], str | None, str | None]:
        """The branch, whether files are uncommitted, the branch's commits (oldest first), its head, and its head at the remote (None: unknown or none)."""
        ...


class ProposePublicationDoor(Generic[Copy]):
    """Proposes publications."""

    def __init__(
        self, host: Host[Copy], record: Transcript, judge: JudgesCalls, survey: SurveysBranches[Copy]
    ) -> None:
        self._host = host
        self._record = record
        self._judge = judge
        self._survey = survey

    @activity.defn(name="propose_publication")
    async def propose_publication(self, step: ProposePublication) -> Publication:
        """A decision of Perdure's own: commit what is not committed, push what is not pushed."""
        key = answer_key(step.task_id, step.step, "publication")
        stored = await self._record.answer(key)
        if stored is not None:
            return Publication.model_validate(stored.body)
        async with heartbeating(), self._host.hold(step) as held:
            branch, dirty, commits, head, remote_head = await self._survey(
                held.copy, base_commit=step.base_commit
            )
        dirty = dirty and bool(step.commit_message)
        anything = dirty or bool(commits)
        to_push = anything and step.remote is not None and (dirty or head != remote_head)
        calls = wanted_calls(step, commit=dirty, push=to_push)
        parent = await self._record.entry(step.task_id, step.head)
        standing = await standing_of(self._record, step, author=Author.PERDURE)
        facts: dict[str, Any] = {
            "policy": self._judge.rules_digest(standing),
            "content": "",
            "reasoning": "",
            "by": Author.PERDURE.value,
            "model": "",
            "scripted": False,
        }
        facts["calls"] = [call.model_dump(mode="json") for call in calls]
        facts |= await kept_exactly(self._record, step.task_id, facts["calls"])
        entry = next_entry(parent, task_id=step.task_id, step=step.step, kind=EntryKind.DECISION, body=facts)
        there = not dirty and bool(commits) and head == remote_head
        withheld = ""
        if anything and step.remote is None:
            withheld = "The repository has no remote to push to."
        made = Publication(
            head=entry.digest if calls else step.head,
            decision=entry.digest if calls else "",
            calls=tuple(judged(call, self._judge, standing) for call in calls),
            commits=tuple(commits),
            already_pushed=f"{branch}@{head}" if there else "",
            withheld=withheld,
        )
        kept = await self._record.store_answer(
            key, redaction().model(made).model_dump(mode="json"), [entry] if calls else []
        )
        return Publication.model_validate(kept)


def fitted_message(line: str) -> str:
    """The line as a commit message: where it is too long for a subject, cut between words with all of it below."""
    if len(line) <= SUBJECT_CHARACTERS:
        return line
    subject = line[: SUBJECT_CHARACTERS - 1].rpartition(" ")[0] or line[: SUBJECT_CHARACTERS - 1]
    return f"{subject.rstrip()}…\n\n{line}"


def wanted_calls(step: ProposePublication, *, commit: bool, push: bool) -> list[ToolCall]:
    """The tool calls that publish, in order."""
    wanted: list[tuple[str, dict[str, Any]]] = []
    if commit:
        wanted.append(("git_commit", {"message": fitted_message(step.commit_message)}))
    if push:
        wanted.append(("git_push", {}))
    return [
        ToolCall(index=index, call_id=f"publish_{step.step}_{index}", tool=tool, arguments=arguments)
        for index, (tool, arguments) in enumerate(wanted)
    ]
