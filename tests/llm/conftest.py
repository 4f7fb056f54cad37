"""A scripted model server on a real socket, and models that ask it through the real SDK."""

import socket
from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest
from aiohttp import web

from perdure.contracts.model import Message, ModelRequest, Role
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer


class Serve(Protocol):
    """Starts a scripted server with these replies; keywords are the script's other fields."""

    async def __call__(self, *replies: dict[str, Any], **script: Any) -> ScriptedServer: ...


class Connect(Protocol):
    """Models that ask the server; keywords are ``ModelSettings`` fields."""

    def __call__(self, server: ScriptedServer, **settings: Any) -> Models: ...


class Unlabelled(Protocol):
    """Starts a server that answers like a language model's, without the scripted label; gives its address."""

    async def __call__(self, usage: dict[str, Any] | None) -> str: ...


@pytest.fixture
async def unlabelled() -> AsyncIterator[Unlabelled]:
    runners: list[web.AppRunner] = []

    async def start(usage: dict[str, Any] | None) -> str:
        async def answer(_: web.Request) -> web.Response:
            message = {"role": "assistant", "content": "done"}
            return web.json_response(
                {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
            )

        app = web.Application()
        app.router.add_post("/openai/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[ScriptedServer] = []

    async def start(*replies: dict[str, Any], **script: Any) -> ScriptedServer:
        server = await ScriptedServer().start(Script.model_validate({"v": 1, "replies": replies, **script}))
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[Models] = []

    def build(server: ScriptedServer, **settings: Any) -> Models:
        fields: dict[str, Any] = {"base_url": server.url, "api_key": "key-for-tests", **settings}
        models = Models(ModelSettings(**fields))
        opened.append(models)
        return models

    yield build
    for models in opened:
        await models.close()


@pytest.fixture
def ask() -> ModelRequest:
    """A plain request for a decision."""
    messages = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Mend the rounding."),
    )
    return ModelRequest(role=Role.DECIDE, messages=messages)


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
