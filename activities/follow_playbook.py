"""Make the calls of one part of a playbook a decision of the transcript, judged like any other."""

from typing import Any

from temporalio import activity

from activities.exact_arguments import kept_exactly
from activities.heartbeat import heartbeating
from activities.judge import JudgesCalls, judged, standing_of
from activities.record import AnswerKey, Transcript, answer_key, next_entry
from activities.redaction import redaction
from activities.upkeep import Playbooks, playbook_in
from perdure.contracts.calls import Author, ToolCall
from perdure.contracts.steps import Decided
from perdure.contracts.transcript import EntryKind
from perdure.contracts.upkeep import FollowPlaybook


class FollowPlaybookDoor:
    """Follows playbooks."""

    def __init__(self, record: Transcript, playbooks: Playbooks, judge: JudgesCalls) -> None:
        self._record = record
        self._playbooks = playbooks
        self._judge = judge

    @activity.defn(name="follow_playbook")
    async def follow_playbook(self, step: FollowPlaybook) -> Decided:
        """The calls with the policy's verdicts; the playbook is the one that the run was opened with."""
        key = answer_key(step.task_id, step.step, f"playbook {step.part}")
        stored = await self._record.answer(key)
        if stored is not None:
            return Decided.model_validate(stored.body)
        async with heartbeating():
            return await self._decided(step, key)

    async def _decided(self, step: FollowPlaybook, key: AnswerKey) -> Decided:
        entries = await self._record.entries(step.task_id, step.head)
        calls = [
            ToolCall(index=index, call_id=f"playbook_{step.step}_{index}", tool=tool, arguments=arguments)
            for index, (tool, arguments) in enumerate(self._playbooks.calls(playbook_in(entries), step.part))
        ]
        standing = await standing_of(self._record, step, author=Author.PLAYBOOK)
        body: dict[str, Any] = {"content": "", "reasoning": "", "model": "", "scripted": False}
        body |= {
            "by": Author.PLAYBOOK.value,
            "part": step.part,
            "policy": self._judge.rules_digest(standing),
        }
        body["calls"] = [call.model_dump(mode="json") for call in calls]
        body |= await kept_exactly(self._record, step.task_id, body["calls"])
        entry = next_entry(
            entries[-1], task_id=step.task_id, step=step.step, kind=EntryKind.DECISION, body=body
        )
        made = Decided(
            head=entry.digest,
            calls=tuple(judged(call, self._judge, standing) for call in calls),
            done=False,
        )
        kept = await self._record.store_answer(key, redaction().model(made).model_dump(mode="json"), [entry])
        return Decided.model_validate(kept)
