"""Servers that somebody else runs, as components: never started or stopped here, only asked after."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.embedded.component import Health, ProcessFacts
from perdure.embedded.database import connected
from perdure.embedded.ports import answers
from perdure.embedded.store_versions import chroma_version, valkey_version

CONNECT_TIMEOUT_S = 5.0


class GivenTemporal:
    """A Temporal server named by TEMPORAL_ADDRESS."""

    def __init__(self, address: str) -> None:
        """``address`` is ``host:port``."""
        self._address = address

    @property
    def name(self) -> str:
        """The component's name."""
        return "temporal"

    @property
    def address(self) -> str:
        """``host:port``, as it was given."""
        return self._address

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """None: the server is not ours."""
        return ()

    async def start(self) -> None:
        """Check that something listens; raises ConfigurationError where nothing does."""
        if not await answers(self._address, CONNECT_TIMEOUT_S):
            raise ConfigurationError(
                f"No server answers at {self._address!r}, which TEMPORAL_ADDRESS names.",
                "start that server, or unset TEMPORAL_ADDRESS to run an embedded one.",
            )

    async def stop(self) -> None:
        """Do nothing: the server is not ours."""

    async def health(self) -> Health:
        """Whether it accepts connections; only a client with the right credentials can ask more."""
        ok = await answers(self._address, CONNECT_TIMEOUT_S)
        detail = "given by TEMPORAL_ADDRESS" if ok else "given by TEMPORAL_ADDRESS; does not answer"
        return Health(self.name, ok, detail, address=self._address)


class GivenPostgres:
    """A PostgreSQL server named by PERDURE_DATABASE_URL."""

    def __init__(self, url: str) -> None:
        """``url`` may hold a password, which is never shown."""
        self._url = url

    @property
    def name(self) -> str:
        """The component's name."""
        return "postgres"

    @property
    def address(self) -> str:
        """The database URL, as it was given."""
        return self._url

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """None: the server is not ours."""
        return ()

    async def start(self) -> None:
        """Check that it answers a query; raises ConfigurationError where it does not."""
        try:
            await self._version()
        except StoreUnavailable as error:
            raise ConfigurationError(
                f"The database {without_password(self._url)!r}, which PERDURE_DATABASE_URL names, cannot be used: "
                f"{error.message}",
                "start that server, mend the URL, or unset PERDURE_DATABASE_URL to run an embedded one.",
            ) from error

    async def stop(self) -> None:
        """Do nothing: the server is not ours."""

    async def health(self) -> Health:
        """Whether it answers a query, and its version."""
        shown = without_password(self._url)
        try:
            version = await self._version()
        except StoreUnavailable as error:
            return Health(self.name, False, f"given by PERDURE_DATABASE_URL; {error.message}", address=shown)
        return Health(self.name, True, "given by PERDURE_DATABASE_URL", version, shown)

    async def _version(self) -> str:
        async with connected(self._url) as connection:
            return str(await connection.fetchval("SHOW server_version"))


class GivenStore:
    """A store that is asked for its version by its URL: what Valkey's and Chroma's have in common."""

    def __init__(self, name: str, url: str, setting: str, version: Callable[[str], Awaitable[str]]) -> None:
        """``url`` may hold a password, which is never shown."""
        self._name = name
        self._url = url
        self._setting = setting
        self._version = version

    @property
    def name(self) -> str:
        """The component's name."""
        return self._name

    @property
    def address(self) -> str:
        """The URL, as it was given."""
        return self._url

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """None: the server is not ours."""
        return ()

    async def start(self) -> None:
        """Check that it answers; raises ConfigurationError where it does not."""
        try:
            await self._version(self._url)
        except StoreUnavailable as error:
            raise ConfigurationError(
                f"The server {without_password(self._url)!r}, which {self._setting} names, cannot be used: "
                f"{error.message}",
                f"start that server, mend the URL, or unset {self._setting} to run an embedded one.",
            ) from error

    async def stop(self) -> None:
        """Do nothing: the server is not ours."""

    async def health(self) -> Health:
        """Whether it answers, and its version."""
        shown, whose = without_password(self._url), f"given by {self._setting}"
        try:
            version = await self._version(self._url)
        except StoreUnavailable as error:
            return Health(self._name, False, f"{whose}; {error.message}", address=shown)
        return Health(self._name, True, whose, version, shown)


def given_valkey(url: str) -> GivenStore:
    """A Valkey or Redis server named by PERDURE_REDIS_URL."""
    return GivenStore("valkey", url, "PERDURE_REDIS_URL", valkey_version)


def given_chroma(url: str) -> GivenStore:
    """A Chroma server named by PERDURE_CHROMA_URL."""
    return GivenStore("chroma", url, "PERDURE_CHROMA_URL", chroma_version)


def without_password(url: str) -> str:
    """The URL without password and without parameters, where passwords may stand too; only its scheme where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    if "@" in parts.path:
        # A password with an unescaped slash, or a URL without a scheme: where the password ends cannot be known.
        return f"{parts.scheme}:…"
    who, at, where = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, who.partition(":")[0] + at + where, parts.path, "", ""))
