"""A Git host as there are many: ``git http-backend`` over https on loopback, with a name and a password."""

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
NAME, PASSWORD = "bot@example.invalid", "t0ken-of-the-bot"


@dataclass
class GitHost:
    """What the host serves and what it was told."""

    folder: Path
    """Bare repositories."""
    port: int = 0
    told: list[str] = field(default_factory=list[str])
    """The Authorization header of each request; empty where there was none."""
    sends_to: str = ""
    """Another host to which every request is sent on."""
    sends_after_login: bool = False
    asks: bool = True

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """The address of a repository, without any name."""
        return f"https://{self.host}/{name}"

    def knows(self, header: str) -> bool:
        """Whether this is the bot with its password."""
        return header == "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    host: GitHost

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at what the host was told."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        given = self.headers.get("Authorization", "")
        self.host.told.append(given)
        known = self.host.knows(given)
        if self.host.sends_to and (known or not self.host.sends_after_login):
            self._end(302, {"Location": f"https://{self.host.sends_to}{self.path}"})
        elif self.host.asks and not known:
            self._end(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self._backend()

    def _end(self, code: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def _backend(self) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(self.host.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "http.receivepack",
            "GIT_CONFIG_VALUE_1": "true",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": NAME,
        }
        done = subprocess.run(
            ["git", "http-backend"], input=self._body(), env=environment, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        code = int(headers.pop("Status", "200").split()[0])
        self._end(code, headers, body)


def certificate_for_loopback(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def git_host(folder: Path, certificate: tuple[Path, Path]) -> Generator[GitHost]:
    """A host that serves the bare repositories below the folder."""
    host = GitHost(folder)
    handler = type("Handler", (_Handler,), {"host": host})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.port = server.server_address[1]
    running = threading.Thread(target=server.serve_forever, args=(0.05,))
    running.start()
    try:
        yield host
    finally:
        server.shutdown()
        running.join(LIMIT_S)
        server.server_close()
