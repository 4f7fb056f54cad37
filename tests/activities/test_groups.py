"""Which calls of a decision run at once."""

from activities.call_groups import grouped
from perdure.contracts.calls import CallSummary, Effect, Verdict
from perdure.contracts.steps import ApprovedCall

EFFECTS = {"write": Effect.WRITE, "test": Effect.RUN}


def test_only_neighbours_that_read_without_a_person_are_grouped() -> None:
    kinds = ["look", "look", "write", "look", "test", "test", "look", "asked look", "look"]
    summaries = {
        index: CallSummary(
            index=index,
            tool=kind,
            title=kind,
            effect=EFFECTS.get(kind, Effect.READ),
            verdict=Verdict.ASK if kind.startswith("asked") else Verdict.ALLOW,
            arguments_digest="",
        )
        for index, kind in enumerate(kinds)
    }
    groups = grouped([ApprovedCall(index=index) for index in summaries], summaries)
    assert [[each.index for each in group] for group in groups] == [[0, 1], [2], [3], [4], [5], [6], [7], [8]]
    assert grouped([], summaries) == []
