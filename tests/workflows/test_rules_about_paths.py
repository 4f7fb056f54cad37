"""Rules about paths hold where the paths lead: behind links, in folders that go as a whole, and by every other way."""

from typing import Any

from tests.workflows.conftest import FIX, Bench, Call, git, script_of

RULES = [
    {"id": "no-secrets-go", "paths": ["kept/**", "*.lock"], "effects": ["write", "destructive"], "verdict": "deny",
     "reason": "What is kept stays as it is."},
    {"id": "reading-asks", "paths": ["shown/**"], "effects": ["read"], "verdict": "ask",
     "reason": "Somebody looks before this is read."},
]  # fmt: skip


def with_links(bench: Bench) -> None:
    """Links and folders that lead to what the rules are about."""
    for name in ("kept/a.txt", "shown/a.txt", "deep/er/poetry.lock"):
        (bench.repository / name).parent.mkdir(parents=True)
        (bench.repository / name).write_text("secret\n")
    (bench.repository / "way").symlink_to("kept")
    (bench.repository / "note.txt").symlink_to("shown/a.txt")
    git(bench.repository, "add", "--all")
    git(bench.repository, "commit", "--quiet", "--message", "Links")
    git(bench.repository, "push", "--quiet", "origin", "main")


async def test_a_change_is_denied_where_its_path_leads(benches: Any) -> None:
    tries: list[Call] = [
        ("write_file", {"path": "way/fresh.txt", "content": "other\n"}),
        ("write_file", {"path": "way/../kept/new.txt", "content": "other\n"}),
        ("delete_file", {"path": "deep", "recursive": True}),
        ("delete_file", {"path": "kept", "recursive": True}),
    ]
    autonomous = {"safety": "autonomous", "policy": RULES[:1]}
    async with benches(script_of([*[[each] for each in tries], [FIX]]), max_safety="autonomous") as bench:
        with_links(bench)
        handle = await bench.start(**autonomous)
        result = await bench.finish(handle)
        calls = await bench.calls(handle)
        assert [each["ok"] for each in calls[: len(tries)]] == [False] * len(tries)
        assert all("What is kept stays as it is." in str(each) for each in calls[: len(tries)])
        kept = git(bench.remote, "ls-tree", "-r", "--name-only", result["branch"])
        assert {"kept/a.txt", "deep/er/poetry.lock"} <= set(kept.splitlines())
        assert not {"kept/new.txt", "kept/fresh.txt"} & set(kept.splitlines())


async def test_of_calls_that_read_together_the_one_that_leads_elsewhere_is_asked_about(benches: Any) -> None:
    together: list[Call] = [
        ("read_file", {"path": "money/rounding.py"}),
        ("read_file", {"path": "note.txt"}),
        ("read_file", {"path": "kept/a.txt"}),
    ]
    async with benches(script_of([together, [FIX]])) as bench:
        with_links(bench)
        handle = await bench.start(policy=RULES[1:])
        approval = await bench.approval(handle)
        assert (approval.tool, approval.rules[0]) == ("read_file", "reading-asks")
        assert "note.txt" in approval.title
        await bench.decide(handle, approval, "approve")
        await bench.finish(handle)
        read = [each["title"] for each in await bench.calls(handle) if each["title"].startswith("read_file")]
        assert sorted(read) == ["read_file kept/a.txt", "read_file money/rounding.py", "read_file note.txt"]
