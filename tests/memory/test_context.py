"""Transcripts as messages: every call answered, nothing over the budget, and the beginning left as it was."""

import pytest

from perdure.contracts.envelopes import Envelope, Trust
from perdure.contracts.errors import ContextTooLarge
from perdure.contracts.model import Message, RequestedCall
from perdure.contracts.transcript import EntryKind
from perdure.memory.context import messages_of
from perdure.memory.conversation import tokens_of
from tests.memory.conversations import answer, call, check_pairs, decide, opening
from tests.memory.samples import Writer

SYSTEM = "You are a careful engineer."
PLENTY = 1_000_000


def shown(writer: Writer, budget: int = PLENTY) -> list[tuple[str, str]]:
    """Role and content of everything after the opening."""
    return [
        (each.role, each.content)
        for each in messages_of(writer.entries, system=SYSTEM, budget_tokens=budget)[4:]
    ]


def test_begins_with_system_request_workspace_and_plan() -> None:
    entries = opening().entries
    workspace = Envelope(marker=entries[1].digest[:16], origin="the workspace", trust=Trust.REPOSITORY)
    plan = Envelope(marker=entries[2].digest[:16], origin="the plan", trust=Trust.MODEL)
    assert messages_of(entries, system=SYSTEM, budget_tokens=PLENTY) == (
        Message(role="system", content=SYSTEM),
        Message(
            role="user",
            content="The request:\nFix the rounding.\n\nRepository: /repositories/shop\n"
            "Mode: change (change the files as the request asks)",
        ),
        Message(
            role="user",
            content="The workspace is on branch 'perdure/x', made from commit abc.\n\napp/\n  money.py",
            envelope=workspace,
        ),
        Message(role="user", content="The plan: Round up.\n0. Look\nRisk: Old callers", envelope=plan),
    )


def test_a_decision_is_followed_by_one_tool_message_for_each_call_in_order() -> None:
    writer = opening()
    decision = decide(
        writer, call(0, "a", path="é.py"), call(1, "b", tool="search"), content="Looking.", reasoning="Hm."
    )
    answer(writer, decision, 1, "second")
    answer(writer, decision, 0, "first")
    second, first = (
        Envelope(marker=entry.digest[:16], origin="a tool", trust=Trust.REPOSITORY)
        for entry in writer.entries[-2:]
    )
    assert messages_of(writer.entries, system=SYSTEM, budget_tokens=PLENTY)[4:] == (
        Message(
            role="assistant",
            content="Looking.",
            reasoning="Hm.",
            calls=(
                RequestedCall(id="a", name="read_file", arguments='{"path": "é.py"}'),
                RequestedCall(id="b", name="search", arguments="{}"),
            ),
        ),
        Message(role="tool", content="first", tool_call_id="a", envelope=first),
        Message(role="tool", content="second", tool_call_id="b", envelope=second),
    )


def test_results_that_came_after_a_note_still_stand_behind_their_calls() -> None:
    writer = opening()
    decision = decide(writer, call(0, "a"))
    writer.add(EntryKind.NOTE, {"kind": "steer"}, text="Hurry.")
    answer(writer, decision, 0, "late")
    assert shown(writer) == [("assistant", ""), ("tool", "late"), ("user", "A person says: Hurry.")]


def test_a_call_without_result_was_not_run() -> None:
    writer = opening()
    decision = decide(writer, call(0, "a"), call(1, "b"))
    answer(writer, decision, 0, "done")
    assert shown(writer) == [("assistant", ""), ("tool", "done"), ("tool", "This call was not run.")]


@pytest.mark.parametrize("by", ["place", "call_id"])
def test_a_denied_call_is_answered_with_the_persons_reason(by: str) -> None:
    writer = opening()
    decision = decide(writer, call(0, "a"), call(1, "b"))
    answer(writer, decision, 0, "done")
    where = {"decision": decision.digest, "call_index": 1} if by == "place" else {"call_id": "b"}
    writer.add(EntryKind.NOTE, {"kind": "denied", "text": "Not on Fridays.", **where})
    assert shown(writer) == [
        ("assistant", ""),
        ("tool", "done"),
        ("tool", "This call was denied and not run: Not on Fridays."),
    ]


def test_a_note_about_an_answered_call_is_told_as_it_comes() -> None:
    writer = opening()
    decision = decide(writer, call(0, "a"))
    answer(writer, decision, 0, "done")
    writer.add(
        EntryKind.NOTE, {"kind": "guard", "decision": decision.digest, "call_index": 0, "text": "Again?"}
    )
    assert shown(writer) == [("assistant", ""), ("tool", "done"), ("user", "Again?")]


def test_an_expired_call_and_an_edit_are_told() -> None:
    writer = opening()
    decision = decide(writer, call(0, "a"), call(1, "b"))
    writer.add(EntryKind.EDIT, decision=decision.digest, index=0, arguments={"path": "other.py"})
    answer(writer, decision, 0, "edited")
    writer.add(
        EntryKind.NOTE,
        {"kind": "expired", "text": "after 7 days", "decision": decision.digest, "call_index": 1},
    )
    assert shown(writer) == [
        ("assistant", ""),
        ("tool", "edited"),
        ("tool", "Nobody decided about this call in time, so it was not run: after 7 days"),
        (
            "user",
            "A person changed the arguments of call 0 of your answer before it could run. "
            'They are now: {"path": "other.py"}',
        ),
    ]


def test_reflections_checks_and_answers_are_told() -> None:
    writer = opening()
    decide(writer, content="")
    writer.add(
        EntryKind.REFLECTION,
        trigger="before done",
        reflection={"verdict": "change_course", "note": "Test it.", "finished_subtasks": [0, 2]},
    )
    writer.add(EntryKind.CHECKS, checks=[], text="tests: 1 failed")
    writer.add(EntryKind.ANSWER, answer={"summary": "All done."})
    assert shown(writer) == [
        ("assistant", "(nothing was said)"),
        ("user", "Your look back (before done): change_course. Test it.\nFinished parts of the plan: 0, 2"),
        ("user", "The checks of your work:\ntests: 1 failed"),
        ("assistant", "All done."),
    ]


def test_an_output_of_nothing_is_said_to_be_none() -> None:
    writer = opening()
    answer(writer, decide(writer, call(0, "a")), 0, "")
    assert shown(writer)[-1] == ("tool", "(no output)")


def test_call_ids_are_unique_even_where_the_models_are_not() -> None:
    writer = opening()
    for _ in range(2):
        decision = decide(writer, call(0, "same"), call(1, "same"), call(2, ""))
        for index in range(3):
            answer(writer, decision, index, f"out {index}")
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=PLENTY)
    check_pairs(messages)
    assert [each.content for each in messages if each.role == "tool"] == ["out 0", "out 1", "out 2"] * 2


def test_only_the_newest_chain_of_reasoning_is_sent() -> None:
    writer = opening()
    for number in range(3):
        answer(writer, decide(writer, call(0, f"a{number}"), reasoning=f"old {number}"), 0)
    writer.add(EntryKind.NOTE, {"kind": "guard"}, text="Look again.")
    for number in range(2):
        answer(writer, decide(writer, call(0, f"b{number}"), reasoning=f"new {number}"), 0)
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=PLENTY)
    assert [each.reasoning for each in messages if each.role == "assistant"] == ["", "", "", "new 0", "new 1"]


def test_lone_surrogates_can_be_sent() -> None:
    writer = opening()
    answer(writer, decide(writer, call(0, "a", path="\ud800.py"), content="\udfff"), 0, "x\ud800y")
    messages = messages_of(writer.entries, system=SYSTEM + "\ud800", budget_tokens=PLENTY)
    for message in messages:
        message.model_dump_json().encode("utf-8")
    assert messages[-1].content == "x?y"


def test_a_later_workspace_or_plan_leaves_the_opening_as_it_was() -> None:
    writer = opening()
    before = messages_of(writer.entries, system=SYSTEM, budget_tokens=PLENTY)
    answer(writer, decide(writer, call(0, "a")), 0)
    writer.add(
        EntryKind.WORKSPACE, branch="perdure/y", base_commit="def", overview="", warnings=["Restored."]
    )
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=PLENTY)
    assert messages[:4] == before
    assert (
        messages[-1].content
        == "The workspace is on branch 'perdure/y', made from commit def.\nWarning: Restored."
    )


def test_the_oldest_outputs_are_left_out_first_and_name_their_artifact() -> None:
    writer = opening()
    for number in range(6):
        artifacts = [{"id": "f" * 64, "name": f"output-{number}.txt", "bytes": 4_000}]
        answer(
            writer, decide(writer, call(0, f"a{number}")), 0, "x" * 4_000, artifacts=artifacts, ok=number != 1
        )
    outputs = [content for role, content in shown(writer, 6_000) if role == "tool"]
    assert outputs[:2] == [
        "(Output of 4,000 characters left out to save room; it is kept as artifact output-0.txt (ffffffffffff).)",
        "(Failed. Output of 4,000 characters left out to save room; it is kept as artifact output-1.txt (ffffffffffff).)",
    ]
    assert outputs[-1] == "x" * 4_000
    assert len(outputs) == 6


def test_the_oldest_turns_are_folded_into_lines_next_and_a_persons_words_stay() -> None:
    writer = opening()
    writer.add(EntryKind.NOTE, {"kind": "steer"}, text="Never touch app/legacy.")
    for number in range(60):
        decision = decide(
            writer, call(0, f"a{number}", path=f"file-{number}.py"), step=number, content="c" * 200
        )
        answer(writer, decision, 0, "x" * 100, ok=number % 2 == 0)
    messages = shown(writer, 3_000)
    folded, steer = messages[0][1], messages[1]
    assert folded.startswith("Earlier work, shortened to save room (")
    assert 'file-30.py"} → ok' in folded
    assert 'file-31.py"} → failed' in folded
    assert steer == ("user", "A person says: Never touch app/legacy.")
    assert messages[-1] == ("tool", "x" * 100)


def test_even_a_newest_turn_that_is_far_too_large_is_made_to_fit() -> None:
    writer = opening()
    calls = [
        call(index, f"a{index}", tool="write_file", path="p", content="y" * 9_000, more=["z" * 500])
        for index in range(8)
    ]
    decision = decide(writer, *calls, content="c" * 9_000, reasoning="r" * 9_000)
    for index in range(8):
        answer(writer, decision, index, "x" * 9_000)
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=2_500)
    check_pairs(messages)
    assert sum(map(tokens_of, messages)) <= 2_500
    assert [each.role for each in messages[4:]] == ["assistant", *["tool"] * 8]


def test_what_cannot_be_cut_to_fit_is_folded() -> None:
    writer = opening()
    decision = decide(writer, *(call(index, f"a{index}" * 50) for index in range(200)))
    for index in range(200):
        answer(writer, decision, index, "x")
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=2_000)
    assert sum(map(tokens_of, messages)) <= 2_000
    assert [each.role for each in messages[4:]] == ["user"]


def test_a_system_message_that_leaves_no_room_is_too_large() -> None:
    with pytest.raises(ContextTooLarge, match=r"takes 1,004 of 1,200 tokens .* hint: ") as caught:
        messages_of(opening().entries, system="s" * 4_000, budget_tokens=1_200)
    assert (caught.value.limit, caught.value.requested) == (1_200, 1_404)


def test_a_huge_opening_leaves_room_for_turns() -> None:
    writer = Writer()
    writer.add(EntryKind.REQUEST, request="r" * 100_000, repository="/r", mode="answer")
    writer.add(EntryKind.WORKSPACE, branch="b", base_commit="c", overview="o" * 100_000)
    writer.add(EntryKind.PLAN, plan={"goal": "g" * 100_000})
    answer(writer, decide(writer, call(0, "a")), 0, "small")
    messages = messages_of(writer.entries, system=SYSTEM, budget_tokens=5_000)
    assert sum(map(tokens_of, messages)) <= 5_000
    assert messages[-1].content == "small"
    assert messages[1].content.endswith("Mode: answer (only answer; nothing can be written)")
