"""The git tools in a task: files of its own earlier steps come back, and commits say who approved them."""

from typing import Any

from perdure.contracts.calls import Effect
from tests.workflows.conftest import Call, git, script_of


def write(text: str) -> Call:
    return ("write_file", {"path": "notes.txt", "content": text})


async def test_restores_an_earlier_step_and_commits_with_the_approvers_name(benches: Any) -> None:
    restore: Call = ("git_restore", {"to": "step 1", "paths": ["notes.txt"]})
    compare: Call = ("git_diff", {"against": "step 2"})
    commit: Call = ("git_commit", {"message": "Keep the first notes", "run_hooks": True})
    hook: Call = (
        "write_file",
        {"path": ".githooks/pre-commit", "content": "git diff --cached --quiet && exit 1\ntrue\n"},
    )
    turns = [[write("first\n"), hook], [write("second\n")], [restore], [compare], [commit]]
    async with benches(script_of(turns)) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        assert (approval.tool, approval.effect) == ("git_commit", Effect.RUN_WRITING)
        await bench.decide(handle, approval, "approve")
        result = await bench.finish(handle)
        asked = "".join(each.body.decode() for each in bench.models.requests)
        assert "Restored to the end of step 1: 1 rewritten" in asked
        assert "-second\\n+first" in asked
        said = git(bench.remote, "log", "-1", "--format=%B", result["branch"])
        assert git(bench.remote, "show", f"{result['branch']}:notes.txt") == "first"
        assert said.splitlines()[0] == "Keep the first notes"
        assert "\nPerdure-Step: 5" in said
        assert "\nApproved-by: Ada" in said
