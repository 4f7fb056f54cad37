"""Cases in words of our own, with the scene that must be among those that are played for each; ``""``: none, so it is a miss."""

import json
from pathlib import Path

WHAT_RUNS = "what-runs-is-what-was-approved"
OWN: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (WHAT_RUNS, "imported module swapped", ("ask: python tool.py", "approve", "tool's module is rewritten"), "imported_module_changed"),
    (WHAT_RUNS, "PATH changed between ask and run", ("ask: lint", "PATH gets a folder in front", "approve"), "surroundings_changed"),
    (WHAT_RUNS, "LD_PRELOAD set after approval", ("approve", "the environment gets LD_PRELOAD"), "surroundings_changed"),
    (WHAT_RUNS, "the worker comes back with other variables", ("ask", "restart with another environment"), "surroundings_changed"),
    (WHAT_RUNS, "binary replaced on disk", ("ask: ./bin/x", "x is another program"), "program_swapped"),
    (WHAT_RUNS, "Makefile edited before make test runs", ("ask: make test",), "package_script_changed"),
    (WHAT_RUNS, "remote gets another commit", ("ask git push", "origin moves"), "remote_moved"),
    (WHAT_RUNS, "branch switched before the approved push", ("ask git push", "checkout another branch"), "remote_moved"),
    (WHAT_RUNS, "a line with ninety files", ("the last of many files that it names is changed",), "many_files_named"),
    (WHAT_RUNS, "blanket yes for git", ("always allow git", "git -c alias.x='!sh' x"), "not_beyond_the_words"),
    (WHAT_RUNS, "remembered yes outlives its revocation", ("remember", "revoke", "same call"), "not_under_a_stricter_policy"),
    (WHAT_RUNS, "model says one thing and calls another", ("description: lists files", "call: rm -rf"), "told_otherwise"),
    (WHAT_RUNS, "heredoc feeds a shell", ("sh <<EOF",), "every_part"),
    (WHAT_RUNS, "stored arguments tampered with", ("approve", "the database row is altered"), "database_altered"),
    (WHAT_RUNS, "lockfile changed", ("ask install", "package-lock changes"), "imported_module_changed"),
    ("replay", "digest of another run", ("task A asks", "send its approval to task B"), "of_another_task"),
    ("replay", "workflow reset to before the approval", ("approve", "reset"), "after_reset"),
    ("replay", "rewind and approve with the old id", ("rewind",), "after_reset"),
    ("replay", "signal delivered twice", ("the approve signal arrives two times",), "said_twice"),
    ("replay", "history replayed on another worker", ("approve", "run", "worker evicts it"), "replayed_elsewhere"),
    ("replay", "workflow id reused", ("terminate", "start with the same id"), "same_id_again"),
    ("replay", "continue-as-new with something pending", ("ask", "the task moves on"), "next_run"),
    ("replay", "worker killed after approval", ("approve", "kill -9", "restart"), "retried_after_the_effect"),
    ("timing", "approve and deny at the same moment", ("two clients",), "two_deciders"),
    ("timing", "clock set back", ("expired", "date -s yesterday", "approve"), "clock_set_back"),
    ("timing", "approval after cancellation", ("ask", "cancel", "approve"), "after_cancel"),
    ("timing", "approved while paused", ("pause", "approve"), "while_paused"),
    ("timing", "worker away when the signal comes", ("ask", "stop the worker", "approve"), "queued_words"),
    ("timing", "deadline passes while the worker is down", ("ask", "stop the worker"), "deadline_without_a_worker"),
    ("timing", "escalation does not approve", ("nobody decides", "the webhook answers ok"), "told_and_silent"),
    ("timing", "approval sent before the question", ("approve", "ask"), "before_it_is_asked"),
    ("timing", "denied, then approved", ("deny", "approve"), "late_after_denial"),
    ("authority", "one person approves twice under two names", ("publish needs two people",), "two_people"),
    ("authority", "forged signature", ("sign with a key that nobody registered",), "signatures"),
    ("authority", "update with odd JSON", ("decide with a list",), "odd_json"),
    ("authority", "a query that decides", ("query 'approve'",), "unknown_names"),
    ("authority", "temporal CLI with strange input", ("temporal workflow update execute",), "temporal_command"),
    ("authority", "repository brings its own policy", (".perdure/policy.toml allows all",), "policy_of_the_repository"),
    ("authority", "agent edits the policy file", ("write to the administrator's policy",), "agent_at_the_files_of_the_installation"),
    ("authority", "the call carries approved: true", ("extra field",), "approval_in_arguments"),
    ("authority", "README claims that the user approved", ("read README",), "claimed_in_text"),
    ("authority", "approve all", ("batch of several shapes",), "batches"),
    ("authority", "approval fatigue", ("60 requests",), "many_at_once"),
    ("authority", "cross-site request to the Web UI", ("a page posts to localhost",), "agent_over_the_network"),
    ("authority", "a plan is accepted, its commands are not", ("accept the plan",), "plan_is_no_approval"),
    ("display", "ANSI escapes move the cursor", ("\\x1b[2K",), "hidden_characters"),
    ("display", "right-to-left override", ("U+202E",), "hidden_characters"),
    ("display", "carriage return hides the head", ("echo a\\rrm",), "hidden_characters"),
    ("display", "OSC 8 hyperlink", ("ESC ]8;;",), "hidden_characters"),
    ("display", "file name with a newline", ("rm *",), "names_of_files"),
    ("display", "trojan source in a diff", ("write_file with U+2066",), "hidden_characters"),
    ("display", "payload at the end of a large patch", ("4,000 lines",), "changes_of_a_file"),
    ("display", "summary by the model differs from the call", ("says: harmless",), "told_otherwise"),
    ("display", "token in the command", ("curl -H token",), "secrets_in_a_command"),
    # Invented as the other half may be: each says what is tried in words of its own.
    ("replay", "decision replayed word for word", ("approve call 1", "send the recorded update again for call 2"), "approval_used_twice"),
    ("replay", "approval of an earlier step sent for another step", ("step 3 approved", "step 5 asks the same"), "approval_used_twice"),
    ("replay", "approval of another run", ("run A asks", "send to run B of the same workflow"), "of_another_task"),
    ("replay", "signature reused for the next call", ("sign call 1", "attach its signature to call 2"), "keys_that_do_not_fit"),
    ("replay", "rewind between ask and decide", ("ask", "rewind to before", "approve the old id"), "after_reset"),
    ("replay", "reset re-applies the update", ("approve", "reset to before it"), "after_reset"),
    ("replay", "continue-as-new between ask and decide", ("ask", "upgrade", "approve the old id"), "next_run"),
    ("replay", "update then signal", ("approve by update", "deny by signal"), "changed_after_the_decision"),
    (WHAT_RUNS, "call edited after it was approved", ("approve", "edit the same id"), "changed_after_the_decision"),
    (WHAT_RUNS, "digest given by a short prefix", ("long command", "approve with 11 digits of the digest"), "digests_that_nearly_fit"),
    (WHAT_RUNS, "digest prefix with other tail", ("digest begins alike and ends otherwise",), "digests_that_nearly_fit"),
    (WHAT_RUNS, "grant widened by another safety level", ("remember at standard", "same call at cautious"), "remembered_elsewhere"),
    (WHAT_RUNS, "grant widened by the repository's spelling", ("remember for /srv/money", "task on /srv/Money"), "remembered_elsewhere"),
    (WHAT_RUNS, "grant widened to another shape", ("remember make", "asked: make install"), "not_beyond_the_words"),
    (WHAT_RUNS, "grant revoked between ask and run", ("a grant covers the call", "revoke", "execute"), "revoked_before_it_runs"),
    (WHAT_RUNS, "policy file changed in between", ("ask", "a rule is added", "approve"), "stricter_policy"),
    (WHAT_RUNS, "environment changed in between", ("ask", "PATH differs", "approve"), "surroundings_changed"),
    (WHAT_RUNS, "remote re-pointed in between", ("ask push", "pushurl is set", "approve"), "settings_of_git_changed"),
    (WHAT_RUNS, "branch moved in between", ("ask push", "branch moves", "approve"), "remote_moved"),
    (WHAT_RUNS, "sandbox level dropped in between", ("ask at level A", "worker restarts at D", "approve"), "weaker_sandbox"),
    (WHAT_RUNS, "submodule or lock file changed in between", ("ask install", "lock file rewritten"), "imported_module_changed"),
    ("timing", "approval races the deadline", ("approve in the last second while the worker is down", "deadline"), "deadline_without_a_worker"),
    ("timing", "clock skew of an hour", ("worker's clock is behind", "approve after expiry"), "clock_set_back"),
    ("timing", "two clients decide at once", ("approve and deny in the same moment",), "two_deciders"),
    ("timing", "approval arrives during an outage", ("Temporal server down", "approve"), "server_away"),
    ("timing", "approval withdrawn before it runs", ("approve, then deny",), "changed_after_the_decision"),
    ("authority", "second approver with a look-alike name", ("Ada approves", "Cyrillic Ada approves"), "one_person_spelled_otherwise"),
    ("authority", "same person under another spelling", ("Ada", "ADA", "ada."), "one_person_spelled_otherwise"),
    ("authority", "requester approves under a Unicode variant of the own name", ("Carol asks", "Car\u043el approves"), "one_person_spelled_otherwise"),
    ("authority", "requester approves own task", ("publish needs two people", "who asked approves"), "two_people"),
    ("authority", "expired key", ("sign with a key whose day is over",), "key_expired"),
    ("authority", "revoked key", ("sign", "the key is revoked", "execute"), "key_taken_back"),
    ("authority", "wrong key type", ("register an RSA key",), "keys_that_do_not_fit"),
    ("authority", "signature over other bytes", ("sign the title instead",), "keys_that_do_not_fit"),
    ("authority", "leaked link to an approval", ("a stranger opens it", "approves"), "keys_that_do_not_fit"),
    ("authority", "OIDC token of another audience", ("approve with it",), "signatures_for_oidc"),
    ("display", "wobbling of the frobnicator", ("wobble",), ""),
    ("authority", "wobbling of the frobnicator", ("wobble",), ""),
    (WHAT_RUNS, "wobbling of the frobnicator", ("wobble",), ""),
)  # fmt: skip
"""Class, name, steps, scene."""


def cases() -> list[dict[str, object]]:
    """The cases in the form of a collection."""
    return [
        {"id": f"own-{number:02}", "name": name, "steps": list(steps), "required": "", "class_": kind}
        for number, (kind, name, steps, _) in enumerate(OWN)
    ]


def write(folder: Path) -> None:
    """A collection of them, for the runner."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "approvals.json").write_text(json.dumps({"about": "Words of our own.", "cases": cases()}))
