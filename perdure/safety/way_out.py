"""What a sandboxed run gets that may reach package hosts: the proxy's socket, a forwarder, variables, certificates."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

from perdure.safety.egress import SOCKET_NAME, EgressLimits, PackageRequest
from perdure.safety.interpreters import bare_interpreter
from perdure.safety.package_hosts import PackageHost

FOLDER = "/run/way-out"
"""Where the sandbox sees the folder of the proxy's socket."""
PORT = 3128
"""Port of the sandbox's own loopback. Nothing else listens there: each run has a network namespace of its own."""
PROXY_URL = f"http://127.0.0.1:{PORT}"

PROXY_VARIABLES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
            "npm_config_proxy", "npm_config_https_proxy", "PIP_PROXY",
        ),
        PROXY_URL,
    ),
    **dict.fromkeys(("NO_PROXY", "no_proxy", "npm_config_noproxy"), ""),
}  # fmt: skip
"""The proxy as each kind of program is told of it."""


@dataclass(frozen=True)
class WayOut:
    """The hosts that one run may reach, and who is told of each request."""

    hosts: tuple[PackageHost, ...]
    on_request: Callable[[PackageRequest], None]
    certificates: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Certificate authorities to trust: the content of a file, by the variable that shall name it."""
    limits: EgressLimits = field(default_factory=EgressLimits)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the program to the proxy and to the certificates."""
        files = {name: _file_of(data) for name, data in self.certificates.items()}
        return {**PROXY_VARIABLES, **files}

    @property
    def files(self) -> dict[str, bytes]:
        """Files that the sandbox must show, by path."""
        return {_file_of(data): data for data in self.certificates.values()}


def _file_of(data: bytes) -> str:
    return f"/etc/ssl/authorities-{hashlib.sha256(data).hexdigest()[:12]}.pem"


def forwarded(argv: Sequence[str]) -> list[str]:
    """The program behind the forwarder."""
    program = resources.files("perdure.safety").joinpath("forwarder.py").read_text(encoding="utf-8")
    python, _ = bare_interpreter()
    return [str(python), "-I", "-S", "-c", program, str(PORT), f"{FOLDER}/{SOCKET_NAME}", *argv]
