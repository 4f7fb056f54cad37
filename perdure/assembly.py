"""From a task's transcript to what a model is sent: where memory and the words for models meet.

Entry points alone import it, since rooms of one floor do not know each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.model import Message, Role
from perdure.contracts.steps import ModelStep
from perdure.contracts.transcript import Entry
from perdure.llm.prompts import system_text
from perdure.memory.contexts import Contexts


@dataclass(frozen=True)
class Assembly:
    """Turns transcripts into messages, with what is asked for now at the end."""

    contexts: Contexts

    async def __call__(
        self, head: Entry, notes: Sequence[Entry], *, role: Role, step: ModelStep, budget_tokens: int
    ) -> tuple[Message, ...]:
        """The transcript up to ``head`` and the notes behind it, in at most ``budget_tokens`` by estimate."""
        asked = {
            Role.PLAN: "Make the plan now.",
            Role.REFLECT: f"Look back now. Why: {step.trigger}.",
            Role.SYNTHESIZE: "Report now.",
        }
        messages = await self.contexts.messages(
            head, notes, system=system_text(role, step.mode), budget_tokens=budget_tokens - 64
        )
        return (*messages, Message(role="user", content=asked[role])) if role in asked else messages
