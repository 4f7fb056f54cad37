"""Telling somebody that an approval waits and nobody decides: what the step is given and what it reports."""

from perdure.contracts.decisions import Approval
from perdure.contracts.durable import Durable


class Escalate(Durable):
    """Announce one approval by the installation's command."""

    task_id: str
    workflow_id: str
    step: int
    request: str
    """The first line of what the task is to do."""
    approval: Approval
    reminders: int = 0
    """How many came before."""


class Escalated(Durable):
    """What became of the announcement."""

    announced: bool
    said: str = ""
    """Why it was not, or what was done, in a sentence."""
