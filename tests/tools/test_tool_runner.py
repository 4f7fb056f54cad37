"""Running calls for the steps: what an approval covers, and what the model sees of an output."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perdure.contracts.calls import Author, CallKey, CallSummary, Effect, ToolCall, Verdict
from perdure.contracts.errors import ToolRejected
from perdure.contracts.judging import CallFacts, Named, Standing
from perdure.contracts.names import WHOLE_OUTPUT
from perdure.contracts.outcomes import Operation, RanCall
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from tests.tools.conftest import Bench, call
from tools.tool_runner import ToolRunner, ran_call
from tools.tool_schemas import OUTPUT_CHARACTERS, Artifact, Effects, Toolchain, ToolOutput

KEY = CallKey(task_id="task-1", run_id="run-1", step=3, call_index=1)
ASKED = CallSummary(
    index=0,
    tool="",
    title="",
    effect=Effect.RUN_WRITING,
    verdict=Verdict.ASK,
    reason="asks",
    arguments_digest="",
)
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def ledgers() -> list[tuple[str, datetime]]:
    """Which ledgers were asked for."""
    return []


@pytest.fixture
def runner(bench: Bench, toolchain: Toolchain, ledgers: list[tuple[str, datetime]]) -> ToolRunner:
    def ledger(task_id: str, at: datetime) -> Effects:
        ledgers.append((task_id, at))
        return bench.ledger

    return ToolRunner(bench.registry, Policy.load(), bench.context.sandbox, toolchain, ledger)


async def operation_of(runner: ToolRunner, bench: Bench, one: ToolCall, **changes: Any) -> Operation:
    """What the call would do."""
    fields: dict[str, Any] = {"summary": ASKED, "requested_at": AT, **changes}
    return await runner.operation(one, copy=bench.copy, key=bench.context.key, **fields)


async def run(runner: ToolRunner, bench: Bench, one: ToolCall) -> RanCall:
    """What the call brings."""
    return await runner.run(
        one, copy=bench.copy, key=bench.context.key, requested_at=AT, beat=bench.beats.append, approved={}
    )


INSTALL = call("execute_command", command="make install", writes=True)


async def test_the_same_operation_has_the_same_digest(runner: ToolRunner, bench: Bench) -> None:
    first = await operation_of(runner, bench, INSTALL)
    spelled = call("execute_command", command="make install", writes="true", working_directory=".")
    assert await operation_of(runner, bench, spelled, requested_at=AT + timedelta(days=1)) == first
    assert first.title == "execute_command (writes): make install"
    assert "make install" in first.preview
    assert len(first.digest) == 64


async def test_an_approval_covers_one_operation_and_no_other(runner: ToolRunner, bench: Bench) -> None:
    digests = [
        (await operation_of(runner, bench, INSTALL)).digest,
        (
            await operation_of(
                runner, bench, INSTALL, summary=ASKED.model_copy(update={"rules": ("another-rule",)})
            )
        ).digest,
    ]
    for other in (
        call("execute_command", command="make  install", writes=True),
        call("execute_command", command="make install", writes=True, timeout_s=61),
        call("execute_command", command="make install", writes=True, working_directory="app"),
        call("execute_command", command="make install"),
    ):
        digests.append((await operation_of(runner, bench, other)).digest)
    bench.put("app/new.py", "x = 1\n")
    digests.append((await operation_of(runner, bench, INSTALL)).digest)
    await bench.run("git_commit", message="Move the head")
    digests.append((await operation_of(runner, bench, INSTALL)).digest)
    # By hand, beside the task, with nothing that records it.
    (bench.copy.root / "app" / "new.py").write_text("x = 2\n")
    digests.append((await operation_of(runner, bench, INSTALL)).digest)
    assert len(set(digests)) == len(digests)


async def test_a_push_is_another_one_when_the_remote_moved(runner: ToolRunner, bench: Bench) -> None:
    bench.put("app/new.py", "x = 1\n")
    await bench.run("git_commit", message="Add x")
    first = await operation_of(runner, bench, call("git_push"))
    assert (await operation_of(runner, bench, call("git_push"))).digest == first.digest
    assert set(first.facts) == {"remote", "branch", "commit", "remote_head"}
    commit = await bench.copy.git.head()
    await bench.copy.git.push(await bench.copy.git.branch(), commit)
    bench.put("app/new.py", "x = 2\n")
    await bench.run("git_commit", message="Change x")
    assert (await operation_of(runner, bench, call("git_push"))).facts["remote_head"] == commit


async def test_what_would_be_refused_has_no_operation(runner: ToolRunner, bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="nothing to push"):
        await operation_of(runner, bench, call("git_push"))
    with pytest.raises(ToolRejected, match="There is no tool 'rm'"):
        await operation_of(runner, bench, call("rm"))
    with pytest.raises(ToolRejected, match="Exactly one of command and argv says what runs"):
        await operation_of(runner, bench, call("execute_command", writes=True))


async def test_runs_a_call_with_the_tasks_own_ledger(
    runner: ToolRunner, bench: Bench, ledgers: list[tuple[str, datetime]]
) -> None:
    ran = await run(runner, bench, call("read_file", path="README.md"))
    assert ran.ok
    assert "Totals and averages." in ran.for_model
    assert ledgers == [("task-1", AT)]


async def test_a_call_that_cannot_run_is_refused(runner: ToolRunner, bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"missing\.py"):
        await run(runner, bench, call("read_file", path="missing.py"))


def test_the_policy_and_the_registry_speak_through_it(runner: ToolRunner) -> None:
    title, effect, _, _, named = runner.summarize(INSTALL)
    assert (title, effect) == ("execute_command (writes): make install", Effect.RUN_WRITING)
    assert named == Named(command="make install", paths=(".",))
    standing = Standing(Mode.CHANGE, Safety.CAUTIOUS, Author.MODEL)
    found = runner.judge(CallFacts("execute_command", effect, standing, named))
    assert (found.verdict, bool(found.reason)) == (Verdict.ASK, True)


async def test_a_push_is_worked_out_with_branch_remote_and_host(runner: ToolRunner, bench: Bench) -> None:
    origin = bench.copy.origin.model_copy(update={"remote": "https://ada:key@git.example:8443/r.git"})
    copy = replace(bench.copy, origin=origin)
    assert await runner.worked_out(call("git_push"), copy) == Named(
        branches=(await copy.git.branch(),),
        remotes=("https://git.example:8443/r.git",),
        hosts=("git.example",),
    )
    assert await runner.worked_out(call("git_status"), copy) is None


async def test_where_paths_lead_is_worked_out_in_the_files_as_they_are(
    runner: ToolRunner, bench: Bench
) -> None:
    for name in ("kept/a.txt", "kept/b/c.lock", "other/deep/d.txt"):
        bench.put(name, "text\n")
    (bench.copy.root / "way").symlink_to("kept")
    (bench.copy.root / "down").symlink_to("other/deep")

    async def named(tool: str, /, **arguments: Any) -> tuple[str, ...]:
        found = await runner.worked_out(call(tool, **arguments), bench.copy)
        return () if found is None else found.paths

    assert await named("read_file", path="way/a.txt") == ("way/a.txt", "kept/a.txt")
    # The system follows the link before it goes up again.
    assert await named("read_file", path="down/../d.txt") == ("d.txt", "down/../d.txt", "other/d.txt")
    assert await named("write_file", path=str(bench.copy.root / "kept/a.txt"), content="") == (
        str(bench.copy.root / "kept/a.txt"),
        "kept/a.txt",
    )
    assert sorted(await named("delete_file", path="kept", recursive=True)) == [
        "kept",
        "kept/a.txt",
        "kept/b/c.lock",
    ]
    # What only reads a folder names no file of it.
    assert await named("list_directory", path="kept") == ()
    assert await named("read_file", path="kept/a.txt") == ()


def test_a_short_output_is_shown_whole() -> None:
    assert ran_call(
        ToolOutput("\n  2 passed  \nin 3 s\n", summary="2 passed", duration_s=3.1), key=KEY
    ) == RanCall(ok=True, for_model="\n  2 passed  \nin 3 s\n", excerpt="2 passed", duration_s=3.1)
    assert ran_call(ToolOutput("x" * OUTPUT_CHARACTERS), key=KEY).attachments == ()


def test_a_long_output_is_shortened_and_kept_whole() -> None:
    text = "first\n" + "\ud800 middle\n" * 2_000 + "ValueError: broken\n" + "more\n" * 3_000 + "last"
    ran = ran_call(
        ToolOutput(text, ok=False, summary="exit code 1", artifacts=(Artifact("a", b"b"),)), key=KEY
    )
    assert len(ran.for_model) <= OUTPUT_CHARACTERS
    for shown in (
        "first",
        "ValueError: broken",
        "last",
        'for all of it send read_output {"step": 3, "call": 1, "start": ',
    ):
        assert shown in ran.for_model
    assert (ran.ok, ran.excerpt) == (False, "exit code 1")
    kept = [(name, media_type) for name, _, media_type in ran.attachments]
    assert kept == [("a", "text/plain; charset=utf-8"), (WHOLE_OUTPUT, "text/plain; charset=utf-8")]
    assert ran.attachments[1][1] == text.encode("utf-8", "backslashreplace")


def test_commits_and_pushes_are_passed_on() -> None:
    ran = ran_call(ToolOutput("done", commit="c" * 40, pushed="main@" + "c" * 40), key=KEY)
    assert (ran.commit, ran.pushed) == ("c" * 40, "main@" + "c" * 40)


def test_a_tool_may_be_shown_less_than_others() -> None:
    ran = ran_call(ToolOutput("line\n" * 1_000), key=KEY, limit=500)
    assert len(ran.for_model) <= 500
    assert [name for name, _, _ in ran.attachments] == [WHOLE_OUTPUT]


async def test_a_preview_says_what_the_call_changes(runner: ToolRunner, bench: Bench) -> None:
    written = await operation_of(runner, bench, call("write_file", path="app/new.py", content="x = 1\n"))
    assert written.preview.endswith("\n\nChanges `app/new.py`")
    branch = await operation_of(runner, bench, call("create_branch", name="feature/x"))
    assert branch.preview.endswith("\n\nChanges `HEAD`, `refs/heads/feature/x`")
    assert "\n\nChanges" not in (await operation_of(runner, bench, INSTALL)).preview


def test_a_malformed_call_of_a_tool_that_was_not_offered_brings_its_schema(
    bench: Bench, toolchain: Toolchain
) -> None:
    def ledger(task_id: str, at: datetime) -> Effects:
        return bench.ledger

    runner = ToolRunner(
        bench.registry, Policy.load(), bench.context.sandbox, toolchain, ledger, known=("read_file",)
    )
    with pytest.raises(
        ToolRejected, match=r'\nIts arguments: \{.*"name":\{"description":"Name of the new branch'
    ):
        runner.summarize(call("create_branch"))
    with pytest.raises(ToolRejected) as caught:
        runner.summarize(call("read_file"))
    assert "Its arguments:" not in str(caught.value)
    assert runner.summarize(call("create_branch", name="x")).title == "create_branch x"
