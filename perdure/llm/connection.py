"""The one connection to the model server: opened late, bounded in time, every failure as an error of ours."""

import asyncio
from urllib.parse import urlsplit

import groq
import httpx
from groq import AsyncGroq, DefaultAioHttpClient

from perdure.llm.errors import REQUEST_ERRORS, translated
from perdure.llm.model_settings import ModelSettings

SCRIPTED_HEADER = "x-perdure-scripted"
"""Header by which a scripted model server labels everything it answers."""

_COMPLETIONS_PATH = "/openai/v1/chat/completions"
_MODELS_PATH = "/openai/v1/models"
_CONNECT_TIMEOUT_S = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Connection:
    """Sends requests through the groq SDK and remembers what the answers' headers tell."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._client: AsyncGroq | None = None
        self.token_limits: dict[str, int] = {}
        """Tokens a minute that the account has, by model, as far as an answer has told."""
        self.scripted = settings.scripted
        """Whether the server is a scripted one: configured so, or told by an answer."""

    async def list_models(self) -> bytes:
        """Body of the list of served models."""
        response = await self._send("the list of models", "", None)
        return response.content

    async def complete(self, model: str, body: bytes) -> httpx.Response:
        """The answer to one chat-completion request."""
        return await self._send(f"the model {model!r}", model, body)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _send(self, asked: str, model: str, body: bytes | None) -> httpx.Response:
        """The SDK's ``create`` walks every field of every message: 40 ms at 200 messages, where its ``post``, meant for
        bodies made elsewhere, takes none.
        """
        client = self._open()
        try:
            # The client's own time-outs count from byte to byte; this one bounds the whole exchange.
            async with asyncio.timeout(self._settings.timeout_s):
                if body is None:
                    response = await client.get(_MODELS_PATH, cast_to=httpx.Response)
                else:
                    response = await client.post(_COMPLETIONS_PATH, content=body, cast_to=httpx.Response)
        except REQUEST_ERRORS as error:
            if isinstance(error, groq.APIStatusError):
                self._notice(model, error.response.headers)
            raise translated(error, asked=asked, secret=client.api_key) from None
        self._notice(model, response.headers)
        return response

    def _notice(self, model: str, headers: httpx.Headers) -> None:
        self.scripted = self.scripted or is_scripted(headers)
        limit = headers.get("x-ratelimit-limit-tokens", "")
        if limit.isdecimal() and int(limit):
            self.token_limits[model] = int(limit)

    def _open(self) -> AsyncGroq:
        if self._client is None:
            key, root = self._settings.key(), self._settings.root_url()
            timeout = httpx.Timeout(self._settings.timeout_s, connect=_CONNECT_TIMEOUT_S)
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env = urlsplit(root).hostname not in _LOOPBACK
            self._client = AsyncGroq(
                api_key=key,
                base_url=root,
                timeout=timeout,
                max_retries=0,
                http_client=DefaultAioHttpClient(timeout=timeout, trust_env=trust_env),
            )
        return self._client


def is_scripted(headers: httpx.Headers) -> bool:
    """Whether a scripted model server made the answer."""
    return bool(headers.get(SCRIPTED_HEADER))
