"""Which Temporal server to talk to, and who said so."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.runtime import Runtime, TelemetryConfig

from perdure.contracts.errors import ConfigurationError

DEFAULT_ADDRESS = "127.0.0.1:7233"
STACK_FILE = "stack.json"


@dataclass(frozen=True)
class Connection:
    """Arguments for ``temporalio.client.Client.connect``, and where the address came from."""

    config: ClientConnectConfig
    source: str
    """Such as ``TEMPORAL_ADDRESS or the Temporal profile``."""

    @property
    def address(self) -> str:
        """The server, as host:port."""
        return self.config.get("target_host", DEFAULT_ADDRESS)


def find_server(
    *,
    address: str | None = None,
    namespace: str | None = None,
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Settle the server: the argument, Temporal's own configuration, the running stack of ``home``, 127.0.0.1:7233.

    ``environment`` replaces the process's own variables; namespace, key and TLS come from Temporal's configuration
    in every case.
    """
    try:
        profile = ClientConfigProfile.load(override_env_vars=environment)
    except RuntimeError as error:
        raise ConfigurationError(
            f"Temporal's own configuration cannot be read: {error}.",
            "mend TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE or the file it names.",
        ) from error
    config = profile.to_client_connect_config()
    if namespace is not None:
        config["namespace"] = namespace
    source = "TEMPORAL_ADDRESS or the Temporal profile"
    if address is not None:
        config["target_host"], source = address, "the given address"
    elif "target_host" not in config:
        running = running_stack(home) if home is not None else None
        if running is not None:
            config["target_host"], source = running.temporal, f"the running stack ({STACK_FILE})"
            config.setdefault("namespace", running.namespace)
        else:
            config["target_host"], source = DEFAULT_ADDRESS, "the default"
    return Connection(config=config, source=source)


@functools.cache
def quiet_runtime() -> Runtime:
    """A runtime of Temporal's library that writes no warnings: what fails is raised, and said in our words."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


class StackAddresses(BaseModel):
    """Where the parts of a running embedded stack are reached."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    temporal: str
    namespace: str
    web_ui: str = ""
    database_url: str = Field(default="", repr=False)
    others: dict[str, str] = Field(default_factory=dict[str, str])


class _Owner(BaseModel):
    pid: int
    started: int


class _StackFile(BaseModel):
    """The part of ``stack.json`` that a client needs."""

    boot: str
    owner: _Owner
    addresses: StackAddresses


def running_stack(home: Path) -> StackAddresses | None:
    """The addresses that the embedded stack of this home wrote down, if the process that started it is alive."""
    try:
        written = _StackFile.model_validate_json((home / STACK_FILE).read_bytes())
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, ValidationError):
        # No file, one of another version, or a system without /proc, where no embedded stack runs.
        return None
    lives = written.boot == boot and _start_time(written.owner.pid) == written.owner.started
    return written.addresses if lives else None


def _start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: a process id that was used again has another one."""
    try:
        # The program's name stands in brackets and may hold spaces; the fields after it do not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
