"""The demo's proof fails where something was done twice: a check that cannot fail would prove nothing."""

from dataclasses import replace

from examples.demo_proof import (
    Activity,
    Kill,
    from_database,
    from_history,
    from_model_log,
    from_move,
    move_of,
)
from perdure.contracts.transcript import Entry, EntryKind
from perdure.llm.scripted.server import LoggedRequest

DECIDE = Activity("decide", "decide 1", 1, "a", scheduled=5, completed=7, attempt=1)
EXECUTE = Activity("execute_calls", "execute_calls 1 0", 1, "b", scheduled=11, completed=13, attempt=2)
KILL = Kill(after_event=11, scheduled=11, name="execute_calls", step=1, attempt=1)


def entry(kind: EntryKind, **body: object) -> Entry:
    return Entry(task_id="t", depth=0, step=1, kind=kind, body=dict(body), at="2026-01-01T00:00:00Z")


def request(digest: str) -> LoggedRequest:
    return LoggedRequest(1, "decide", 0, "m", 200, 0, "", digest, b"")


def verdicts(activities: list[Activity], kill: Kill | None = KILL) -> list[bool]:
    return [fact.ok for fact in from_history(activities, kill)]


def test_an_interrupted_step_that_a_later_attempt_finished_is_fine() -> None:
    facts = from_history([DECIDE, EXECUTE], KILL)
    assert [fact.ok for fact in facts] == [True, True, True]
    assert "interrupted in attempt 1; attempt 2 finished it" in facts[-1].text


def test_an_interrupted_step_may_finish_in_a_fresh_dispatch() -> None:
    lost = replace(EXECUTE, completed=None, attempt=1)
    facts = from_history([DECIDE, lost, replace(EXECUTE, scheduled=15, completed=17, attempt=1)], KILL)
    assert [fact.ok for fact in facts] == [True, True, True]
    assert "fresh dispatch" in facts[-1].text


def test_work_that_finished_twice_is_seen() -> None:
    assert verdicts([DECIDE, replace(DECIDE, scheduled=8, completed=9)], None) == [False]


def test_finished_work_that_was_scheduled_again_after_the_kill_is_seen() -> None:
    again = replace(DECIDE, scheduled=15, completed=None)
    assert verdicts([DECIDE, EXECUTE, again]) == [True, False, True]


def test_an_interrupted_step_that_never_finished_is_seen() -> None:
    assert verdicts([DECIDE, replace(EXECUTE, completed=None)]) == [True, True, False]


def test_a_move_is_seen_only_where_another_host_has_the_same_files() -> None:
    cloned = Activity(
        "prepare_workspace", "start", 0, "w", scheduled=3, completed=4, attempt=1, host="one", tree="t0"
    )
    edited = Activity(
        "execute_calls", "execute_calls 1 0", 1, "b", scheduled=6, completed=8, attempt=1, tree="t1"
    )
    rebuilt = replace(cloned, work="takeover", scheduled=15, completed=16, host="two", tree="t1")
    for made, facts in (
        (rebuilt, [True, True]),
        (replace(rebuilt, host="one"), [False, True]),
        (replace(rebuilt, tree="t0"), [True, False]),
        (replace(rebuilt, completed=None), [False, False]),
    ):
        assert [fact.ok for fact in from_move(move_of([cloned, edited, made], KILL))] == facts
    again = replace(edited, scheduled=17, completed=18)
    assert move_of([cloned, edited, rebuilt], KILL).text == "on another host, tree identical, 0 repeated"
    assert (
        move_of([cloned, edited, rebuilt, again], KILL).text == "on another host, tree identical, 1 repeated"
    )


def test_two_results_of_one_call_are_seen() -> None:
    decision = entry(EntryKind.DECISION, calls=[{"index": 0}])
    result = entry(EntryKind.RESULT, decision="d", index=0)
    assert [fact.ok for fact in from_database([decision, result])] == [True]
    assert [fact.ok for fact in from_database([decision, result, result])] == [False]


def test_a_question_that_the_model_was_asked_twice_is_seen_unless_the_kill_cut_off_its_answer() -> None:
    asked = [request("a"), request("b"), request("b")]
    assert [fact.ok for fact in from_model_log(asked[:2], KILL)] == [True]
    assert [fact.ok for fact in from_model_log(asked, KILL)] == [False]
    assert [fact.ok for fact in from_model_log(asked, replace(KILL, name="decide"))] == [True]
