"""Runs a program beside a port of the sandbox's own loopback that leads to the Unix socket of the way out.

It is run by file content, inside the sandbox, with a bare interpreter and no package of ours, so it imports the
standard library alone. Arguments: the port, the socket, then the program and its arguments.
"""

import asyncio
import contextlib
import sys

CHUNK_BYTES = 64 * 1024
HANG_UP_S = 2.0


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Move bytes one way until they end, then say so to the other side."""
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def joined(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answers: asyncio.StreamReader,
    proxy: asyncio.StreamWriter,
) -> None:
    """Move bytes both ways until the proxy has said all; the program may have ended its side long before.

    Once the proxy hangs up nobody reads what the program still sends, so it has only a moment to end its side as well.
    """
    up = asyncio.ensure_future(pump(reader, proxy))
    try:
        await pump(answers, writer)
        await asyncio.wait({up}, timeout=HANG_UP_S)
    finally:
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)


async def main(port: int, path: str, argv: list[str]) -> int:
    """The program's exit code; 128 + n where signal n ended it."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Either side may break off at any time; that ends this connection alone.
        with contextlib.suppress(OSError):
            try:
                answers, proxy = await asyncio.open_unix_connection(path)
                try:
                    await joined(reader, writer, answers, proxy)
                finally:
                    proxy.close()
            finally:
                writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    await asyncio.start_server(accept, "127.0.0.1", port, backlog=256)
    try:
        program = await asyncio.create_subprocess_exec(*argv)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127
    code = await program.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])))
