"""The command line, and the client's front door: ``python starter.py --help``, ``from starter import PerdureClient``.

It reads the settings and hands the commands what they need. Every import of weight stands where it is used, so that
``--help`` is instant.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from perdure.client.command_line.application import app
from perdure.client.command_line.completion import VARIABLE
from perdure.looks import (
    STORES,
    check_files,
    check_git_hosts,
    check_limits,
    check_models,
    check_postgres,
    check_store,
    check_temporal_program,
    postgres_version,
    store_version,
)
from perdure.record_keeping import RecordKeeping

if TYPE_CHECKING:
    from pydantic import SecretStr

    from perdure.client import PerdureClient as PerdureClient
    from perdure.client.command_line.installation import Check, Finding, PartHealth, Place, StoreVersion
    from perdure.embedded.component import Component
    from perdure.embedded.stack import Extra, Stack, Surroundings
    from perdure.maintenance.shelf import Shelf
    from perdure.policy_desk import PolicyDesk
    from perdure.settings import Settings

PROJECT = Path(__file__).resolve().parent
MODELS = "models"
"""The scripted model server's name in the stack; workers look for it there."""
WORKER_READY_S = 60.0


def __getattr__(name: str) -> object:
    if name == "PerdureClient":
        from perdure.client import PerdureClient

        return PerdureClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ThisMachine(RecordKeeping):
    """This checkout with its settings, as the commands see it."""

    def settings(self) -> "Settings":
        """The environment and ``.env``."""
        from perdure.settings import load_settings

        return load_settings(PROJECT)

    def place(self) -> "Place":
        """Where tasks are started and found."""
        from perdure.client.command_line.installation import Place

        settings = self.settings()
        return Place(
            settings.home,
            settings.task_queue,
            settings.temporal_environment,
            without_sandbox=settings.sandbox != "required",
        )

    def signing_key(self) -> Path | None:
        """What PERDURE_SIGNING_KEY names."""
        return self.settings().signing_key

    async def up(self) -> "Running":
        """Start the servers, the scripted models where they are set, and a worker that is started again if it dies."""
        from perdure.own_process import close_to_others

        close_to_others()
        settings = self.settings()
        stack = stack_of(settings)
        await stack.start()
        return Running(stack)

    def work(self) -> int:
        """Run a worker in this process."""
        import worker

        return worker.main()

    def program(self) -> Sequence[str]:
        """This interpreter with this file."""
        return (sys.executable, str(PROJECT / "starter.py"))

    def shelf(self) -> "Shelf":
        """The playbooks that a worker of this checkout would take."""
        from perdure.installation import shelf_of

        return shelf_of(self.settings())

    def policy_desk(self) -> "PolicyDesk":
        """The policy that a worker of this checkout would judge by."""
        from perdure.policy_desk import PolicyDesk

        return PolicyDesk(self.settings())

    async def stores(self) -> "Sequence[StoreVersion]":
        """Asks PostgreSQL, and Valkey and Chroma of the running stack."""
        import asyncio

        settings = self.settings()
        looks = (postgres_version(settings), *(store_version(settings, name) for name in STORES))
        return await asyncio.gather(*looks)

    def checks(self) -> Sequence["Check"]:
        """What ``doctor`` looks at beside python, git, disk, sandbox and server."""
        from perdure.own_process import close_to_others

        # As a worker does, so that the probe of the sandbox finds what it would find there.
        close_to_others()
        settings = self.settings()
        program = partial(check_temporal_program, search_path=os.environ.get("PATH", ""))
        looks = (
            program,
            check_postgres,
            check_models,
            check_extensions,
            check_git_hosts,
            check_limits,
        )
        stores = (partial(check_store, settings, name) for name in STORES)
        return (
            *(partial(look, settings) for look in looks),
            *stores,
            check_files,
            check_dictionary,
            check_node,
        )


@dataclass(frozen=True)
class Running:
    """The stack that ``up`` started."""

    stack: "Stack"

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where people and programs find it; URLs of stores are left out, since they may hold a password."""
        addresses = self.stack.addresses
        others = {name: address for name, address in addresses.others.items() if name not in STORES}
        shown = {"Temporal": addresses.temporal, "Web UI": addresses.web_ui, **others}
        return {name: address for name, address in shown.items() if address}

    async def health(self) -> "Sequence[PartHealth]":
        """How every part is."""
        return await self.stack.health()

    async def stop(self) -> None:
        """Stop everything."""
        await self.stack.stop()


def stack_of(settings: "Settings") -> "Stack":
    """The stack that the settings describe, not started."""
    from perdure.embedded.stack import Stack
    from perdure.embedded.temporal import TemporalSettings

    extra = [worker_component(settings)]
    if settings.scripted and settings.groq_base_url is None:
        extra.insert(0, models_component(settings))
    return Stack(
        settings.home,
        temporal=TemporalSettings(
            address=settings.temporal_address,
            namespace=settings.temporal_environment.get("TEMPORAL_NAMESPACE", "default"),
            port=settings.temporal_port,
            web_ui_port=settings.web_ui_port,
            synchronous=settings.sqlite_synchronous,
            search_path=os.environ.get("PATH", ""),
        ),
        chroma_port=settings.chroma_port,
        database_url=_revealed(settings.database_url),
        redis_url=_revealed(settings.redis_url),
        chroma_url=_revealed(settings.chroma_url),
        extra=extra,
    )


def models_component(settings: "Settings") -> "Extra":
    """The scripted model server, as a part of the stack."""
    from perdure.embedded.ports import LOOPBACK, answers, free_port
    from perdure.embedded.process import Program
    from perdure.embedded.supervised import ProcessComponent, Restart

    def make(surroundings: "Surroundings") -> "Component":
        port = free_port()
        script = str(settings.model_script)
        return ProcessComponent(
            MODELS,
            Program(
                argv=[sys.executable, "-m", "perdure.llm.scripted", "--script", script, "--port", str(port)],
                environment={"PATH": os.defpath},
                folder=PROJECT,
                log=surroundings.logs / "models.log",
            ),
            ready=lambda: answers(f"{LOOPBACK}:{port}"),
            address=f"http://{LOOPBACK}:{port}",
            restart=Restart(),
            keep=surroundings.keep,
        )

    return make


def worker_component(settings: "Settings") -> "Extra":
    """A worker, as a part of the stack: ready once it polls the task queue."""
    from perdure.client import PerdureClient, ServerUnreachable
    from perdure.embedded.process import Program
    from perdure.embedded.supervised import ProcessComponent, Restart

    def make(surroundings: "Surroundings") -> "Component":
        addresses = surroundings.addresses
        found = {
            "TEMPORAL_ADDRESS": addresses.temporal,
            "TEMPORAL_NAMESPACE": addresses.namespace,
            "PERDURE_DATABASE_URL": addresses.database_url,
            "PERDURE_HOME": str(settings.home),
        }
        for name, variable in STORES.items():
            if name in addresses.others:
                found[variable] = addresses.others[name]
        if MODELS in addresses.others:
            found["GROQ_BASE_URL"] = addresses.others[MODELS]
        temporal = {**settings.temporal_environment, "TEMPORAL_NAMESPACE": addresses.namespace}

        async def polls() -> bool:
            connected = PerdureClient.connect(
                addresses.temporal, task_queue=settings.task_queue, environment=temporal
            )
            try:
                async with connected as client:
                    workers = await client.workers()
            except ServerUnreachable:
                return False
            return any(identity.startswith(f"{component.pid}@") for identity in workers)

        component = ProcessComponent(
            "worker",
            Program(
                argv=[sys.executable, str(PROJECT / "worker.py")],
                environment={**os.environ, **found},
                folder=PROJECT,
                log=surroundings.logs / "worker.log",
                stop_timeout_s=20.0,
            ),
            ready=polls,
            ready_timeout_s=WORKER_READY_S,
            restart=Restart(),
            keep=surroundings.keep,
        )
        return component

    return make


def _revealed(secret: "SecretStr | None") -> str | None:
    return secret.get_secret_value() if secret is not None else None


async def check_dictionary() -> "Sequence[Finding]":
    """Whether tool_dictionary.json describes the tools that would run."""
    from perdure.client.command_line.installation import Finding
    from tools.__main__ import main as dictionary

    if dictionary(["--check"]) != 0:
        return [
            Finding("tool dictionary", "failed", "tool_dictionary.json is stale.", "run `make dictionary`.")
        ]
    return [Finding("tool dictionary", "ok", "describes the tools in tools/")]


async def check_extensions(settings: "Settings") -> "Sequence[Finding]":
    """Tools of packages, of named folders and of MCP servers: how many there are, and a line for each that is left out."""
    from perdure.client.command_line.installation import Finding
    from tools.extensions import all_extensions
    from tools.registry import Registry

    async with all_extensions(
        [Path(folder) for folder in settings.tool_folders],
        settings.mcp_servers,
        home=settings.home,
        environment=os.environ,
        taken=Registry.discover().names,
    ) as found:
        named = ", ".join(one.name for one in found.tools) or "none"
        hint = "mend it, or take it away; tasks go on without it."
        broken = [Finding("tools of others", "warning", problem, hint) for problem in found.problems]
        return [Finding("tools of others", "ok", named), *broken]


async def check_node() -> "Sequence[Finding]":
    """Node, and the tools for JavaScript and TypeScript; without them everything else works."""
    import asyncio

    from perdure.client.command_line.installation import Finding
    from tools.node.locating import find_node, find_node_modules, versions_in

    node = await asyncio.to_thread(find_node, os.environ)
    if node is None or not node.is_recent:
        there = f"{node.program} is version {node.shown_version}" if node else "There is no Node"
        hint = "run `make setup`, which installs Node by a wheel, or install Node 24."
        return [Finding("node", "warning", f"{there}, so the tools for JavaScript do not run.", hint)]
    found = Finding("node", "ok", f"{node.shown_version}, {node.program}")
    node_modules = find_node_modules()
    if node_modules is None:
        hint = "run `make setup`."
        return [
            found,
            Finding("javascript tools", "warning", "They are missing, or not those of this version.", hint),
        ]
    return [found, Finding("javascript tools", "ok", versions_in(node_modules))]


def written(write: Callable[[], object]) -> int:
    """Write something; the exit code, and a sentence where the output took no more."""
    try:
        write()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except OSError as error:
        from perdure.client.command_line.output import Output, unwritten

        problem = unwritten(error)
        if problem is None:
            raise
        # Where not even the error can be written, the exit code is all that is left to say it.
        with contextlib.suppress(OSError):
            return Output().error(problem).value
        return 1
    return 0


def main() -> NoReturn:
    """Run the command that the arguments name and end the process with its exit code."""
    if VARIABLE in os.environ:
        # A shell asks for completions. The library knows the shells only once it was told to, and it has no public
        # name for that where an application brings its own command for the script.
        from typer.completion import completion_init  # pyright: ignore[reportPrivateImportUsage]

        completion_init()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Whoever started us closed it; Python then has nothing there that takes what we write.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    code = written(partial(app, obj=ThisMachine(), complete_var=VARIABLE))
    # Threads of Temporal's library may touch the interpreter while it is taken down, which aborts the process instead
    # of ending it with our exit code: https://github.com/temporalio/sdk-python/issues/300
    code = written(sys.stdout.flush) or code
    written(sys.stderr.flush)
    os._exit(code)


if __name__ == "__main__":
    main()
