"""A run with a way out reaches the hosts that the operator named, and nothing else."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.safety.egress import SOCKET_NAME, Egress, EgressLimits, PackageRequest
from perdure.safety.package_hosts import PackageHost, normal_name, why_unreachable
from perdure.safety.sandbox import View
from perdure.safety.views import Finished
from perdure.safety.way_out import FOLDER, PORT, WayOut
from tests.safety.ground import BARE_PYTHON, LIMITS, PYTHON_FOLDERS, Ground

ASK = """
import socket, sys, json
answers = []
for request in json.loads(sys.argv[1]):
    with socket.create_connection(("127.0.0.1", 3128), 60) as proxy:
        proxy.sendall(request.encode("latin-1"))
        said = b""
        while chunk := proxy.recv(65536):
            said += chunk
        answers.append(said.decode("latin-1"))
print(json.dumps(answers))
"""


@dataclass
class Registry:
    """A server on the host's loopback that keeps what it was asked and answers the same to all."""

    port: int = 0
    heads: list[str] = field(default_factory=list[str])

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\npackages")
            await writer.drain()
        except asyncio.IncompleteReadError:
            self.heads.append("")
        finally:
            writer.close()

    @property
    def named(self) -> PackageHost:
        return PackageHost.parse(f"127.0.0.1:{self.port}")


@asynccontextmanager
async def registry() -> AsyncGenerator[Registry]:
    made = Registry()
    async with await asyncio.start_server(made, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


def ignored(_: PackageRequest) -> None:
    """Takes reports that a test does not look at."""


async def python(
    ground: Ground,
    script: str,
    *arguments: str,
    hosts: tuple[PackageHost, ...] = (),
    on_request: Callable[[PackageRequest], None] = ignored,
    limits: EgressLimits | None = None,
) -> Finished:
    """Run a Python program that has a way out."""
    return await ground.sandbox.run(
        [*BARE_PYTHON, script, *arguments],
        root=ground.root,
        git_folder=ground.git_folder,
        view=View.READ_ONLY,
        limits=LIMITS,
        read_only=PYTHON_FOLDERS,
        way_out=WayOut(hosts, on_request, limits=limits or EgressLimits()),
    )


async def answers(
    ground: Ground,
    *requests: str,
    hosts: tuple[PackageHost, ...],
    limits: EgressLimits | None = None,
) -> tuple[list[str], list[PackageRequest]]:
    """What the proxy says to raw requests from inside, and what it reports of them."""
    reported: list[PackageRequest] = []
    finished = await python(
        ground, ASK, json.dumps(requests), hosts=hosts, on_request=reported.append, limits=limits
    )
    assert finished.exit_code == 0, finished.output
    said: list[str] = json.loads(finished.output)
    return said, reported


async def test_a_named_host_is_reached_plainly_and_by_tunnel(ground: Ground) -> None:
    async with registry() as packages:
        place = f"127.0.0.1:{packages.port}"
        plain = (
            f"GET http://{place}/left?q=1 HTTP/1.1\r\nHost: other.example\r\nProxy-Authorization: x\r\n\r\n"
        )
        tunnel = f"CONNECT {place} HTTP/1.1\r\n\r\nGET /inside HTTP/1.1\r\nHost: {place}\r\n\r\n"
        said, reported = await answers(ground, plain, tunnel, hosts=(packages.named,))
    assert said[0].endswith("\r\n\r\npackages")
    assert said[1].startswith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
    assert packages.heads == [
        f"GET /left?q=1 HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n",
        f"GET /inside HTTP/1.1\r\nHost: {place}\r\n\r\n",
    ]
    assert [(one.host, one.port, one.verdict) for one in reported] == [
        ("127.0.0.1", packages.port, "allowed")
    ] * 2
    assert all(one.received_bytes > 8 and one.sent_bytes > 20 for one in reported)


async def test_every_other_host_port_and_spelling_is_refused_and_reported(ground: Ground) -> None:
    async with registry() as packages, registry() as database:
        requests = [
            f"CONNECT 127.0.0.1:{database.port} HTTP/1.1\r\n\r\n",
            f"CONNECT localhost:{packages.port} HTTP/1.1\r\n\r\n",
            f"CONNECT 2130706433:{packages.port} HTTP/1.1\r\n\r\n",
            f"CONNECT 127.1:{packages.port} HTTP/1.1\r\n\r\n",
            f"CONNECT [::ffff:127.0.0.1]:{packages.port} HTTP/1.1\r\n\r\n",
            "CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
            "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\n\r\n",
            f"GET http://127.0.0.1:{packages.port}@127.0.0.1:{database.port}/ HTTP/1.1\r\n\r\n",
            f"PUT http://127.0.0.1:{packages.port}/ HTTP/1.1\r\n\r\n",
            f"CONNECT 127.0.0.1\0.example:{packages.port} HTTP/1.1\r\n\r\n",
            f"GET http://127.0.0.1:{packages.port}/ HTTP/1.1\r\nbad header\r\n\r\n",
            f"POST http://127.0.0.1:{packages.port}/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\n",
            f"POST http://127.0.0.1:{packages.port}/ HTTP/1.1\r\ncontent-length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "nonsense\r\n\r\n",
        ]
        said, reported = await answers(ground, *requests, hosts=(packages.named,))
    assert {each.split(" ")[1] for each in said} <= {"400", "403"}
    assert [one.verdict for one in reported] == ["refused"] * len(requests)
    assert (packages.heads, database.heads) == ([], [])
    assert f"127.0.0.1:{database.port} is not one of the hosts in PERDURE_PACKAGE_HOSTS" in said[0]


async def test_a_name_that_leads_to_this_machine_is_refused_unless_its_port_was_named(ground: Ground) -> None:
    async with registry() as packages:
        request = f"CONNECT localhost:{packages.port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        derived = PackageHost.of_url(f"http://localhost:{packages.port}/simple")
        said, _ = await answers(ground, request, hosts=(derived,))
        assert said[0].startswith("HTTP/1.1 403 ")
        assert "no public address; name 'localhost:" in said[0]
        assert packages.heads == []
        named = PackageHost.parse(f"localhost:{packages.port}")
        said, _ = await answers(ground, request, hosts=(named,))
        assert said[0].endswith("packages")


DIRECT = """
import json, socket, sys
def tries(family, kind, address, protocol=0):
    try:
        with socket.socket(family, kind, protocol) as s:
            s.settimeout(2); s.connect(address); s.send(b"x")
        return "in"
    except OSError as error:
        return "out"
port = int(sys.argv[1])
print(json.dumps([
    tries(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    tries(socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
    tries(socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    tries(socket.AF_INET, socket.SOCK_STREAM, (sys.argv[2], 53)),
    tries(socket.AF_INET, socket.SOCK_DGRAM, (sys.argv[2], 53)),
    tries(socket.AF_INET, socket.SOCK_RAW, (sys.argv[2], 0), 1),
    tries(17, socket.SOCK_RAW, ("lo", 0)),
    tries(40, socket.SOCK_STREAM, (2, port)),
]))
"""


async def test_past_the_proxy_there_is_nothing(ground: Ground) -> None:
    async with registry() as database:
        finished = await python(ground, DIRECT, str(database.port), "192.0.2.1", hosts=(database.named,))
        assert json.loads(finished.output) == ["out"] * 8
        assert database.heads == []


async def test_other_sandboxes_see_neither_the_socket_nor_the_port(ground: Ground) -> None:
    reach = f"import os, socket\nprint(os.path.exists({FOLDER!r}), socket.socket().connect_ex(('127.0.0.1', {PORT})))"
    waiting = "import socket, time\ns = socket.create_connection(('127.0.0.1', 3128))\nprint('up', flush=True)\ns.recv(1)"
    started = asyncio.Event()
    async with registry() as packages:
        running = asyncio.ensure_future(
            ground.sandbox.run(
                [*BARE_PYTHON, waiting],
                root=ground.root,
                git_folder=ground.git_folder,
                view=View.READ_ONLY,
                limits=LIMITS,
                read_only=PYTHON_FOLDERS,
                way_out=WayOut((packages.named,), ignored),
                on_output=lambda _: started.set(),
            )
        )
        await asyncio.wait_for(started.wait(), 120)
        [socket] = ways_out()
        finished = await ground.python(reach)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert finished.output == b"False 111\n"
    assert ways_out() == set()
    assert not socket.parents[1].exists()


def ways_out() -> set[Path]:
    """Sockets of ways out that this process listens on; other processes of the machine may have their own."""
    open_files = {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}
    found: set[Path] = set()
    for line in Path("/proc/net/unix").read_text().splitlines():
        fields = line.split()
        if "perdure-out-" in fields[-1] and f"socket:[{fields[6]}]" in open_files:
            found.add(Path(fields[-1]))
    return found


async def test_lookups_take_no_thread_that_the_worker_needs(ground: Ground) -> None:
    loop, release = asyncio.get_running_loop(), threading.Event()
    # As many as the event loop has threads at most.
    busy = [loop.run_in_executor(None, release.wait) for _ in range(32)]
    try:
        async with registry() as packages:
            egress = Egress((PackageHost.parse(f"localhost:{packages.port}"),), on_request=ignored)
            async with egress.open(ground.sandbox.owner) as folder:
                reader, writer = await asyncio.open_unix_connection(folder / SOCKET_NAME)
                writer.write(f"GET http://localhost:{packages.port}/ HTTP/1.1\r\n\r\n".encode())
                async with asyncio.timeout(120):
                    assert (await reader.read()).endswith(b"packages")
                writer.close()
    finally:
        release.set()
        await asyncio.gather(*busy)


async def test_the_run_has_limits_of_bytes_and_connections(ground: Ground) -> None:
    async with registry() as packages:
        tunnel = f"CONNECT 127.0.0.1:{packages.port} HTTP/1.1\r\n\r\n"
        hosts = (packages.named,)
        _, reported = await answers(
            ground, tunnel + "x" * 5_000, hosts=hosts, limits=EgressLimits(sent_bytes=1_000)
        )
        assert [(one.verdict, one.why) for one in reported] == [
            ("refused", "the run's limit of bytes is reached")
        ]
        said, reported = await answers(ground, tunnel, tunnel, hosts=hosts, limits=EgressLimits(requests=0))
        assert [each.split(" ")[1] for each in said] == ["503", "503"]
        assert {one.why for one in reported} == {"the limit of connections is reached"}


GOING_ON = """
import socket, sys
with socket.create_connection(("127.0.0.1", 3128), 60) as proxy:
    proxy.sendall(sys.argv[1].encode())
    said = proxy.recv(65536)
    # In many pieces, some of which are on their way when the limit is reached; none is waited for.
    try:
        for _ in range(200):
            proxy.sendall(b"x" * 500)
    except ConnectionError:
        pass
    try:
        while chunk := proxy.recv(65536):
            said += chunk
    except ConnectionError:
        pass
print(said.decode().partition("\\r")[0])
"""


async def test_a_program_that_goes_on_sending_over_the_limit_is_hung_up(ground: Ground) -> None:
    reported: list[PackageRequest] = []
    async with registry() as packages:
        finished = await python(
            ground,
            GOING_ON,
            f"CONNECT 127.0.0.1:{packages.port} HTTP/1.1\r\n\r\n",
            hosts=(packages.named,),
            on_request=reported.append,
            limits=EgressLimits(sent_bytes=10_000),
        )
    assert (finished.exit_code, finished.output) == (0, b"HTTP/1.1 200 Connection established\n")
    assert finished.duration_s < 40, "it did not wait for its own limit"
    assert [(one.verdict, one.why) for one in reported] == [
        ("refused", "the run's limit of bytes is reached")
    ]


async def test_exit_code_and_input_pass_through_the_forwarder(ground: Ground) -> None:
    way_out = WayOut((), ignored, certificates={"PIP_CERT": b"authority"})

    async def shell(script: str) -> Finished:
        return await ground.sandbox.run(
            ["sh", "-c", script],
            root=ground.root,
            view=View.READ_ONLY,
            limits=LIMITS,
            stdin=b"given",
            way_out=way_out,
        )

    finished = await shell('cat; cat "$PIP_CERT"; echo " $https_proxy"; exit 7')
    assert (finished.output, finished.exit_code) == (b"givenauthority http://127.0.0.1:3128\n", 7)
    assert (await shell("kill -9 $$")).exit_code == 137


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "224.0.0.1", "255.255.255.255", "168.63.129.16", "::7f00:1", "64:ff9b:1::7f00:1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert why_unreachable(address, PackageHost("registry.example"))
    assert not why_unreachable(address, PackageHost("registry.example", may_be_private=True))


@pytest.mark.parametrize("address", ["192.0.2.7", "8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_not(address: str) -> None:
    assert not why_unreachable(address, PackageHost("registry.example"))


@pytest.mark.parametrize(
    "name", ["a..example", "-a.example", "a-.example", ".example", f"{'a' * 64}.example", "a b"]
)
def test_a_name_that_no_resolver_takes_is_no_host(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no host that packages can come from"):
        PackageHost.parse(name)
    assert normal_name(name) == ""


@pytest.mark.parametrize(
    "name", ["registry.example.", "a", "a_b.example", "xn--bcher-kva.example", f"{'a' * 63}.example"]
)
def test_names_of_hosts_are_compared_in_one_spelling(name: str) -> None:
    assert PackageHost.parse(name.upper()).name == name.removesuffix(".")
