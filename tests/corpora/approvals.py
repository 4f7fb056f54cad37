"""``approvals.json``: attempts to get more run than a person looked at, played by the real workflow on servers of their own.

A case is words: a name, steps, what is required, a class. Which scene it means is read from them, by the first row of
``SCENES`` that fits; a case that fits none is a miss, since nothing was shown of it. Decisions are sent as the Web UI sends
them (JSON of the update and of the signals) and by the Python client. Where a case takes for granted what there is not, such
as an HTTP API, that is listed with the reason, and what there is in its place is tried.
"""

import asyncio
import json
import logging
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from perdure.contracts.errors import PerdureError
from tests.corpora.consent import authority, display, policies, running, timing
from tests.corpora.consent.stage import Missed, Stage
from tests.corpora.report import Miss, Result
from tests.faults.driver import own_servers

FOUND_BY = "approvals.json"
Scene = Callable[[Stage], Awaitable[None]]
BROKEN = (
    PerdureError,
    TemporalError,
    RPCError,
    OSError,
    AssertionError,
    LookupError,
    ValueError,
    RuntimeError,
    ExceptionGroup,
)
"""How a scene comes to no end of its own; the others are played all the same."""
LONGEST_S = 180.0
"""A scene that takes longer has come to a stand."""

SCENES: tuple[tuple[str, tuple[Scene, ...]], ...] = (
    (r"temporal (is )?(down|away)|stop(ped)? (the )?server|server (is )?(down|away)|outage", (timing.server_away,)),
    (r"clock|time ?zone|ntp|system time", (timing.clock_set_back,)),
    (r"headless|no approver|unattended|non.?interactive|no tty|ci mode", (timing.nobody_attends,)),
    (r"default on timeout|nobody answers|no answer|never answered", (timing.nobody_answers,)),
    (r"cancel|terminat(e|ed|ion)\b", (timing.after_cancel,)),
    (r"pause", (timing.while_paused,)),
    (r"worker (is )?(away|down|absent|restart|stopp)|restart(ed)? while waiting|no worker", (timing.worker_away,)),
    (r"two people|four.eyes|second (person|approver)|quorum|dual|same person|requester|self.approv(al|es) by user|own request", (policies.two_people,)),
    (r"forged|signature|signed|unsigned|hmac|impersonat|pretend|spoof|untrusted user|unknown approver|another user|other user|wrong (user|approver|role)|not authori[sz]ed|privilege", (policies.signatures,)),
    (r"race|simultaneous|concurrent|at the same time|two (deciders|approvers|clients|tabs|sessions answer)|approve and deny|conflicting", (timing.two_deciders, policies.two_people)),
    (r"double.?click|duplicate|idempot|delivered twice|sent twice|submitted twice", (timing.said_twice,)),
    (r"stricter policy|policy (version |file )?(change|update|edit|become|reload)|polic(y|ies) .*(tighten|strict)|rule added", (policies.stricter_policy, running.granted_in_one_task_only)),
    (r"always.*(survive|session|restart|inherit|policy)|new session|remembered.*(session|restart)", (running.granted_in_one_task_only, policies.stricter_policy)),
    (r"always|remember|blanket|prefix|wildcard|scope", (running.granted_for_one_call_only,)),
    (r"reset|rewind|fork|time travel|roll(ed)? ?back|checkpoint", (timing.after_reset,)),
    (r"continue.as.new|new run|migrat|upgrade|version of the worker", (timing.next_run,)),
    (r"other (task|session|workflow|repository|run)|another (task|session|workflow|repository|run)|cross.(task|session)|different (task|session|workflow)", (authority.of_another_task,)),
    (r"retr(y|ied)|worker (dies|crash|is killed|restart)|redeliver|crash", (running.retried_after_the_effect,)),
    (r"unknown id|id=|guess|nonexist|no such|brute|enumerat|malformed", (authority.unknown_id, authority.unknown_words)),
    (r"before (it is|being|the) ask|pre.?approv|in advance|early|not yet asked", (timing.before_it_is_asked, authority.claimed_in_text)),
    (r"expir|past (the )?deadline|stale approval|days later|too late|ttl", (timing.expired,)),
    (r"identity|anonym|without (a )?name|who approved|nobody's name|audit|\blogs?\b", (authority.without_a_name,)),
    (r"over http|curl post|rest api|web ?hook|localhost|port\b|csrf|cors", (authority.agent_over_the_network,)),
    (r"temporal (workflow )?signal|by signal|temporal cli|grpc|approves itself|self.approv|socket|credential", (authority.agent_by_signal,)),
    (r"fake (dialog|prompt|approval)|approve\?|\[y/n\]|imitat.* dialog|output area|dialog text in", (display.imitated_dialog,)),
    (r"says (it was |that )?(the user )?approved|claims|inject|tool output says|model (says|text|writes)|readme says|agents\.md|memory says|social", (authority.claimed_in_text,)),
    (r"homoglyph|look.?alike|punycode|mixed.script|confusable|idn|cyrillic|unicode host|\bnf[ck]?[dc]\b|normali[sz]", (display.lookalikes,)),
    (r"zero.width|bidi|u\+|rtl|right.to.left|override char|tag char|control|ansi|escape seq|\\x1b|osc|carriage|\bcr\b|overwrit|backspace|variation|combining|invisible|hyperlink|null byte|\bnul\b|emoji|clear screen|cursor|title bar|terminal", (display.hidden_characters,)),
    (r"padding|spaces|newlines|off.?screen|fold|scroll|whitespace|\btabs?\b", (display.padding,)),
    (r"truncat|long (command|line|argument)|characters then|ellipsis|head and tail|too long|diff (is )?(too )?(large|long)", (display.long_line,)),
    (r"markdown|html|<script|!\[|link text|image|render", (display.markup,)),
    (r"compound|&&|each part|one approved part|pipeline|subshell|chain|substitution|\$\(|heredoc", (display.every_part,)),
    (r"package\.json|npm|scripts\.|makefile|package script|lock ?file|package lock", (running.package_script_changed,)),
    (r"environment|\benv\b|path (changed|poison|is)|\$path|ld_preload|node_options|variable", (running.surroundings_changed,)),
    (r"redirect|symlink|sym.?link|\blink\b|junction", (running.folder_becomes_a_link,)),
    (r"glob|\*\.|wildcard expands|expands to|more files", (running.pattern_matches_more,)),
    (r"push|remote|force|head moved|branch|ref\b", (running.remote_moved,)),
    (r"\bcwd\b|working.dir|directory changed|folder changed", (running.folder_changed,)),
    (r"edit.then|edits the|user edit|modif(y|ies) the command|edited (command|call|arguments)", (running.edited_call,)),
    (r"den(y|ied|ial)|reject|refus(ed|al) reaches|says no", (authority.denied_with_a_reason,)),
    (r"twice|identical|reuse|re-use|replay|again|second call|once", (running.approval_used_twice,)),
    (r"script|interpreter|binary|executable|file .*(changed|rewritten|modified|swapped|edited|replaced)|rewritten|content hash|pre.?image|toctou|between ask|alias|shadow|program on", (running.script_rewritten, running.ignored_script_rewritten)),
    (r"argument|args|substitut|parameter|tool (definition|swap|description)|mcp", (running.arguments_substituted,)),
    (r"fatigue|flood|many (approvals|requests)|batch|bulk|approve all|spam|hundred", (authority.many_at_once,)),
)  # fmt: skip
"""What a case's name, or else its steps or what is required, look like → what is played for it."""

CLASSES: dict[str, tuple[Scene, ...]] = {
    "what-runs-is-what-was-approved": (running.arguments_substituted, running.script_rewritten),
    "replay": (running.approval_used_twice, authority.of_another_task, timing.after_reset),
    "timing": (timing.expired, timing.two_deciders),
    "display": (display.hidden_characters, display.lookalikes, display.padding, display.long_line, display.markup),
    "authority": (authority.without_a_name, authority.unknown_id, policies.two_people, policies.signatures),
}  # fmt: skip
"""What is played for a case whose words say nothing of these, with a word on that."""


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


def scenes_of(case: dict[str, Any]) -> tuple[Scene, ...]:
    """What is played for a case: by its name, else by its steps, else by what is required."""
    words = (case.get("name", ""), " ".join(map(str, case.get("steps", ()))), case.get("required", ""))
    for text in map(str, words):
        for pattern, scenes in SCENES:
            if re.search(pattern, text.lower()):
                return scenes
    return ()


async def run(place: Path, only: str) -> list[Result]:
    """Play a scene for each case, on servers that are started for it."""
    cases: list[dict[str, Any]] = json.loads(place.read_text(encoding="utf-8"))["cases"]
    wanted = [case for case in cases if str(case["id"]).startswith(only)]
    with tempfile.TemporaryDirectory(prefix="perdure-approvals-") as name:
        folder = Path(name)
        # Programs run as another user, whose way to the files begins here.
        folder.chmod(0o755)
        # What the attempts make the workers say is not the account of them.
        logging.disable(logging.ERROR)
        try:
            async with own_servers(folder / "stack") as (stack, servers):
                return [await _played(Stage(stack, servers, folder), case) for case in wanted]
        finally:
            logging.disable(logging.NOTSET)


async def _played(stage: Stage, case: dict[str, Any]) -> Result:
    group = str(case.get("class_") or case.get("class") or "without a class")
    scenes = scenes_of(case)
    if not scenes and group in CLASSES:
        scenes = CLASSES[group]
        stage.remarks.append("played by its class alone: its words fit no scene of their own")
    if not scenes:
        why = f"{case.get('name', '')}: not interpreted, so nothing was shown of it"
        return Result(str(case["id"]), group, Miss.BROKEN, why, str(case.get("steps", "")))
    started = time.monotonic()
    miss, why = None, ""
    names = " and ".join(scene.__name__.replace("_", " ") for scene in scenes)
    try:
        for scene in scenes:
            async with asyncio.timeout(LONGEST_S):
                await scene(stage)
    except Missed as missed:
        miss, why = Miss.ATTACK_ALLOWED, str(missed)
    except BROKEN as error:
        miss, why = Miss.BROKEN, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    counts = (f"{case['id']} played as: {names}", *(f"{case['id']} {remark}" for remark in stage.remarks))
    return Result(
        str(case["id"]), group, miss, f"{case.get('name', '')}: {why}" if miss else "", "", seconds, counts
    )
