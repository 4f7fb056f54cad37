"""How entries are put into words for the model. Changing a sentence here changes what is cached, never what is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perdure.contracts.transcript import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perdure.contracts.transcript import Entry

NOT_RUN = "This call was not run."

MODES = {
    "change": "change the files as the request asks",
    "plan": "only plan; nothing can be written",
    "answer": "only answer; nothing can be written",
}

NOTES = {
    "steer": "A person says: ",
    "denied": "A call was denied and not run: ",
    "expired": "Nobody decided about a call in time, so it was not run: ",
    "done": "A call was not needed and not run: ",
}

CALL_NOTES = {
    "denied": "This call was denied and not run: ",
    "expired": "Nobody decided about this call in time, so it was not run: ",
    "done": "This call was not needed and not run: ",
}


def told(entry: Entry) -> str:
    """What the model is told of an entry that is no turn of its own."""
    return encodable(WORDS[entry.kind](entry.body))


def call_note_text(entry: Entry) -> str:
    """A note in the place of a call's output."""
    prefix = CALL_NOTES.get(str(entry.body.get("kind", "")), "")
    return encodable(f"{prefix}{entry.body.get('text') or ''}".strip()) or NOT_RUN


def encodable(text: str) -> str:
    """The text without lone surrogates, which no request can carry; it keeps its length."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shortened(text: str, characters: int) -> str:
    """At most so many characters: the beginning and the end, with what was left out counted between them."""
    if len(text) <= characters:
        return text
    mark = f"\n[… {len(text) - characters:,} or more characters left out …]\n"
    room = characters - len(mark)
    if room < 40:
        return text[: max(characters - 1, 0)] + "…" if characters > 0 else ""
    tail = room // 3
    return text[: room - tail] + mark + text[len(text) - tail :]


def one_line(text: str, characters: int) -> str:
    """The text on one line, cut at the end."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def _request(body: Mapping[str, Any]) -> str:
    mode = str(body.get("mode") or "change")
    return (
        f"The request:\n{body.get('request', '')}\n\n"
        f"Repository: {body.get('repository', '')}\nMode: {mode} ({MODES.get(mode, mode)})"
    )


def _workspace(body: Mapping[str, Any]) -> str:
    lines = [
        f"The workspace is on branch {body.get('branch', '')!r}, made from commit {body.get('base_commit', '')}."
    ]
    warnings: list[str] = list(body.get("warnings") or [])
    lines += [f"Warning: {warning}" for warning in warnings]
    overview = str(body.get("overview") or "")
    return "\n".join([*lines, "", overview] if overview else lines)


def _plan(body: Mapping[str, Any]) -> str:
    plan: dict[str, Any] = body.get("plan") or {}
    subtasks: list[dict[str, Any]] = list(plan.get("subtasks") or [])
    risks: list[str] = list(plan.get("risks") or [])
    lines = [f"The plan: {plan.get('goal', '')}"]
    lines += [
        f"{place}. {'[done] ' if each.get('done') else ''}{each.get('title', '')}"
        for place, each in enumerate(subtasks)
    ]
    lines += [f"Risk: {risk}" for risk in risks]
    return "\n".join(lines)


def _note(body: Mapping[str, Any]) -> str:
    return f"{NOTES.get(str(body.get('kind', '')), '')}{body.get('text') or ''}"


def _edit(body: Mapping[str, Any]) -> str:
    arguments = json.dumps(body.get("arguments") or {}, ensure_ascii=False)
    return (
        f"A person changed the arguments of call {body.get('index', 0)} of your answer before it could run. "
        f"They are now: {arguments}"
    )


def _approval(body: Mapping[str, Any]) -> str:
    return f"What became of an approval: {body.get('outcome', '')}"


def _result(body: Mapping[str, Any]) -> str:
    return f"Another result of {body.get('tool', '')}:\n{body.get('text') or '(no output)'}"


def _reflection(body: Mapping[str, Any]) -> str:
    reflection: dict[str, Any] = body.get("reflection") or {}
    finished: list[int] = list(reflection.get("finished_subtasks") or [])
    trigger = str(body.get("trigger") or "")
    lines = [
        f"Your look back{f' ({trigger})' if trigger else ''}: {reflection.get('verdict', '')}. {reflection.get('note', '')}"
    ]
    if finished:
        lines.append("Finished parts of the plan: " + ", ".join(str(place) for place in finished))
    return "\n".join(lines)


def _checks(body: Mapping[str, Any]) -> str:
    return f"The checks of your work:\n{body.get('text') or '(nothing was checked)'}"


def _answer(body: Mapping[str, Any]) -> str:
    answer: dict[str, Any] = body.get("answer") or {}
    return str(answer.get("summary") or "") or "(nothing was said)"


def _decision(body: Mapping[str, Any]) -> str:
    return str(body.get("content") or "") or "(nothing was said)"


WORDS: dict[EntryKind, Callable[[Mapping[str, Any]], str]] = {
    EntryKind.REQUEST: _request,
    EntryKind.WORKSPACE: _workspace,
    EntryKind.PLAN: _plan,
    EntryKind.NOTE: _note,
    EntryKind.DECISION: _decision,
    EntryKind.EDIT: _edit,
    EntryKind.APPROVAL: _approval,
    EntryKind.RESULT: _result,
    EntryKind.REFLECTION: _reflection,
    EntryKind.CHECKS: _checks,
    EntryKind.ANSWER: _answer,
}
