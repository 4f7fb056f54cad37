"""The scripted model server: Groq's chat completions over a real socket, answered from a script."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TextIO

from aiohttp import web

from perdure.contracts.errors import ConfigurationError
from perdure.llm.catalogue import DEFAULT_MODELS
from perdure.llm.scripted.answers import chunks, completion, error_body, request_id, spoken
from perdure.llm.scripted.conversation import Conversation, Refused, read_conversation
from perdure.llm.scripted.script import Drop, Reply, Script, ScriptedError, load_script

_LARGEST_BODY = 64 * 1024 * 1024
_KEPT_BODIES = 200
_LONGEST_LAST = 4_000


@dataclass(frozen=True)
class LoggedRequest:
    """One chat-completion request and what was answered."""

    number: int
    role: str
    turn: int
    model: str
    status: int
    """Status of the answer; 0 where the connection was dropped."""
    reply: int | None
    """Position of the reply in the script; None where none matched or the request was refused."""
    last: str
    """The last message's text, its first 4,000 characters."""
    digest: str
    body: bytes = field(default=b"", repr=False)
    """The body as it came; empty for all but the latest 200 requests."""


class ScriptedServer:
    """Serves one script at ``url`` until it is stopped. ``requests`` is what was asked, in order."""

    def __init__(self) -> None:
        self.requests: list[LoggedRequest] = []
        self.url = ""
        self._script = Script(v=1, replies=())
        self._failures: Counter[tuple[str, int]] = Counter()
        self._runner: web.AppRunner | None = None
        self._log: TextIO | None = None

    async def start(
        self, script: Path | Script, host: str = "127.0.0.1", port: int = 0, *, log: Path | None = None
    ) -> Self:
        """Serve the script; port 0 takes a free one. ``url`` is the host root, for GROQ_BASE_URL."""
        self._script = script if isinstance(script, Script) else load_script(script)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/openai/v1/chat/completions", self._complete)
        app.router.add_get("/openai/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"The scripted model server cannot listen on {host}:{port}: {error.strerror}.",
                "choose another port.",
            ) from None
        self._runner = runner
        self._log = log.open("a", encoding="utf-8") if log is not None else None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        """Stop serving; connections that are still open are closed."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        log, self._log = self._log, None
        if log is not None:
            log.close()

    async def _models(self, request: web.Request) -> web.Response:
        if not _authorized(request):
            return self._json(_UNAUTHORIZED, 401)
        ids = self._script.models or DEFAULT_MODELS_SERVED
        data = [
            {
                "id": model,
                "object": "model",
                "created": 1,
                "owned_by": "Perdure",
                "active": True,
                "context_window": 131_072,
                "max_completion_tokens": 65_536,
            }
            for model in ids
        ]
        return self._json({"object": "list", "data": data}, 200)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if not _authorized(request):
            self._record(raw, None, 401, None)
            return self._json(_UNAUTHORIZED, 401)
        try:
            conversation = read_conversation(raw)
        except Refused as refused:
            self._record(raw, None, 400, None)
            return self._json(_bad_request(refused.message), 400)
        refusal = self._refusal(conversation)
        if refusal is not None:
            return self._fail(refusal, conversation, raw, None)
        for position, reply in enumerate(self._script.replies):
            if not _matches(reply, conversation):
                continue
            if self._fails("error", position, reply.error.times if reply.error else 0):
                await asyncio.sleep(reply.delay_ms / 1000)
                return await self._error(request, reply, conversation, raw, position)
            if reply.answers:
                await asyncio.sleep(reply.delay_ms / 1000)
                return await self._answer(request, reply, conversation, raw, position)
        self._record(raw, conversation, 400, None)
        sentence = f"The script has no reply for the role {conversation.role!r} at turn {conversation.turn}"
        return self._json(
            _bad_request(f"{sentence}; the last message begins {conversation.last[:80]!r}."), 400
        )

    def _refusal(self, conversation: Conversation) -> ScriptedError | None:
        """What Groq refuses whatever the reply would be."""
        if conversation.model in self._script.decommissioned:
            return ScriptedError(status=400, code="model_decommissioned")
        if self._script.models and conversation.model not in self._script.models:
            return ScriptedError(status=404)
        if conversation.prompt_tokens + conversation.answer_tokens > self._script.limits.tokens_per_minute:
            return ScriptedError(status=413)
        return None

    def _fails(self, way: str, position: int, times: int | None) -> bool:
        """Whether the reply fails once more: never for 0, for ever for None, else as often as the script says."""
        if times is None:
            return True
        if self._failures[way, position] >= times:
            return False
        self._failures[way, position] += 1
        return True

    async def _error(
        self, request: web.Request, reply: Reply, conversation: Conversation, raw: bytes, position: int
    ) -> web.StreamResponse:
        error = reply.error
        if error is None or not (error.in_stream and conversation.stream):
            return self._fail(error or ScriptedError(status=500), conversation, raw, position)
        self._record(raw, conversation, 200, position)
        response = web.StreamResponse(
            headers={**self._headers(conversation), "content-type": "text/event-stream"}
        )
        await response.prepare(request)
        body = error_body(error, conversation, limit=self._script.limits.tokens_per_minute)
        inner = {**body["error"], "status_code": error.status}
        await response.write(f"event: error\ndata: {json.dumps({'error': inner})}\n\n".encode())
        return response

    def _fail(
        self, error: ScriptedError, conversation: Conversation, raw: bytes, position: int | None
    ) -> web.Response:
        self._record(raw, conversation, error.status, position)
        headers = self._headers(conversation)
        if error.retry_after is not None:
            headers["retry-after"] = f"{error.retry_after:g}"
        if error.body is not None:
            return web.Response(
                text=error.body, status=error.status, headers=headers, content_type="text/html"
            )
        body = error_body(error, conversation, limit=self._script.limits.tokens_per_minute)
        return web.json_response(body, status=error.status, headers=headers)

    async def _answer(
        self, request: web.Request, reply: Reply, conversation: Conversation, raw: bytes, position: int
    ) -> web.StreamResponse:
        said = spoken(reply, conversation)
        drops = self._drops(position, reply)
        self._record(raw, conversation, 0 if drops else 200, position)
        headers = self._headers(conversation)
        if conversation.stream:
            events = [
                f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks(said, conversation)
            ]
            parts = [event.encode() for event in [*events, "data: [DONE]\n\n"]]
            response = web.StreamResponse(headers={**headers, "content-type": "text/event-stream"})
        else:
            body = json.dumps(completion(said, conversation), ensure_ascii=False).encode("utf-8", "replace")
            if not drops:
                return web.Response(body=body, headers=headers, content_type="application/json")
            parts = [body[: len(body) // 2], body[len(body) // 2 :]]
            response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
            response.content_length = len(body)
        await response.prepare(request)
        for part in parts[: (len(parts) + 1) // 2] if drops else parts:
            await asyncio.sleep(reply.chunk_delay_ms / 1000)
            await response.write(part)
        if drops and request.transport is not None:
            request.transport.abort()
        return response

    def _drops(self, position: int, reply: Reply) -> bool:
        times = reply.drop.times if isinstance(reply.drop, Drop) else (None if reply.drop else 0)
        return self._fails("drop", position, times)

    def _headers(self, conversation: Conversation | None = None) -> dict[str, str]:
        """Rate-limit headers that run down with each request, and the label of a scripted answer."""
        limits, number = self._script.limits, len(self.requests)
        return {
            "x-request-id": request_id(conversation) if conversation else "req_refused",
            "x-perdure-scripted": "1",
            "x-ratelimit-limit-requests": str(limits.requests_per_day),
            "x-ratelimit-limit-tokens": str(limits.tokens_per_minute),
            "x-ratelimit-remaining-requests": str(max(0, limits.requests_per_day - number)),
            "x-ratelimit-remaining-tokens": str(limits.tokens_per_minute),
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-reset-tokens": "7.66s",
        }

    def _json(self, body: dict[str, Any], status: int) -> web.Response:
        return web.json_response(body, status=status, headers=self._headers())

    def _record(
        self, raw: bytes, conversation: Conversation | None, status: int, position: int | None
    ) -> None:
        number = len(self.requests)
        logged = LoggedRequest(
            number=number,
            role=conversation.role if conversation else "",
            turn=conversation.turn if conversation else 0,
            model=conversation.model if conversation else "",
            status=status,
            reply=position,
            last=conversation.last[:_LONGEST_LAST] if conversation else "",
            digest=conversation.digest if conversation else "",
            body=raw,
        )
        self.requests.append(logged)
        if number >= _KEPT_BODIES:
            self.requests[number - _KEPT_BODIES] = replace(self.requests[number - _KEPT_BODIES], body=b"")
        if self._log is not None:
            line = {name: value for name, value in asdict(logged).items() if name != "body"}
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()


DEFAULT_MODELS_SERVED = tuple(dict.fromkeys(model for chain in DEFAULT_MODELS.values() for model in chain))
_UNAUTHORIZED = {
    "error": {"message": "Invalid API Key", "type": "invalid_request_error", "code": "invalid_api_key"}
}


def _authorized(request: web.Request) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def _bad_request(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


def _matches(reply: Reply, conversation: Conversation) -> bool:
    return reply.matches(
        role=conversation.role, turn=conversation.turn, last=conversation.last, request=conversation.request
    )
