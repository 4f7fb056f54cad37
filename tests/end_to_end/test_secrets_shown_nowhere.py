"""A task whose repository, tools, model and people all speak of credentials: no command and no store shows one.

The worker is a process of its own with its log, so that its lines, metrics and stores are those of an installation.
"""

import json
import secrets
import string
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from temporalio.client import Client, WorkflowHandle

from perdure.client.command_line.installation import Place
from perdure.contracts.decisions import Pending
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from perdure.memory.database import Database
from perdure.settings import Settings
from tests.client.shell import Shell, SmallInstallation
from tests.faults.installation import Installation, Servers, installed
from tests.leaks import bytes_of_history, leaks, rows, said_by_people, values_of
from tests.workflows.conftest import FILES, Call, git, reflection, script_of, until

WORKER_VARIABLE = "DEPLOY_API_TOKEN"
"""A variable of the worker's environment whose value the operator thereby made known."""


def token(characters: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Characters that nothing else holds."""
    return "".join(secrets.choice(letters) for _ in range(characters - 2)) + "a1"


def block() -> str:
    """Lines of a private key."""
    return "\n".join(token(64) for _ in range(6))


FOUND = {
    "aws secret": token(40),
    "github": f"ghp_{token(36)}",
    "groq": f"gsk_{token(48)}",
    "private key": block(),
    "jwt": f"eyJ{token(30)}.eyJ{token(60)}.{token(43)}",
    "database": f"pw{token(18)}",
    "env": token(24),
    "known": token(28),
}
"""Those that files hold."""
PASSPHRASE = "seven purple lanterns drift home 41"
SAID = {
    "printed": f"AKIA{token(30).upper()[:16]}",
    "model": f"sk_live_{token(24)}",
    "request": f"xoxb-{token(12, string.digits)[:10]}11-{token(24)}",
    "steer": f"npm_{token(36)}",
    "approval reason": f"hf_{token(34)}",
    "denial reason": f"dop_v1_{token(64, '0123456789abcdef')}",
    "answer": f"glpat-{token(20)}",
    "command": f"SG.{token(22)}.{token(43)}",
    "error": f"shpat_{token(32, '0123456789abcdef')}",
}
BY_PEOPLE = {"request", "steer", "approval reason", "denial reason", "answer"}
"""What the server stores as it was sent."""
SEEDS = {**FOUND, **SAID, "passphrase": PASSPHRASE}

HOLDING = {
    ".env": f"SERVICE_TOKEN={FOUND['env']}\nDEBUG=true\n",
    "deploy/key.pem": f"-----BEGIN RSA PRIVATE KEY-----\n{FOUND['private key']}\n-----END RSA PRIVATE KEY-----\n",
    "deploy/settings.yaml": (
        f"aws_secret_access_key: {FOUND['aws secret']}\n"
        f"database: postgresql://shop:{FOUND['database']}@db.example/shop\n"
        f'passphrase: "{PASSPHRASE}"\n'
        f"jwt: {FOUND['jwt']}\n"
    ),
    "money/keys.py": f'GITHUB = "{FOUND["github"]}"\nGROQ = "{FOUND["groq"]}"\n',
    "notes.txt": f"Call with {FOUND['env']} or with {FOUND['known']}, then wait.\n",
}
PRINTING = f"cat notes.txt deploy/settings.yaml deploy/key.pem; echo {SAID['printed'][:9]}''{SAID['printed'][9:]}; seq 1 9000; cat notes.txt; exit 3"
ASKED: Call = (
    "execute_command",
    {"command": f"touch sent.txt && echo {SAID['command']} > sent.txt", "writes": True},
)
READING: list[list[Call]] = [
    [(("read_file"), {"path": name}) for name in ("money/keys.py", "deploy/settings.yaml", "notes.txt")],
    [("execute_command", {"command": PRINTING}), ("read_file", {"path": f"missing/{SAID['error']}"})],
    [ASKED],
    [("write_file", {"path": "made.py", "content": f'KEY = "{SAID["model"]}"\n'})],
    [("git_diff", {})],
    [("delete_file", {"path": "made.py"})],
]


def script() -> Script:
    """A model that speaks of them wherever it can, is stuck once, and then done."""
    told = f"I use {SAID['model']}."
    first = [{"tool": tool, "arguments": dict(arguments)} for tool, arguments in READING[0]]
    stuck = {**reflection("stuck", last="says it is done")}
    stuck["content"] = {**stuck["content"], "note": f"{'Nothing more. ' * 41}Is it {SAID['model']}?"}
    before: list[dict[str, Any]] = [
        # The words run over the border at which they are shortened.
        {"for": "decide", "turn": 0, "content": f"{'So. ' * 72}{told}", "reasoning": told, "calls": first},
        {**stuck, "turn": [0, len(READING) + 1]},
        {
            "for": "synthesize",
            "content": {
                "summary": f"Done with {told}",
                "commit_message": f"Use {SAID['model']}",
                "requirements": [{"requirement": told, "step": 1, "shown_by": told}],
            },
        },
    ]
    return script_of(READING, before=before)


@dataclass
class Scene:
    """A running installation, the command line on it, and what was printed."""

    installation: Installation
    shell: Shell
    settings: Settings
    metrics: str
    handle: WorkflowHandle[Any, Any] | None = None
    printed: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def say(self, *arguments: str, name: str = "") -> str:
        """One command, whose output is kept."""
        result = await self.shell.run(*arguments, columns=300)
        shown = name or " ".join(word for word in arguments[:2] + arguments[-1:] if len(word) < 30)
        self.printed[f"{len(self.printed)} {shown}"] = result.output.encode() + result.stderr.encode()
        return result.stdout

    async def waiting(self) -> Pending:
        """What waits for a person, once something does."""

        async def look() -> Pending | None:
            assert self.handle is not None
            pending = await self.handle.query("pending", result_type=Pending)
            return pending if pending.approvals or pending.questions else None

        return await until(look)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the installation is."""
    return tmp_path / "installation"


@asynccontextmanager
async def scene(
    stack: Stack, client: Client, database_url: str, folder: Path, **changes: object
) -> AsyncGenerator[Scene]:
    """An installation with its worker running."""
    addresses = stack.addresses
    servers = Servers(client, addresses.temporal, database_url, {"valkey": addresses.others["valkey"]})
    async with installed(servers, folder, script(), {**FILES, **HOLDING}) as installation:
        git(installation.repository, "add", "--all", "--force")
        git(installation.repository, "commit", "--quiet", "--allow-empty", "-m", f"Use {FOUND['github']}")
        home = installation.home()
        (home / "logs").mkdir(parents=True)
        address = f"127.0.0.1:{free_port()}"
        worker = installation.worker(changes={"metrics_address": address, "log_level": "debug", **changes})
        worker.environment = {**worker.environment, WORKER_VARIABLE: FOUND["known"]}
        worker.log = home / "logs" / "worker-0.log"
        await worker.start()
        await worker.ready()
        values: dict[str, Any] = {"database_url": SecretStr(database_url), "home": home}
        settings = Settings.model_construct(**{**Settings().model_dump(), **values})
        environment = {"TEMPORAL_ADDRESS": addresses.temporal, "TEMPORAL_NAMESPACE": addresses.namespace}
        place = Place(home, installation.queue, environment)
        shell = Shell(SmallInstallation(place, database=settings))
        yield Scene(installation, shell, settings, f"http://{address}/metrics")


async def carry_out(scene: Scene) -> None:
    """Start the task, and say to it whatever people say."""
    repository = str(scene.installation.repository)
    request = f"Rotate {SAID['request']} please. {'More words. ' * 10}\nAnd {SAID['request']} again."
    started = await scene.say("start", request, "--repository", repository, "--json", name="start")
    client = scene.installation.servers.client
    scene.handle = handle = client.get_workflow_handle(json.loads(started)["id"])
    scene.installation.handles.append(handle)
    pending = await scene.waiting()
    approval = pending.approvals[0]
    assert approval.tool == "execute_command"
    await looked_at(scene, approval.id)
    await scene.say("steer", handle.id, f"Take {SAID['steer']}.", name="steer")
    await scene.say("approve", approval.id, "--reason", f"It is {SAID['approval reason']}", name="approve")

    async def look() -> str | None:
        found = await handle.query("pending", result_type=Pending)
        for each in found.approvals:
            if each.id != approval.id:
                await scene.say(
                    "deny", each.id, "--reason", f"Because of {SAID['denial reason']}.", name="deny"
                )
        for question in found.questions:
            await scene.say("approvals")
            await scene.say(
                "answer", question.id, "continue", "--text", f"With {SAID['answer']}.", name="answer"
            )
        status = (await handle.describe()).status
        return None if status is None or status.name == "RUNNING" else status.name

    assert await until(look) == "COMPLETED"


async def looked_at(scene: Scene, approval: str = "") -> None:
    """Every command that shows something of a task, in both forms."""
    assert scene.handle is not None
    id = scene.handle.id
    commands = [
        *(("watch", id), ("logs", id), ("logs", id, "--worker"), ("show", id), ("list",)),
        *(("approvals",), ("approvals", "--table"), ("artifacts", id), ("diff", id), ("diff", id, "--stat")),
        *((("show", id, "--approval", approval),) if approval else ()),
        *(("grants",), ("policy", "suggest")),
    ]
    for command in commands:
        await scene.say(*command)
        if command[0] not in {"policy"}:
            await scene.say(*command, "--json")


async def save_artifacts(scene: Scene) -> int:
    """Save each artifact that the command line gives; how many there were."""
    assert scene.handle is not None
    id = scene.handle.id
    there: list[dict[str, Any]] = json.loads(await scene.say("artifacts", id, "--json"))
    for number, one in enumerate(there):
        file = scene.installation.folder / f"saved-{number}"
        await scene.say("artifacts", id, one["id"], "--output", str(file), name="artifact")
        if file.exists():
            scene.printed[f"saved {one}"] = file.read_bytes()
    return len(there)


async def histories(scene: Scene) -> dict[str, bytes]:
    """Events of every run of the installation's queue; what people sent is left out, unless it is shown elsewhere."""
    found: dict[str, bytes] = {}
    client = scene.installation.servers.client
    async for run in client.list_workflows(f"TaskQueue = '{scene.installation.queue}'"):
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        found[f"history of {run.workflow_type}"] = bytes_of_history(history)
        for event in history.events:
            if said_by_people(event):
                event.ClearField("attributes")
            elif event.HasField("activity_task_scheduled_event_attributes"):
                # Steps take it from there to the models, whose requests are looked at.
                event.activity_task_scheduled_event_attributes.ClearField("input")
            found[f"event {event.event_id} {event.event_type} of {run.workflow_type}"] = (
                event.SerializeToString()
            )
        described = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
        found[f"description of {run.workflow_type}"] = described.raw_description.SerializeToString()
    return found


async def stores(scene: Scene, redis_url: str) -> dict[str, bytes]:
    """PostgreSQL and Redis, log and metrics, and what models were sent."""
    database = await Database.connect(scene.installation.servers.database_url, pool_size=1)
    try:
        found = {f"table {name}": data for name, data in (await rows(database)).items()}
    finally:
        await database.close()
    found |= {f"redis {key}": data for key, data in (await values_of(redis_url)).items()}
    found["log"] = scene.installation.workers[0].log.read_bytes()
    async with aiohttp.ClientSession() as session, session.get(scene.metrics) as reply:
        found["metrics"] = await reply.read()
    for request in scene.installation.models.requests:
        found[f"request {request.number} ({request.role})"] = request.body
    assert scene.handle is not None
    for name in ("status", "plan", "pending", "transcript", "cost", "__temporal_workflow_metadata"):
        found[f"query {name}"] = json.dumps(
            await scene.handle.query(name), default=str, ensure_ascii=False
        ).encode()
    return found


CONTENT = (
    *(
        "to_cents",
        "deploy/settings.yaml",
        "money/keys.py",
        "notes.txt",
        "made.py",
        "sent.txt",
        "Call with",
        "seq 1 9000",
    ),
    *("GITHUB", "aws_secret_access_key", "I use", "More words", "Rotate", "Take", "missing/"),
)
"""Words of files, their names, commands, the model and people."""


async def test_without_consent_no_line_and_no_metric_holds_content_of_the_repository(
    stack: Stack, temporal_client: Client, database_url: str, folder: Path
) -> None:
    async with scene(stack, temporal_client, database_url, folder) as made:
        await carry_out(made)
        places = await stores(made, stack.addresses.others["valkey"])
        for place in ("log", "metrics"):
            lines = places[place].decode().splitlines()
            assert [(word, line) for word in CONTENT for line in lines if word in line] == []
        assert made.handle is not None
        assert b"execute_calls" in places["log"]
        assert made.handle.id.encode() in places["log"]


async def test_no_command_and_no_store_shows_a_credential(
    stack: Stack, temporal_client: Client, database_url: str, folder: Path
) -> None:
    async with scene(stack, temporal_client, database_url, folder, log_code="all") as made:
        await carry_out(made)
        await looked_at(made)
        assert await save_artifacts(made) > 0
        places = await stores(made, stack.addresses.others["valkey"])
        places |= await histories(made)
        places |= {f"printed by {name}": data for name, data in made.printed.items()}
        whole = {name: data for name, data in places.items() if name.startswith("history of")}
        found = leaks({name: SEEDS[name] for name in SEEDS if name not in BY_PEOPLE}, whole)
        found += leaks(SEEDS, {name: data for name, data in places.items() if name not in whole})
        assert found == []
        said = b"".join(made.printed.values()).decode()
        for kind in ("env-value", "worker-secret", "slack-token", "sendgrid-key"):
            assert f"[[perdure redacted {kind}]]" in said, kind
