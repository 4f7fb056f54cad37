"""``maintain``."""

from dataclasses import dataclass
from typing import Any

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.following import watch as watch_task
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.command_line.tasks import whole_path
from perdure.contracts.errors import InvalidInput


@dataclass(frozen=True)
class Maintain:
    """What ``maintain`` was told; None means the default of the contract or of the playbook."""

    playbook: str | None
    repository: str
    base_branch: str | None = None
    user: str | None = None
    budget_minutes: float | None = None
    id: str | None = None
    watch: bool | None = None
    wait: bool = False

    def fields(self) -> dict[str, Any]:
        """The keywords of ``PerdureClient.maintain``."""
        budget = {} if self.budget_minutes is None else {"minutes": self.budget_minutes}
        return {
            "base_branch": self.base_branch,
            "user": this_person() if self.user is None else self.user,
            "budget": budget,
        }


def maintain(asked: Maintain) -> Action:
    """Start a maintenance run; watch it where that was asked for, or where somebody looks on."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        if asked.playbook is None:
            raise InvalidInput("No playbook is named.", "name one; `maintain --list` shows those there are.")
        async with session.client() as client:
            started = await client.maintain(
                whole_path(asked.repository), asked.playbook, id=asked.id, **asked.fields()
            )
            page = session.web_page(started)
            if output.as_json:
                output.data({"id": started.id, "task_id": started.task_id, "web_page": page})
            else:
                output.line(started.id, "bold")
                if page:
                    output.line(page, "dim")
            look_on = output.live if asked.watch is None else asked.watch or asked.wait
            return await watch_task(session, [started], wait=asked.wait) if look_on else ExitCode.OK

    return action
