"""``Grants``: what people let be remembered, listed and revoked, for clients that reach nothing but Temporal.

It is a workflow, so that who revoked what stands in an event history like every other word of a person.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.grants import AskGrants, Grants
    from perdure.contracts.names import GRANTS
    from workflows.outcome import sentence_of, type_of
    from workflows.request import NO_INPUT, read_input
    from workflows.steps import RETRY


@workflow.defn(name=GRANTS)
class GrantsRun:
    """Lists or revokes."""

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """Input and result are ``AskGrants`` and ``Grants``."""
        asked = read_input(request, AskGrants, what=GRANTS)
        what = f"revoke {len(asked.revoke)} of" if asked.revoke else "list"
        try:
            grants = await workflow.execute_activity(
                "look_up_grants",
                asked,
                result_type=Grants,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RETRY,
                summary=f"{what} what people let be remembered",
            )
        except ActivityError as error:
            raise ApplicationError(sentence_of(error), type=type_of(error), non_retryable=True) from error
        return grants.model_dump(mode="json")
