"""Clients of two language servers: one that speaks the Language Server Protocol, and TypeScript's own tsserver."""

import abc
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

ANSWER_S = 300.0
LARGEST_LINE = 2**26
Question = Literal["definition", "references"]


@dataclass(frozen=True, order=True)
class Spot:
    """A name in a file, counted from 1."""

    path: str
    line: int
    column: int


class Server(abc.ABC):
    """A process that answers in frames of the Language Server Protocol. Use it with ``async with``."""

    def __init__(self, argv: Sequence[str], root: Path, environment: Mapping[str, str]) -> None:
        self._argv, self._environment = argv, environment
        self.root = root
        self._process: asyncio.subprocess.Process | None = None
        self._last = 0

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self.root,
            env=dict(self._environment),
            limit=LARGEST_LINE,
        )
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def begin(self) -> None:  # noqa: B027 - a server may want nothing before the first question
        """What is said before the first question."""

    @abc.abstractmethod
    def open(self, path: str) -> None:
        """Make a file known."""

    @abc.abstractmethod
    async def spots(self, question: Question, at: Spot) -> set[Spot]:
        """The server's answer, as far as it lies in the repository."""

    @property
    def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        return self._process.stdout, self._process.stdin

    def _number(self) -> int:
        self._last += 1
        return self._last

    async def _read(self) -> dict[str, Any]:
        reader, _ = self._streams
        length = 0
        async with asyncio.timeout(ANSWER_S):
            while (line := await reader.readline()).strip() or not length:
                if not line:
                    raise ConnectionError(f"{self._argv[0]!r} has ended.")
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            return json.loads(await reader.readexactly(length))

    def _inside(self, path: str) -> str | None:
        prefix = f"{self.root}/"
        return path.removeprefix(prefix) if path.startswith(prefix) else None


class Pyright(Server):
    """pyright's language server, and every other one that speaks the protocol."""

    async def begin(self) -> None:
        """Shake hands."""
        folder = {"uri": self.root.as_uri(), "name": "repository"}
        await self._ask(
            "initialize",
            {"processId": None, "rootUri": folder["uri"], "capabilities": {}, "workspaceFolders": [folder]},
        )
        self._say({"method": "initialized", "params": {}})

    def open(self, path: str) -> None:
        """Make a file known."""
        file = self.root / path
        document = {"uri": file.as_uri(), "languageId": "python", "version": 1, "text": file.read_text()}
        self._say({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    async def spots(self, question: Question, at: Spot) -> set[Spot]:
        """The server's answer, as far as it lies in the repository."""
        found = await self._ask(
            f"textDocument/{question}",
            {
                "textDocument": {"uri": (self.root / at.path).as_uri()},
                "position": {"line": at.line - 1, "character": at.column - 1},
                "context": {"includeDeclaration": True},
            },
        )
        spots: set[Spot] = set()
        places: list[dict[str, Any]] = found or []
        for each in places:
            path = self._inside(each["uri"].removeprefix("file://"))
            start = each["range"]["start"]
            if path is not None:
                spots.add(Spot(path, start["line"] + 1, start["character"] + 1))
        return spots

    async def _ask(self, method: str, parameters: Any) -> Any:
        number = self._number()
        self._say({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._read()
            if message.get("id") == number and "method" not in message:
                return message.get("result")
            if "id" in message:
                # A question of the server's own: it waits for an answer, whatever that is.
                given: dict[str, Any] = message.get("params") or {}
                items: list[object] = given.get("items", [])
                self._say({"id": message["id"], "result": [{} for _ in items] or None})

    def _say(self, message: Mapping[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._streams[1].write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))


class TypescriptServer(Server):
    """tsserver, which is asked in lines of its own protocol."""

    def open(self, path: str) -> None:
        """Make a file known."""
        self._say("open", {"file": str(self.root / path)})

    async def spots(self, question: Question, at: Spot) -> set[Spot]:
        """The server's answer, as far as it lies in the repository."""
        asked = {"file": str(self.root / at.path), "line": at.line, "offset": at.column}
        number = self._say(question, asked)
        while True:
            message = await self._read()
            if message.get("type") == "response" and message.get("request_seq") == number:
                break
        found: list[Any] = message["body"]["refs"] if question == "references" else message["body"]
        spots: set[Spot] = set()
        for each in found:
            path = self._inside(each["file"])
            if path is not None:
                spots.add(Spot(path, each["start"]["line"], each["start"]["offset"]))
        return spots

    def _say(self, command: str, arguments: Mapping[str, Any]) -> int:
        number = self._number()
        message = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        self._streams[1].write(json.dumps(message).encode() + b"\n")
        return number
