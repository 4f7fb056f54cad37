"""What a program finds out about its installation: the servers it uses, the models, and the programs there are.

Entry points alone import it, as they alone read the settings.
"""

import logging
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

import perdure
from perdure.client.connection import find_server, running_stack
from perdure.client.conversion import data_converter, redacting
from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.names import SEARCH_ATTRIBUTES
from perdure.contracts.steps import Limits
from perdure.embedded.chroma import NAME as CHROMA
from perdure.embedded.temporal_namespace import registered_attributes
from perdure.embedded.valkey import NAME as VALKEY
from perdure.llm.model_settings import ModelSettings
from perdure.maintenance.shelf import Shelf
from perdure.safety.report import SandboxReport
from perdure.settings import PROJECT_FOLDER, Settings

if TYPE_CHECKING:
    from perdure.memory.record import Record, SharedMemory
    from perdure.memory.task_limits import TaskLimits, UserLimits

logger = logging.getLogger("perdure.worker")

MODELS = "models"
"""Name of the scripted model server among the stack's components."""

NETWORK_VARIABLES = (
    "HOME",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
)
"""All that Git gets of the worker's environment, and only where it talks to a remote."""


async def connect(
    settings: Settings, *, redact: Callable[[str], str] | None = None, found: SandboxReport | None = None
) -> Client:
    """A client of the Temporal server; ConfigurationError says which address does not answer.

    ``redact`` takes credentials out of the failures that it reports. What was ``found`` of a worker's sandbox is told to
    its log and its metrics.
    """
    server = find_server(home=settings.home, environment=settings.temporal_environment)
    metrics = PrometheusConfig(bind_address=settings.metrics_address) if settings.metrics_address else None
    runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics)) if metrics else Runtime.default()
    if found is not None:
        tell_level(found, runtime)
    converter = data_converter if redact is None else redacting(redact)
    try:
        return await Client.connect(**server.config, data_converter=converter, runtime=runtime)
    except RuntimeError as error:
        raise ConfigurationError(
            f"The Temporal server at {server.address!r} ({server.source}) does not answer: {error}.",
            "start the one-machine stack with `python starter.py up`, or set TEMPORAL_ADDRESS.",
        ) from error


def deployment_of(settings: Settings) -> WorkerDeploymentConfig:
    """The version that this worker's runs are pinned to; without one any worker takes any run."""
    if bool(settings.deployment) != bool(settings.build_id):
        raise ConfigurationError(
            "PERDURE_DEPLOYMENT and PERDURE_BUILD_ID belong together, and only one of them is set.",
            "set both, or neither where any worker may take any run.",
        )
    if not settings.deployment:
        return unversioned()
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=settings.deployment, build_id=settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


def unversioned() -> WorkerDeploymentConfig:
    """No pinning; what stands beside each step in histories is the release's number.

    Left to itself, the SDK puts a digest of every loaded module there: 180 bytes a step that tell people nothing.
    """
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name="perdure", build_id=perdure.__version__),
        use_worker_versioning=False,
    )


def database_url_of(settings: Settings) -> str:
    """The database of the settings, else of the stack that runs on this home."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    running = running_stack(settings.home)
    if running is None or not running.database_url:
        raise ConfigurationError(
            "No database is known: PERDURE_DATABASE_URL is not set and no stack runs on this PERDURE_HOME.",
            "start the one-machine stack with `python starter.py up`, or set PERDURE_DATABASE_URL.",
        )
    return running.database_url


@asynccontextmanager
async def record_of(settings: Settings) -> AsyncGenerator["Record"]:
    """The record as it is: no table is made or changed."""
    try:
        from perdure.memory.database import Database
        from perdure.memory.record import Record
    except ImportError as error:
        raise ConfigurationError(
            f"The database cannot be read here: the package {error.name!r} is not installed.",
            "run the command on a machine with the worker's packages (`make setup`).",
        ) from error
    record = Record(await Database.connect(database_url_of(settings), pool_size=2))
    try:
        yield record
    finally:
        await record.close()


def store_url_of(settings: Settings, name: str) -> str:
    """Valkey or Chroma, by its name in the stack: of the settings, else of the stack that runs on this home, else empty."""
    given = {VALKEY: settings.redis_url, CHROMA: settings.chroma_url}[name]
    if given is not None:
        return given.get_secret_value()
    running = running_stack(settings.home)
    return running.others.get(name, "") if running is not None else ""


def shared_memory_of(settings: Settings, client: Client) -> "SharedMemory | None":
    """Short-term memory in the installation's Redis; None, which is said, where there is none."""
    from perdure.memory.short_term import ShortTerm

    url = store_url_of(settings, "valkey")
    if not url:
        logger.info("no Redis is known, so transcripts are read from PostgreSQL alone")
        return None
    runtime = client.service_client.config.runtime or Runtime.default()
    counter = runtime.metric_meter.create_counter(
        "perdure_short_term_readings", "Transcripts looked for in Redis, by how much of them was there"
    )

    def count(found: str) -> None:
        counter.add(1, {"found": found})

    return lambda key: ShortTerm(url, key=key, ttl_s=settings.short_term_ttl_s, count=count)


_USER_LIMIT = re.compile(r"(?P<name>[^=]+)=(?P<tasks>\d{1,9})/(?P<starts>\d{1,9})")


def task_limits_of(settings: Settings, record: "Record") -> "TaskLimits":
    """How many tasks users and repositories may have; ConfigurationError names a limit that is none."""
    from perdure.memory.places import Places
    from perdure.memory.task_limits import TaskLimits

    url = store_url_of(settings, VALKEY)
    if not url:
        logger.warning("no Redis is known, so tasks of users and repositories are counted in PostgreSQL")
    return TaskLimits(
        user_limits_of(settings), record, Places(url, task_queue=settings.task_queue) if url else None
    )


def user_limits_of(settings: Settings) -> "UserLimits":
    """The limits that the operator set."""
    from perdure.memory.task_limits import UserLimits

    own: dict[str, tuple[int, int]] = {}
    for given in settings.user_limits:
        found = _USER_LIMIT.fullmatch(given)
        if found is None:
            raise ConfigurationError(
                f"PERDURE_USER_LIMITS has {given!r}, which is no limit of a user.",
                "write name=tasks/starts, such as ada=10/100.",
            )
        own[found["name"].strip()] = (int(found["tasks"]), int(found["starts"]))
    return UserLimits(settings.user_tasks, settings.repository_tasks, settings.user_starts, own)


def tell_level(report: SandboxReport, runtime: Runtime) -> None:
    """Say in the log and in the metrics how much of the sandbox holds here; all but the best is a warning."""
    facts = {"level": report.level.value, "seconds": round(report.took_s, 2)}
    if report.level is SandboxLevel.A:
        logger.info("the sandbox was probed", extra=facts)
    else:
        logger.warning("the sandbox is not the best: %s", report.summary, extra=facts)
        for sentence in report.sentences:
            logger.warning("the sandbox: %s", sentence)
    gauge = runtime.metric_meter.create_gauge(
        "perdure_sandbox", "1 for the level of the sandbox on this host"
    )
    for level in SandboxLevel:
        gauge.set(int(level is report.level), {"level": level.value})


def model_settings_of(settings: Settings) -> ModelSettings:
    """Groq's models with a key; otherwise the scripted model server of the running stack, where there is one."""
    key = settings.groq_api_key.get_secret_value() if settings.groq_api_key else None
    url = settings.groq_base_url
    if url is None and settings.scripted:
        running = running_stack(settings.home)
        url = running.others.get(MODELS) if running else None
    return ModelSettings(
        api_key=key,
        base_url=url,
        models=settings.models,
        timeout_s=settings.model_timeout_s,
        scripted=settings.scripted,
    )


def shelf_of(settings: Settings) -> Shelf:
    """The playbooks that ship with Perdure and the operator's own."""
    return Shelf([PROJECT_FOLDER / "playbooks", *map(Path, settings.playbooks)])


async def search_attributes_registered(client: Client) -> bool:
    """Whether all of ours are registered with their types; an unregistered one would fail workflow tasks for ever."""
    try:
        registered = await registered_attributes(client)
    except RPCError as error:
        logger.warning("search attributes cannot be listed, so tasks run without them: %s", error)
        return False
    missing = [name for name, kind in SEARCH_ATTRIBUTES.items() if registered.get(name) != kind]
    if missing:
        logger.warning(
            "search attributes are not registered with our types, so tasks run without them: %s",
            ", ".join(missing),
        )
    return not missing


def found(program: str) -> Path | None:
    """A program beside this interpreter or on the PATH."""
    beside = Path(sys.executable).parent / program
    on_path = beside if beside.is_file() else shutil.which(program)
    return Path(on_path) if on_path else None


def required(program: str) -> Path:
    """The same; ConfigurationError where there is none."""
    path = found(program)
    if path is None:
        raise ConfigurationError(f"The program {program!r} is not installed.", "run `make setup`.")
    return path


def limits_of(settings: Settings) -> Limits:
    """What a task may use where its request names no limit."""
    return Limits(
        usd=settings.budget_usd,
        tokens=settings.budget_tokens,
        minutes=settings.budget_minutes,
        steps=settings.budget_steps,
    )
