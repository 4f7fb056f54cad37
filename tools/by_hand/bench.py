"""What a tool is handed when a person runs it: the folder, the sandbox, the programs of this installation."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from perdure.contracts.calls import CallKey
from perdure.contracts.errors import ConfigurationError
from perdure.safety.probing import probed_sandbox
from perdure.workspace.in_place import open_in_place
from tools.by_hand.ledger import MemoryLedger
from tools.by_hand.lending import lent
from tools.node.locating import find_node, find_node_modules
from tools.packages.package_registries import PackageSources
from tools.programs import toolchain_of
from tools.test_frameworks.compilers import find_cargo, find_go
from tools.tool_schemas import AsksModel, ToolContext

NETWORK_VARIABLES = (
    "HOME",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
)


@contextlib.asynccontextmanager
async def context_on(
    folder: Path, environment: Mapping[str, str], *, beat: Callable[[str], None]
) -> AsyncGenerator[ToolContext]:
    """The context of one call on the folder; what was made beside the folder is removed at the end."""
    node = find_node(environment)
    programs = toolchain_of(
        python=Path(sys.executable),
        node=node.program if node else None,
        ripgrep=_program("rg"),
        ruff=_program("ruff"),
        node_modules=find_node_modules() if node and node.is_recent else None,
        go=find_go(environment.get("PATH", "")),
        cargo=find_cargo(environment.get("PATH", "")),
    )
    sandbox = await probed_sandbox()
    async with contextlib.AsyncExitStack() as closing:
        model = await closing.enter_async_context(_models(environment))
        home = closing.enter_context(tempfile.TemporaryDirectory(prefix="perdure-"))
        copy = await open_in_place(
            folder,
            home=Path(home) / "task",
            network={name: environment[name] for name in NETWORK_VARIABLES if name in environment},
        )
        closing.enter_context(lent(copy.root, sandbox.owner))
        copy = replace(copy, owner=(sandbox.owner.uid, sandbox.owner.gid))
        yield ToolContext(
            copy=copy,
            sandbox=sandbox,
            key=CallKey(task_id="by-hand", run_id="by-hand", step=0, call_index=0),
            requested_at=datetime.now(UTC),
            toolchain=programs,
            beat=beat,
            effects=MemoryLedger(),
            find_packages=PackageSources(
                python=programs.python, node=programs.node, named=(), environment=environment
            ),
            model=model,
        )


def _models(environment: Mapping[str, str]) -> contextlib.AbstractAsyncContextManager[AsksModel | None]:
    """What answers for GROQ_API_KEY or PERDURE_MODEL_SCRIPT; nothing where neither is set."""
    if not any(environment.get(name, "").strip() for name in ("GROQ_API_KEY", "PERDURE_MODEL_SCRIPT")):
        return contextlib.nullcontext()
    # Groq's library takes as long to load as all tools together.
    from tools.by_hand.asking import models_by_hand

    return models_by_hand(environment)


def _program(name: str) -> Path:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise ConfigurationError(f"The program {name!r} is not installed.", "run `make setup`.")
    return Path(found)
