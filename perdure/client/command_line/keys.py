"""``keys``."""

import json
from pathlib import Path

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.signing import SigningKey
from perdure.contracts.consents import unusable_name
from perdure.contracts.errors import InvalidInput


def create(file: str, *, name: str | None) -> Action:
    """Make a key in a new file."""

    async def action(session: Session) -> ExitCode:
        person = this_person() if name is None else name
        if problem := unusable_name(person):
            raise InvalidInput(problem, "give another --name.")
        key = SigningKey.create(Path(file))
        if session.output.as_json:
            session.output.data(
                {"name": person, "key": key.public, "fingerprint": key.fingerprint, "file": file}
            )
            return ExitCode.OK
        session.output.line(f"# The private key is in {file}. For the file that PERDURE_APPROVERS names:")
        session.output.line(f"[approvers.{json.dumps(person)}]")
        session.output.line(f'keys = ["{key.public}"]')
        return ExitCode.OK

    return action
