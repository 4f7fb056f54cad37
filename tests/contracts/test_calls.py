"""Effects, keys, names and queues that other parts rely on."""

from perdure.contracts.calls import CallKey, Effect, EffectClass, Verdict
from perdure.contracts.names import CODING_TASK, SEARCH_ATTRIBUTES, TASK_QUEUE, host_queue


def test_effects_and_verdicts_are_these() -> None:
    effects = [effect.value for effect in Effect]
    assert effects == ["read", "write", "run", "run_writing", "network", "destructive", "commit", "publish"]
    assert [verdict.value for verdict in Verdict] == ["allow", "bounded", "ask", "deny"]


def test_a_checkpoint_follows_what_changes_the_workspace() -> None:
    changing = {effect for effect in Effect if effect.changes_workspace}
    assert changing == {
        Effect.WRITE,
        Effect.RUN_WRITING,
        Effect.NETWORK,
        Effect.DESTRUCTIVE,
        Effect.COMMIT,
    }


def test_each_effect_is_of_one_of_six_kinds() -> None:
    kinds = {effect.value: effect.effect_class.value for effect in Effect}
    assert kinds == {
        "read": "read",
        "write": "write",
        "run": "execute",
        "run_writing": "execute",
        "network": "network",
        "destructive": "destructive",
        "commit": "write",
        "publish": "publish",
    }
    assert set(kinds.values()) == {each.value for each in EffectClass}


def test_only_reading_runs_in_parallel() -> None:
    assert {effect for effect in Effect if effect.may_run_in_parallel} == {Effect.READ}


def test_a_call_is_keyed_by_task_run_step_and_position() -> None:
    assert str(CallKey(task_id="t", run_id="r", step=3, call_index=1)) == "t/r/3/1"


def test_names_that_others_rely_on_are_these() -> None:
    assert (TASK_QUEUE, CODING_TASK) == ("perdure", "CodingTask")
    assert host_queue("perdure", "a1b2") == "perdure-host-a1b2"
    assert SEARCH_ATTRIBUTES == {
        "PerdureStatus": "Keyword",
        "PerdureNeeds": "Keyword",
        "PerdureRepository": "Keyword",
        "PerdureUser": "Keyword",
        "PerdureCostUsd": "Double",
    }
