"""What a tool's questions to a model cost is part of the task's budget, in tokens and in money."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
from aiohttp import web
from pydantic import SecretStr

from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.histories.staging import answer
from tests.workflows.conftest import READ, Call, script_of

EXPLAIN: Call = ("explain_code", {"path": "money/rounding.py"})
POINT = {"text": "`to_cents` multiplies.", "first_line": 1, "last_line": 2, "names": ["to_cents"]}
TOKENS = 60_000


def explanation(**conditions: Any) -> Mapping[str, Any]:
    """What the model answers to explain_code."""
    content = {"summary": "Makes cents of an amount.", "points": [POINT]}
    return {"for": "assist", "content": content, "usage": {"prompt_tokens": TOKENS}, **conditions}


def explaining() -> Script:
    """One step asks a tool that asks a model, a second one reads."""
    return script_of([[EXPLAIN], [READ]], before=[explanation()])


@contextlib.asynccontextmanager
async def unlabelled(script: Script) -> AsyncGenerator[str]:
    """The address of a server that answers by the script and does not say so, so that its answers have a price."""
    models = await ScriptedServer().start(script)

    async def pass_on(request: web.Request) -> web.Response:
        async with httpx.AsyncClient() as client:
            given = await client.request(
                request.method,
                f"{models.url}{request.path}",
                content=await request.read(),
                headers={"authorization": request.headers["authorization"]},
            )
        return web.Response(body=given.content, status=given.status_code, content_type="application/json")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await models.stop()


async def test_the_question_of_a_tool_reaches_the_budget_of_the_task(benches: Any) -> None:
    async with unlabelled(explaining()) as address:
        account = {"groq_base_url": address, "groq_api_key": SecretStr("key"), "model_script": None}
        async with benches(explaining(), **account) as bench:
            budget = {"tokens": TOKENS, "usd": 0.005}
            handle = await bench.start(mode="answer", budget=budget)
            question = await bench.question(handle)
            assert "usd (0.0" in question.text
            assert "tokens (6" in question.text
            cost = await handle.query("cost")
            assert cost["cost"]["input_tokens"] >= TOKENS
            assert cost["cost"]["usd"] > 0.005
            assert cost["cost"]["scripted"] is False
            assert len(await bench.calls(handle)) == 1
            await answer(handle, question.id, "extend", budget={"tokens": TOKENS * 10, "usd": 5.0})
            result = await handle.result()
            assert result["status"] == "completed"
            assert TOKENS <= result["cost"]["input_tokens"] < 2 * TOKENS
