"""Which scenes a case asks for: read from its words, and from its class, which says what kind of thing is at stake.

A scene of what people see is played for a case of the class ``display`` alone, and the others for the other classes, so that
a word that both use leads to the right ones. A case whose words say nothing of these is played as nothing.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.corpora.consent import (
    again,
    authority,
    claims,
    display,
    granting,
    kept,
    named,
    policies,
    running,
    spelled,
    timing,
    wire,
)
from tests.corpora.consent.stage import Stage

Scene = Callable[[Stage], Awaitable[None]]
Row = tuple[str, tuple[Scene, ...]]

SEEN: tuple[Row, ...] = (
    (r"(many|more|hundreds of|thousands? of|\d,?\d{2,}) (files|names|paths)|deletes? (a|the|many|all)|list of files", (display.many_names,)),
    (r"fake (dialog|prompt|approval)|approve\?|\[y/n\]|imitat|(dialog|prompt|approval) (text|card|box).* (in|by)|output area|output (looks|reads)|spoof(ed|s)? (the )?(dialog|prompt|approval|ui)|looks like (the|our|an) (approval|prompt|dialog)", (display.imitated_dialog,)),
    (r"homoglyph|look.?alike|punycode|mixed.?script|confusable|\bidn\b|cyrillic|greek letter|unicode host|full.?width|\bnf[ck]?[dc]\b|normali[sz]ation", (display.lookalikes,)),
    (r"file ?names?\b|names? of (a )?files?|path (holds|contains|with) |newline in (a )?(file|path|name)", (display.names_of_files,)),
    (r"zero.?width|bidi|u\+[0-9a-f]{4}|\brtl\b|\brlo\b|right.?to.?left|trojan|override char|tag char|control (char|code|seq)|ansi|escape (seq|code)|\\x1b|\\e\[|\bosc\b|\besc\b|carriage return|\bcr\b|\\r|overwrit\w* (the )?line|backspace|variation selector|combining|invisible|hyperlink|null byte|\bnul\b|clear(s)? (the )?screen|cursor|title bar|terminal (title|escape|control)|hidden (char|unicode)|soft hyphen", (display.hidden_characters,)),
    (r"padding|\bspaces\b|newlines|blank lines|off.?screen|below the fold|scroll|whitespace|\btabs\b", (display.padding,)),
    (r"diff\b|patch\b|file content|written (content|file)|edit_file|write_file|changes? to a file|binary", (display.changes_of_a_file,)),
    (r"truncat|long (command|line|argument|text|script|heredoc)|characters then|ellipsis|head and tail|too long|very long|\d+ ?(kb|kib|mb|characters)\b|collapsed|cut off", (display.long_line,)),
    (r"markdown|html|<script|!\[|link text|\bimage|javascript:|\bimg\b|table|render|heading|code ?fence|backtick", (display.markup,)),
    (r"compound|&&|each part|every (part|command|segment)|pipeline|\bpipe|subshell|chain|substitution|\$\(|heredoc|base64|encoded|eval|\bsh -c|nested|wrapper|semicolon", (display.every_part,)),
    (r"descri(bes|ption|bed)|summary|explanation|model.?(says|text|words|written|supplied|provided)|title (differs|says|and)|mislead|justif|reason (given|text)|label", (claims.told_otherwise,)),
    (r"glob|wildcard|symlink|sym.?link|where .*leads|resolved? (path|target)|expan(ds|sion)", (running.pattern_matches_more, running.folder_becomes_a_link)),
    (r"script|referenced file|body of", (running.script_rewritten, display.long_line)),
    (r"environment|\benv\b|variable|\bcwd\b|working.?dir|limits|sandbox level|network access", (display.surroundings_shown,)),
    (r"fatigue|flood|many (approvals|requests)|batch|bulk|hundred|\d+ (approvals|requests)", (authority.many_at_once, granting.batches)),
    (r"password|token|secret|credential|api key", (display.secrets_in_a_command,)),
)  # fmt: skip
"""What people see: what the words look like → what is played."""

WHAT_RUNS: tuple[Row, ...] = (
    (r"grant .*(between|before it runs|while it waits)|revok\w+ .*(between|before it runs|in flight|while)", (spelled.revoked_before_it_runs, granting.not_under_a_stricter_policy)),
    (r"(remember|grant|always).*(\blevel\b|safety level|autonomous|cautious|other repositor|another repositor|clone|spell|neighbou?r|sibling)", (spelled.remembered_elsewhere, granting.not_beyond_the_words)),
    (r"edit(ed|s)? .*after (it was |the |being |an? )?(approv|decision|decided)", (spelled.changed_after_the_decision, running.edited_call)),
    (r"(digest|hash) .*(prefix|collision|truncated|short(er|ened)?)|(prefix|shortened|truncated|partial) .*(digest|hash)", (spelled.digests_that_nearly_fit,)),
    (r"remote('s)? (url |address )?(is )?(changed|re-?pointed|replaced|added|renamed|swapped)|push ?url|insteadof", (kept.settings_of_git_changed, running.remote_moved)),
    (r"sandbox|isolation|namespace", (kept.weaker_sandbox,)),
    (r"git (config|hook|setting)|\bhooks?\b|core\.|sshcommand|gitattributes|fsmonitor|credential helper|pre-(push|commit)", (kept.settings_of_git_changed,)),
    (r"(time ?out|time limit|limits?|memory) (or \w+ )?(is |are |was )?(changed|raised|widened|lifted|higher|other)", (running.arguments_substituted,)),
    (r"database|postgres|\bdb\b.*(down|away|edit|tamper|alter)|event history (edited|altered)|stored (decision|call|arguments)|state (file )?(edited|altered|tampered)|record (is )?(edited|altered|tampered)", (named.database_altered,)),
    (r"stricter policy|policy (version |file )?(is )?(change|update|edit|become|reload|tighten|later)|polic(y|ies) .*(tighten|strict)|rule (is )?added|allow.?list (is )?(change|shrink)", (policies.stricter_policy, granting.not_under_a_stricter_policy)),
    (r"always.*(survive|session|restart|inherit|policy|project|repositor)|new session|remembered.*(session|restart|policy|elsewhere|project)|revo[kc]|grants? (expire|is over|revoked|survive)", (running.granted_in_one_task_only, granting.not_under_a_stricter_policy)),
    (r"always.*(interpreter|wrapper|bash|python|npx|docker|shell|launcher|\benv\b|xargs|sudo)|(interpreter|wrapper|launcher).*(always|remember)", (granting.decided_each_time, running.granted_for_one_call_only)),
    (r"always|remember|blanket|prefix|too wide|wildcard (grant|rule|allow)|\bgrants?\b|scope(d)?\b|session.?wide|don'?t ask again", (granting.not_beyond_the_words, running.granted_for_one_call_only, granting.decided_each_time)),
    (r"batch|bulk|approve.?all|select all|group(ed)? approval|identical shape|shape", (granting.batches,)),
    (r"descri(bes|ption|bed)|summary|misleading|explanation|says (one thing|it only|otherwise)|calls another", (claims.told_otherwise,)),
    (r"compound|&&|each part|one approved part|pipeline|subshell|chain|substitution|\$\(|heredoc|split (across|into)|two harmless", (display.every_part,)),
    (r"edit.?then|edits? (the|a|an) (command|call|argument)|user edit|edit(ed)? (command|call|arguments|in the dialog)|modif(y|ies) the command|approver (edits|changes)|verdict edit", (running.edited_call,)),
    (r"package\.json|\bnpm\b|scripts\.|makefile|package script|\byarn\b|\bpnpm\b|\bmake (test|install|target)", (running.package_script_changed,)),
    (r"imported|module|librar(y|ies)|dependenc|lock ?file|sourced|included file|config file (of|that|the)|transitive|conftest", (named.imported_module_changed,)),
    (r"environment|\benv\b|\$?path (is )?(changed|poison|entry|first)|\$path|ld_preload|node_options|pythonpath|git_ssh|variable", (running.surroundings_changed,)),
    (r"redirect|symlink|sym.?link|\blink\b|junction|mount", (running.folder_becomes_a_link,)),
    (r"glob|\*\.|wildcard|expands? to|more files|pattern", (running.pattern_matches_more, named.content_behind_a_pattern_changed)),
    (r"many files|more (names|files) than|list of files|hundreds of files|thousands? (of )?files|(over|above|beyond) the cap", (named.many_files_named,)),
    (r"push|remote|force|head moved|branch|\bref\b|\borigin\b|upstream|tag moved|commit (is )?(amend|added|moved)|rebase", (running.remote_moved,)),
    (r"\bcwd\b|working.?dir|directory (is )?changed|folder (is )?changed|other folder|another folder|relative path", (running.folder_changed, named.content_behind_a_pattern_changed)),
    (r"binary|executable|program (is )?(swapped|replaced|on)|tool (is )?(swapped|replaced)|shadow|alias|on the path", (named.program_swapped, running.surroundings_changed)),
    (r"script|interpreter|file('s)? .*(changed|rewritten|modified|swapped|edited|replaced|grows)|rewritten|content hash|pre.?image|toctou|between (ask|approval|approve)|time.of.check|hook|untracked|ignored|generated", (running.script_rewritten, running.ignored_script_rewritten)),
    (r"argument|\bargs\b|substitut|parameter|canonical|digest (mismatch|differs)|another command|other command", (running.arguments_substituted, named.database_altered)),
)  # fmt: skip
"""What runs is what was approved: what the words look like → what is played."""

DECIDED: tuple[Row, ...] = (
    (r"\brac(e|es|ing)\b.*(deadline|expir)|(deadline|expir\w+).*\brac(e|es|ing)\b", (again.deadline_without_a_worker, timing.expired)),
    (r"\boidc\b|\bsso\b|identity provider|id token|\bjwt\b|openid", (policies.signatures_for_oidc,)),
    (r"key (is |has |that |was )*(expired|outdated|over)|expired key", (kept.key_expired,)),
    (r"(wrong|other|another) (key )?(type|kind|algorithm|curve) of key|(wrong|other|another) key (type|kind|algorithm)|\brsa\b|x25519|ecdsa|signature (over|of|on|from) (other|different|another|an earlier)|other bytes|signature (is )?(re-?used|copied|replayed|truncated|malleable)", (spelled.keys_that_do_not_fit, policies.signatures)),
    (r"(leaked|stolen|forwarded|copied|borrowed|shared|guessed) (approval )?(link|url|token|card|screenshot|mail|notification)|link (to|of) (the |an )?approval", (spelled.keys_that_do_not_fit, authority.unknown_id)),
    (r"(digest|hash|id) .*(prefix|collision|truncated|short(er|ened)?|case|padding|padded|begins?)|(prefix|shortened|truncated|abbreviated|partial) .*(digest|hash)", (spelled.digests_that_nearly_fit, authority.unknown_id)),
    (r"(name|approver|person|people|requester|user|spelling).*(look.?alike|homoglyph|cyrillic|unicode|confusable|spell|upper.?case|\bcase\b|full.?width|zero.?width|invisible|variant|accent|trailing|whitespace)|(look.?alike|homoglyph|cyrillic|unicode|confusable|spelling|spellings|invisible) .*(name|approver|person|people|requester|user)", (spelled.one_person_spelled_otherwise,)),
    (r"edit(ed|s)? .*after (it was |the |being |an? )?(approv|decision|decided)|approv\w+[, ]*(and )?then (edit|den|chang|revok|withdr)|update (and )?then (a )?signal|signal (and )?then (an )?update|(revok|withdr)\w+ (the |an |his |her |their )?approval|approval (is )?(revoked|withdrawn)", (spelled.changed_after_the_decision, again.late_after_denial)),
    (r"(other|another|different|earlier|previous|wrong) (step|call)\b|step (number )?(differs|changed)", (running.approval_used_twice, spelled.changed_after_the_decision)),
    (r"grant .*(between|before it runs|while it waits)|revok\w+ .*(between|before it runs|in flight|while)", (spelled.revoked_before_it_runs, granting.not_under_a_stricter_policy)),
    (r"(remember|grant|always).*(level|safety|autonomous|cautious|repositor|clone|spell|path|neighbou?r|sibling)", (spelled.remembered_elsewhere, granting.not_beyond_the_words)),
    (r"surviv|days (later|on)|for (days|weeks)|weeks?\b|months?\b|garbage|retention|\bgc\b|swe(ep|pt)|upkeep|purge", (kept.upkeep_while_it_waits, timing.worker_away)),
    (r"after (an |the |a )?edit|edited (call|approval)|before the edit", (running.edited_call, running.arguments_substituted)),
    (r"sandbox (is |was |level )*(drop|weak|lower|downgrad|gone|off|disabl)|without (the |a )?sandbox|weaker sandbox|downgrade", (kept.weaker_sandbox,)),
    (r"temporal( server)? (is )?(down|away|unreachable|unavailable)|stop(ped)? (the )?(temporal )?server|server (is )?(down|away|restart|unreachable)|outage", (timing.server_away,)),
    (r"clock|time ?zone|\bntp\b|system time|time skew|skewed", (timing.clock_set_back,)),
    (r"headless|no approver|unattended|non.?interactive|no tty|ci mode|nobody attached", (timing.nobody_attends,)),
    (r"deadline .*(worker|nobody)|(worker|host) (is )?(away|down|offline|gone).*(deadline|expir|time.?out)|(deadline|expir\w+).*(worker|host) (is )?(away|down|offline|gone)", (again.deadline_without_a_worker,)),
    (r"escalat|remind|webhook|notif(y|ication)|pager", (again.told_and_silent,)),
    (r"default on timeout|nobody (answers|decides|replies)|no (answer|decision|reply)|never answered|silence|unanswered", (timing.nobody_answers,)),
    (r"cancel|terminat(e|ed|ion)\b|aborted|killed task|task (is )?(over|ended|finished|closed)|after completion", (timing.after_cancel,)),
    (r"pause", (timing.while_paused,)),
    (r"two.?(people|person|man)|four.?eyes|second (person|approver|pair)|quorum|dual|same person|requester|self.?approv\w+ by (the )?(user|requester|author)|own (request|task)|two different|alias(es)? of one|(two|other|another) names?|one person", (policies.two_people,)),
    (r"forged|signature|\bsigned\b|unsigned|hmac|ed25519|wrong key|other key|another key|public key|private key|key (is )?(revoked|removed|rotated|stolen|unknown)|impersonat|pretend|spoof|untrusted user|unknown approver|another (user|person)'?s? name|(approver|key) (is |was |gets )?(revoked|removed|deleted|rotated)|revoked (approver|key)|bot account|service account|agent'?s? (own )?(name|account|identity)|claimed|assurance|wrong (user|approver|role)|not (an )?(authori[sz]ed|approver|allowed to approve)|unauthori[sz]ed|lacks? (the )?(right|role|permission)|privilege|\brole\b", (policies.signatures, kept.key_taken_back)),
    (r"den(y|ied|ial).*(then|later|after|again).*approv|approv\w* (after|of) (a |the )?den|(change|changed|changes) (of|their|his|her) mind|late approv\w+|final decision|already decided|overturn|revers(e|al) ", (again.late_after_denial,)),
    (r"\brace|simultaneous|concurrent|at the same time|same moment|two (deciders|approvers|clients|tabs|sessions|decisions|answers)|approve and deny|conflicting|contradict", (timing.two_deciders, policies.two_people)),
    (r"double.?click|duplicate|idempot|delivered twice|sent twice|submitted twice|same (signal|update|word|decision) (twice|again)|resent|resubmit", (timing.said_twice,)),
    (r"queued|buffered|kept by the server|signals? while|(approv\w+|signal|decision|update) (while|when) (no |the )?worker|worker (is )?(away|down|absent|offline|stopp)|no worker", (timing.worker_away, again.queued_words)),
    (r"fatigue|flood|many (approvals|requests|asks)|spam|hundred|\d{2,} (approvals|requests|asks|calls)", (authority.many_at_once,)),
    (r"same (workflow )?id|id (is )?reused|re-?used id|started again|begins anew", (again.same_id_again,)),
    (r"users? ?'s (task|approval)|other (task|session|workflow|repositor|run|project|agent)|another (task|session|workflow|repositor|run|project|agent)|cross.?(task|session|run|tenant)|different (task|session|workflow|run|repositor)|(stolen|leaked|copied|borrowed) (id|digest|approval)", (authority.of_another_task, again.same_id_again)),
    (r"history (is )?replay|replay(ed|s)? (of|from) (the |its )?(event )?history|workflow replay|re-?play(ed)? by|replay(ed)? (on|after) (a |the )?(restart|worker)|workflow code (replay|chang)|sticky|evict", (again.replayed_elsewhere,)),
    (r"\breset|rewind|rewound|\bfork|time travel|roll(ed)? ?back|checkpoint|undo", (timing.after_reset,)),
    (r"continue.?as.?new|new run\b|migrat|upgrade|version of the worker|another version|deploy", (timing.next_run,)),
    (r"approv\w+ (then|and) (the )?(worker|process|activity) |retr(y|ied|ies)|worker (dies|died|crash|is killed|killed|restart)|redeliver|crash|kill|power|restart(ed|s)? (after|before|between|while)|worker restart", (running.retried_after_the_effect, again.replayed_elsewhere)),
    (r"unknown (approval )?id|id ?=|guess|nonexist|no such|brute|enumerat|predict", (authority.unknown_id,)),
    (r"malformed|odd json|wrong (type|field|argument)|update arguments?|invalid (json|payload|update)|extra field|unknown (verdict|field)|schema of the (update|signal)|type confusion|null verdict", (wire.odd_json, authority.unknown_words)),
    (r"\bquer(y|ies)\b|unknown (update|signal)|signal (name|named|called)|other (update|signal) name|handler", (wire.unknown_names, wire.odd_json)),
    (r"temporal (cli|command)|tctl|command line of temporal", (wire.temporal_command,)),
    (r"before (it|anything|the (call|question|approval)) (is|was|being )?(asked|ask|pending|shown)|pre.?approv|in advance|early (approv|signal|word|decision)|not yet (asked|pending)|before (the|a|any) (ask|question|request|call|prompt)|no request yet", (timing.before_it_is_asked, authority.claimed_in_text)),
    (r"expir|past (the )?deadline|deadline|stale approval|too late|\bttl\b|time.?out|overdue", (timing.expired,)),
    (r"identity|anonym|without (a |any )?(name|identity)|who approved|nobody's name|empty name|reserved name|audit|\blog(s|ged|ging)?\b|trail|attribut", (authority.without_a_name,)),
    (r"over http|curl|rest api|localhost|\bports?\b|csrf|cors|dns rebind|web ui (without|has no)|browser|web page|cross.?site|loopback", (authority.agent_over_the_network,)),
    (r"(policy|settings|config\w*|approvers?|key) file.*(agent|command|tool|sandbox|writ|edit|read)|(agent|command|tool|model) (edits|writes|changes|reads|modifies|rewrites|steals).*(policy|settings|config|approver|key|rule|allow.?list)", (claims.agent_at_the_files_of_the_installation, claims.policy_of_the_repository)),
    (r"repositor(y|ies)('s)? .*\b(policy|settings|config|rules?)\b|policy (in|from|of) (the )?repositor|\.env\b|agents\.md|claude\.md|settings\.json|project (settings|config|policy)|checked.?in", (claims.policy_of_the_repository, authority.claimed_in_text)),
    (r"temporal (workflow )?signal|by signal|grpc|approves? (itself|its own|themselves)|self.?approv|socket|credential|sub.?agent|child workflow|mcp (server|tool) (approves|sends)|redis|valkey", (authority.agent_by_signal,)),
    (r"(call|tool) (carries|with|has|sets) (a |an )?(field|flag|argument)|approved ?[=:] ?true|flag in the (call|arguments)|safety level|autonomous|bypass|skip.?(permissions|approval)|dangerously", (claims.approval_in_arguments,)),
    (r"\bplan\b|steer|chat|free text|conversation|says yes|message (from|of) the user|prose|question (is )?answered|answers? a question", (claims.plan_is_no_approval,)),
    (r"fake (dialog|prompt|approval)|says (it was |that )?(the )?(user )?(has )?approved|claims|inject|tool (output|result) (says|tells|contains)|model (says|text|writes|claims|tells)|readme|memory (says|holds)|social", (authority.claimed_in_text, claims.approval_in_arguments)),
    (r"den(y|ied|ial|ies)\b|reject(ed|ion|s)? (reach|with|and|by)|refusal|says no", (authority.denied_with_a_reason,)),
    (r"used twice|twice|identical|re-?used?\b|replay|single.?use|second (call|time)|one approval|once", (running.approval_used_twice,)),
    (r"prompts? (the )?user|asks? again|re-?ask|loop of asks|rephras|equivalent|reword", (authority.denied_with_a_reason,)),
)  # fmt: skip
"""Who decides, when, and how often: what the words look like → what is played."""


TABLES = {
    "display": (SEEN,),
    "what-runs-is-what-was-approved": (WHAT_RUNS, DECIDED),
    "replay": (DECIDED, WHAT_RUNS),
    "timing": (DECIDED, WHAT_RUNS),
    "authority": (DECIDED, WHAT_RUNS),
}
"""Where is looked for the words of a case, by its class."""


@dataclass(frozen=True)
class Meaning:
    """What is played for a case, and by which of its words: who reads the listing sees what was taken loosely."""

    scenes: tuple[Scene, ...] = ()
    part: str = ""
    """``name``, ``steps`` or ``required``."""
    words: str = ""


def meaning_of(case: dict[str, Any]) -> Meaning:
    """By the case's name, else by its steps, else by what is required; nothing where none says it."""
    tables = TABLES.get(class_of(case), (SEEN, WHAT_RUNS, DECIDED))
    steps = case.get("steps", ())
    told = steps if isinstance(steps, str) else " ".join(map(str, steps))
    parts = {"name": case.get("name", ""), "steps": told, "required": case.get("required", "")}
    for part, text in parts.items():
        for table in tables:
            for pattern, scenes in table:
                if found := re.search(pattern, str(text).lower()):
                    return Meaning(scenes, part, found[0][:60])
    return Meaning()


def scenes_of(case: dict[str, Any]) -> tuple[Scene, ...]:
    """What is played for a case."""
    return meaning_of(case).scenes


def class_of(case: dict[str, Any]) -> str:
    """The class as the case says it."""
    return str(case.get("class_") or case.get("class") or "without a class")
