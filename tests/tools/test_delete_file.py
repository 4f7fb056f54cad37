"""delete_file takes away what a checkpoint can bring back, and nothing else."""

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench, call


async def test_deletes_a_file_whatever_its_name(bench: Bench) -> None:
    for path in ("-rf.txt", "ä\n b.txt", "*.txt", "README.md"):
        bench.put(path, "x\n")
        bench.put("other.txt", "stays\n")
        output = await bench.run("delete_file", path=path)
        assert not bench.copy.files.exists(path)
        assert bench.text("other.txt") == "stays\n"
        assert output.changed_paths == (path,)


async def test_deletes_a_link_and_not_its_target(bench: Bench) -> None:
    (bench.copy.root / "link").symlink_to("app")
    output = await bench.run("delete_file", path="link")
    assert output.summary == "Deleted link link to 'app'."
    assert bench.copy.files.exists("app/money.py")


async def test_a_folder_needs_to_be_asked_for(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"it holds '__init__\.py', 'money\.py'.*recursive=true"):
        await bench.run("delete_file", path="app")
    preview = await bench.preview("delete_file", path="app", recursive=True)
    assert "app with 2 files" in preview.markdown
    assert "- app/money.py" in preview.markdown
    await bench.run("delete_file", path="app/", recursive=True)
    assert [entry.name for entry in bench.copy.files.list()] == [".gitignore", "README.md"]


async def test_a_folder_is_another_effect_than_a_file(bench: Bench) -> None:
    assert (
        bench.registry.summarize(call("delete_file", path="app", recursive=True)).effect is Effect.DESTRUCTIVE
    )
    assert bench.registry.summarize(call("delete_file", path="README.md")).effect is Effect.WRITE


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".", "The workspace itself"),
        ("app/..", "The workspace itself"),
        ("../outside", "outside"),
        ("/etc/passwd", "outside"),
        (".git", "belongs to Git"),
        ("REDME.md", "Did you mean 'README.md'"),
        ("build", "Git ignores 'build/a.txt', 'build/b/c.txt'"),
        ("debug.log", "Git ignores 'debug.log'"),
        ("nested", "'nested/.git' is a repository of its own"),
    ],
)
async def test_refuses_what_could_not_be_brought_back(bench: Bench, path: str, said: str) -> None:
    for name in ("build/a.txt", "build/b/c.txt", "debug.log", "nested/a.txt"):
        bench.put(name, "x\n")
    (bench.copy.root / "nested/.git").mkdir()
    with pytest.raises(ToolRejected) as caught:
        await bench.run("delete_file", path=path, recursive=True)
    assert said in str(caught.value)
    for name in ("build/b/c.txt", "debug.log", "nested/a.txt", "README.md"):
        assert bench.copy.files.exists(name)


async def test_a_file_is_deleted_where_the_path_really_leads(bench: Bench) -> None:
    """Behind a link ``..`` is the folder above the link's target, whatever stands before it."""
    outside = bench.copy.root.parent / "outside"
    outside.mkdir()
    (outside / "README.md").write_text("theirs\n")
    (bench.copy.root / "away").symlink_to(outside / "inner")
    (outside / "inner").mkdir()
    bench.put("README.md", "ours\n")
    with pytest.raises(ToolRejected, match="outside"):
        await bench.run("delete_file", path="away/../README.md")
    assert bench.text("README.md") == "ours\n"
    (bench.copy.root / "inside").symlink_to("app")
    await bench.run("delete_file", path="inside/money.py")
    assert not bench.copy.files.exists("app/money.py")
