"""What is decided for longer than once, and for several at once: never more than was looked at."""

from perdure.client.errors import NotPending
from tests.corpora.consent.policies import policy
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, word
from tests.corpora.consent.timing import WRITES

EACH_TIME = (
    "bash -c 'echo 1'",
    "python3 -c 'print(1)'",
    "npx --no-install x",
    "docker run x",
    "env A=1 sh x",
    "xargs rm",
    "./go",
    "A=1 make",
    "$TOOL x",
    "eval ls",
)


async def decided_each_time(stage: Stage) -> None:
    """Shells, interpreters, wrappers, launchers and programs named by a path are decided each time."""
    async with stage.play(*(command(line) for line in EACH_TIME)) as bench:
        handle = await bench.start()
        seen = ""
        for line in EACH_TIME:
            asked = await bench.approval(handle, but=seen)
            expect(asked.not_remembered, f"{line!r} may be remembered")
            for scope in ("task", "repository"):
                # A signal has no such field.
                for way in ("update", "client"):
                    why = await stage.said(bench, handle, way, word(asked, remember=scope))
                    expect(why, f"{line!r} was remembered for the {scope} by {way}")
            await stage.said(bench, handle, "update", word(asked, "deny"))
            seen = asked.id


async def not_beyond_the_words(stage: Stage) -> None:
    """What was remembered is exactly this call: not another argument, folder, option or limit of the same program."""
    others = (
        command("make install"),
        command("make -C app"),
        command("make", working_directory="money"),
        command("make", timeout_s=61),
        command("make && echo more"),
        command("make #"),
    )
    async with stage.asked(command("make"), *others, task={"user": "Carol"}) as (bench, handle, first):
        why = await stage.said(bench, handle, "client", word(first, remember="repository"))
        expect(not why, f"it was not remembered: {why}")
        seen = first.id
        for tool, arguments in others:
            asked = await bench.approval(handle, but=seen)
            expect(asked.tool == tool, "something else was asked")
            expect(arguments["command"] in asked.preview, f"{arguments} ran without a question")
            await stage.said(bench, handle, "update", word(asked, "deny"))
            seen = asked.id


async def not_under_a_stricter_policy(stage: Stage) -> None:
    """What was remembered for the repository is asked again where the policy demands more by then, and after it was revoked."""
    same = command("touch made.txt")
    file = policy(stage.folder / "later", "people = 2")
    async with stage.props(same) as props:
        async with stage.worker(props) as bench:
            handle = await bench.start()
            first = await bench.approval(handle)
            why = await stage.said(bench, handle, "client", word(first, remember="repository"))
            expect(not why, f"it was not remembered: {why}")
            push = await next_word(bench, handle, first)
            expect(push is not None and push.tool == "git_push", "it was not done")
            await handle.terminate("the scene goes on in another task")
        async with stage.worker(props, policy=file) as bench:
            other = await bench.start()
            asked = await bench.approval(other)
            expect(asked.title == first.title and asked.people == 2, "the stricter policy was not heeded")
            await other.terminate("the scene goes on in another task")
        async with stage.worker(props) as bench:
            client = stage.client(bench)
            grants = await client.grants.list(repository=str(bench.repository))
            expect(len(grants) == 1, f"there are {len(grants)} grants")
            await client.grants.revoke(grants[0].id, by="Ada", reason="no more")
            third = await bench.start()
            asked = await bench.approval(third)
            expect(asked.title == first.title, "a revoked grant still counts")
            await third.terminate("the scene is over")


async def batches(stage: Stage) -> None:
    """Only calls that would do the same are one batch; a batch that changed is decided by nobody; one by one by their own ids."""
    async with stage.play(WRITES) as bench, stage.play(command("echo other > other.txt")) as another:
        client = stage.client(bench)
        one, two = await bench.start(user="batch"), await bench.start(user="batch")
        third = await another.start(user="batch")
        for where, handle in ((bench, one), (bench, two), (another, third)):
            await where.approval(handle)
        found = await client.approvals.batches(user="batch")
        expect(sorted(len(each.members) for each in found) == [1, 2], "other calls are in the same batch")
        pair = next(each for each in found if len(each.members) == 2)
        expect(
            len({each.approval.operation_digest for each in pair.members}) == 2, "two tasks have one digest"
        )
        late = await bench.start(user="batch")
        await bench.approval(late)
        try:
            await client.approvals.batch(pair.key, user="batch")
        except NotPending:
            pass
        else:
            expect(condition=False, why="a batch that another call joined still has its key")
        swapped = [
            each.model_copy(
                update={"approval": each.approval.model_copy(update={"operation_digest": "0" * 64})}
            )
            for each in pair.members
        ]
        outcomes = await client.approvals.decide_many(swapped, "approve", by="Ada")
        expect(not any(each.done for each in outcomes), "approvals of another digest were taken")
        outcomes = await client.approvals.decide_many(pair.members, "approve", by="Ada")
        expect(all(each.done for each in outcomes), f"the batch was not taken: {outcomes}")
        still = await client.approvals.list(user="batch", tool="execute_command")
        waiting = {each.task for each in still}
        expect(waiting == {third.id, late.id}, "the batch decided calls that were not in it")
        for tree in another.settings.home.glob("workspaces/*/*/tree"):
            expect(not (tree / "other.txt").exists(), "another call ran")
