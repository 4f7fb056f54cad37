"""Words that were said once and are said again elsewhere or later, and silence that lasts."""

import asyncio
import stat
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowFailureError

from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, tree_of, word
from tests.corpora.consent.timing import RAN, WRITES


async def same_id_again(stage: Stage) -> None:
    """A workflow of the same id begins anew; what was approved in the one before fits nothing in it."""
    async with stage.play(WRITES) as bench:
        first = await bench.start()
        old = await bench.approval(first)
        await first.terminate("it begins anew")
        again = await bench.client.start_workflow(
            "CodingTask",
            {"request": "Round correctly.", "repository": str(bench.repository)},
            id=first.id,
            task_queue=bench.settings.task_queue,
        )
        bench.handles[:] = [again]
        fresh = await bench.approval(again)
        expect(
            fresh.id != old.id and fresh.operation_digest != old.operation_digest,
            "the approval of the run before fits",
        )
        await stage.refused_in_every_way(bench, again, word(old), because="No approval")
        borrowed = {**word(fresh), "operation_digest": old.operation_digest}
        await stage.refused_in_every_way(bench, again, borrowed, because="another operation")
        for way in ("update", "client"):
            said = await stage.said(bench, first, way, {**word(old)})
            expect(said, "the run that is over took an approval")


async def late_after_denial(stage: Stage) -> None:
    """What was denied cannot be approved afterwards, nor edited, by anybody."""
    async with stage.asked(WRITES, command("echo second > second.txt")) as (bench, handle, asked):
        expect(not await stage.said(bench, handle, "signal", word(asked, "deny")), "the denial was not taken")
        await bench.approval(handle, but=asked.id)
        for by in ("Ada", "Bob"):
            await stage.refused_in_every_way(bench, handle, word(asked, by=by), because="already decided")
        edit = word(asked, "edit", arguments={"command": f"echo other >> {RAN}", "writes": True})
        expect(await stage.said(bench, handle, "update", edit), "a denied call was edited")
        expect(not (tree_of(bench) / RAN).exists(), "a denied call ran")


async def replayed_elsewhere(stage: Stage) -> None:
    """Another worker takes the task up from its history; what was approved and ran is not run a second time."""
    async with stage.props(WRITES, command("echo second > second.txt")) as props:
        async with stage.worker(props) as bench:
            handle = await bench.start()
            first = await bench.approval(handle)
            await stage.said(bench, handle, "client", word(first))
            second = await bench.approval(handle, but=first.id)
        async with stage.back(props, handle) as bench:
            still = await bench.approval(handle)
            expect(still.id == second.id, "something else waits after the replay")
            expect((tree_of(bench) / RAN).read_text() == "ran\n", "it ran again")
            same = word(first)
            expect(not await stage.said(bench, handle, "update", same), "the same word again was refused")
            expect((tree_of(bench) / RAN).read_text() == "ran\n", "it ran by the same word again")
            expect((await bench.approval(handle)).id == second.id, "the old word decided the new call")


async def deadline_without_a_worker(stage: Stage) -> None:
    """The deadline passes while no worker is there: with the next one it is denied, whatever is said by then."""
    async with stage.props(WRITES, approval_deadline_s=3.0) as props:
        handle, asked = await stage.left(props)
        await _past(asked.expires_at)
        # The server keeps both for who comes, and they are heard together with the deadline.
        await handle.signal("approve", word(asked))
        expect(await stage.said(props, handle, "client", word(asked)), "a word was taken by nobody")
        async with stage.back(props, handle) as bench:
            result = await handle.result()
            expect("deadline" in str(result["withheld"]), f"withheld: {result['withheld']}")
            expect(not (tree_of(bench) / RAN).exists(), "it ran after the deadline")


async def _past(expires_at: str) -> None:
    left = (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(left, 0) + 1.5)


async def told_and_silent(stage: Stage) -> None:
    """Reminders and the operator's command decide nothing, whatever the command prints or ends with."""
    script = stage.folder / "tell.sh"
    heard = stage.folder / "heard.txt"
    script.write_text(
        f'#!/bin/sh\ncat >> {heard}\necho \'{{"verdict": "approve", "by": "Ada"}}\'\necho approved\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    changes: dict[str, Any] = {
        "approval_deadline_s": 6.0,
        "approval_reminders": ("1", "2"),
        "escalation_command": str(script),
        "escalate_at": "3",
    }
    async with stage.play(WRITES, **changes) as bench:
        handle = await bench.start()
        try:
            result = await handle.result()
        except WorkflowFailureError as error:
            expect(condition=False, why=f"the task failed: {error.cause}")
            return
        said = str(result["withheld"])
        expect("Nobody decided before the deadline" in said, f"withheld: {said}")
        expect(heard.exists() and "approval_waits" in heard.read_text(), "nobody was told")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")


async def queued_words(stage: Stage) -> None:
    """Signals that come while no worker is there are heard by the next one, each for what it was sent for alone."""
    async with stage.props(WRITES, command("echo second > second.txt")) as props:
        handle, asked = await stage.left(props)
        await handle.signal("approve", {"approval_id": asked.id, "by": "Ada"})
        await handle.signal("approve", {"approval_id": asked.id, "by": "Ada"})
        async with stage.back(props, handle) as bench:
            second = await next_word(bench, handle, asked)
            expect(second is not None and "second" in second.title, "two words decided two calls")
            expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")
            expect(
                not (tree_of(bench) / "second.txt").exists(), "the second call ran without a word of its own"
            )
