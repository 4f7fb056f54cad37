"""Every exception class of the SDK and of its transports, as an error of ours."""

from collections.abc import Callable

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
from perdure.llm.errors import REQUEST_ERRORS, ModelGone, translated

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
