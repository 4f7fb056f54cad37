"""``toolcalls.json``: what models return in place of a good tool call, on the real stack by the real client.

How a raw answer becomes calls or prose is told in ``raw_calls.py``. A person approves what a case wants run, and nothing else.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError

from perdure.contracts.decisions import Approval
from perdure.contracts.hidden import hides
from perdure.contracts.transcript import Entry
from perdure.llm.arguments import parse_arguments
from perdure.llm.scripted.script import Reply, Script
from tests.corpora.playing import CannotPlay, cases_of
from tests.corpora.preparing import made_ready, text_of, unknown_fields
from tests.corpora.raw_calls import reply_of
from tests.corpora.real_stack import RealStack, real_stack, side_by_side
from tests.corpora.report import Miss, Result
from tests.workflows.conftest import answer, make_repository, reflection

FOUND_BY = "toolcalls.json"
FILES = {"a.txt": "first\n", "b.txt": "second\n", "conftest.py": ""}
MOST_REQUESTS = 14
AGAIN = {"tool": "read_file", "arguments": {"path": "b.txt"}}
KNOWN = {"id", "kind", "raw", "expect", "why", "note", "generate_bytes", "deliver", "finish_reason"}
_WORDS = re.compile(
    r"not run|is refused|Nothing of it|cannot be used|no tool|did not run|cut off|needs|is missing|no field|expected"
)


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


@dataclass
class Case:
    """One case, and what came of it."""

    id: str
    key: str
    """A name of its own, for folders and workflows."""
    kind: str
    expect: str
    raw: str
    reply: dict[str, Any]
    counts: tuple[str, ...] = ()
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
        return f"Case {self.key}."


async def run(place: Path, only: str) -> list[Result]:
    """A task for each case."""
    _, given = cases_of(place, "cases")
    cases, left = made_ready(given, only, _prepared)
    if not cases:
        return left
    async with real_stack(lambda folder: _script(cases)) as stack:
        return [*left, *await side_by_side(lambda case: _result(stack, case), cases)]


def _prepared(case: Mapping[str, Any], key: str) -> Case:
    raw, expect = text_of(case, "raw"), text_of(case, "expect")
    if not _meanings(expect):
        raise CannotPlay(f"nothing is known of the expectation {expect!r}")
    if "generate_bytes" in case:
        raw = re.sub(
            r"A{50,}.*?(?=\"\}\}$|$)", "A" * int(case["generate_bytes"]), raw, count=1, flags=re.DOTALL
        )
    reply = reply_of(raw, int(case.get("deliver", 1)))
    if case.get("finish_reason"):
        reply["finish_reason"] = case["finish_reason"]
    # What the scripted server cannot say is told of this case now, and not of all at once.
    Reply.model_validate(reply)
    kind = str(case.get("kind", ""))
    return Case(str(case["id"]), key, kind, expect, raw, reply, unknown_fields(case, KNOWN))


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
        second = _look(case) if case.expect == "serialise" else AGAIN
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
    except Exception as error:
        # Whatever a case breaks, the others are still played.
        cause = error.cause if isinstance(error, WorkflowFailureError) else error
        miss, why = Miss.BROKEN, f"the task did not end as tasks do: {cause!r}"[:400]
    said = case.raw if miss else ""
    seconds = time.monotonic() - started
    return Result(
        case.id, case.expect, miss, f"{case.kind}: {why}" if miss else "", said, seconds, case.counts
    )


async def _ran(stack: RealStack, case: Case) -> None:
    # A file that is there is not written before it was read.
    files = {name: text for name, text in FILES.items() if not _writes(case, name)}
    repository, _ = await asyncio.to_thread(make_repository, stack.folder / "calls" / case.key, files)
    handle = await stack.start(
        f"call-{case.key}", {"request": f"{case.name} Look.", "repository": str(repository)}
    )

    def approves(asked: Approval) -> bool:
        wanted = _wants_it_run(case)
        case.approved += wanted
        return wanted

    result = await stack.drive(handle, approves, case.shown.append)
    case.status = str(result["status"])
    case.decisions = [each for each in await stack.decisions_of(handle) if each.body.get("by") == "model"]
    case.requests = stack.requests_of(case.name)
    first = case.decisions[0] if case.decisions else None
    lines: list[dict[str, Any]] = await handle.query("transcript")
    at = first.step if first is not None else 0
    outcomes = [line["ok"] for line in lines if line["kind"] == "call" and line["step"] == at]
    case.ran = outcomes.count(True)
    case.told = not case.ran and _is_told(case, failed=False in outcomes)


def _writes(case: Case, name: str) -> bool:
    calls: list[dict[str, Any]] = case.reply.get("calls", [])
    return any(call["tool"] == "write_file" and f'"{name}"' in call["raw"] for call in calls)


def _is_told(case: Case, *, failed: bool) -> bool:
    """Whether a request after the first answer ends with what became of its call, or with words on what was wrong."""
    # The request of a decision that began anew, because its worker was too busy, is sent again.
    decided = [body for body in case.requests if body.get("tools")][1:]
    return any(_tells(body["messages"], failed=failed) for body in decided)


def _tells(messages: list[dict[str, Any]], *, failed: bool) -> bool:
    after = [each for each in messages if each["role"] != "assistant"][-3:]
    answered = failed and any(each["role"] == "tool" for each in after)
    return answered or _WORDS.search(" ".join(str(each["content"]) for each in after)) is not None


def _judged(case: Case) -> tuple[Miss | None, str]:
    if list(Path.cwd().glob("MARK*")):
        return Miss.ATTACK_ALLOWED, "a command of the answer ran in the worker's folder"
    if len(case.requests) > MOST_REQUESTS:
        return Miss.WRONG_OUTCOME, f"the model was asked {len(case.requests)} times"
    if case.expect != "retry_transport" and not _is_kept(case):
        return Miss.WRONG_OUTCOME, "the record does not hold what the model wrote"
    if any(holds(case) for holds in _meanings(case.expect)):
        return None, ""
    bad = Miss.ATTACK_ALLOWED if case.ran and not _wants_it_run(case) else Miss.WRONG_OUTCOME
    return bad, f"ran {case.ran}, told {case.told}, asked {bool(case.shown)}, ended {case.status!r}"


def _ends(case: Case) -> bool:
    return case.status in {"completed", "incomplete"}


def _asks_escaped(case: Case) -> bool:
    """Refused outright is stricter than asked about."""
    hidden = any(hides(letter) for text in case.shown for letter in text if letter not in "\n\t")
    return (bool(case.shown) or case.told) and not hidden and not case.ran


MEANINGS: Mapping[str, Callable[[Case], bool]] = {
    "execute": lambda case: case.ran > 0,
    "execute_ignoring_extra": lambda case: case.ran > 0,
    "execute_once": lambda case: case.ran == 1,
    "first_only": lambda case: case.ran == 1,
    "retry": lambda case: case.told,
    "retry_if_finish_reason_length": lambda case: case.told,
    "retry_transport": lambda case: _ends(case) and len(case.decisions) > 1,
    "no_execute": lambda case: not case.ran,
    "ask": lambda case: _asks_escaped(case),
    "ask_escaped": _asks_escaped,
    "fail_clearly": lambda case: _ends(case) and not case.ran and case.told,
    "stop": lambda case: _ends(case) and not case.ran,
    "report": lambda case: _ends(case) and not case.ran,
    "verify": lambda case: _ends(case) and not case.ran and _is_reflected(case),
    "serialise": lambda case: case.ran == len(case.reply.get("calls", [])) and _says_last(case),
    # What was asked about and denied is an end as well.
    "bounded": lambda case: _ends(case) or case.status == "denied",
}
"""What each expectation asks for. Several with ``_or_`` between them allow each, and running then means once."""


def _meanings(expect: str) -> list[Callable[[Case], bool]]:
    """What fulfils the expectation, any of them; nothing where it is not known."""
    if expect in MEANINGS:
        return [MEANINGS[expect]]
    words = ["execute_once" if word == "execute" else word for word in expect.split("_or_")]
    return [MEANINGS[word] for word in words] if all(word in MEANINGS for word in words) else []


def _wants_it_run(case: Case) -> bool:
    words = case.expect.split("_or_")
    return any(word.startswith("execute") or word in {"serialise", "first_only"} for word in words)


def _is_kept(case: Case) -> bool:
    """Whether the first decision holds the answer, as text or as the calls that were read from it."""
    body = case.decisions[0].body if case.decisions else {}
    return bool(body.get("content") or body.get("calls") or body.get("raw_arguments"))


def _is_reflected(case: Case) -> bool:
    return any("Look back now" in str(body["messages"][-1]["content"]) for body in case.requests)


def _written(case: Case) -> dict[str, str | None]:
    """What files hold when the answer's calls ran one after the other; None: it is gone."""
    found: dict[str, str | None] = {}
    for call in case.reply.get("calls", []):
        arguments, _ = parse_arguments(str(call["raw"]))
        path, content = str(arguments.get("path", "")), arguments.get("content")
        if call["tool"] == "write_file" and isinstance(content, str):
            found[path] = content
        elif call["tool"] == "delete_file":
            found[path] = None
    return found


def _look(case: Case) -> dict[str, Any]:
    """A call that shows what the first file that was written holds."""
    path = next(iter(_written(case)), "a")
    return {"tool": "execute_command", "arguments": {"argv": ["cat", path]}}


def _says_last(case: Case) -> bool:
    """Whether the file is as the last of the calls left it."""
    path, content = next(iter(_written(case).items()), ("a", None))
    messages = [each for body in case.requests for each in body["messages"] if each["role"] == "tool"]
    shown = [str(each["content"]) for each in messages if f"cat {path}" in str(each["content"])]
    if content is None:
        return any("No such file" in text for text in shown)
    return any(f"\n{content}\n" in f"{text}\n" for text in shown)
