"""Reads the head of one proxy request: a tunnel to a host, or a plain request for an absolute URL."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from perdure.safety.package_hosts import LARGEST_PORT, normal_name

METHODS = ("GET", "HEAD", "POST")
"""What plain-http registries are asked with."""

REQUEST_LINE = re.compile(r"([A-Z]{3,10}) ([\x21-\x7e]+) HTTP/1\.[01]")
HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
TUNNEL = re.compile(r"(\[[0-9a-fA-F.]*:[0-9a-fA-F:.]*\]|[^\[\]:]+):(\d{1,5})")

LENGTH = re.compile(r"[0-9]{1,15}")

HOP_BY_HOP = {
    "connection",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
}
"""Headers that are between client and proxy alone, or that the proxy writes itself."""


FRAMING = {"content-length", "transfer-encoding"}
"""Headers that say where a request ends."""


class Malformed(ValueError):
    """The request is none that this proxy takes; the text says why."""


@dataclass(frozen=True)
class Wanted:
    """Where a request wants to go."""

    host: str
    port: int
    forwarded: bytes
    """What the server is sent first; empty for a tunnel."""
    body_bytes: int | None = 0
    """Length of the body that follows a plain request; None where it comes in chunks."""


def wanted(head: bytes) -> Wanted:
    """Read a request's head, its empty last line included; Malformed says why it is refused."""
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    line = REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        raise Malformed("the request line is malformed")
    method, target = line.groups()
    if method == "CONNECT":
        return _tunnel(target)
    if method not in METHODS:
        raise Malformed(f"the method {method} is not passed on")
    return _plain(method, target, lines[1:])


def _tunnel(target: str) -> Wanted:
    parts = TUNNEL.fullmatch(target)
    name = normal_name(parts[1].strip("[]")) if parts else ""
    if parts is None or not name or not 0 < int(parts[2]) <= LARGEST_PORT:
        raise Malformed("the tunnel's target is not host:port")
    return Wanted(name, int(parts[2]), b"")


def _plain(method: str, target: str, lines: list[str]) -> Wanted:
    try:
        url = urlsplit(target)
        port, name = 80 if url.port is None else url.port, normal_name(url.hostname or "")
    except ValueError as error:
        raise Malformed("the URL is malformed") from error
    if url.scheme != "http" or not name or not port or url.username is not None:
        raise Malformed("the URL is not an http URL without credentials")
    headers: list[str] = []
    framing: list[tuple[str, str]] = []
    for line in lines:
        header = HEADER.fullmatch(line)
        if header is None:
            raise Malformed("a header is malformed")
        if header[1].lower() in FRAMING:
            framing.append((header[1].lower(), header[2].strip().lower()))
        if header[1].lower() not in HOP_BY_HOP:
            headers.append(f"{header[1]}: {header[2]}")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    # The connection ends with the answer, so that no second request can follow for another name.
    host = f"[{name}]" if ":" in name else name
    first = [f"{method} {path} HTTP/1.1", f"Host: {host}{'' if port == 80 else f':{port}'}"]
    forwarded = "\r\n".join([*first, "Connection: close", *headers, "", ""]).encode("latin-1")
    return Wanted(name, port, forwarded, _body_bytes(framing))


def _body_bytes(framing: list[tuple[str, str]]) -> int | None:
    """Length of the body, None for chunks."""
    if len(framing) > 1:
        # Servers disagree on where such a request ends, and what follows would be a request of its own.
        raise Malformed("the request gives its length more than once")
    name, value = framing[0] if framing else ("content-length", "0")
    if name == "transfer-encoding" and value == "chunked":
        return None
    if name == "transfer-encoding" or not LENGTH.fullmatch(value):
        raise Malformed("the request gives its length in a way that is not passed on")
    return int(value)
