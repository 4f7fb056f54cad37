"""Names of repositories: paths, Git URLs and the short form of ssh, without credentials and in one spelling each.

Whoever starts a task chooses how the repository is written. Rules and limits compare the one spelling, so that no other way to
write it makes another repository of it.
"""

import posixpath
import re
from urllib.parse import unquote, urlsplit, urlunsplit

SCHEME = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://")
SHORT_FORM = re.compile(r"([^/:]+):(?!//)")
"""``user@host:path``."""
_OWN_PORTS = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_GIT = ".git"


def strip_credentials(url: str) -> str:
    """The URL without user name and password (an ssh user name stays: it is part of the address)."""
    if SCHEME.match(url) is None:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    kept = f"{user.partition(':')[0]}@{host}" if parts.scheme.lower() == "ssh" else host
    return urlunsplit(parts._replace(netloc=kept))


def is_path(repository: str) -> bool:
    """Whether this names a folder of this machine and not a URL."""
    scheme = SCHEME.match(repository)
    if scheme is not None:
        return scheme[1].lower() == "file"
    return SHORT_FORM.match(repository) is None


def host_name(host: str) -> str:
    """A host in the one spelling that is compared: small letters, without a last dot, a port or an IPv6 address's brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name = host.partition(":")[0].lower().rstrip(".")
    try:
        # Names in other scripts have a spelling in ASCII, by which they are looked up.
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def host_of(repository: str) -> str:
    """The host of a URL or of the short form, as ``host_name`` gives it; empty for a path."""
    if is_path(repository):
        return ""
    if SCHEME.match(repository):
        return host_name(urlsplit(repository).netloc.rpartition("@")[2])
    return host_name(repository.partition(":")[0].rpartition("@")[2])


def one_spelling(repository: str) -> str:
    """The repository as rules compare it: without credentials, own ports, doubled slashes and detours.

    Its Git folder is the repository itself; the ``.git`` at the end of a name stays.
    """
    if is_path(repository):
        path = unquote(urlsplit(repository).path) if SCHEME.match(repository) else repository
        return _straight(path)
    if SCHEME.match(repository):
        parts = urlsplit(strip_credentials(repository))
        user, at, place = parts.netloc.rpartition("@")
        scheme = parts.scheme.lower()
        port = re.sub(r".*?(?::([0-9]*))?$", r"\1", place.rpartition("]")[2])
        kept = f":{port}" if port and port != _OWN_PORTS.get(scheme) else ""
        name = host_name(place)
        name = f"[{name}]" if ":" in name else name
        query = f"?{parts.query}" if parts.query else ""
        return f"{scheme}://{user}{at}{name}{kept}{_straight(unquote(parts.path))}{query}"
    before, _, path = repository.partition(":")
    user, at, _ = before.rpartition("@")
    return f"{user}{at}{host_of(repository)}:{_straight(path)}"


def spellings(repository: str) -> tuple[str, ...]:
    """Every way to write it that a rule may mean which narrows: as it is named, in one spelling, with ``.git`` and without."""
    one = one_spelling(repository)
    other = one.removesuffix(_GIT) if one.endswith(_GIT) else f"{one}{_GIT}"
    return tuple(dict.fromkeys((repository, one, *(() if is_path(repository) else (other,)))))


def counted_as(repository: str) -> str:
    """The repository as limits count it: at a host it is the same one by every protocol, for every user, in any letters."""
    one = one_spelling(repository)
    if is_path(repository):
        return one
    if SCHEME.match(one):
        # Another port can be another server, but not one of ssh beside the one of https.
        return f"{host_of(one)}{urlsplit(one).path}".removesuffix(_GIT).lower()
    return f"{host_of(one)}/{one.partition(':')[2].lstrip('/')}".removesuffix(_GIT).lower()


def is_ambiguous(repository: str) -> bool:
    """Whether programs on the way could read a URL in different ways: it has ``..``, a backslash or an escape in its host."""
    if is_path(repository):
        return False
    path, place = repository.partition(":")[2], repository.partition(":")[0]
    if SCHEME.match(repository):
        parts = urlsplit(repository)
        path, place = parts.path, parts.netloc
    escaped = "%" in place.rpartition("@")[2]
    return escaped or "\\" in repository or ".." in unquote(path).split("/")


def _straight(path: str) -> str:
    plain = posixpath.normpath(path).removesuffix("/.git") if path else ""
    # Two slashes at the beginning are kept by POSIX, and mean one on Linux.
    return f"/{plain.lstrip('/')}" if plain.startswith("//") else plain
