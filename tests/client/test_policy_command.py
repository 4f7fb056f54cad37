"""``policy``: files are checked, verdicts explained, and a change is tried on what tasks have called."""

import json
from pathlib import Path

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Place
from perdure.contracts.calls import Effect, ToolCall
from perdure.contracts.decisions import Approval
from perdure.contracts.task import TaskRequest
from perdure.contracts.transcript import Entry, EntryKind
from perdure.memory.record import Record
from perdure.settings import Settings
from tests.client.shell import Shell, SmallInstallation
from tests.memory.samples import AT, TASK

FILE = """
v = 1

[[rule]]
id = "no-terraform"
commands = ["terraform"]
verdict = "deny"
reason = "Infrastructure is not changed from here."
matches = [{ effect = "run", command = "terraform plan", expected = "deny" }]
does_not_match = [{ effect = "run", command = "ls" }]

[[rule]]
id = "linting-runs"
commands = ["ruff check"]
verdict = "bounded"
loosens = true
reason = "The linter reads alone."
matches = [{ effect = "run", command = "ruff check src", expected = "bounded" }]
does_not_match = [{ effect = "run", command = "ruff format" }]
"""


def shell_of(home: Path, settings: Settings | None = None) -> Shell:
    """A shell of an installation without a server."""
    return Shell(SmallInstallation(Place(home, "q", {}), database=settings))


async def test_a_file_is_checked_with_its_examples_or_named_with_the_rule(tmp_path: Path) -> None:
    file, shell = tmp_path / "policy.toml", shell_of(tmp_path)
    file.write_text(FILE)
    done = await shell.run("policy", "check", "--file", str(file), columns=300)
    assert done.exit_code == 0, done.stderr
    assert f"{file}: 2 rules, 4 examples hold" in done.stdout
    file.write_text(FILE.replace('expected = "deny"', 'expected = "ask"'))
    refused = await shell.run("policy", "check", "--file", str(file), columns=500)
    assert refused.exit_code == ExitCode.INSTALLATION.value
    assert "rule 'no-terraform'" in refused.stderr
    assert "it expects 'ask', but 'no-terraform' decides 'deny'" in refused.stderr


async def test_a_verdict_is_explained_rule_by_rule(tmp_path: Path) -> None:
    file, request, shell = tmp_path / "policy.toml", tmp_path / "request.json", shell_of(tmp_path)
    file.write_text(FILE)
    done = await shell.run("policy", "explain", "ruff check src", "--file", str(file), "--json")
    found = json.loads(done.stdout)
    assert (found["verdict"], found["analysis"]["verdict"]) == ("bounded", "ask")
    assert [(each["rule"], each["stands"]) for each in found["rules"]] == [
        ("programs-run-bounded", True),
        ("other-commands-ask", False),
        ("linting-runs", True),
    ]
    own = {"id": "own-rule", "verdict": "deny", "paths": ["src/**"], "reason": "Nothing in src is touched."}
    request.write_text(json.dumps({"request": "x", "repository": "/r", "policy": [own]}))
    done = await shell.run(
        *("policy", "explain", "--tool", "write_file", "--arguments", '{"path": "src/a.py", "content": ""}'),
        *("--request", str(request)),
    )
    assert done.stdout.startswith("deny: own-rule: Nothing in src is touched.")
    pushed = await shell.run("policy", "explain", "--tool", "git_push", "--mode", "plan", columns=300)
    assert pushed.stdout.startswith("deny: only-changing-tasks-change")
    for wrong in ((), ("--tool", "write_file", "--arguments", "["), ("write_file", "--arguments", "{}")):
        assert (await shell.run("policy", "explain", *wrong)).exit_code == ExitCode.USAGE.value


async def test_a_change_is_tried_on_recorded_calls_and_on_collections(
    tmp_path: Path, database_url: str
) -> None:
    lines = ["ruff check src", "terraform plan", "ls", "ruff format a.py", "python x.py"]
    record = await Record.connect(database_url, pool_size=2)
    await _recorded(record, lines)
    await record.close()
    file, folder = tmp_path / "policy.toml", tmp_path / "corpora"
    file.write_text(FILE)
    folder.mkdir()
    (folder / "commands.json").write_text(json.dumps({"benign": [{"id": "b1", "command": "ruff check ."}]}))
    settings = Settings.model_validate({"database_url": database_url})
    done = await shell_of(tmp_path, settings).run(
        "policy", "suggest", "--file", str(file), "--corpora", str(folder), "--json"
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["calls"] == len(lines) * 3 + 1
    assert [(each["call"], each["after"]) for each in found["changes"] if each["loosened"]] == [
        ("ruff check .", "bounded"),
        *[("ruff check src", "bounded")] * 3,
    ]
    assert {each["call"] for each in found["changes"] if not each["loosened"]} == {"terraform plan"}
    assert [each["approvals"] for each in found["suggestions"]] == [3]
    rule = found["suggestions"][0]["rule"]
    assert 'commands = ["ruff format"]' in rule
    file.write_text(f"v = 1\n{rule}")
    assert (await shell_of(tmp_path).run("policy", "check", "--file", str(file))).exit_code == 0


async def _recorded(record: Record, lines: list[str]) -> None:
    """A task that made these calls in three steps, each approved where it asks."""
    request = TaskRequest(request="x", repository="/r")
    await record.open_task(task_id=TASK, workflow_id="w", request=request, repository="/r", at=AT)
    parent: Entry | None = None
    for step in range(3):
        calls = [
            ToolCall(index=index, call_id=f"c{index}", tool="execute_command", arguments={"command": line})
            for index, line in enumerate(lines)
        ]
        parent = Entry(
            task_id=TASK,
            parent=parent.digest if parent else "",
            depth=step,
            step=step,
            kind=EntryKind.DECISION,
            body={"v": 1, "by": "model", "calls": [call.model_dump(mode="json") for call in calls]},
            at=AT.isoformat(),
        ).sealed()
        await record.append([parent])
        for call in calls[3:]:
            approval = Approval(
                id=f"{step}-{call.index}", operation_digest="d" * 64, run_id="r", step=step, call=call.index,
                tool=call.tool, effect=Effect.RUN, title=call.tool, preview="", asked_at="", expires_at="",
            )  # fmt: skip
            await record.record_approval(
                task_id=TASK, approval=approval, asked_at=AT, decided={"outcome": "approved"}, decided_at=AT
            )
