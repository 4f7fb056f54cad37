"""The tools that prove a model's answer, asked by hand over a real socket: a bad answer, then one that is mended."""

import json
from dataclasses import replace
from typing import Any

from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.tools.conftest import Bench, call
from tests.tools.test_generate_docs import DISCOUNT, TARIFF, answer, changed
from tests.tools.test_suggest_improvements import MONEY, SUM, TESTS, WORDS
from tools.by_hand.asking import models_by_hand

REFUSED = "It was refused"


async def ran(
    bench: Bench, bad: dict[str, Any], good: dict[str, Any], tool: str, **arguments: Any
) -> tuple[str, Any]:
    """The tool's words, and the shape that it asked the model for."""
    replies = [{"for": "assist", "last": REFUSED, "content": good}, {"for": "assist", "content": bad}]
    server = await ScriptedServer().start(Script.model_validate({"v": 1, "replies": replies}))
    try:
        async with models_by_hand({"GROQ_API_KEY": "key", "GROQ_BASE_URL": server.url}) as model:
            output = await bench.registry.run(call(tool, **arguments), replace(bench.context, model=model))
        assert len(server.requests) == 2
        return output.content, json.loads(server.requests[0].body)["response_format"]["json_schema"]
    finally:
        await server.stop()


async def test_bad_answers_are_refused_and_mended_ones_taken_over_the_wire(bench: Bench) -> None:
    bench.put("app/tariff.py", TARIFF)
    bench.put("app/money.py", MONEY)
    bench.put("tests/test_money.py", TESTS)
    wrong = changed(DISCOUNT, 2, default="0.3")
    said, schema = await ran(
        bench, answer(wrong), answer(DISCOUNT), "generate_docs", path="app/tariff.py", symbols=["discount"]
    )
    assert "(scripted). Proved: " in said
    assert "the default of 'share' is 0.3" in said
    assert (schema["name"], schema["strict"]) == ("writtendocs", True)
    twice = {**SUM, "patch": [{**SUM["patch"][0], "search": "(prices):"}]}
    said, schema = await ran(
        bench, {"suggestions": [twice]}, {"suggestions": [WORDS]}, "suggest_improvements", path="app/money.py"
    )
    assert "its search text occurs 2 times" in said
    assert "(scripted)." in said
    assert (schema["name"], schema["strict"]) == ("suggestions", True)
