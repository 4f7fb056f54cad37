"""A worker that was really started, with a secret in everything that it can be given: none reaches a program of a task."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.decisions import Pending
from perdure.embedded.stack import Stack
from perdure.own_process import OWN_VARIABLES
from perdure.settings import PROJECT_FOLDER, Settings
from tests.faults.installation import Installation, Servers, installed
from tests.faults.picture import Handle
from tests.tools.mcp_servers import program, write_servers
from tests.workflows.conftest import FILES, FIX, TESTS, Call, git, script_of
from tests.workspace.git_host import NAME, PASSWORD, GitHost, certificate_for_loopback, git_host

HERE = Path(__file__).parent
BEGINNING = "zQ7w"
"""All markers begin so, and go on with hexadecimal digits."""
ENDS_WITHIN_S = 400.0
HOOK_SHOWN = "sh -c cat >/dev/null; sleep 0.5"
HOOK = "sh -c 'cat >/dev/null; sleep 0.5'"
MCP = "mcp-env"
LOOKS = 8
"""How often a person looks at what waits before deciding."""

FURTHER = {
    "looks_inside.py": (HERE / "looks_inside.py").read_text(),
    "package.json": '{"name": "money", "version": "1.0.0", "private": true}\n',
    "tsconfig.json": '{"compilerOptions": {"strict": true, "noEmit": true}, "include": ["src"]}\n',
    "src/cents.ts": "export const cents = (amount: number): number => Math.round(amount * 100)\n",
}


@dataclass
class Secrets:
    """The markers by what they are the secret of, and the settings that hold them."""

    folder: Path
    markers: dict[str, str] = field(default_factory=dict[str, str])

    def of(self, name: str) -> str:
        """A marker of its own."""
        return self.markers.setdefault(name, f"{BEGINNING}{len(self.markers):02d}{secrets.token_hex(16)}")

    def file(self, name: str, text: str) -> Path:
        """A file that its owner alone may read."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def at(self, url: str, name: str) -> str:
        """The address with a marker for its password."""
        parts = urlsplit(url)
        user = parts.username or "default"
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{user}:{self.of(name)}@{host}"))


def environment_of(
    held: Secrets, host: GitHost, certificate: Path, installation: Installation
) -> dict[str, str]:
    """Every variable by which a worker of this installation can be given a secret."""
    made = installation.worker().environment
    installation.workers.clear()
    token = held.file("token", f"{PASSWORD}\n")
    other = held.file("other-token", f"{held.of('git-other')}\n")
    hosts = f'[hosts."{host.host}"]\nusername = "{NAME}"\ntoken_file = "{token}"\n'
    hosts += (
        f'[hosts."git.example.invalid"]\nusername = "bot"\ntoken_file = "{other}"\n# {held.of("git-file")}\n'
    )
    servers = write_servers(
        held.folder,
        things={
            **program(held.folder),
            "env": {"THINGS_TOKEN": held.of(MCP)},
            "effects": {"environment": "read"},
        },
        far={
            "url": "http://127.0.0.1:9/mcp",
            "headers": {"Authorization": f"Bearer {held.of('mcp-header')}"},
        },
    )
    hook = held.file("hook", f"# {held.of('hook-file')}\n")
    return {
        **made,
        "PERDURE_DATABASE_URL": held.at(made["PERDURE_DATABASE_URL"], "database"),
        "PERDURE_REDIS_URL": held.at(made["PERDURE_REDIS_URL"], "redis"),
        "PERDURE_EMBEDDER": "off",
        "PERDURE_EMBEDDER_API_KEY": held.of("embedder"),
        "GROQ_API_KEY": held.of("groq"),
        "TEMPORAL_API_KEY": held.of("temporal"),
        "TEMPORAL_TLS": "false",
        "PERDURE_GIT_CREDENTIALS": str(held.file("credentials.toml", hosts)),
        "PERDURE_MCP_SERVERS": str(servers),
        "PERDURE_SIGNING_KEY": str(held.file("signing.key", held.of("signing"))),
        "PERDURE_ESCALATION_COMMAND": f"{HOOK} {hook}",
        "PERDURE_ESCALATE_AT": "1",
        "GIT_SSL_CAINFO": str(certificate),
        "NO_PROXY": "*",
        "no_proxy": "*",
        # What others put into the same environment.
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{held.of('telemetry')}",
        "AWS_SECRET_ACCESS_KEY": held.of("cloud"),
        "NPM_TOKEN": held.of("npm"),
        "GITHUB_TOKEN": held.of("github"),
    }


def turns(pid: int, level: SandboxLevel, places: Sequence[str]) -> tuple[tuple[Call, ...], ...]:
    """Calls that start every kind of program which there is at a level."""
    namespaces: tuple[tuple[Call, ...], ...] = (
        (("things__environment", {}),),
        (("install_dependencies", {}),),
    )
    return (
        (("read_file", {"path": "README.md"}), ("find_references", {"symbol": "to_cents"})),
        (("execute_command", {"command": f"python3 looks_inside.py {pid} {sys.prefix} {' '.join(places)}"}),),
        (FIX,),
        (TESTS,),
        (("benchmark_code", {"code": "sum(range(10))", "rounds": 3}), ("typescript_check", {})),
        *(namespaces if level is SandboxLevel.A else ()),
        (("execute_command", {"command": "sleep 0.5; echo changed >> README.md", "writes": True}),),
        (("git_commit", {"message": "Round to the nearest cent"}),),
    )


def places_of(installation: Installation, held: Secrets) -> list[str]:
    """Where secrets lie: the operator's files, the worker's home and log, and the project's own settings."""
    files = [*held.folder.iterdir(), PROJECT_FOLDER / ".env"]
    return [str(each) for each in (*files, held.folder, installation.home(), installation.folder)]


@contextlib.asynccontextmanager
async def watched(pid: int, markers: Mapping[str, str]) -> AsyncGenerator[dict[str, Any]]:
    """What all processes below one hold; complete at the end."""
    seen: dict[str, Any] = {}
    pipe = asyncio.subprocess.PIPE
    watch = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(HERE / "process_watch.py"), stdin=pipe, stdout=pipe, env={}
    )
    assert watch.stdin is not None
    watch.stdin.write(json.dumps({"pid": pid, "markers": dict(markers)}).encode() + b"\n")
    await watch.stdin.drain()
    try:
        yield seen
    finally:
        watch.stdin.close()
        said, _ = await watch.communicate()
    seen.update(json.loads(said))


async def result_of(handle: Handle) -> Mapping[str, Any]:
    """How the task ends with a person who approves, late enough that the operator's command was told of it."""
    waiting: Counter[str] = Counter()
    async with asyncio.timeout(ENDS_WITHIN_S):
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            with contextlib.suppress(RPCError, WorkflowQueryFailedError):
                for each in (await handle.query("pending", result_type=Pending)).approvals:
                    waiting[each.id] += 1
                    if waiting[each.id] == LOOKS:
                        # What is not shown whole is approved by its digest.
                        decision = {"approval_id": each.id, "verdict": "approve", "by": "Ada"}
                        decision["operation_digest"] = each.operation_digest
                        await handle.execute_update("decide", decision)  # pyright: ignore[reportUnknownMemberType]
            await asyncio.sleep(0.2)
    return await handle.result()


@dataclass
class Told:
    """What was seen of the whole task."""

    programs: Mapping[str, Any]
    within: Mapping[str, Any]
    """What the program found that looked at everything from within."""
    result: Mapping[str, Any]
    worker: bytes
    """Environment of the worker itself, as another process reads it; empty where it cannot be read."""
    markers: Mapping[str, str]
    own: Sequence[str]
    """Those of our own variables."""

    def started(self, word: str) -> list[str]:
        """Command lines that hold a word."""
        return [line for line in self.programs if word in line]


async def task_with_secrets(servers: Servers, folder: Path, level: SandboxLevel, *, absent: str) -> Told:
    """One task with all kinds of programs, on a worker that has all kinds of secrets."""
    held = Secrets(folder / "operator")
    held.folder.mkdir()
    certificate, key = certificate_for_loopback(folder)
    served = folder / "served"
    served.mkdir()
    async with installed(
        servers, folder / "installation", script_of([]), {**FILES, **FURTHER}
    ) as installation:
        git(folder, "clone", "--quiet", "--bare", str(installation.repository), str(served / "private.git"))
        if absent:
            outer = PROJECT_FOLDER / "tests" / "safety" / "outer_filter.py"
            installation.before = (sys.executable, str(outer), absent)
        with git_host(served, (certificate, key)) as host:
            worker = installation.worker()
            worker.environment = environment_of(held, host, certificate, installation)
            installation.workers.append(worker)
            await worker.start()
            await worker.ready()
            port = urlsplit(installation.models.url).port or 0
            await installation.models.stop()
            await installation.models.start(
                script_of(turns(worker.pid, level, places_of(installation, held))), port=port
            )
            try:
                async with watched(worker.pid, held.markers) as programs:
                    handle = await installation.start(repository=host.url("private.git"))
                    result = await result_of(handle)
            except Exception as error:
                error.add_note(installation.written())
                raise
            own = [
                name
                for name, marker in held.markers.items()
                for variable, value in worker.environment.items()
                if marker in value and variable.startswith(OWN_VARIABLES)
            ]
            return Told(programs, within(installation), result, environment_at(worker.pid), held.markers, own)


def within(installation: Installation) -> dict[str, Any]:
    """What the program from within printed, as the model was told."""
    for request in reversed(installation.models.requests):
        for message in json.loads(request.body)["messages"]:
            found = re.search(r'\{"held": .*\}', str(message.get("content", "")))
            if found is not None:
                return dict(json.loads(found[0]))
    raise AssertionError("the model was not told what the program found")


def environment_at(pid: int) -> bytes:
    """What the kernel shows of a process's first environment."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return b""


@pytest.fixture
def servers(stack: Stack, temporal_client: Client, database_url: str) -> Servers:
    """The session's servers."""
    stores = {name: url for name, url in stack.addresses.others.items() if name == "valkey"}
    return Servers(temporal_client, stack.addresses.temporal, database_url, stores)


MEANT = {
    # The program of a server is given what the operator's file says, through bubblewrap.
    MCP: ("mcp_server.py", "--unshare-pid"),
    # Python itself asks the system for its processor, with whatever is in the environment; ours is gone by then.
    **dict.fromkeys(("telemetry", "cloud", "npm", "github"), ("uname -p ",)),
}
"""Words in the command lines of those that may have a secret."""
STARTED_AT_B = (
    "python3 looks_inside.py",
    "-m pytest",
    "tsc",
    "sleep 0.5 ",
    HOOK_SHOWN,
    "git push",
)
STARTED = {
    SandboxLevel.A: (
        *(
            *STARTED_AT_B,
            "bwrap --unshare-all",
            "import sys; sys.path[:0]",
            "Times versions of code",
            "remote-https",
        ),
        *("mcp_server.py", "npm install", "npm config list"),
    ),
    SandboxLevel.B: (*STARTED_AT_B, "import marshal"),
}
"""Words of command lines that must have been seen, or the watch shows nothing."""


def wrongly_held(told: Told) -> list[tuple[str, str, list[str]]]:
    """Which program had which secret, and where; but for what is meant for it."""
    # A process that has not become its program yet is the worker itself.
    others = {line: facts for line, facts in told.programs.items() if "worker.py" not in line}
    return [
        (line[:200], name, places)
        for line, facts in others.items()
        for name, places in facts["held"].items()
        if not any(word in line for word in MEANT.get(name, ()))
    ]


@pytest.mark.parametrize(
    ("level", "absent"), [(SandboxLevel.A, ""), (SandboxLevel.B, "namespaces")], ids=["A", "B"]
)
async def test_no_secret_of_a_worker_is_met_in_any_program_of_a_task_nor_from_within_one(
    servers: Servers, tmp_path: Path, level: SandboxLevel, absent: str
) -> None:
    told = await task_with_secrets(servers, tmp_path, level, absent=absent)
    assert told.result["pushed"] is True
    assert [word for word in STARTED[level] if not told.started(word)] == []
    assert wrongly_held(told) == []
    within = told.within
    assert within["held"] == []
    assert within["looked_at"] > 10
    assert within["worker"] == ""
    assert (
        within["memory"]
        == {
            SandboxLevel.A: "No such file or directory; -1 Operation not permitted",
            SandboxLevel.B: "Permission denied; -1 Operation not permitted",
        }[level]
    )
    assert (within["processes"] > 0) is (level is SandboxLevel.A)
    # Nobody may look into the worker but root, and root finds nothing in what it was started with.
    assert [name for name in told.own if told.markers[name].encode() in told.worker] == []
    assert (b"GIT_SSL_CAINFO" in told.worker) is (os.geteuid() == 0)


def test_every_secret_of_the_settings_is_among_those_that_the_worker_is_given() -> None:
    """A new setting of this kind has to be added to the ones that are looked for."""
    known = {"groq_api_key", "database_url", "redis_url", "chroma_url", "embedder_api_key"}
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    # The address of Chroma may not have a password.
    assert secret == known
