"""A task meets credentials wherever they can stand, and leaves them nowhere but in the files themselves."""

import contextlib
import io
import json
import logging
import secrets
import string
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import zstandard
from pydantic import SecretStr
from temporalio.client import WorkflowHandle

from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from perdure.logs import formatter
from perdure.memory.database import Database
from perdure.safety.secrets import Screens, holds_marker
from tests.leaks import EXACT_KINDS, bytes_of_history, home_files, leaks, rows, values_of
from tests.workflows.conftest import Bench, Benches, Call, git, script_of


def token(characters: int) -> str:
    """Letters and digits that nothing else holds."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(characters - 2)) + "a1"


@dataclass(frozen=True)
class Planted:
    """Credentials by where they stand."""

    in_a_file: str
    in_env: str
    of_the_worker: str
    printed: str
    in_a_name: str
    in_a_commit: str
    in_an_error: str
    written: str
    said: str


def planted() -> Planted:
    """New ones: those of a form that is known anywhere, and two that only their place makes secret."""
    return Planted(
        in_a_file=f"ghp_{token(36)}",
        in_env=token(24),
        of_the_worker=token(28),
        printed=f"AKIA{token(30).upper()[:16]}",
        in_a_name=f"glpat-{token(20)}",
        in_a_commit=f"npm_{token(36)}",
        in_an_error=f"hf_{token(34)}",
        written=f"sk_live_{token(24)}",
        said=f"xoxb-{token(12)}-{token(24)}",
    )


def files_of(seeds: Planted) -> dict[str, str]:
    """A repository that holds them."""
    return {
        "config.py": f'TOKEN = "{seeds.in_a_file}"\nLIMIT = 3\n',
        ".env": f"SERVICE_TOKEN={seeds.in_env}\nDEBUG=true\n",
        "notes.txt": f"Call with {seeds.in_env} or with {seeds.of_the_worker}, then wait.\n",
        f"data/{seeds.in_a_name}.txt": "nothing\n",
    }


def turns_of(seeds: Planted) -> list[list[Call]]:
    """What the model does with it."""
    printing = f"cat notes.txt config.py; echo {seeds.printed[:10]}''{seeds.printed[10:]}; false"
    return [
        [("read_file", {"path": "config.py"}), ("read_file", {"path": "notes.txt"})],
        [("grep_search", {"pattern": "TOKEN|Call"}), ("list_directory", {"path": "data"})],
        [("execute_command", {"command": printing})],
        [("git_log", {})],
        [("read_file", {"path": f"missing/{seeds.in_an_error}"})],
        [("write_file", {"path": "made.py", "content": f'KEY = "{seeds.written}"\n'})],
        [("read_file", {"path": "made.py"}), ("git_diff", {})],
        [("delete_file", {"path": "made.py"})],
    ]


async def sinks(bench: Bench, handle: WorkflowHandle[Any, Any], redis_url: str) -> dict[str, bytes]:
    """Every place where something of the task is shown, sent or kept."""
    found = {f"table {name}": data for name, data in (await rows(bench.house.record.database)).items()}
    found |= {f"redis {key}": data for key, data in (await values_of(redis_url)).items()}
    found |= {f"file {name}": data for name, data in home_files(bench.settings.home)}
    found["history"] = bytes_of_history(await handle.fetch_history())
    for name in ("status", "plan", "pending", "transcript", "cost"):
        found[f"query {name}"] = json.dumps(await handle.query(name)).encode()
    found["card"] = (await bench.card(handle)).encode()
    for request in bench.models.requests:
        found[f"request {request.number} ({request.role})"] = request.body
    return found


@contextlib.contextmanager
def log_lines(screens: Screens) -> Generator[io.StringIO]:
    """Everything that is logged, as a worker's lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(form="json", screens=screens))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def commit_files(bench: Bench, seeds: Planted) -> None:
    """Put them into the user's repository."""
    for name, text in files_of(seeds).items():
        (bench.repository / name).parent.mkdir(exist_ok=True)
        (bench.repository / name).write_text(text)
    git(bench.repository, "add", "--all", "--force")
    git(bench.repository, "commit", "--quiet", "--message", f"Rotate {seeds.in_a_commit}")


def speaking_of_them(seeds: Planted) -> Script:
    """A model that names one wherever it can."""
    turns = turns_of(seeds)
    first = [{"tool": tool, "arguments": dict(arguments)} for tool, arguments in turns[0]]
    answered: dict[str, Any] = {
        "summary": f"Done with {seeds.said}.",
        "commit_message": "Nothing",
        "requirements": [],
    }
    said = f"I use {seeds.said}."
    before: list[dict[str, Any]] = [
        {"for": "decide", "turn": 0, "content": said, "reasoning": said, "calls": first},
        {"for": "synthesize", "content": answered},
    ]
    return script_of(turns, before=before)


async def exact_arguments(database: Database) -> bytes:
    """What was kept of calls byte by byte."""
    kept = await database.fetch("SELECT body FROM artifacts WHERE media_type = $1", EXACT_KINDS[1])
    unpack = zstandard.ZstdDecompressor()
    return b"\n".join(unpack.decompress(row["body"], max_output_size=1 << 20) for row in kept)


async def test_credentials_stay_in_the_files_that_hold_them(benches: Benches, stack: Stack) -> None:
    seeds = planted()
    redis_url = stack.addresses.others["valkey"]
    changes: dict[str, Any] = {
        "redis_url": SecretStr(redis_url),
        "embedder_api_key": SecretStr(seeds.of_the_worker),
        "log_code": ("all",),
    }
    async with benches(speaking_of_them(seeds), **changes) as bench:
        commit_files(bench, seeds)
        with log_lines(bench.house.redactions.screens) as log:
            handle = await bench.start()
            result = await bench.finish(handle)
        places = await sinks(bench, handle, redis_url)
        places |= {"result": json.dumps(result).encode(), "log": log.getvalue().encode()}
        assert leaks(vars(seeds), places) == []
        assert '"activity": "execute_calls"' in log.getvalue()
        assert any(key.startswith("redis ") for key in places)
        conversation = "".join(str(request.body) for request in bench.models.requests)
        for kind in (
            "github-token",
            "env-value",
            "worker-secret",
            "aws-access-key",
            "gitlab-token",
            "npm-token",
        ):
            assert f"[[perdure redacted {kind}]]" in conversation, kind
        assert holds_marker(result["summary"])
        # What was written is what the model wrote, and what was asked for is what it asked for.
        exact = await exact_arguments(bench.house.record.database)
        assert seeds.written.encode() in exact
        assert seeds.in_an_error.encode() in exact
