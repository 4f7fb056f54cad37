"""Every row of the error map, over a real socket, and every exception class of the SDK."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import groq
import httpx
import pytest
from groq._response import StreamAlreadyConsumed

from perdure.contracts.errors import (
    ConfigurationError,
    ContextTooLarge,
    InvalidInput,
    ModelFault,
    ModelUnavailable,
    PerdureError,
)
from perdure.contracts.model import ModelRequest, Role
from perdure.llm.errors import REQUEST_ERRORS, ModelGone, translated
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


_REQUEST = httpx.Request("POST", "http://model.invalid/openai/v1/chat/completions")


def _status(kind: type[groq.APIStatusError], status: int) -> groq.APIStatusError:
    body = {"error": {"message": "No.", "code": "some_code"}}
    return kind("No.", response=httpx.Response(status, request=_REQUEST), body=body)


_EVERY_SDK_ERROR: dict[type[groq.GroqError], tuple[Callable[[], groq.GroqError], type[PerdureError]]] = {
    groq.GroqError: (lambda: groq.GroqError("no key"), ConfigurationError),
    groq.APIError: (
        lambda: groq.APIError("No.", _REQUEST, body={"code": "tool_use_failed", "status_code": 400}),
        ModelFault,
    ),
    groq.APIConnectionError: (lambda: groq.APIConnectionError(request=_REQUEST), ModelUnavailable),
    groq.APITimeoutError: (lambda: groq.APITimeoutError(request=_REQUEST), ModelUnavailable),
    groq.APIResponseValidationError: (
        lambda: groq.APIResponseValidationError(httpx.Response(200, request=_REQUEST), None),
        ModelUnavailable,
    ),
    StreamAlreadyConsumed: (StreamAlreadyConsumed, ModelUnavailable),
    groq.APIStatusError: (lambda: _status(groq.APIStatusError, 413), ContextTooLarge),
    groq.BadRequestError: (lambda: _status(groq.BadRequestError, 400), InvalidInput),
    groq.AuthenticationError: (lambda: _status(groq.AuthenticationError, 401), ConfigurationError),
    groq.PermissionDeniedError: (lambda: _status(groq.PermissionDeniedError, 403), ConfigurationError),
    groq.NotFoundError: (lambda: _status(groq.NotFoundError, 404), ConfigurationError),
    groq.ConflictError: (lambda: _status(groq.ConflictError, 409), ModelUnavailable),
    groq.UnprocessableEntityError: (lambda: _status(groq.UnprocessableEntityError, 422), InvalidInput),
    groq.RateLimitError: (lambda: _status(groq.RateLimitError, 429), ModelUnavailable),
    groq.InternalServerError: (lambda: _status(groq.InternalServerError, 500), ModelUnavailable),
}


def _family(kind: type[groq.GroqError]) -> set[type[groq.GroqError]]:
    return {kind, *(member for child in kind.__subclasses__() for member in _family(child))}


def test_every_exception_of_the_sdk_is_mapped() -> None:
    assert _family(groq.GroqError) == set(_EVERY_SDK_ERROR)
    got = {
        kind: type(translated(make(), asked="the model 'x'")) for kind, (make, _) in _EVERY_SDK_ERROR.items()
    }
    assert got == {kind: expected for kind, (_, expected) in _EVERY_SDK_ERROR.items()}


@pytest.mark.parametrize(
    "error",
    [
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("no route"),
        httpx.InvalidURL("no url"),
        httpx.StreamClosed(),
        aiohttp.ClientPayloadError("cut off"),
        aiohttp.ServerDisconnectedError(),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
def test_every_transport_error_is_caught_and_unavailable(error: Exception) -> None:
    assert isinstance(error, REQUEST_ERRORS)
    assert isinstance(translated(error, asked="the model 'x'"), ModelUnavailable)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"code": "tool_use_failed", "status_code": 400, "failed_generation": "{"}, ModelFault),
        ({"code": "model_not_found", "status_code": 404}, ModelGone),
        ({"code": "rate_limit_exceeded", "status_code": 429}, ModelUnavailable),
        ({"message": "broke"}, ModelUnavailable),
        (None, ModelUnavailable),
        ("text", ModelUnavailable),
    ],
)
def test_an_error_inside_a_stream_is_read_from_its_body(body: object, expected: type[PerdureError]) -> None:
    assert type(translated(groq.APIError("No.", _REQUEST, body=body), asked="the model 'x'")) is expected


@pytest.mark.parametrize(
    "body", [None, [], "x", {"error": None}, {"error": "flat"}, {"error": {"message": None}}, {}]
)
def test_a_body_of_any_shape_gives_an_error_of_ours(body: object) -> None:
    response = httpx.Response(500, request=_REQUEST)
    error = groq.InternalServerError("No.", response=response, body=body)
    assert isinstance(translated(error, asked="the model 'x'"), ModelUnavailable)


def test_a_retry_date_is_measured_by_the_servers_clock() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    response = httpx.Response(429, request=_REQUEST, headers=headers)
    error = translated(groq.RateLimitError("No.", response=response, body=None), asked="the model 'x'")
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == 30
