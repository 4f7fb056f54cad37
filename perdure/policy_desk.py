"""The policy of this installation as the command line works with it. Entry points alone import it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.contracts.calls import Author, ToolCall
from perdure.contracts.errors import ToolRejected
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.policy import TaskRule
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy_backtest import RecordedCall

if TYPE_CHECKING:
    from perdure.settings import Settings
    from tools.registry import Registry

DECISIONS = """
SELECT e.task_id, e.step, e.body::text AS body, t.request::text AS request, t.repository
FROM entries e JOIN tasks t USING (task_id)
WHERE e.kind = 'decision' AND e.task_id IN (SELECT task_id FROM tasks ORDER BY opened_at DESC LIMIT $1)
ORDER BY t.opened_at, e.task_id, e.depth
"""
DECIDED = (
    "SELECT task_id, asked::text AS asked, decided::text AS decided FROM approvals WHERE decided IS NOT NULL"
)


@dataclass(frozen=True)
class PolicyDesk:
    """Where the files are, and what tasks have called so far."""

    settings: "Settings"

    @property
    def administrator(self) -> Path | None:
        """The administrator's file."""
        return self.settings.policy

    @property
    def users(self) -> Path | None:
        """The folder of users' files."""
        return self.settings.user_policies

    def facts(self, tool: str, arguments: Mapping[str, Any], standing: Standing) -> CallFacts:
        """A call as the policy is asked of it; ToolRejected for what cannot run."""
        from tools.registry import Registry

        return _facts(Registry.discover(), tool, arguments, standing)

    async def recorded(self, *, tasks: int) -> Sequence[RecordedCall]:
        """The calls of the newest tasks, as far as their tools still take them."""
        from perdure.installation import record_of
        from tools.registry import Registry

        registry = Registry.discover()
        async with record_of(self.settings) as record:
            rows = await record.database.fetch(DECISIONS, tasks)
            decided = await record.database.fetch(DECIDED)
        approved = {place for row in decided if (place := _approved(dict(row))) is not None}
        found: list[RecordedCall] = []
        for row in rows:
            body, request = json.loads(row["body"]), json.loads(row["request"])
            standing = self._standing(body, request, row["repository"])
            for call in body.get("calls", ()):
                try:
                    facts = _facts(registry, call["tool"], call["arguments"], standing)
                except ToolRejected:
                    continue
                place = (row["task_id"], row["step"], call["index"])
                title = facts.named.command or f"{call['tool']} {' '.join(facts.named.paths)}".strip()
                where = f"{row['task_id']} step {row['step']}, call {call['index']}"
                found.append(RecordedCall(facts, title, where, approved=place in approved))
        return found

    def _standing(self, body: Mapping[str, Any], request: Mapping[str, Any], repository: str) -> Standing:
        return Standing(
            mode=Mode(request["mode"]),
            safety=Safety(request["safety"]).capped(self.settings.max_safety),
            author=Author(body.get("by", Author.MODEL)),
            untrusted=bool(body.get("untrusted", False)),
            user=request.get("user", ""),
            repository=repository,
            policy=tuple(TaskRule.model_validate(rule) for rule in request.get("policy", ())),
        )


def _facts(registry: "Registry", tool: str, arguments: Mapping[str, Any], standing: Standing) -> CallFacts:
    outline = registry.summarize(ToolCall(index=0, call_id="policy", tool=tool, arguments=dict(arguments)))
    return CallFacts(tool, outline.effect, standing, outline.named)


def _approved(row: Mapping[str, Any]) -> tuple[str, int, int] | None:
    """The task, step and call that a person approved."""
    asked, decided = json.loads(row["asked"]), json.loads(row["decided"])
    if decided.get("outcome") != "approved":
        return None
    return row["task_id"], asked["step"], asked["call"]
