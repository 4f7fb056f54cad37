"""What is secret in this installation, and what passes the worker's doors without it. Entry points alone import it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr

from perdure.client.connection import running_stack
from perdure.contracts.repositories import strip_credentials
from perdure.logs import CodeInLogs
from perdure.safety.secrets import KnownValue, Screen, Screens
from perdure.safety.secrets.env_files import secret_of, secrets_among
from perdure.safety.secrets.harmless import allowed_in, load_harmless
from perdure.safety.secrets.screen import WORKER_SECRET as WORKER
from perdure.settings import PROJECT_FOLDER, Settings
from perdure.workspace.working_copy import WorkingCopy

_SIGNS_IN = re.compile(r"(?i)auth|key|token|cookie|secret|password")
"""Names of headers by which a request signs in."""


def screens_of(settings: Settings, environment: Mapping[str, str]) -> Screens:
    """Screens that know the worker's own credentials: of its settings, environment, ``.env`` file and MCP servers."""
    harmless = load_harmless(settings.known_harmless)
    return Screens(dict.fromkeys(worker_secrets(settings, environment)), allowed_in=allowed_in(harmless))


def worker_secrets(settings: Settings, environment: Mapping[str, str]) -> Iterator[KnownValue]:
    """All of them; plain words are left out, since taking them out everywhere would ruin what tasks read."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield from secret_of(value.get_secret_value(), kind=WORKER)
    yield from secrets_among(settings.temporal_environment, kind=WORKER, named_only=True)
    yield from secrets_among(environment, kind=WORKER, named_only=True)
    file = PROJECT_FOLDER / ".env"
    if file.is_file():
        yield from secrets_among(dotenv_values(file, interpolate=False), kind=WORKER, named_only=True)
    running = running_stack(settings.home)
    for url in (running.database_url, *running.others.values()) if running is not None else ():
        yield from secrets_among({"": url}, kind=WORKER, named_only=True)
    if settings.mcp_servers is not None:
        yield from _of_servers(settings.mcp_servers)


def _of_servers(file: Path) -> Iterator[KnownValue]:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        # Whoever starts the servers says what is wrong with their file.
        return
    for server in content.get("mcpServers", {}).values():
        yield from secrets_among(server.get("env", {}), kind=WORKER)
        yield from secrets_among({"": server.get("url", "")}, kind=WORKER)
        for name, value in server.get("headers", {}).items():
            if _SIGNS_IN.search(name):
                # What stands before it says how it is meant, as in `Bearer …`.
                yield from secret_of(value.rpartition(" ")[2], kind=WORKER)


class Redactions:
    """The screens as the doors use them."""

    def __init__(self, screens: Screens, log_code_of: Sequence[str]) -> None:
        self.screens = screens
        self._code_in_logs = CodeInLogs(log_code_of)

    def of(self, task_id: str, *, repository: str = "") -> Screen:
        """A task's; a password in its repository's address is a secret of the worker from now on."""
        self.screens.know(secret_of(repository, kind=WORKER) if "://" in repository else ())
        known = strip_credentials(repository) or self.screens.repository_of(task_id)
        self._code_in_logs.enter(known)
        return self.screens.of(task_id, repository=known)

    def know(self, token: str) -> None:
        """A credential that the worker is about to use: no text of any task holds it from now on."""
        self.screens.know(secret_of(token, kind=WORKER))

    async def look_at(self, task_id: str, copy: WorkingCopy) -> Screen:
        """A task's, with what stands in the ``.env`` files of its tree."""
        repository = strip_credentials(copy.origin.repository)
        self._code_in_logs.enter(repository)
        return await self.screens.look_at(task_id, copy.root, repository=repository)
