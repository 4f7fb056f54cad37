"""The proxy of a way out against odd spellings, smuggled requests, names that change and clients that never end."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.safety.egress import SOCKET_NAME, Egress, EgressLimits, LookUp, PackageRequest
from perdure.safety.owner import Owner
from perdure.safety.package_hosts import PackageHost, why_unreachable

PATIENCE_S = 120


@dataclass
class Server:
    """A server of packages that keeps all that it is sent, and answers with what it was given."""

    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\npackages"
    port: int = 0
    until: bytes = b"\r\n\r\n"
    """It answers once it was sent this."""
    sent: list[bytes] = field(default_factory=list[bytes])

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.sent)
        self.sent.append(b"")
        while piece := await reader.read(65_536):
            self.sent[number] += piece
            if self.sent[number].endswith(self.until):
                break
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[Server]:
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


@dataclass
class Proxy:
    """A way out, what it reported, and how it is asked."""

    folder: Path = Path()
    reported: list[PackageRequest] = field(default_factory=list[PackageRequest])
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, request: PackageRequest) -> None:
        self.reported.append(request)
        self.came.set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.folder / SOCKET_NAME)

    async def says(self, request: bytes) -> bytes:
        """The whole answer to raw bytes."""
        reader, writer = await self.connect()
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request)
            said = await reader.read()
        writer.close()
        return said

    async def reports(self, number: int) -> list[PackageRequest]:
        """What was reported, once it is so much."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.reported) < number:
                self.came.clear()
                await self.came.wait()
        return self.reported


@asynccontextmanager
async def proxy(
    *hosts: PackageHost, limits: EgressLimits | None = None, look_up: LookUp = socket.getaddrinfo
) -> AsyncGenerator[Proxy]:
    made = Proxy()
    egress = Egress(hosts, on_request=made.note, limits=limits, look_up=look_up)
    async with egress.open(Owner(os.geteuid(), os.getegid())) as made.folder:
        yield made


def named(server: Server, host: str = "127.0.0.1") -> PackageHost:
    """The server as an operator names it, who may name what is private."""
    return PackageHost.parse(f"{host}:{server.port}")


SPELLINGS = [
    # Of 127.0.0.1, which is allowed in its one plain spelling alone.
    "2130706433", "0x7f000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.1", "127.000.000.001",
    "1 27.0.0.1", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[::ffff:0:7f00:1]",
    "[::1]", "[::1%25lo]", "[::1%lo]", "localhost", "LOCALHOST", "localhost.", "127.0.0.1..", ".127.0.0.1", "127.0.0.1%00",
    "%31%32%37.0.0.1", "user@127.0.0.1", "user:secret@127.0.0.1", "127.0.0.1@evil.example", "evil.example\\@127.0.0.1",
    "127.0.0.1#.evil.example", "127.0.0.1?.evil.example", "127.0.0.1/.evil.example", "127.0.0.1;evil.example",
    "127.0.0.1\0.evil.example", "127.0.0.1\t", "127.0.0.1\x7f", "127.0.0.1\x85", "\xb9\xb2\xb77.0.0.1", "127\xb70\xb70\xb71",
    "xn--127-0-0-1-.example", "b\xfccher.example", "[127.0.0.1]", "[]", "", "-", "[::1", "::1", "127.0.0.1,evil.example",
]  # fmt: skip
PORTS = [
    "0",
    "65536",
    "+{port}",
    "-{port}",
    " {port}",
    "{port} ",
    "0x50",
    "{port}a",
    "\xb2",
    "99999999999999999999",
]


async def test_no_other_spelling_of_an_allowed_host_or_port_is_taken() -> None:
    async with serving(Server()) as server, proxy(named(server)) as asked:
        places = [f"{host}:{server.port}" for host in SPELLINGS]
        places += [f"127.0.0.1:{port.format(port=server.port)}" for port in PORTS]
        requests = [
            request
            for place in places
            for request in (f"CONNECT {place} HTTP/1.1\r\n\r\n", f"GET http://{place}/ HTTP/1.1\r\n\r\n")
        ]
        for request in requests:
            said = await asked.says(request.encode("latin-1"))
            assert said.split(b" ")[1] in {b"400", b"403"}, request
        reported = await asked.reports(len(requests))
        assert server.sent == []
    assert {each.verdict for each in reported} == {"refused"}
    assert all(each.why for each in reported)
    assert not any("secret" in f"{each}" for each in reported)


async def test_the_same_name_in_capitals_or_with_its_last_dot_is_the_same_host() -> None:
    async with serving(Server()) as server, proxy(named(server, "localhost")) as asked:
        for host in ("LocalHost", "localhost."):
            said = await asked.says(f"GET http://{host}:{server.port}/a HTTP/1.1\r\n\r\n".encode())
            assert said.endswith(b"packages")
        host = f"localhost:{server.port}".encode()
        assert {sent.split(b"\r\n")[1] for sent in server.sent} == {b"Host: " + host}


ODD_HEADS = [
    "GET {url} HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET {url} HTTP/1.1\nHost: a\r\n\r\n",
    "GET {url} HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
    "GET {url} HTTP/1.1\r\nA : b\r\n\r\n",
    "GET {url} HTTP/1.1\r\nA: b\0\r\n\r\n",
    "GET {url} HTTP/1.1\r\n: b\r\n\r\n",
    "GET {url}\r\n\r\n",
    "GET {url} HTTP/2.0\r\n\r\n",
    "GET  {url} HTTP/1.1\r\n\r\n",
    "GET\t{url}\tHTTP/1.1\r\n\r\n",
    "GET {url} x HTTP/1.1\r\n\r\n",
    "get {url} HTTP/1.1\r\n\r\n",
    "TRACE {url} HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
    "GET //127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "GET https://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "GET ftp://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "GET file:///etc/passwd HTTP/1.1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
    "POST {url} HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "POST {url} HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "POST {url} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\0\x01\r\n\r\n",
    "\r\n\r\n",
]


async def test_no_malformed_head_reaches_a_server() -> None:
    async with serving(Server()) as server, proxy(named(server)) as asked:
        for head in ODD_HEADS:
            request = head.format(url=f"http://127.0.0.1:{server.port}/", port=server.port)
            assert (await asked.says(request.encode("latin-1"))).startswith(b"HTTP/1.1 400 "), head
        assert {each.verdict for each in await asked.reports(len(ODD_HEADS))} == {"refused"}
        assert server.sent == []


async def test_nothing_behind_a_plain_request_is_passed_on_and_its_host_is_the_urls() -> None:
    second = b"GET /other HTTP/1.1\r\nHost: other.example\r\n\r\n"
    async with serving(Server()) as server, proxy(named(server)) as asked:
        url = f"http://127.0.0.1:{server.port}/first".encode()
        head = (
            b" HTTP/1.1\r\nHost: other.example\r\nConnection: keep-alive\r\nProxy-Authorization: Basic x\r\n"
        )
        bodies = {
            b"GET": [b"\r\n"],
            b"POST": [
                b"Content-Length: 7\r\n\r\nfrom me",
                b"Transfer-Encoding: chunked\r\n\r\n7\r\nfrom me\r\n0\r\n\r\n",
            ],
        }
        requests = [(method, body) for method, several in bodies.items() for body in several]
        for method, body in requests:
            server.sent.clear()
            server.until = body
            reader, writer = await asked.connect()
            # The server sees the end of what it is sent only where the proxy ends it, after all that was passed on.
            writer.write(method + b" " + url + head + body + second)
            writer.write_eof()
            async with asyncio.timeout(PATIENCE_S):
                assert (await reader.read()).endswith(b"packages")
            writer.close()
            host = f"127.0.0.1:{server.port}".encode()
            first = method + b" /first HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n"
            assert server.sent == [first + body]


@pytest.mark.parametrize(
    "body", [b"zz\r\n\r\n", b"3\nabc", b"1\r\nabc\r\n", b"5;x=y\r\nabcde\r\n", b"3\r\nab"]
)
async def test_a_body_in_malformed_chunks_ends_the_request(body: bytes) -> None:
    async with serving(Server(until=b"never")) as server, proxy(named(server)) as asked:
        head = f"POST http://127.0.0.1:{server.port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await asked.connect()
        writer.write(head.encode() + body)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
        writer.close()
        [report] = await asked.reports(1)
        assert report.verdict == "refused"
        assert not any(sent.endswith(b"\r\n0\r\n\r\n") for sent in server.sent)


async def test_a_redirect_is_a_request_of_its_own_and_judged_by_itself() -> None:
    async with serving(Server()) as secret:
        answer = (
            f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{secret.port}/\r\nContent-Length: 0\r\n\r\n"
        )
        async with serving(Server(answer.encode())) as server, proxy(named(server)) as asked:
            said = await asked.says(f"GET http://127.0.0.1:{server.port}/ HTTP/1.1\r\n\r\n".encode())
            assert said == answer.encode()
            assert secret.sent == []
            place = f"127.0.0.1:{secret.port}"
            said = await asked.says(f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode())
            assert said.startswith(b"HTTP/1.1 403 ")
            first, second = await asked.reports(2)
            assert (first.verdict, first.port, second.verdict, second.port) == (
                "allowed",
                server.port,
                "refused",
                secret.port,
            )
            assert secret.sent == []


class Names:
    """A resolver that gives the next of its answers each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.asked += 1
        addresses = self._answers[min(self.asked, len(self._answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1", "192.0.2.1"], ["192.0.2.1", "10.0.0.7"], ["192.0.2.1", "::ffff:127.0.0.1"]]
)
async def test_a_name_with_one_address_that_is_not_public_is_refused_with_all_of_them(
    addresses: list[str],
) -> None:
    async with serving(Server()) as server:
        names = Names(addresses)
        host = PackageHost("registry.example", server.port)
        async with proxy(host, look_up=names, limits=EgressLimits(answer_s=1)) as asked:
            request = (
                f"CONNECT registry.example:{server.port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode()
            )
            assert (await asked.says(request)).startswith(b"HTTP/1.1 403 ")
            (refused,) = await asked.reports(1)
        assert server.sent == []
    assert refused.verdict == "refused"
    assert "registry.example:" in refused.why
    assert "no public address" in refused.why


async def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one_that_is_connected_to() -> (
    None
):
    async with serving(Server()) as server:
        # Nobody answers at an address of documentation, so nothing else than this one could have been reached.
        names = Names(["192.0.2.1"], ["127.0.0.1"])
        host = PackageHost("registry.example", server.port)
        async with proxy(host, look_up=names, limits=EgressLimits(answer_s=1)) as asked:
            request = f"CONNECT registry.example:{server.port} HTTP/1.1\r\n\r\n".encode()
            assert (await asked.says(request)).startswith(b"HTTP/1.1 502 ")
            assert names.asked == 1
            assert (await asked.says(request)).startswith(b"HTTP/1.1 403 ")
            failed, refused = await asked.reports(2)
        assert server.sent == []
    assert (failed.verdict, refused.verdict) == ("failed", "refused")
    assert "'127.0.0.1', no public address" in refused.why


async def test_a_head_that_never_ends_is_given_up_and_a_long_one_refused() -> None:
    async with proxy(limits=EgressLimits(answer_s=0.5, head_bytes=1_024)) as asked:
        assert (await asked.says(b"GET http://")).startswith(b"HTTP/1.1 400 ")
        assert (await asked.says(b"GET http://" + b"a" * 4_000)).startswith(b"HTTP/1.1 400 ")
        reported = await asked.reports(2)
    assert [(each.verdict, each.why) for each in reported] == [("refused", "no complete request came")] * 2


async def test_connections_over_the_limit_are_refused_and_free_places_used_again() -> None:
    async with serving(Server()) as server:
        request = f"GET http://127.0.0.1:{server.port}/ HTTP/1.1\r\n\r\n".encode()
        async with proxy(named(server), limits=EgressLimits(connections=2)) as asked:
            held = [await asked.connect() for _ in range(2)]
            # Accepted in the order of their coming, so both are there before the third one is.
            assert (await asked.says(request)).startswith(b"HTTP/1.1 503 ")
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            await asked.reports(3)
            async with asyncio.timeout(PATIENCE_S):
                # A place is free once the proxy has hung up as well.
                while not (said := await asked.says(request)).endswith(b"packages"):
                    assert said.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "address", ["::ffff:0:7f00:1", "::ffff:0:a00:1", "2001:0:0:0:0:0:80ff:fffe", "fe80::1%lo"]
)
def test_addresses_of_ipv6_that_mean_private_ones_are_not_connected_to(address: str) -> None:
    assert why_unreachable(address, PackageHost("registry.example"))


def test_an_address_with_port_zero_names_no_registry() -> None:
    with pytest.raises(ConfigurationError):
        PackageHost.of_url("http://registry.example:0/simple")
