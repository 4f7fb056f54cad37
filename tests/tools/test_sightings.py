"""What a task has not read, or what was changed since, it does not overwrite."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.tool_schemas import ToolOutput


@dataclass
class Task:
    """Runs calls as a task does, which remembers what each of them showed."""

    bench: Bench
    known: dict[str, str] = field(default_factory=dict[str, str])

    async def run(self, tool: str, **arguments: Any) -> ToolOutput:
        async def seen(path: str) -> str:
            return self.known.get(path, "")

        bench = replace(self.bench, context=replace(self.bench.context, seen=seen))
        output = await bench.run(tool, **arguments)
        self.known.update(output.seen)
        return output


@pytest.fixture
def task(bench: Bench) -> Task:
    return Task(bench)


async def test_a_file_that_was_never_read_is_not_replaced(task: Task) -> None:
    before = task.bench.text("README.md")
    with pytest.raises(ToolRejected, match=r"'README.md' exists and was not read in this task.*read_file"):
        await task.run("write_file", path="README.md", content="new\n")
    assert task.bench.text("README.md") == before


async def test_a_file_that_was_read_is_replaced_and_then_known(task: Task) -> None:
    await task.run("read_file", path="README.md", limit=1)
    await task.run("write_file", path="README.md", content="new\n")
    await task.run("write_file", path="README.md", content="newer\n")
    assert task.bench.text("README.md") == "newer\n"


async def test_a_file_that_was_changed_since_is_read_again_first(task: Task) -> None:
    await task.run("read_file", path="README.md")
    await task.run("execute_command", command="echo more >> README.md", writes=True)
    with pytest.raises(ToolRejected, match="was changed since you read it"):
        await task.run("write_file", path="README.md", content="new\n")
    assert task.bench.text("README.md").endswith("more\n")
    await task.run("read_file", path="README.md")
    await task.run("write_file", path="README.md", content="new\n")
    assert task.bench.text("README.md") == "new\n"


async def test_a_new_file_and_an_empty_one_need_no_reading(task: Task) -> None:
    await task.run("write_file", path="new.txt", content="a\n")
    await task.run("write_file", path="new.txt", content="b\n")
    await task.run("write_file", path="app/__init__.py", content="x = 1\n")
    assert task.bench.text("new.txt") == "b\n"


async def test_an_edit_of_a_file_that_was_read_leaves_it_known(task: Task) -> None:
    await task.run("read_file", path="README.md")
    await task.run("edit_file", path="README.md", blocks=[{"search": "Totals", "replace": "Sums"}])
    await task.run("write_file", path="README.md", content="new\n")
    assert task.bench.text("README.md") == "new\n"


async def test_an_edit_of_one_place_does_not_make_the_rest_known(task: Task) -> None:
    await task.run("edit_file", path="README.md", blocks=[{"search": "Totals", "replace": "Sums"}])
    with pytest.raises(ToolRejected, match="was not read"):
        await task.run("write_file", path="README.md", content="new\n")


async def test_a_renamed_file_is_known_by_its_new_name(task: Task) -> None:
    await task.run("read_file", path="README.md")
    patch = "*** Begin Patch\n*** Update File: README.md\n*** Move to: docs/READ.md\n@@\n-# Billing\n+# Bills\n*** End Patch"
    await task.run("edit_file", patch=patch)
    await task.run("write_file", path="docs/READ.md", content="new\n")
    assert task.bench.text("docs/READ.md") == "new\n"


async def test_lines_numbered_on_an_older_file_are_not_replaced(task: Task) -> None:
    await task.run("read_file", path="README.md")
    task.bench.put("README.md", "# Billing\n\nTotals and averages.\n\nBy somebody else.\n")
    one = {"start": 1, "end": 1, "expected": "# Billing", "replace": "# Bills"}
    with pytest.raises(ToolRejected, match="was changed since you read it"):
        await task.run("edit_file", path="README.md", ranges=[one])
    assert task.bench.text("README.md").startswith("# Billing")


async def test_lines_that_say_what_they_replace_need_no_reading(task: Task) -> None:
    one = {"start": 1, "end": 1, "expected": "# Billing", "replace": "# Bills"}
    await task.run("edit_file", path="README.md", ranges=[one])
    assert task.bench.text("README.md").startswith("# Bills\n")


async def test_a_bare_line_number_needs_a_file_that_was_read(task: Task) -> None:
    insertion = {"start": 2, "end": 1, "expected": "", "replace": "new line"}
    with pytest.raises(ToolRejected, match="was not read"):
        await task.run("edit_file", path="README.md", ranges=[insertion])
    await task.run("read_file", path="README.md")
    await task.run("edit_file", path="README.md", ranges=[insertion])
    assert task.bench.text("README.md").startswith("# Billing\nnew line\n")


async def test_a_link_and_its_target_are_one_file(task: Task) -> None:
    (task.bench.copy.root / "link.md").symlink_to("README.md")
    output = await task.run("read_file", path="link.md")
    assert output.seen == {"README.md": hashlib.sha256(task.bench.text("README.md").encode()).hexdigest()}
    await task.run("write_file", path="README.md", content="new\n")
    assert task.bench.text("README.md") == "new\n"


async def test_a_preview_refuses_what_the_call_would_refuse(task: Task) -> None:
    async def seen(path: str) -> str:
        return ""

    bench = replace(task.bench, context=replace(task.bench.context, seen=seen))
    with pytest.raises(ToolRejected, match="was not read"):
        await bench.preview("write_file", path="README.md", content="new\n")
