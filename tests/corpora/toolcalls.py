"""``toolcalls.json``: what models return in place of a good tool call, on the real stack by the real client.

A raw answer that is an object (or a list of them) with a tool and its arguments becomes calls as the provider hands
them over; one that is cut off in its arguments becomes a call with what is left of them; anything else is prose.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from perdure.contracts.decisions import Approval
from perdure.contracts.hidden import hides
from perdure.contracts.transcript import Entry
from perdure.llm.scripted.script import Script
from tests.corpora.real_stack import RealStack, real_stack, side_by_side
from tests.corpora.report import Miss, Result
from tests.workflows.conftest import answer, make_repository, reflection

FOUND_BY = "toolcalls.json"
NAMES = {"run_command": "execute_command"}
"""Our names of the collection's tools; the others are called as they are."""
FILES = {"a.txt": "first\n", "b.txt": "second\n", "conftest.py": ""}
MOST_REQUESTS = 14
_ARGUMENTS = re.compile(
    r"""^\s*\{\s*"(?:id"\s*:\s*"[^"]*"\s*,\s*")?tool"\s*:\s*"([^"]*)"\s*,\s*"args"\s*:?\s*(.*)$""", re.DOTALL
)
AGAIN = {"tool": "read_file", "arguments": {"path": "b.txt"}}
LOOK = {"tool": "execute_command", "arguments": {"argv": ["cat", "a"]}}


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


@dataclass
class Case:
    """One case, and what came of it."""

    id: str
    kind: str
    expect: str
    raw: str
    reply: dict[str, Any]
    shown: list[str] = field(default_factory=list[str])
    approved: int = 0
    ran: int = 0
    """Calls of the first answer that ran and succeeded."""
    told: bool = False
    """Whether the model was asked again, and told of a problem, and nothing had run."""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    decisions: list[Entry] = field(default_factory=list[Entry])
    status: str = ""

    @property
    def name(self) -> str:
        """Stands in the task's request."""
        return f"Case {self.id}."


async def run(place: Path, only: str) -> list[Result]:
    """A task for each case."""
    collection = json.loads(place.read_text(encoding="utf-8", errors="surrogatepass"))
    cases = [_prepared(case) for case in collection["cases"] if str(case["id"]).startswith(only)]
    if not cases:
        return []
    async with real_stack(lambda folder: _script(cases)) as stack:
        return await side_by_side(lambda case: _result(stack, case), cases)


def _prepared(case: Mapping[str, Any]) -> Case:
    raw = str(case["raw"])
    if "generate_bytes" in case:
        raw = re.sub(
            r"A{50,}.*?(?=\"\}\}$|$)", "A" * int(case["generate_bytes"]), raw, count=1, flags=re.DOTALL
        )
    reply = _reply(raw, int(case.get("deliver", 1)))
    if case.get("finish_reason"):
        reply["finish_reason"] = case["finish_reason"]
    return Case(str(case["id"]), str(case["kind"]), str(case["expect"]), raw, reply)


def _reply(raw: str, times: int) -> dict[str, Any]:
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    objects = cast("list[Any]", value) if isinstance(value, list) else [value]
    calls = [call for each in objects if (call := _call(each)) is not None]
    if calls and len(calls) == len(objects):
        return {"calls": calls * times}
    found = _ARGUMENTS.match(raw)
    if found is not None:
        # The object around the arguments ends with a brace of its own, unless it was cut off.
        rest = found[2].rstrip()
        rest = rest[:-1] if rest.endswith("}") else rest
        return {"calls": [{"tool": _tool(found[1]), "raw": rest or "{"}]}
    return {"content": raw or " "}


def _call(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, Any]", value)
    name, given = fields.get("tool"), fields.get("args", fields.get("arguments"))
    if not isinstance(name, str) or ("args" not in fields and "arguments" not in fields):
        return None
    if name == "run_command" and isinstance(given, dict):
        # Ours says whether it may change files; the collection's may.
        given = {**cast("dict[str, Any]", given), "writes": True}
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    call = {"tool": _tool(name), "raw": text}
    return call | ({"id": fields["id"]} if isinstance(fields.get("id"), str) else {})


def _tool(name: str) -> str:
    return NAMES.get(name, name)


def _script(cases: list[Case]) -> Script:
    replies: list[dict[str, Any]] = []
    for case in cases:
        mine = {"request": re.escape(case.name)}
        plan = {"goal": "Look.", "subtasks": [{"title": "Look", "done": False}], "tools": [], "risks": []}
        replies.append({"for": "plan", "content": {**plan, "estimated_steps": 2}, **mine})
        if case.expect == "retry_transport":
            broken = {"status": 200, "body": case.raw, "times": 1}
            replies.append({"for": "decide", "turn": 0, "error": broken, "calls": [AGAIN], **mine})
        else:
            replies.append({"for": "decide", "turn": 0, **case.reply, **mine})
        second = LOOK if case.expect == "serialise" else AGAIN
        replies.append({"for": "decide", "turn": 1, "calls": [second], **mine})
        replies.append({"for": "decide", "turn": [2, 10_000], "content": "Everything is done.", **mine})
        replies += [reflection("done", last="says it is done", **mine), reflection("continue", **mine)]
        replies.append({**answer(), **mine})
    return Script.model_validate({"v": 1, "about": "odd answers", "replies": replies})


async def _result(stack: RealStack, case: Case) -> Result:
    started = time.monotonic()
    try:
        await _ran(stack, case)
        miss, why = _judged(case)
    except (TimeoutError, WorkflowFailureError, RPCError) as error:
        cause = error.cause if isinstance(error, WorkflowFailureError) else error
        miss, why = Miss.BROKEN, f"the task did not end as tasks do: {cause!r}"[:400]
    said = case.raw if miss else ""
    return Result(
        case.id, case.expect, miss, f"{case.kind}: {why}" if miss else "", said, time.monotonic() - started
    )


async def _ran(stack: RealStack, case: Case) -> None:
    # A file that is there is not written before it was read.
    files = {name: text for name, text in FILES.items() if not _writes(case, name)}
    repository, _ = await asyncio.to_thread(make_repository, stack.folder / "calls" / case.id, files)
    handle = await stack.start(
        f"call-{case.id}", {"request": f"{case.name} Look.", "repository": str(repository)}
    )

    def approves(asked: Approval) -> bool:
        wanted = case.expect in {"execute_once", "serialise"} and asked.tool == "execute_command"
        case.approved += wanted
        return wanted

    result = await stack.drive(handle, approves, case.shown.append)
    case.status = str(result["status"])
    case.decisions = [each for each in await stack.decisions_of(handle) if each.body.get("by") == "model"]
    case.requests = stack.requests_of(case.name)
    first = case.decisions[0] if case.decisions else None
    lines: list[dict[str, Any]] = await handle.query("transcript")
    at = first.step if first is not None else 0
    case.ran = sum(line["kind"] == "call" and line["step"] == at and line["ok"] is True for line in lines)
    case.told = not case.ran and _is_told(case)


def _writes(case: Case, name: str) -> bool:
    calls: list[dict[str, Any]] = case.reply.get("calls", [])
    return any(call["tool"] == "write_file" and f'"{name}"' in call["raw"] for call in calls)


def _is_told(case: Case) -> bool:
    """Whether the request after the first answer ends with words on what was wrong with it."""
    decided = [body for body in case.requests if body.get("tools")]
    if len(decided) < 2:
        return False
    messages: list[dict[str, Any]] = decided[1]["messages"]
    after = [each for each in messages if each["role"] != "assistant"][-3:]
    words = " ".join(str(each["content"]) for each in after)
    return bool(
        re.search(
            r"not run|is refused|Nothing of it|cannot be used|no tool|did not run|cut off|needs|is missing|no field|expected",
            words,
        )
    )


def _judged(case: Case) -> tuple[Miss | None, str]:
    if list(Path.cwd().glob("MARK*")):
        return Miss.ATTACK_ALLOWED, "a command of the answer ran in the worker's folder"
    if len(case.requests) > MOST_REQUESTS:
        return Miss.WRONG_OUTCOME, f"the model was asked {len(case.requests)} times"
    if case.expect != "retry_transport" and not _is_kept(case):
        return Miss.WRONG_OUTCOME, "the record does not hold what the model wrote"
    asked = len(case.shown) > 0
    hidden = any(hides(letter) for text in case.shown for letter in text if letter not in "\n\t")
    ends = case.status in {"completed", "incomplete"}
    as_expected = {
        "execute": case.ran > 0,
        "execute_ignoring_extra": case.ran > 0,
        "execute_or_retry": case.ran == 1 or case.told,
        "retry_or_execute": case.ran == 1 or case.told,
        "retry_or_first_only": case.ran == 1 or case.told,
        "retry_if_finish_reason_length": case.told,
        "retry": case.told,
        "no_execute": not case.ran,
        # Refused outright is stricter than asked about.
        "ask_escaped": (asked or case.told) and not hidden and not case.ran,
        "fail_clearly": ends and not case.ran and case.told,
        "stop": ends and not case.ran,
        "report": ends and not case.ran,
        "verify": ends and not case.ran and _is_reflected(case),
        "retry_transport": ends and len(case.decisions) > 1,
        "execute_once": case.ran == 1,
        "serialise": case.ran == 2 and _says_last(case),
        "bounded": ends,
    }
    if case.expect not in as_expected:
        return Miss.BROKEN, f"nothing is known of the expectation {case.expect!r}"
    if as_expected[case.expect]:
        return None, ""
    bad = (
        Miss.ATTACK_ALLOWED
        if case.ran and case.expect in {"retry", "no_execute", "ask_escaped"}
        else Miss.WRONG_OUTCOME
    )
    return bad, f"ran {case.ran}, told {case.told}, asked {asked}, ended {case.status!r}"


def _is_kept(case: Case) -> bool:
    """Whether the first decision holds the answer, as text or as the calls that were read from it."""
    body = case.decisions[0].body if case.decisions else {}
    return bool(body.get("content") or body.get("calls") or body.get("raw_arguments"))


def _is_reflected(case: Case) -> bool:
    return any("Look back now" in str(body["messages"][-1]["content"]) for body in case.requests)


def _says_last(case: Case) -> bool:
    """Whether the file holds what the later call wrote."""
    messages: list[dict[str, Any]] = []
    for body in case.requests:
        messages += body["messages"]
    shown = [
        str(each["content"])
        for each in messages
        if each["role"] == "tool" and "cat a" in str(each["content"])
    ]
    return any(re.search(r"^2$", text, re.MULTILINE) or "\n2\n" in text for text in shown)
