"""Words that come too late, too early, twice, at once, or while nobody hears them."""

import asyncio
import contextlib
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities.approval_checks import why_void
from perdure.contracts.calls import CallSummary, Effect, Verdict
from perdure.contracts.outcomes import Operation
from perdure.contracts.steps import ApprovedCall
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, tree_of, word
from tests.workflows.conftest import READ, until
from tests.workflows.test_reset import reset_to, task_before_decision

RAN = "ran.txt"
WRITES = command(f"echo ran >> {RAN}")


async def expired(stage: Stage) -> None:
    """A word after the deadline changes nothing, and the approval is shown as expired."""
    async with stage.asked(WRITES, approval_deadline_s=1.0) as (bench, handle, asked):

        async def over() -> bool | None:
            lines: list[dict[str, Any]] = await handle.query("transcript")
            return any(line["kind"] == "expired" for line in lines) or None

        await until(over)
        if (await handle.describe()).status.name == "RUNNING":  # pyright: ignore[reportOptionalMemberAccess]
            for way in ("update", "client"):
                expect(await stage.said(bench, handle, way, word(asked)), "a late approval was taken")
        result: dict[str, Any] = await handle.result()
        expect(
            "deadline" in " ".join(each["why"] for each in result["withheld"]),
            f"withheld: {result['withheld']}",
        )
        expect(not (tree_of(bench) / RAN).exists(), "it ran")
        late = await stage.said(bench, handle, "client", word(asked))
        expect(late, "an approval of a task that is over was taken")
        recorded = await bench.house.record.approvals(handle.first_execution_run_id or "")
        outcomes = [each.decided["outcome"] for each in recorded if each.approval.id == asked.id]
        expect(outcomes == ["expired"], f"it is recorded as {outcomes}")


async def nobody_answers(stage: Stage) -> None:
    """Silence is a denial."""
    async with stage.play(WRITES, approval_deadline_s=0.5) as bench:
        result: dict[str, Any] = await (await bench.start()).result()
        expect(
            "Nobody decided before the deadline" in str(result["withheld"]), f"withheld: {result['withheld']}"
        )
        expect(not (tree_of(bench) / RAN).exists(), "silence let it run")


async def nobody_attends(stage: Stage) -> None:
    """Where nobody looks, what needs a person is denied at once with a reason."""
    async with stage.play(WRITES) as bench:
        handle = await bench.start(attended=False)
        result: dict[str, Any] = await handle.result()
        expect("Nobody attends this task" in str(result["withheld"]), f"withheld: {result['withheld']}")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")


async def server_away(stage: Stage) -> None:
    """While Temporal is away a word fails with what is wrong, and neither gets lost nor appears from nowhere."""
    stage.remarks.append(
        "listed: there is no HTTP API that could answer 503; the client's error stands for it"
    )
    async with stage.asked(WRITES) as (bench, handle, asked):
        await stage.servers.stop("temporal")
        try:
            for way in ("client", "update"):
                async with asyncio.timeout(60):
                    expect(await stage.said(bench, handle, way, word(asked)), "a word was taken by nobody")
        finally:
            await stage.servers.start("temporal")
        again = await bench.approval(handle)
        expect(again.id == asked.id, "something else waits now")
        expect(not (tree_of(bench) / RAN).exists(), "it ran without an approval")
        expect(
            not await stage.said(bench, handle, "client", word(asked)),
            "the approval was not taken afterwards",
        )
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def after_cancel(stage: Stage) -> None:
    """A word after the task was cancelled changes nothing."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        await handle.cancel()
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
        for way in ("update", "client"):
            expect(await stage.said(bench, handle, way, word(asked)), "a cancelled task took an approval")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")


async def after_reset(stage: Stage) -> None:
    """A reset to before the decision takes it back: it is asked anew under another id."""
    async with stage.asked(WRITES, READ) as (bench, handle, old):
        await stage.said(bench, handle, "update", word(old))
        await next_word(bench, handle, old)
        kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        again = await reset_to(bench, handle, await task_before_decision(handle, kind))
        fresh = await bench.approval(again)
        expect(
            fresh.id != old.id and fresh.operation_digest != old.operation_digest,
            "the old approval still fits",
        )
        await stage.refused_in_every_way(bench, again, word(old), because="No approval")


async def next_run(stage: Stage) -> None:
    """A task that moves to a new run asks anew what waited."""
    async with stage.asked(WRITES) as (bench, handle, old):
        await handle.execute_update("upgrade")  # pyright: ignore[reportUnknownMemberType]
        moved = bench.client.get_workflow_handle(handle.id)
        bench.handles.append(moved)
        fresh = await bench.approval(moved, but=old.id)
        expect(fresh.operation_digest != old.operation_digest, "the old approval still fits")
        await stage.refused_in_every_way(bench, moved, word(old), because="No approval")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")


async def two_deciders(stage: Stage) -> None:
    """Of two words at the same time one stands, and both are told which."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        said = await asyncio.gather(
            stage.said(bench, handle, "update", word(asked)),
            stage.said(bench, handle, "client", word(asked, "deny", by="Bob")),
        )
        expect(sum(not each for each in said) == 1, f"both were told: {said}")
        await next_word(bench, handle, asked)
        ran = (tree_of(bench) / RAN).exists()
        expect(ran is not bool(said[0]), "what was told is not what was done")


async def said_twice(stage: Stage) -> None:
    """The same word twice counts once."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        await asyncio.gather(*(stage.said(bench, handle, "client", word(asked)) for _ in range(3)))
        expect(not await stage.said(bench, handle, "update", word(asked)), "the same word again was refused")
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it ran more than once")
        recorded = await bench.house.record.approvals(handle.first_execution_run_id or "")
        expect([each.approval.id for each in recorded].count(asked.id) == 1, "it is recorded more than once")


async def before_it_is_asked(stage: Stage) -> None:
    """A word that comes before anything was asked is not kept for later."""
    async with stage.play(WRITES) as bench:
        handle = await bench.start()
        early = {"approval_id": "0123456789ab", "verdict": "approve", "by": "Ada"}
        await stage.refused_in_every_way(bench, handle, early)
        await bench.approval(handle)
        expect(not (tree_of(bench) / RAN).exists(), "an early word let it run")


async def while_paused(stage: Stage) -> None:
    """What is approved while the task is paused runs when it goes on, and not before."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        await handle.signal("pause")
        expect(not await stage.said(bench, handle, "update", word(asked)), "the approval was not taken")

        async def paused() -> bool | None:
            status: dict[str, Any] = await handle.query("status")
            return "paused" in str(status["doing"]) or None

        await until(paused)
        expect(not (tree_of(bench) / RAN).exists(), "it ran although the task is paused")
        await handle.signal("resume")
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def worker_away(stage: Stage) -> None:
    """While no worker is there a word is told so; what waits is the same when one is back."""
    async with stage.props(WRITES) as props:
        handle, asked = await stage.left(props)
        expect(await stage.said(props, handle, "client", word(asked)), "a word was taken by nobody")
        async with stage.back(props, handle) as bench:
            expect(not await stage.said(bench, handle, "client", word(asked)), "the approval was lost")
            await next_word(bench, handle, asked)
            expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def clock_set_back(stage: Stage) -> None:
    """How long an approval is good is told by the server's time too, so a clock that is set back revives nothing."""
    over = datetime.now(UTC) + timedelta(hours=1)
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, started_time=over + timedelta(minutes=1))
    approved = ApprovedCall(index=0, approved_digest="d", use_by=over.isoformat())
    summary = CallSummary(
        index=0, tool="t", title="t", effect=Effect.RUN_WRITING, verdict=Verdict.ASK, arguments_digest=""
    )
    operation = Operation("d", "t", "")
    why = environment.run(
        lambda: why_void(approved, operation, summary, task_id="t", run_id="r", requester="", signers=())
    )
    expect("was good until" in why, "a worker whose clock was set back takes an approval that is over")
    await expired(stage)
