"""What people let be remembered, so that they are not asked again: listed and revoked through a worker."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, TimeoutError

from perdure.client.decoding import telling_message
from perdure.client.errors import NotPending, NoWorker
from perdure.client.server import Server
from perdure.client.validation import valid
from perdure.contracts.errors import InvalidInput, PerdureError
from perdure.contracts.grants import AskGrants, Grants, ListedGrant
from perdure.contracts.names import GRANTS

LIMIT = timedelta(minutes=2)
"""An answer that nobody gave is none by then."""


class GrantBook:
    """The remembered decisions of an installation."""

    def __init__(self, server: Server, task_queue: str) -> None:
        self._server = server
        self._task_queue = task_queue

    async def list(self, *, repository: str | None = None, everything: bool = False) -> Sequence[ListedGrant]:
        """Those that count now, the newest first, at most 200; with ``everything`` those that count no more as well."""
        answer = await self._ask(repository=repository, everything=everything)
        return answer.grants

    async def revoke(self, *ids: str, by: str = "", reason: str = "") -> Sequence[ListedGrant]:
        """Let these count no more: people are asked again. NotPending names those that are not there."""
        if not ids:
            raise InvalidInput(
                "No grant is named.", "`python starter.py grants list` shows what is remembered."
            )
        answer = await self._ask(revoke=ids, by=by, reason=reason)
        if answer.missing:
            done = f" Revoked: {', '.join(each.id for each in answer.grants)}." if answer.grants else ""
            raise NotPending(
                f"There is no grant {', '.join(map(repr, answer.missing))}.{done}",
                "`python starter.py grants list` shows what is remembered.",
                answer.missing,
            )
        return answer.grants

    async def _ask(self, **fields: Any) -> Grants:
        if not await self._server.pollers(self._task_queue):
            raise NoWorker(
                f"No worker polls task queue {self._task_queue!r}, so nobody can look into what is remembered.",
                "start one with `python starter.py worker` (or `python starter.py up`), then try again.",
            )
        request = valid(AskGrants, **fields)
        try:
            with self._server.explained():
                handle = await self._server.client.start_workflow(
                    GRANTS,
                    request,
                    id=f"grants-{request.task_id}-{secrets.token_hex(6)}",
                    task_queue=self._task_queue,
                    result_type=Grants,
                    execution_timeout=LIMIT,
                    static_summary=f"{request.task_id} grants",
                    rpc_timeout=self._server.limit,
                )
                return await handle.result()
        except WorkflowFailureError as failure:
            raise _explained(failure) from failure


def _explained(failure: WorkflowFailureError) -> PerdureError:
    cause = failure.cause
    if isinstance(cause, TimeoutError):
        return NoWorker(
            f"No worker answered within {LIMIT.total_seconds():g} s.",
            "workers of an older version remember nothing: update them, then try again.",
        )
    told = cause.message if isinstance(cause, ApplicationError) else telling_message(cause)
    sentence, _, hint = told.partition(" hint: ")
    return InvalidInput(sentence, hint or "look at the workers' logs, then try again.")
