"""What runs is what was approved: the call, its files, its place and its surroundings change after somebody looked."""

from pathlib import Path
from typing import Any

from perdure.contracts.decisions import Approval
from perdure.contracts.errors import StoreUnavailable
from perdure.memory.record import Record
from tests.corpora.consent.stage import (
    Handle,
    Stage,
    expect,
    next_word,
    outcome,
    tree_of,
    with_record,
    word,
)
from tests.workflows.conftest import FIX, TESTS, Bench, Call, git


def command(line: str, **more: Any) -> Call:
    """A command that may change files, which a person is asked about."""
    return ("execute_command", {"command": line, "writes": True, **more})


async def arguments_substituted(stage: Stage) -> None:
    """The arguments are replaced after the approval was looked at."""
    async with stage.asked(command("echo looked-at > made.txt")) as (bench, handle, looked_at):
        other = {"command": "echo other > made.txt", "writes": True}
        edited = await stage.said(bench, handle, "update", word(looked_at, "edit", arguments=other))
        expect(not edited, f"the edit was refused: {edited}")
        fresh = await bench.approval(handle, but=looked_at.id)
        expect(fresh.operation_digest != looked_at.operation_digest, "other arguments have the same digest")
        await stage.refused_in_every_way(bench, handle, word(looked_at))
        stale = {**word(fresh), "operation_digest": looked_at.operation_digest}
        await stage.refused_in_every_way(bench, handle, stale, because="another operation")
        expect(not (tree_of(bench) / "made.txt").exists(), "something ran without an approval of its own")


async def script_rewritten(stage: Stage) -> None:
    """The script that the command names is rewritten."""
    files = {"deploy.sh": "echo as-approved >> ran.txt\n"}
    async with stage.asked(command("sh deploy.sh"), files=files) as (bench, handle, asked):
        expect(
            "as-approved" in asked.preview and "SHA-256" in asked.preview, "the script's text is not shown"
        )
        (tree_of(bench) / "deploy.sh").write_text("echo altered >> ran.txt\n")
        await nothing_altered(stage, bench, handle, asked)


async def ignored_script_rewritten(stage: Stage) -> None:
    """The script is one that Git ignores, so that no tree holds it."""
    files = {".gitignore": "tools.d/\n"}
    lay = command("mkdir -p tools.d && echo 'echo as-approved >> ran.txt' > tools.d/go.sh")
    async with stage.asked(command("sh tools.d/go.sh"), files=files, lay=lay) as (bench, handle, asked):
        (tree_of(bench) / "tools.d" / "go.sh").write_text("echo altered >> ran.txt\n")
        await nothing_altered(stage, bench, handle, asked)


async def package_script_changed(stage: Stage) -> None:
    """What ``npm test`` runs is changed."""
    files = {"package.json": '{"name": "a", "scripts": {"test": "echo as-approved >> ran.txt"}}\n'}
    async with stage.asked(command("npm test"), files=files) as (bench, handle, asked):
        expect("as-approved" in asked.preview, "the script's text is not shown")
        changed = files["package.json"].replace("as-approved", "altered")
        (tree_of(bench) / "package.json").write_text(changed)
        await nothing_altered(stage, bench, handle, asked)


async def nothing_altered(stage: Stage, bench: Bench, handle: Handle, asked: Approval) -> None:
    """Approve what was shown; what somebody put in its place may run only after it was shown."""
    refused = await stage.said(bench, handle, "client", word(asked))
    fresh, _ = await outcome(bench, handle, asked)
    for ran in bench.settings.home.glob("workspaces/*/*/tree/ran.txt"):
        expect("altered" not in ran.read_text(), "what was put in its place ran")
    again = fresh is not None and fresh.tool == asked.tool
    if again and fresh is not None:
        expect(fresh.id != asked.id, "it is asked anew under the old id")
        stage.remarks.append("asked anew")
    else:
        stage.remarks.append(
            "refused" if refused else "what was approved ran, from the files that were approved"
        )


async def remote_moved(stage: Stage) -> None:
    """The remote's branch moves to somebody else's commit before the push."""
    async with stage.asked(FIX, TESTS) as (bench, handle, push):
        status: dict[str, Any] = await handle.query("status")
        branch = str(status["branch"])
        (bench.repository / "theirs.txt").write_text("theirs\n")
        git(bench.repository, "add", "--all")
        git(bench.repository, "commit", "--quiet", "--message", "Theirs")
        git(bench.repository, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        theirs = git(bench.repository, "rev-parse", "HEAD")
        expect(not await stage.said(bench, handle, "signal", word(push)), "the approval was not taken")
        fresh = await next_word(bench, handle, push)
        if fresh is not None:
            await stage.said(bench, handle, "update", word(fresh))
            await next_word(bench, handle, fresh)
        expect(bench.remote_branches().get(branch) == theirs, "somebody else's commit was overwritten")


async def folder_becomes_a_link(stage: Stage) -> None:
    """The folder that is to be deleted is replaced by a link that leads outside."""
    files = {"build/made.txt": "made\n"}
    async with stage.asked(("delete_file", {"path": "build", "recursive": True}), files=files) as (
        bench,
        handle,
        asked,
    ):
        outside = bench.folder / "out"
        outside.mkdir()
        outside.chmod(0o777)
        (outside / "keep.txt").write_text("keep\n")
        build = tree_of(bench) / "build"
        build.rename(bench.folder / "moved-away")
        build.symlink_to(outside)
        await stage.said(bench, handle, "update", word(asked))
        await outcome(bench, handle, asked)
        expect((outside / "keep.txt").exists(), "what lies behind the link was removed")


async def pattern_matches_more(stage: Stage) -> None:
    """More files fit the pattern than when it was shown."""
    files = {"a.log": "a\n", "b.log": "b\n"}
    async with stage.asked(command("rm *.log"), files=files) as (bench, handle, asked):
        expect("matches 2 names" in asked.preview and "`a.log`" in asked.preview, "what fits is not listed")
        tree = tree_of(bench)
        late = [f"late-{number}.log" for number in range(50)] + ["a b.log"]
        for name in late:
            (tree / name).write_text("late\n")
        await stage.said(bench, handle, "update", word(asked))
        fresh, _ = await outcome(bench, handle, asked)
        kept = _kept(bench, late)
        expect(fresh is not None or kept == set(late), "files went that nobody was shown")
        expect(fresh is None or fresh.tool != asked.tool or fresh.id != asked.id, "asked under the old id")


def _kept(bench: Bench, names: list[str]) -> set[str]:
    """Which of the names still are in some folder or checkpoint of the task's."""
    there = {path.name for path in bench.settings.home.glob("workspaces/*/**/*.log")}
    return set(names) & there | ({*names} if not there else set())


async def folder_changed(stage: Stage) -> None:
    """The same words in another folder are another operation."""
    files = {"app/out/a.txt": "a\n", "out/b.txt": "b\n"}
    async with stage.asked(command("rm -rf out", working_directory="app"), files=files) as (
        bench,
        handle,
        asked,
    ):
        expect("`app`" in asked.preview, "the folder is not shown")
        elsewhere = {"command": "rm -rf out", "writes": True, "working_directory": "."}
        await stage.said(bench, handle, "update", word(asked, "edit", arguments=elsewhere))
        fresh = await bench.approval(handle, but=asked.id)
        expect(fresh.operation_digest != asked.operation_digest, "the folder is not part of the digest")
        await stage.refused_in_every_way(bench, handle, word(asked))
        expect((tree_of(bench) / "out" / "b.txt").exists(), "the other folder was removed")


async def surroundings_changed(stage: Stage) -> None:
    """The environment of programs is another one when the worker comes back."""
    async with stage.props(command("echo ran > ran.txt")) as props:
        handle, asked = await stage.left(props)
        other = props.folder / "bin" / "python3"
        other.parent.mkdir()
        other.symlink_to(Path("/usr/bin/env").resolve())
        async with stage.back(props, handle, python=other) as bench:
            await stage.said(bench, handle, "update", word(asked))
            fresh = await next_word(bench, handle, asked)
            expect(
                fresh is not None and fresh.tool == asked.tool, "another environment needed no new approval"
            )


async def approval_used_twice(stage: Stage) -> None:
    """An identical second call asks again, and the first approval does not fit it."""
    same = command("echo once >> twice.txt")
    async with stage.asked(same, same) as (bench, handle, first):
        expect(not await stage.said(bench, handle, "signal", word(first)), "the approval was not taken")
        second = await bench.approval(handle, but=first.id)
        expect(second.title == first.title, "the second call was not asked about")
        replay = word(first, "deny")
        await stage.refused_in_every_way(bench, handle, replay, because="already decided")
        stale = {**word(second), "operation_digest": first.operation_digest}
        await stage.refused_in_every_way(bench, handle, stale, because="another operation")
        expect((tree_of(bench) / "twice.txt").read_text() == "once\n", "it ran without its own approval")


class _LosesOneRecord:
    """The record, which once does not hear of what was done, as if the worker had died in between."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    async def record_results(self, **facts: Any) -> Any:
        pushed = any(result.pushed for result in facts["results"])
        if pushed and not self.lost:
            self.lost = True
            raise StoreUnavailable("The worker ended after the push.")
        return await self._record.record_results(**facts)


async def retried_after_the_effect(stage: Stage) -> None:
    """The worker dies between the push and its record; the retry finds that it is done."""
    async with stage.props(FIX, TESTS) as props:
        losing: list[_LosesOneRecord] = []

        def forgetful(house: Any) -> Any:
            losing.append(_LosesOneRecord(house.record))
            return with_record(house, losing[0])

        async with stage.worker(props, house=forgetful) as bench:
            handle = await bench.start()
            push = await bench.approval(handle)
            expect(not await stage.said(bench, handle, "client", word(push)), "the approval was not taken")
            result: dict[str, Any] = await handle.result()
            expect(losing[0].lost, "the record was never lost, so nothing was shown")
            expect(result["pushed"], f"the push did not come to its end: {result['summary']}")
            branches = [name for name in bench.remote_branches() if name != "main"]
            expect(len(branches) == 1, f"the remote has the branches {branches}")


async def edited_call(stage: Stage) -> None:
    """An edit is judged and shown anew; its digest is what runs, and the record has both."""
    async with stage.asked(command("echo first > made.txt")) as (bench, handle, first):
        changed = {"command": "echo second > made.txt", "writes": True}
        await stage.said(bench, handle, "client", {**word(first, "edit"), "arguments": changed})
        second = await bench.approval(handle, but=first.id)
        expect("echo second" in second.preview, "the edit is not shown")
        expect(not await stage.said(bench, handle, "signal", word(second)), "the approval was not taken")
        await next_word(bench, handle, second)
        expect((tree_of(bench) / "made.txt").read_text() == "second\n", "the edit is not what ran")
        recorded = await bench.house.record.approvals(handle.first_execution_run_id or "")
        outcomes = {each.approval.id: each.decided["outcome"] for each in recorded}
        expect(
            outcomes.get(first.id) == "edited" and outcomes.get(second.id) == "approved",
            f"recorded: {outcomes}",
        )


async def granted_for_one_call_only(stage: Stage) -> None:
    """A yes for the whole task fits the very same call and no other of the same program."""
    turns = [
        command("python3 -c 'print(1)' > one.txt"),
        command("python3 -c 'print(2)' > two.txt"),
    ]
    async with stage.asked(*turns) as (bench, handle, first):
        why = await stage.said(bench, handle, "update", word(first, remember="task"))
        if why:
            stage.remarks.append("refused for an interpreter")
            await stage.said(bench, handle, "update", word(first))
        second = await bench.approval(handle, but=first.id)
        expect("print(2)" in second.preview, "another command of the same program was not asked about")


async def granted_in_one_task_only(stage: Stage) -> None:
    """A yes for a task is none in another one."""
    same = command("echo same > made.txt")
    async with stage.asked(same) as (bench, handle, first):
        await stage.said(bench, handle, "client", word(first, remember="task"))
        await next_word(bench, handle, first)
        other = await bench.start()
        asked = await bench.approval(other)
        expect(asked.title == first.title and asked.id != first.id, "another task inherited the yes")
