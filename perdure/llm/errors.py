"""Every way a request to Groq can fail, as one of Perdure's errors.

| answer | error |
| --- | --- |
| 400 ``tool_use_failed``, ``json_validate_failed`` | ModelFault, with the failed generation |
| 400 ``model_decommissioned``, 404 ``model_not_found`` | ModelGone |
| 400 ``context_length_exceeded``, 413 | ContextTooLarge |
| other 400, 422 and the rest of 4xx | InvalidInput: our request is wrong, and sending it again cannot help |
| 401, 402, 403, other 404, 3xx | ConfigurationError |
| 408, 409, 424, 425, 429, 498, 499, 5xx, no connection, time-out, broken or unreadable answer | ModelUnavailable |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import cast

import aiohttp
import groq
import httpx

from perdure.contracts.errors import (
    ConfigurationError,
    ContextTooLarge,
    InvalidInput,
    ModelFault,
    ModelUnavailable,
    PerdureError,
)
from perdure.llm.durations import seconds_of
from perdure.safety.secrets.cutting import beginning

#: What a request may raise. OSError covers sockets and Python's own TimeoutError.
REQUEST_ERRORS = (
    groq.GroqError,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    aiohttp.ClientError,
    OSError,
)

_FAULT_CODES = frozenset({"tool_use_failed", "json_validate_failed"})
_GONE_CODES = frozenset({"model_decommissioned", "model_not_found", "model_not_active"})
_TRANSIENT_STATUSES = frozenset({408, 409, 424, 425, 429, 498, 499})
_TRY_AGAIN = re.compile(r"try again in\s+([0-9hmsunµμ.]+)", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\s+(\d+)", re.IGNORECASE)
_REQUESTED = re.compile(r"\brequested\s+(\d+)", re.IGNORECASE)
_LONGEST_QUOTE = 600


class ModelGone(ConfigurationError):
    """The model is not served to this account (any more); the next one in the chain may be."""


@dataclass(frozen=True)
class _Refusal:
    """What the server said, from whichever exception carried it."""

    status: int
    code: str
    message: str
    failed_generation: str
    headers: Mapping[str, str]


def translated(error: BaseException, *, asked: str, secret: str = "") -> PerdureError:
    """The error of ours that says what to do. ``asked`` is what did not answer, such as ``the model 'x'``; ``secret`` is
    cut out of whatever the server echoed.

    Callers raise it ``from None``: the SDK's exceptions hold the whole response, and a cause is written to the history.
    """
    if isinstance(error, groq.APIResponseValidationError):
        return _unreadable(asked)
    if isinstance(error, groq.APIStatusError):
        return _of_refusal(_refusal(error.status_code, error.body, error.response.headers), asked, secret)
    if isinstance(error, groq.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return _late(asked, error, secret)
    if isinstance(error, groq.APIConnectionError):
        return _unreachable(asked, error.__cause__ or error, secret)
    if isinstance(error, groq.APIError):
        # An error inside a stream arrives after status 200, so the SDK has no status but the body's.
        return _of_refusal(_refusal(0, error.body, {}), asked, secret)
    if type(error) is groq.GroqError:
        return ConfigurationError(
            f"The Groq client refuses to start: {_quoted(str(error), secret)}", "set GROQ_API_KEY."
        )
    if isinstance(error, groq.GroqError):
        return _unreadable(asked, _quoted(str(error), secret))
    return _unreachable(asked, error, secret)


def unreadable(asked: str, detail: str) -> ModelUnavailable:
    """For an answer with status 200 that is no chat completion, such as a proxy's HTML page."""
    return _unreadable(asked, f"{detail}.")


def _unreadable(
    asked: str, detail: str = "it does not have the shape of a chat completion"
) -> ModelUnavailable:
    return ModelUnavailable(
        f"What came back from {asked} cannot be read: {detail}",
        "it is asked again; look at the proxies between here and GROQ_BASE_URL if this repeats.",
    )


def _late(asked: str, error: BaseException, secret: str) -> ModelUnavailable:
    cause: BaseException | None = error
    while cause is not None:
        # httpx-aiohttp reports every failed connection as a time-out; the aiohttp error below tells which it was.
        if isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError):
            return _unreachable(asked, cause, secret)
        cause = cause.__cause__
    return ModelUnavailable(
        f"No answer came from {asked} in time.",
        "it is asked again; raise PERDURE_MODEL_TIMEOUT_S if this repeats.",
    )


def _unreachable(asked: str, cause: BaseException, secret: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The connection to {asked} failed: {type(cause).__name__}: {_quoted(str(cause), secret)}",
        "it is tried again; check the network and GROQ_BASE_URL if this repeats.",
    )


def _refusal(status: int, body: object, headers: Mapping[str, str]) -> _Refusal:
    inner = _mapping(body)
    inner = _mapping(inner["error"]) if isinstance(inner.get("error"), dict) else inner
    message = inner.get("message")
    if not status:
        found = inner.get("status_code")
        status = found if isinstance(found, int) else 500
    return _Refusal(
        status=status,
        code=str(inner.get("code") or ""),
        message=str(message) if message else (body if isinstance(body, str) else ""),
        failed_generation=str(inner.get("failed_generation") or ""),
        headers=headers,
    )


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _of_refusal(refusal: _Refusal, asked: str, secret: str) -> PerdureError:
    said = _quoted(refusal.message, secret) or "without a message."
    answered = f"{refusal.status} {refusal.code}".strip()
    if refusal.status in {400, 404} and refusal.code in _GONE_CODES:
        return ModelGone(f"This account is not served {asked}: {said}")
    if refusal.status == 413 or refusal.code == "context_length_exceeded":
        return _too_large(refusal, asked, said)
    if refusal.status == 400 and refusal.code in _FAULT_CODES:
        generation = refusal.failed_generation.replace(secret, "…") if secret else refusal.failed_generation
        return ModelFault(f"An unusable answer came from {asked}: {said}", "", generation)
    if refusal.status in {401, 402, 403} or refusal.status < 400 or refusal.status == 404:
        return _configuration(refusal, answered, said)
    if refusal.status in _TRANSIENT_STATUSES or refusal.status >= 500:
        return ModelUnavailable(
            f"No answer comes from {asked} now ({answered}): {said}",
            "it is asked again after the wait.",
            _retry_after(refusal),
        )
    return InvalidInput(
        f"The request to {asked} was refused ({answered}): {said}",
        "the same request cannot succeed; this is a defect of Perdure or of a setting for this model.",
    )


def _configuration(refusal: _Refusal, answered: str, said: str) -> ConfigurationError:
    hints = {
        401: "GROQ_API_KEY is wrong or revoked: set a valid key and restart the worker.",
        402: "the account behind GROQ_API_KEY has no credit left.",
        403: "the key in GROQ_API_KEY has no permission for this; check its project and the models it may use.",
    }
    hint = hints.get(
        refusal.status, "GROQ_BASE_URL must be the host's root, without /openai/v1: check what it points to."
    )
    return ConfigurationError(f"The model server refused the request ({answered}): {said}", hint)


def _too_large(refusal: _Refusal, asked: str, said: str) -> ContextTooLarge:
    limit, requested = _LIMIT.search(refusal.message), _REQUESTED.search(refusal.message)
    return ContextTooLarge(
        f"The request to {asked} is too large: {said}",
        "send less, or use an account with a higher limit.",
        int(limit[1]) if limit else 0,
        int(requested[1]) if requested else 0,
    )


def _retry_after(refusal: _Refusal) -> float | None:
    header = refusal.headers.get("retry-after", "")
    if (wait := seconds_of(header)) is not None:
        return wait
    if (wait := _seconds_until(header, refusal.headers.get("date", ""))) is not None:
        return wait
    found = _TRY_AGAIN.search(refusal.message)
    # The pattern also takes the full stop that ends the sentence.
    return seconds_of(found[1].rstrip(".")) if found else None


def _seconds_until(when: str, now: str) -> float | None:
    """A proxy may send a date; it is compared with the server's own clock, ours may differ."""
    try:
        return max(0.0, (parsedate_to_datetime(when) - parsedate_to_datetime(now)).total_seconds())
    except (ValueError, TypeError):
        return None


def _quoted(text: str, secret: str) -> str:
    """The text on one line, without the secret, ended like a sentence."""
    text = " ".join(text.split())
    if secret:
        text = text.replace(secret, "…")
    if len(text) > _LONGEST_QUOTE:
        return f"{beginning(text, _LONGEST_QUOTE)}…"
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."
