"""Passes on the body of one plain request and nothing behind it, so that no second request follows for another name."""

import asyncio
import re
from collections.abc import AsyncGenerator

from perdure.safety.proxy_requests import Malformed

READ_BYTES = 64 * 1024
CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")


async def body_of(reader: asyncio.StreamReader, length: int | None) -> AsyncGenerator[bytes]:
    """The body in pieces, of so many bytes or, without a length, in chunks; Malformed for chunks that are none."""
    if length is not None:
        async for piece in _exactly(reader, length):
            yield piece
        return
    try:
        while True:
            head = await reader.readuntil(b"\n")
            found = CHUNK_HEAD.fullmatch(head)
            if found is None:
                raise Malformed("a chunk of the body is malformed")
            yield head
            size = int(found[1], 16)
            async for piece in _exactly(reader, size):
                yield piece
            end = await reader.readexactly(2)
            if end != b"\r\n":
                raise Malformed("a chunk of the body is malformed")
            yield end
            if not size:
                return
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Malformed("the body does not end") from error


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncGenerator[bytes]:
    while size:
        piece = await reader.read(min(size, READ_BYTES))
        if not piece:
            raise Malformed("the body does not end")
        size -= len(piece)
        yield piece
