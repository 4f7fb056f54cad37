"""Calls a server's tool at most once, whatever dies: what is not known to have happened is asked of a person."""

import uuid
from typing import Any

from mcp_types import Tool as Offered

from perdure.contracts.calls import Effect
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import EffectUnknown, ToolRejected
from perdure.safety.secrets.cutting import beginning
from tools.mcp_servers.connection import BadAnswer, Connection, Unanswered, Unreachable
from tools.mcp_servers.results import output_of
from tools.tool_schemas import ToolContext, ToolOutput

KIND = "mcp"
UNANSWERED = "mcp-unanswered"
"""Kind of the ledger's note of why there is no answer, for those who look again."""
RECEIPT_CHARACTERS = 100_000
"""Of the answer's text that the ledger keeps for a later attempt of the same call."""
HINT = "look at the server's own records; leave the call as it is, and ask for it again if it did not happen."


class Caller:
    """One tool of one server."""

    def __init__(self, connection: Connection, offered: Offered, effect: Effect, name: str) -> None:
        self._connection = connection
        self._tool = offered.name
        self._effect = effect
        self._name = name

    async def call(self, arguments: dict[str, Any], context: ToolContext) -> ToolOutput:
        """The answer; EffectUnknown where an earlier attempt, or this one, was sent and nobody knows what came of it."""
        if self._effect is Effect.READ:
            try:
                return await self._sent(arguments)
            except Unanswered as error:
                raise ToolRejected(
                    f"The MCP server {self._connection.name!r} {error}.", "Call it again."
                ) from error
        target, key = f"{self._connection.name} {self._tool}", str(context.key)
        mine = {"attempt": uuid.uuid4().hex, "arguments": digest_of({"v": 1, "arguments": arguments})}
        receipt = await context.effects.intend(KIND, target, key, mine)
        if receipt is not None:
            return ToolOutput(content=receipt["content"], ok=receipt["ok"])
        intent = await context.effects.intended(KIND, target, key)
        # The first intent stays, so another's means that an earlier attempt may have sent the call.
        if intent is None or intent.get("attempt") != mine["attempt"]:
            noted = await context.effects.intended(UNANSWERED, target, key)
            why = noted["why"] if noted else "it was stopped before the answer was kept."
            raise EffectUnknown(f"An earlier attempt called {self._name!r}, and {why}", HINT)
        try:
            output = await self._sent(arguments)
        except Unanswered as error:
            why = f"the MCP server {self._connection.name!r} {error}."
            await context.effects.intend(UNANSWERED, target, key, {"why": why})
            raise EffectUnknown(f"{self._name!r} was called, and {why}", HINT) from error
        await context.effects.receive(KIND, target, key, _receipt(output))
        return output

    async def _sent(self, arguments: dict[str, Any]) -> ToolOutput:
        try:
            return output_of(await self._connection.call(self._tool, arguments), self._name)
        except Unreachable as error:
            text = f"The MCP server {self._connection.name!r} {error}. Nothing was sent."
            return ToolOutput(content=text, ok=False)
        except BadAnswer as error:
            return ToolOutput(content=f"The MCP server {self._connection.name!r} answered: {error}", ok=False)


def _receipt(output: ToolOutput) -> dict[str, Any]:
    text = beginning(output.content, RECEIPT_CHARACTERS)
    return {"ok": output.ok, "content": text.replace("\0", "\\x00")}
