"""``paths.json``: paths as file tools are given them, in a tree with links, fifos and neighbours outside."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from perdure.contracts.calls import Author, ToolCall, Verdict
from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import ToolBench, lend, tool_bench
from tests.corpora.report import Miss, Result
from tools.registry import Registry

FOUND_BY = "paths.json"
GUIDE_S = 10.0
ROUNDS = 200
"""Of the races; the attacker's own thread runs as often as it can meanwhile."""
CASE = dict[str, Any]
SAME = {"allow": {"allow", "allow_link_only"}, "redacted": {"redacted"}}


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Give each path to the tool that its operation is."""
    registry, sandbox = Registry.discover(), await probed_sandbox()
    policy = Policy.load()
    collection = json.loads(place.read_text(encoding="utf-8"))
    results: list[Result] = []
    for case in collection["cases"]:
        if case["id"].startswith(only):
            with tool_bench(registry, sandbox) as bench:
                _build(bench, collection["setup"])
                results.append(await _run_case(bench, policy, case))
    return results


def _place(bench: ToolBench, name: str) -> Path:
    """Where something of the setup stands: the workspace has a name of its own here."""
    first, _, rest = name.partition("/")
    return (bench.workspace if first == "ws" else bench.top / first) / rest


def _build(bench: ToolBench, setup: list[list[str]]) -> None:
    for kind, name, *rest in setup:
        place = _place(bench, name)
        if kind == "dir":
            place.mkdir(parents=True, exist_ok=True)
        elif kind == "file":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(rest[0])
        elif kind == "link":
            place.symlink_to(rest[0].replace("@BASE@", str(bench.top)))
        elif kind == "hard":
            place.hardlink_to(_place(bench, rest[0]))
        elif kind == "fifo":
            os.mkfifo(place)
        elif kind == "sock":
            # The path of a socket may have 107 characters only, so it is bound where it is short and moved.
            short = Path(f"/tmp/socket-{os.getpid()}")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(short))
            short.rename(place)
        else:
            raise ValueError(f"The setup has an unknown operation {kind!r}.")
    lend(bench)


def _outside(top: Path) -> dict[str, tuple[int, bytes]]:
    """What stands beside the workspace, which no operation may change."""
    found: dict[str, tuple[int, bytes]] = {}
    for folder in ("out", "ws-evil", "home"):
        for path in sorted((top / folder).rglob("*")):
            facts = path.lstat()
            data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = (facts.st_mode, data)
    return found


async def _run_case(bench: ToolBench, policy: Policy, case: CASE) -> Result:
    before = _outside(bench.top)
    started = time.monotonic()
    if case.get("race"):
        outcome, said = await _raced(bench, case)
    else:
        outcome, said = await _outcome(bench, policy, case)
    seconds = time.monotonic() - started
    group = f"{case['op']} {case['verdict']}"
    allowed = {
        word for wanted in case.get("accept", [case["verdict"]]) for word in SAME.get(wanted, {wanted})
    }
    allowed |= {"deny"} if "not_found" in allowed else set()
    miss, why = None, ""
    if _outside(bench.top) != before:
        miss, why = Miss.WRONG_FILE, "something outside of the workspace was changed"
    elif outcome == "broken":
        miss, why = Miss.BROKEN, case["why"]
    elif not case.get("race") and outcome not in allowed:
        miss, why = Miss.WRONG_OUTCOME, f"{case['why']}: {outcome}, not {' or '.join(sorted(allowed))}"
    elif seconds > GUIDE_S and not case.get("race"):
        miss, why = Miss.SLOW, case["why"]
    return Result(case["id"], group, miss, why, said, seconds)


def _call(bench: ToolBench, case: CASE) -> tuple[str, dict[str, Any]]:
    path: str = case["path"]
    places = {"@WS@": bench.workspace, "@HOME@": bench.top / "home", "@BASE@": bench.top}
    for name, place in places.items():
        path = path.replace(name, str(place))
    path = path.replace("../ws/", f"../{bench.workspace.name}/")
    operation = case["op"]
    if operation == "read":
        return "read_file", {"path": path}
    if operation == "write":
        return "write_file", {"path": path, "content": "written by a case\n"}
    if operation == "list":
        return "list_directory", {"path": path}
    if operation == "delete":
        return "delete_file", {"path": path, "recursive": True}
    if operation == "chmod":
        return "execute_command", {"command": f"chmod 600 -- '{path}'", "writes": True}
    if operation == "rename":
        source, _, target = path.partition(" -> ")
        patch = f"*** Begin Patch\n*** Update File: {source}\n*** Move to: {target}\n*** End Patch"
        return "edit_file", {"patch": patch}
    raise ValueError(f"The case {case['id']!r} has an unknown operation {operation!r}.")


async def _outcome(bench: ToolBench, policy: Policy, case: CASE) -> tuple[str, str]:
    tool, arguments = _call(bench, case)
    call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)
    try:
        outline = bench.registry.summarize(call)
        output = await bench.registry.run(call, bench.context)
    except ToolRejected as refusal:
        return "deny", str(refusal)
    except (PerdureError, OSError, ValueError) as error:
        return "broken", f"{type(error).__name__}: {error}"
    standing = Standing(Mode.CHANGE, Safety.STANDARD, Author.MODEL)
    verdict = policy.judge(CallFacts(tool, outline.effect, standing, outline.named)).verdict
    if not output.ok:
        return "deny", output.content
    if verdict is Verdict.ASK and case["op"] not in {"delete", "chmod"}:
        return "ask", output.content
    return "redacted" if "[hidden]" in output.content else "allow", output.content


@asynccontextmanager
async def _attacked(bench: ToolBench) -> AsyncGenerator[None]:
    """Somebody who swaps a file, a folder and the workspace's own folder for links all the time."""
    top, stopped = bench.top, asyncio.Event()
    race = bench.workspace / "race"

    def swap_once() -> None:
        for name in ("f.txt", "new", ".f.txt.tmp"):
            aside = race / f"{name}.aside"
            link = race / f"{name}.link"
            try:
                link.symlink_to(top / "out" / ("d" if name == "new" else "secret.txt"))
                (race / name).rename(aside)
                link.rename(race / name)
                (race / name).unlink()
                aside.rename(race / name)
            except OSError:
                # The tool moved the same names at this moment, so this round of the attack is lost.
                for left in (link, aside):
                    if left.is_symlink() or left.is_file():
                        left.unlink(missing_ok=True)

    def attack() -> None:
        while not stopped.is_set():
            swap_once()

    race.mkdir(exist_ok=True)
    attacker = asyncio.create_task(asyncio.to_thread(attack))
    try:
        yield
    finally:
        stopped.set()
        await attacker


async def _raced(bench: ToolBench, case: CASE) -> tuple[str, str]:
    """Write again and again while somebody swaps what is written to; only what is outside counts."""
    outcomes: set[str] = set()
    tool, arguments = _call(bench, case)
    async with _attacked(bench):
        for number in range(ROUNDS):
            call = ToolCall(
                index=0, call_id="c", tool=tool, arguments={**arguments, "content": f"round {number}\n"}
            )
            try:
                await bench.registry.run(call, bench.context)
                outcomes.add("allow")
            except ToolRejected:
                outcomes.add("deny")
            except OSError as error:
                return "broken", f"{type(error).__name__}: {error}"
    return "deny_outside", f"rounds ended in {', '.join(sorted(outcomes))}"
