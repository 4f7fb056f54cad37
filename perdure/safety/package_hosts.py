"""Which hosts a sandboxed program may reach at all, and which addresses none of them may have."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from perdure.contracts.errors import ConfigurationError

SETTING = "PERDURE_PACKAGE_HOSTS"

DEFAULT_PORT = 443
LARGEST_PORT = 65_535

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*")
"""Of parts that the resolver can encode: it raises no ordinary error for others."""

NEVER_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "168.63.129.16/32", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
            "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        ),
    )
)  # fmt: skip
"""Loopback, link-local (which holds the clouds' metadata services; one cloud has its own in a public network), private,
multicast and reserved networks, and those that only a translator of this site knows."""

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, order=True)
class PackageHost:
    """One host and port that packages come from."""

    name: str
    port: int = DEFAULT_PORT
    may_be_private: bool = False
    """Whether it may have an address of this machine or of a private network: the operator named host and port."""

    def __str__(self) -> str:
        shown = f"[{self.name}]" if ":" in self.name else self.name
        return f"{shown}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """An entry of the setting, ``host`` or ``host:port``; ConfigurationError for anything else."""
        try:
            # Only the part after // is a host for urlsplit; what else a URL could hold is refused below.
            parts = urlsplit(f"//{text}")
            port, name = parts.port, normal_name(parts.hostname or "")
        except ValueError as error:
            raise _unusable(text) from error
        if not name or not _stands_alone(text) or port == 0:
            raise _unusable(text)
        return cls(name, port or DEFAULT_PORT, may_be_private=port is not None)

    @classmethod
    def of_url(cls, url: str) -> Self:
        """The host and port that a registry's URL names; ConfigurationError where it is no http or https URL."""
        try:
            parts = urlsplit(url)
            port, name = parts.port, normal_name(parts.hostname or "")
        except ValueError as error:
            raise _unusable(url) from error
        if parts.scheme not in ("http", "https") or not name or port == 0:
            raise _unusable(parts.hostname or parts.scheme)
        return cls(name, port or (DEFAULT_PORT if parts.scheme == "https" else 80))


def normal_name(name: str) -> str:
    """A host's name in the one spelling that is compared; '' for what is no host name or address."""
    plain = name.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return plain if NAME.fullmatch(plain) else ""


def _stands_alone(text: str) -> bool:
    return not any(sign in text for sign in "/@?#") and not text.endswith(":")


def _unusable(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text[:200]!r} is no host that packages can come from.",
        f"{SETTING} holds host names, each with a port where it is not {DEFAULT_PORT}: registry.example.org,mirror.example.org:8443",
    )


def why_unreachable(address: str, host: PackageHost) -> str:
    """Why a host's address may not be connected to; '' where it may."""
    if host.may_be_private:
        return ""
    found = ipaddress.ip_address(address.partition("%")[0])
    reason = ""
    for each in _meant(found):
        if any(each in network for network in NEVER_PUBLIC if network.version == each.version):
            reason = "no public address"
    if not reason and _is_ours(found):
        reason = "an address of this machine"
    return (
        reason
        and f"{host} has {address!r}, {reason}; name {str(host)!r} with its port in {SETTING} to allow it"
    )


def _meant(address: Address) -> tuple[Address, ...]:
    """The address itself and those that lie in it: IPv4 addresses have several spellings in IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    inner: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    inner += list(address.teredo or ())
    if address in TRANSLATED:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return (address, *inner)


def _is_ours(address: Address) -> bool:
    """Whether one of this machine's own network interfaces has it: nothing else can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
