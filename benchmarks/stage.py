"""What the benchmarks share: a scripted model, a repository, a fresh stack, and settings for a house on them."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from temporalio.client import WorkflowHandle

from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.settings import Settings, load_settings

PLAN = {
    "goal": "Read.",
    "subtasks": [{"title": "Read", "done": False}],
    "tools": [],
    "risks": [],
    "estimated_steps": 1,
}
ANSWER: dict[str, Any] = {"summary": "Read.", "commit_message": "Nothing", "requirements": []}


def script(steps: int, tool: str, arguments: Mapping[str, Any], *, latency_ms: float = 0) -> dict[str, Any]:
    """A script of this many equal steps (``{turn}`` differs), then done; each answer takes ``latency_ms``."""
    going_on: dict[str, Any] = {"verdict": "continue", "note": "Go on.", "finished_subtasks": []}
    done: dict[str, Any] = {"verdict": "done", "note": "Done.", "finished_subtasks": [0]}
    replies: list[dict[str, Any]] = [
        {
            "for": "decide",
            "turn": [0, steps - 1],
            "calls": [{"tool": tool, "arguments": dict(arguments)}],
        },
        {"for": "decide", "content": "Done."},
        {"for": "plan", "content": PLAN},
        {"for": "reflect", "last": "says it is done", "content": done},
        {"for": "reflect", "content": going_on},
        {"for": "synthesize", "content": ANSWER},
    ]
    return {
        "v": 1,
        "about": "a benchmark",
        "replies": [{**reply, "delay_ms": latency_ms} for reply in replies],
    }


def make_repository(folder: Path, files: int, size: int) -> Path:
    """A repository with this many files of this many bytes."""
    repository = folder / "repository"
    (repository / "data").mkdir(parents=True)
    for number in range(files):
        line = f"{number:06d} " + "x" * 72 + "\n"
        (repository / "data" / f"{number}.txt").write_text((line * (size // len(line) + 1))[:size])
    who = ["-c", "user.name=b", "-c", "user.email=b@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    return repository


@contextlib.contextmanager
def served(folder: Path, plays: Mapping[str, Any]) -> Any:
    """The scripted model server in a process of its own; yields its URL."""
    file, address = folder / f"{uuid.uuid4().hex}.json", folder / f"{uuid.uuid4().hex}.address"
    file.write_text(json.dumps(plays))
    command = [
        sys.executable,
        "-m",
        "perdure.llm.scripted",
        "--script",
        str(file),
        "--address-file",
        str(address),
    ]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    try:
        while not address.exists() or not address.read_text().strip():
            if process.poll() is not None:
                raise RuntimeError("The scripted model server did not start.")
            time.sleep(0.05)
        yield address.read_text().strip()
    finally:
        process.terminate()
        process.wait(timeout=10)


def settings_for(stack: Stack, folder: Path, url: str, **changes: Any) -> Settings:
    """Settings of a worker on this stack with the model server at ``url``, on a task queue of its own."""
    known: dict[str, Any] = {
        "home": folder / "home",
        "database_url": SecretStr(stack.addresses.database_url),
        "task_queue": f"bench-{uuid.uuid4().hex[:8]}",
        "groq_api_key": None,
        "groq_base_url": url,
        "model_script": Path("given.json"),
    }
    settings = load_settings().model_copy(update={**known, **changes})
    return settings.knowing({"TEMPORAL_ADDRESS": stack.addresses.temporal})


async def finish(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for the task; a push that it asks for is denied, since only the steps are measured."""
    waiting = asyncio.ensure_future(handle.result())
    while not waiting.done():
        await asyncio.wait([waiting], timeout=1.0)
        if waiting.done():
            break
        pending: dict[str, Any] = await handle.query("pending")
        for approval in pending["approvals"]:
            denial = {"approval_id": approval["id"], "verdict": "deny", "by": "benchmark"}
            # The overloads of the SDK's method are partly untyped.
            await handle.execute_update("decide", denial)  # pyright: ignore[reportUnknownMemberType]
    result: dict[str, Any] = await waiting
    if result["status"] != "completed":
        raise RuntimeError(f"The measured task ended as {result['status']}: {result['summary']}")


@contextlib.asynccontextmanager
async def running_stack(folder: Path) -> AsyncGenerator[Stack]:
    """A fresh embedded stack on free ports."""
    stack = Stack(folder / "stack", temporal=TemporalSettings(port=0, web_ui_port=0))
    await stack.start()
    try:
        yield stack
    finally:
        await stack.stop()
