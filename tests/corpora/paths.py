"""``paths.json``: paths as file tools are given them, in a tree with links, fifos and neighbours outside."""

import os
import re
import shlex
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perdure.contracts.calls import Author, ToolCall, Verdict
from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import ToolBench, lend, tool_bench
from tests.corpora.path_races import attacked
from tests.corpora.playing import CannotPlay, cases_of, played
from tests.corpora.report import Miss, Result
from tools.registry import Registry

FOUND_BY = "paths.json"
GUIDE_S = 10.0
ROUNDS = 2_000
RACE_S = 10.0
"""A race ends after so many rounds or seconds, whichever comes first; the attacker's own thread runs as often as it can."""
CASE = dict[str, Any]
SAME = {
    "allow": {"allow", "allow_link_only"},
    "not_found": {"deny"},
    "deny_outside": {"deny", "ask", "allow"},
}
"""Other outcomes that are what a word asks for. What happened outside is looked at in any case."""
OUTCOMES = {"allow", "ask", "deny", "deny_outside", "allow_link_only", "redacted", "not_found"}
OWN = {"git", "shadow-index"}
"""What the bench itself has beside the workspace."""


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Give each path to the tool that its operation is."""
    registry, sandbox = Registry.discover(), await probed_sandbox()
    policy = Policy.load()
    collection, cases = cases_of(place, "cases")

    async def play(case: CASE) -> Result:
        with tool_bench(registry, sandbox) as bench:
            _build(bench, collection.get("setup", []))
            return await _run_case(bench, policy, case)

    return await played(cases, only, play)


def _here(bench: ToolBench, text: str) -> str:
    """A path or a link's target with the places of this bench, where the workspace has a name of its own."""
    places = {"@WS@": bench.workspace, "@HOME@": bench.top / "home", "@BASE@": bench.top}
    for name, place in places.items():
        text = text.replace(name, str(place))
    above = rf"(?:^|(?<=/))\.\./ws(?=/|$)|(?<={re.escape(str(bench.top))}/)ws(?=/|$)"
    own = bench.workspace.name
    return re.sub(above, lambda found: f"../{own}" if found[0].startswith("..") else own, text)


def _build(bench: ToolBench, setup: list[list[str]]) -> None:
    for kind, name, *rest in setup:
        first, _, inner = name.partition("/")
        place = (bench.workspace if first == "ws" else bench.top / first) / inner
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "dir":
            place.mkdir(parents=True, exist_ok=True)
        elif kind == "file":
            place.write_bytes((rest[0] if rest else "").encode("utf-8", "surrogateescape"))
        elif kind == "link":
            place.symlink_to(_here(bench, rest[0]))
        elif kind == "hard":
            other, _, other_inner = rest[0].partition("/")
            place.hardlink_to((bench.workspace if other == "ws" else bench.top / other) / other_inner)
        elif kind == "fifo":
            os.mkfifo(place)
        elif kind == "sock":
            # The path of a socket may have 107 characters only, so it is bound where it is short and moved.
            short = Path(f"/tmp/socket-{os.getpid()}")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(short))
            short.rename(place)
        else:
            raise CannotPlay(f"the setup has an operation that is not known, {kind!r}")
    lend(bench)


def _outside(bench: ToolBench) -> dict[str, tuple[Any, ...]]:
    """What stands beside the workspace, which no operation may change."""
    found: dict[str, tuple[Any, ...]] = {}
    for place in sorted(bench.top.iterdir()):
        if place != bench.workspace and place.name not in OWN:
            for path in (place, *sorted(place.rglob("*"))):
                facts = path.lstat()
                data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                found[str(path)] = (facts.st_mode, data)
    return found


def _wanted(case: CASE) -> set[str]:
    """Every outcome that is as it should be."""
    words = case.get("accept", [case["verdict"]])
    unknown = sorted({*words, case["verdict"]} - OUTCOMES)
    if unknown:
        raise CannotPlay(f"it expects an outcome that is not known, {', '.join(map(repr, unknown))}")
    return {each for word in words for each in SAME.get(word, {word}) | {word}}


async def _run_case(bench: ToolBench, policy: Policy, case: CASE) -> Result:
    wanted, why = _wanted(case), str(case.get("why", ""))
    before = _outside(bench)
    started = time.monotonic()
    outcomes, said = await (_raced(bench, case) if case.get("race") else _outcome(bench, policy, case))
    seconds = time.monotonic() - started
    group = f"{case['op']} {case['verdict']}"
    miss = None
    if _outside(bench) != before:
        miss, why = Miss.WRONG_FILE, f"{why}: something outside of the workspace was changed"
    elif "outside was read" in outcomes:
        miss, why = Miss.ATTACK_ALLOWED, f"{why}: what stands outside was read"
    elif "broken" in outcomes:
        miss = Miss.BROKEN
    elif not case.get("race") and not outcomes & wanted:
        miss = Miss.WRONG_OUTCOME
        why = f"{why}: {' or '.join(sorted(outcomes))}, not {' or '.join(sorted(wanted))}"
    elif seconds > GUIDE_S and not case.get("race"):
        miss = Miss.SLOW
    return Result(case["id"], group, miss, why if miss else "", said, seconds)


def _call(bench: ToolBench, case: CASE) -> tuple[str, dict[str, Any]]:
    path, operation = _here(bench, case["path"]), case["op"]
    if operation == "read":
        return "read_file", {"path": path}
    if operation == "write":
        return "write_file", {"path": path, "content": "written by a case\n"}
    if operation == "list":
        return "list_directory", {"path": path}
    if operation == "delete":
        return "delete_file", {"path": path, "recursive": True}
    if operation == "chmod":
        return "execute_command", {"command": f"chmod 600 -- {shlex.quote(path)}", "writes": True}
    if operation == "rename":
        source, arrow, target = path.partition(" -> ")
        if not arrow:
            raise CannotPlay("it renames, but does not say what to, by '->'")
        return "edit_file", {"patch": _patch_that_renames(source, target)}
    raise CannotPlay(f"its operation is not known, {operation!r}")


def _patch_that_renames(source: str, target: str) -> str:
    if "\n" not in source + target and source == source.strip() and target == target.strip():
        return f"*** Begin Patch\n*** Update File: {source}\n*** Move to: {target}\n*** End Patch"
    old, new = (_as_git_quotes(path) for path in (source, target))
    return f"diff --git a/x b/x\nsimilarity index 100%\nrename from {old}\nrename to {new}\n"


def _as_git_quotes(path: str) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in path.encode("utf-8", "surrogateescape")) + '"'


async def _outcome(bench: ToolBench, policy: Policy, case: CASE) -> tuple[set[str], str]:
    tool, arguments = _call(bench, case)
    call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)
    try:
        outline = bench.registry.summarize(call)
        output = await bench.registry.run(call, bench.context)
    except ToolRejected as refusal:
        broken = "failed with exit code" in refusal.message
        return {"broken" if broken else "deny"}, str(refusal)
    except (PerdureError, OSError, ValueError) as error:
        return {"broken"}, f"{type(error).__name__}: {error}"
    standing = Standing(Mode.CHANGE, Safety.STANDARD, Author.MODEL)
    verdict = policy.judge(CallFacts(tool, outline.effect, standing, outline.named)).verdict
    if not output.ok:
        return {"deny"}, output.content
    done = {"redacted" if "[hidden]" in output.content else "allow"}
    if output.content.startswith("Deleted link "):
        done.add("allow_link_only")
    if verdict is Verdict.ASK:
        # Deleting and programs that write are asked about wherever they happen; what they do then counts as well.
        return {"ask", *(done if case["op"] in {"delete", "chmod"} else ())}, output.content
    return done, output.content


def _shows_outside(operation: str, content: str) -> bool:
    """Whether what was read is the text of a file outside, or what was listed an entry there."""
    lines = content.split("\n")[1:]
    return operation in {"read", "list"} and any(line.split("\t")[-1].startswith("secret") for line in lines)


async def _raced(bench: ToolBench, case: CASE) -> tuple[set[str], str]:
    """Do it again and again while somebody swaps what it names; only what happens outside counts."""
    outcomes: dict[str, int] = {}
    tool, arguments = _call(bench, case)
    words = f"{case['path']} {case.get('why', '')}"
    ends = time.monotonic() + RACE_S
    async with attacked(bench, root_too="@WS@" in words or "root" in words):
        for number in range(ROUNDS):
            if tool == "write_file":
                arguments["content"] = f"round {number}\n"
            try:
                call = ToolCall(index=0, call_id="c", tool=tool, arguments=arguments)
                output = await bench.registry.run(call, bench.context)
            except ToolRejected:
                outcome = "deny"
            except OSError as error:
                return {"broken"}, f"{type(error).__name__}: {error}"
            else:
                if _shows_outside(case["op"], output.content):
                    return {"outside was read"}, output.content
                outcome = "allow"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            if time.monotonic() > ends:
                break
    return {"deny_outside"}, ", ".join(f"{count} rounds ended in {word}" for word, count in outcomes.items())
