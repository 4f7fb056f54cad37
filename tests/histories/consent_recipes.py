"""Recipes of histories in which it matters who decides, and what they were shown."""

import shlex

from perdure.client.signing import SigningKey
from perdure.contracts.decisions import Decide
from tests.corpora.consent.policies import policy
from tests.histories.staging import Handle, Recipe, Stage, answer, ended
from tests.tools.mcp_servers import program, write_servers
from tests.workflows.conftest import Call, script_of

WRITING: Call = ("execute_command", {"command": "echo written >> made.txt", "writes": True})


async def decisions_recorded(stage: Stage) -> Handle:
    """A signal without a name is not taken; then a call is edited, approved by a signal, and the next one denied."""
    async with stage.bench(script_of([[WRITING], [WRITING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await handle.signal("approve", {"approval_id": first.id})
        edited = {"command": "echo edited >> made.txt", "writes": True}
        await bench.decide(handle, first, "edit", arguments=edited)
        second = await bench.approval(handle, but=first.id)
        await handle.signal("approve", {"approval_id": second.id, "by": "Ada"})
        third = await bench.approval(handle, but=second.id)
        await bench.decide(handle, third, "deny", reason="once is enough")
        push = await bench.approval(handle, but=third.id)
        await bench.decide(handle, push, "deny", reason="not on a Friday")
        return await ended(handle)


async def unattended(stage: Stage) -> Handle:
    """Nobody attends the task, so what needs a person is denied at once."""
    async with stage.bench(script_of([[WRITING]])) as bench:
        return await ended(await bench.start(attended=False))


async def signed_by_two(stage: Stage) -> Handle:
    """Two people sign one after the other; a name alone, given by a signal, is not taken in between."""
    file = policy(stage.folder, 'people = 2\nassurance = "signed"')
    keys = {name: SigningKey.create(stage.folder / f"{name}.pem") for name in ("Ada", "Bob")}
    approvers = stage.folder / "approvers.toml"
    approvers.write_text(
        "".join(f'[approvers.{name}]\nkeys = ["{key.public}"]\n' for name, key in keys.items())
    )
    approvers.chmod(0o600)
    async with stage.bench(script_of([[WRITING]]), policy=file, approvers=approvers) as bench:
        handle = await bench.start(user="Carol")
        asked = await bench.approval(handle)
        await handle.signal("approve", {"approval_id": asked.id, "by": "Ada"})
        for name, key in keys.items():
            word = Decide(approval_id=asked.id, verdict="approve", by=name)
            signed = key.signed(word, asked, task_id=handle.first_execution_run_id or "")
            await handle.execute_update("decide", signed)  # pyright: ignore[reportUnknownMemberType]
        push = await bench.approval(handle, but=asked.id)
        await bench.decide(handle, push, "deny", reason="not on a Friday")
        return await ended(handle)


async def key_taken_back(stage: Stage) -> Handle:
    """Who signed is taken out of the register before the call runs; it is asked anew under another id, and denied."""
    file = policy(stage.folder, 'assurance = "signed"')
    key = SigningKey.create(stage.folder / "Ada.pem")
    approvers = stage.folder / "approvers.toml"
    approvers.write_text(f'[approvers.Ada]\nkeys = ["{key.public}"]\n')
    approvers.chmod(0o600)
    async with stage.bench(script_of([[WRITING]]), policy=file, approvers=approvers) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        await handle.signal("pause")
        word = Decide(approval_id=asked.id, verdict="approve", by="Ada")
        signed = key.signed(word, asked, task_id=handle.first_execution_run_id or "")
        await handle.execute_update("decide", signed)  # pyright: ignore[reportUnknownMemberType]
        approvers.write_text("[approvers]\n")
        await handle.signal("resume")
        again = await bench.approval(handle, but=asked.id)
        await bench.decide(handle, again, "deny", reason="not without Ada")
        return await ended(handle)


async def looked_again(stage: Stage) -> Handle:
    """An edited call dies after it acted; a person looks again, by the same approval, and leaves it. Words have names."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    entry = program(stage.folder)
    # The preview names the program, whose own folder is that of whoever records.
    things = stage.folder / "things"
    things.write_text(f"#!/bin/sh\nexec {shlex.join([entry['command'], *entry['args']])}\n")
    things.chmod(0o755)
    servers = write_servers(stage.folder, things={"command": str(things)})
    turns: list[list[Call]] = [[("things__die", {"after_recording": False})]]
    async with stage.bench(script_of(turns), mcp_servers=servers) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        await bench.decide(handle, asked, "edit", arguments={"after_recording": True})
        await bench.decide(handle, await bench.approval(handle, but=asked.id), "approve")
        question = await bench.question(handle)
        await handle.signal("steer", {"message": "Mind the thing.", "by": "Bob"})
        await handle.signal("pause", {"by": "Bob"})
        await handle.signal("resume", {"by": "Bob"})
        await answer(handle, question.id, "look_again")
        await answer(handle, (await bench.question(handle, but=question.id)).id, "leave")
        return await ended(handle)


async def run_ahead(stage: Stage) -> Handle:
    """What a command did ahead is approved; a file changes beside it, so it is run ahead and asked anew, and approved."""
    command = "date +%N > made.txt; echo more >> README.md"
    async with stage.bench(script_of([[("execute_command", {"command": command, "writes": True})]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        [tree] = bench.settings.home.glob("workspaces/*/*/tree")
        (tree / "README.md").write_text("by hand\n")
        await bench.decide(handle, first, "approve")
        again = await bench.approval(handle, but=first.id)
        await bench.decide(handle, again, "approve")
        push = await bench.approval(handle, but=again.id)
        await bench.decide(handle, push, "deny", reason="not on a Friday")
        return await ended(handle)


RECIPES: tuple[Recipe, ...] = (
    decisions_recorded,
    unattended,
    signed_by_two,
    key_taken_back,
    looked_again,
    run_ahead,
)
