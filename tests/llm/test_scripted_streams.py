"""Streamed answers of the scripted server, read by the real SDK."""

from typing import Any

import groq
import httpx
import pytest
from groq import AsyncGroq

from perdure.llm.scripted.server import ScriptedServer
from tests.llm.conftest import Serve

_LARGE = "openai/gpt-oss-120b"


async def _stream(server: ScriptedServer) -> list[Any]:
    client = AsyncGroq(api_key="k", base_url=server.url, max_retries=0)
    try:
        stream = await client.chat.completions.create(
            model=_LARGE,
            messages=[{"role": "user", "content": "x"}],
            stream=True,
            extra_body={"stream_options": {"include_usage": True}},
        )
        return [chunk async for chunk in stream]
    finally:
        await client.close()


async def test_streams_reasoning_content_calls_and_usage(serve: Serve) -> None:
    text = "a long answer that takes several pieces to send"
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    call = {"tool": "t", "arguments": {"a": 1}}
    chunks = await _stream(
        await serve({"content": text, "reasoning": "why", "calls": [call], "usage": usage})
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert chunks[0].x_groq.id.startswith("req_")
    assert "".join(delta.reasoning or "" for delta in deltas) == "why"
    assert "".join(delta.content or "" for delta in deltas) == text
    whole = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
    assert [(call.index, call.function.name, call.function.arguments) for call in whole] == [
        (0, "t", '{"a": 1}')
    ]
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-2].x_groq.usage.total_tokens == 10
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 10


async def test_a_stream_can_be_slow(serve: Serve) -> None:
    assert len(await _stream(await serve({"content": "abc", "chunk_delay_ms": 5}))) == 4


async def test_a_stream_can_break_off(serve: Serve) -> None:
    server = await serve({"content": "x" * 500, "drop": True})
    with pytest.raises(httpx.RemoteProtocolError):
        await _stream(server)
    assert server.requests[0].status == 0


async def test_a_stream_can_fail_after_it_began(serve: Serve) -> None:
    error = {"status": 400, "code": "tool_use_failed", "failed_generation": "x", "in_stream": True}
    with pytest.raises(groq.APIError) as caught:
        await _stream(await serve({"error": error}))
    assert not isinstance(caught.value, groq.APIStatusError)
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["code"] == "tool_use_failed"
    assert body["status_code"] == 400
