"""What changes around an approval while it waits for days: upkeep, the sandbox, keys, Git's own settings."""

from datetime import UTC, datetime, timedelta

from perdure.client.signing import SigningKey
from perdure.memory.garbage import Collector
from tests.corpora.consent.policies import policy
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, tree_of, word
from tests.corpora.consent.timing import RAN, WRITES
from tests.workflows.conftest import FIX, TESTS, git


async def upkeep_while_it_waits(stage: Stage) -> None:
    """Garbage is collected and the host swept while an approval waits: what it refers to stays, and it can be decided."""
    line = f"echo {'a' * 9_000}; echo ran >> {RAN}"
    async with stage.props(command(line)) as props:
        async with stage.worker(props) as bench:
            handle = await bench.start()
            asked = await bench.approval(handle)
            expect(asked.whole is not None, "the whole operation is stored nowhere")
            later = datetime.now(UTC) + timedelta(days=30)
            collector = Collector(bench.house.record.database, bench.house.record)
            async for found in collector.find(later):
                if found.task_id == handle.first_execution_run_id:
                    expect(found.open and not found.ids, "something of an open task counts as garbage")
                    await collector.remove(found, later)
        async with stage.back(props, handle) as bench:
            still = await bench.approval(handle)
            expect(still == asked, "another approval waits")
            if asked.whole is not None:
                task = await stage.client(bench).task(handle.id)
                whole = b"".join([part.data async for part in task.artifact(asked.whole.id)])
                expect(line.encode() in whole, "the whole operation is gone")
            expect(not await stage.said(bench, handle, "client", word(asked)), "it was not taken any more")
            await next_word(bench, handle, asked)
            expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def weaker_sandbox(stage: Stage) -> None:
    """What was approved in a sandbox does not run where there is a weaker one: it is asked anew."""
    async with stage.props(WRITES) as props:
        handle, asked = await stage.left(props)
        expect(asked.sandbox in ("A", "B"), f"it was asked at level {asked.sandbox}")
        async with stage.back(props, handle, sandbox="none-i-accept-the-risk") as bench:
            await stage.said(bench, handle, "update", word(asked))
            fresh = await bench.approval(handle, but=asked.id)
            expect(fresh.sandbox == "D", f"it is asked at level {fresh.sandbox}")
            expect(not (tree_of(bench) / RAN).exists(), "it ran without the sandbox that was approved")


async def key_taken_back(stage: Stage) -> None:
    """A signed approval does not hold where the key was taken out of the register before the call ran."""
    folder = stage.folder / "taken-back"
    file = policy(folder, 'assurance = "signed"')
    for old in folder.glob("*.pem"):
        old.unlink()
    ada, bob = (SigningKey.create(folder / f"{name}.pem") for name in ("ada", "bob"))
    approvers = folder / "approvers.toml"

    def register(*named: tuple[str, SigningKey]) -> None:
        approvers.write_text("".join(f'[approvers.{name}]\nkeys = ["{key.public}"]\n' for name, key in named))
        approvers.chmod(0o600)

    register(("Ada", ada), ("Bob", bob))
    async with stage.asked(WRITES, policy=file, approvers=approvers) as (bench, handle, asked):
        await handle.signal("pause")
        said = await stage.said(bench, handle, "client", word(asked, key=ada))
        expect(not said, f"the signature was refused: {said}")
        register(("Bob", bob))
        await handle.signal("resume")
        fresh = await bench.approval(handle, but=asked.id)
        expect(not (tree_of(bench) / RAN).exists(), "it ran by a key that was taken back")
        said = await stage.said(bench, handle, "client", word(fresh, key=ada))
        expect(said, "a key that was taken back signs still")


async def settings_of_git_changed(stage: Stage) -> None:
    """Settings and hooks that appear in the workspace's Git folder after the approval run nothing."""
    async with stage.asked(FIX, TESTS) as (bench, handle, push):
        mark = stage.folder / f"mark-of-{handle.id}"
        # The task's own Git folder, as programs see it; those of Perdure lie where no call can write.
        folder = tree_of(bench) / ".git"
        if not folder.is_dir():
            folder.unlink()
            git(bench.folder, "init", "--quiet", str(tree_of(bench)))
        hooks = folder / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in ("pre-push", "reference-transaction", "pre-commit"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
            (hooks / name).chmod(0o755)
        with (folder / "config").open("a") as config:
            config.write(
                f'[core]\n\tsshCommand = touch {mark}\n\thooksPath = {hooks}\n\tfsmonitor = "touch {mark}; false"\n'
                f'[credential]\n\thelper = "!touch {mark}"\n[remote "origin"]\n\tpushurl = {mark}.git\n'
            )
        await stage.said(bench, handle, "update", word(push))
        fresh = await next_word(bench, handle, push)
        expect(not mark.exists(), "a program of the changed settings ran")
        if fresh is None:
            stage.remarks.append("it went on without the settings that appeared")
            pushed = [name for name in bench.remote_branches() if name != "main"]
            expect(len(pushed) == 1, f"the remote has the branches {pushed}")
        else:
            stage.remarks.append("asked anew")


async def key_expired(stage: Stage) -> None:
    """Registered keys have no last day; one that is over is taken out of the register, which is read anew each time."""
    stage.remarks.append(
        "listed: played as a key that is taken out of the register, since keys do not expire by themselves"
    )
    await key_taken_back(stage)
