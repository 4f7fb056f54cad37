"""Every row of the error map, over a real socket."""

import asyncio
from typing import Any

import pytest

from perdure.contracts.errors import (
    ConfigurationError,
    ContextTooLarge,
    InvalidInput,
    ModelFault,
    ModelUnavailable,
    PerdureError,
)
from perdure.contracts.model import ModelRequest, Role
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from tests.llm.conftest import Connect, Serve

_ONE_MODEL = dict.fromkeys(Role, ("openai/gpt-oss-120b",))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"status": 400, "code": "tool_use_failed", "failed_generation": "x"}, ModelFault),
        ({"status": 400, "code": "json_validate_failed", "failed_generation": "x"}, ModelFault),
        ({"status": 400, "code": "tool_use_failed"}, ModelFault),
        ({"status": 400}, InvalidInput),
        ({"status": 400, "code": "context_length_exceeded"}, ContextTooLarge),
        ({"status": 400, "code": "model_decommissioned"}, ConfigurationError),
        ({"status": 401}, ConfigurationError),
        ({"status": 402}, ConfigurationError),
        ({"status": 403}, ConfigurationError),
        ({"status": 404}, ConfigurationError),
        ({"status": 404, "code": "unknown_url", "message": "Unknown request URL"}, ConfigurationError),
        ({"status": 408}, ModelUnavailable),
        ({"status": 409}, ModelUnavailable),
        ({"status": 413}, ContextTooLarge),
        ({"status": 422}, InvalidInput),
        ({"status": 424}, ModelUnavailable),
        ({"status": 429}, ModelUnavailable),
        ({"status": 498}, ModelUnavailable),
        ({"status": 499}, ModelUnavailable),
        ({"status": 500}, ModelUnavailable),
        ({"status": 502, "body": "<html>Bad Gateway</html>"}, ModelUnavailable),
        ({"status": 503}, ModelUnavailable),
        ({"status": 200, "body": "<html>502 Bad Gateway</html>"}, ModelUnavailable),
        ({"status": 200, "body": '{"choices": []}'}, ModelUnavailable),
        ({"status": 404, "body": "<html>nginx</html>"}, ConfigurationError),
    ],
)
async def test_maps_an_answer_to_the_error_that_says_what_to_do(
    serve: Serve, connect: Connect, ask: ModelRequest, error: dict[str, Any], expected: type[PerdureError]
) -> None:
    models = connect(await serve({"error": error}), models=_ONE_MODEL)
    with pytest.raises(expected) as caught:
        await models.complete(ask)
    assert caught.value.message.endswith((".", "!", "Gateway</html>", "nginx</html>", "URL", "s", ")")), (
        caught.value
    )
    assert caught.value.__cause__ is None


async def test_waits_as_long_as_the_retry_after_header_says(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"error": {"status": 429, "retry_after": 7.5, "message": "slow down"}}))
    with pytest.raises(ModelUnavailable) as caught:
        await models.complete(ask)
    assert caught.value.retry_after_s == 7.5


async def test_waits_as_long_as_the_message_says_where_no_header_does(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    message = "Rate limit reached … Limit 8000, Used 7000, Requested 2000. Please try again in 1m7.56s. Visit the console."
    models = connect(await serve({"error": {"status": 429, "message": message}}))
    with pytest.raises(ModelUnavailable) as caught:
        await models.complete(ask)
    assert caught.value.retry_after_s == pytest.approx(67.56)


async def test_a_rate_limit_that_passes_is_followed_by_the_answer(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done", "error": {"status": 429, "retry_after": 1, "times": 1}})
    models = connect(server)
    with pytest.raises(ModelUnavailable):
        await models.complete(ask)
    assert (await models.complete(ask)).content == "done"
    assert [request.status for request in server.requests] == [429, 200]


async def test_the_client_itself_never_retries(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    server = await serve({"error": {"status": 503}})
    with pytest.raises(ModelUnavailable):
        await connect(server).complete(ask)
    assert len(server.requests) == 1


async def test_a_refused_key_names_the_variable_and_never_the_key(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    echo = {"status": 401, "message": "Invalid API Key gsk_very_secret given"}
    models = connect(await serve({"error": echo}), api_key="gsk_very_secret")
    with pytest.raises(ConfigurationError) as caught:
        await models.complete(ask)
    assert "GROQ_API_KEY" in str(caught.value)
    assert "gsk_very_secret" not in repr(caught.value)
    assert "gsk_very_secret" not in repr(ModelSettings(api_key="gsk_very_secret"))


async def test_without_a_key_the_error_names_both_ways_out(ask: ModelRequest) -> None:
    with pytest.raises(ConfigurationError, match=r"GROQ_API_KEY.*PERDURE_MODEL_SCRIPT"):
        await Models(ModelSettings()).complete(ask)


async def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(ask: ModelRequest) -> None:
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY") as caught:
        await Models(ModelSettings(api_key="“gsk_secret”")).complete(ask)
    assert "gsk_secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["api.groq.com", "ftp://api.groq.com", "", "http://"])
async def test_a_base_url_that_is_none_is_refused(ask: ModelRequest, url: str) -> None:
    with pytest.raises(ConfigurationError, match="GROQ_BASE_URL"):
        await Models(ModelSettings(api_key="k", base_url=url)).complete(ask)


async def test_scripted_models_without_a_server_never_reach_groq(ask: ModelRequest) -> None:
    with pytest.raises(ConfigurationError, match="PERDURE_MODEL_SCRIPT"):
        await Models(ModelSettings(scripted=True)).complete(ask)


async def test_a_base_url_in_the_other_convention_works_too(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done"})
    models = connect(server, base_url=f"{server.url}/openai/v1/")
    assert (await models.complete(ask)).content == "done"


async def test_a_server_that_is_not_there_is_unavailable(unused_port: int, ask: ModelRequest) -> None:
    models = Models(ModelSettings(api_key="k", base_url=f"http://127.0.0.1:{unused_port}"))
    try:
        with pytest.raises(ModelUnavailable, match="connection to the model"):
            await models.complete(ask)
    finally:
        await models.close()


async def test_an_answer_that_breaks_off_is_unavailable(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "half of this is lost " * 50, "drop": {"times": 1}})
    models = connect(server)
    with pytest.raises(ModelUnavailable):
        await models.complete(ask)
    assert (await models.complete(ask)).content.startswith("half of this")


async def test_an_answer_that_takes_too_long_is_unavailable(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"content": "late", "delay_ms": 2_000}), timeout_s=0.1)
    with pytest.raises(ModelUnavailable, match="in time"):
        await models.complete(ask)


async def test_bytes_that_trickle_in_do_not_escape_the_time_limit(ask: ModelRequest) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n")
        try:
            for _ in range(100):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    models = Models(ModelSettings(api_key="k", base_url=f"http://127.0.0.1:{port}", timeout_s=0.3))
    try:
        with pytest.raises(ModelUnavailable, match="in time"):
            await models.complete(ask)
    finally:
        await models.close()
        server.close()


async def test_cancellation_is_not_swallowed(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    models = connect(await serve({"content": "late", "delay_ms": 2_000}))
    task = asyncio.create_task(models.complete(ask))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
