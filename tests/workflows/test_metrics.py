"""A worker's metrics can be scraped, under our prefix and without ids in labels."""

import socket
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from perdure.contracts.errors import InvalidInput
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_worker_serves_its_metrics(benches: Any, fixing: Script, stack: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    redis_url = SecretStr(stack.addresses.others["valkey"])
    async with benches(fixing, metrics_address=address, redis_url=redis_url) as bench:
        handle = await bench.start(mode="answer")
        await handle.result()
        # The task is known here, so only what nobody knows is looked for.
        with pytest.raises(InvalidInput):
            await bench.house.record.entries("unknown", "beef")
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as reply:
            text = await reply.text()
    for name in (
        "perdure_activities",
        "perdure_model_calls",
        "perdure_model_tokens",
        "perdure_short_term_readings",
        "perdure_tasks",
        "perdure_tool_calls",
    ):
        assert f"\n{name}" in text
    assert handle.id not in text
