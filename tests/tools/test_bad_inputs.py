"""Every tool on hostile paths and files: it answers by a sentence, in time, and what was there is still there."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.hostile_files import HUGE_BYTES, OUTSIDE_TEXT, Hostile, build_hostile, outside_of
from tools.registry import Registry

CALL_S = 90.0


@dataclass(frozen=True)
class Row:
    """How one tool is given a path."""

    arguments: Callable[[str], dict[str, Any]]
    slow: bool = False
    """Whether one call takes long, so that it is given the worst paths alone."""
    deletes: bool = False
    writes: bool = False


ROWS: dict[str, Row] = {
    "analyze_dependencies": Row(lambda path: {"path": path}, slow=True),
    "benchmark_code": Row(lambda path: {"code": "pass", "against": path}, slow=True),
    "create_branch": Row(lambda path: {"name": path}),
    "delete_file": Row(lambda path: {"path": path}, deletes=True),
    "edit_file": Row(
        lambda path: {"path": path, "blocks": [{"search": "word", "replace": "text"}]}, writes=True
    ),
    "eslint_check": Row(lambda path: {"paths": [path]}, slow=True),
    "execute_command": Row(lambda path: {"command": "cat *.txt", "working_directory": path}),
    "explain_code": Row(lambda path: {"path": path}),
    "find_definitions": Row(lambda path: {"symbol": "word", "path": path}, slow=True),
    "find_references": Row(lambda path: {"symbol": "word", "path": path}, slow=True),
    "find_tools": Row(lambda path: {"query": path}),
    "generate_api_route": Row(lambda path: {"path": path}, slow=True),
    "generate_docs": Row(lambda path: {"path": path}, slow=True),
    "generate_nextjs_page": Row(lambda path: {"route": path, "title": "Title"}, slow=True),
    "generate_react_component": Row(lambda path: {"name": "Thing", "folder": path}, slow=True),
    "generate_tests": Row(lambda path: {"path": path}, slow=True),
    "generate_type_definitions": Row(lambda path: {"name": "Thing", "paths": [path]}, slow=True),
    "get_context": Row(lambda path: {"query": "word", "path": path}, slow=True),
    "get_diagnostics": Row(lambda path: {"paths": [path], "types": False}, slow=True),
    "git_blame": Row(lambda path: {"path": path}),
    "git_commit": Row(lambda path: {"message": "Change a file", "paths": [path]}),
    "git_diff": Row(lambda path: {"paths": [path]}),
    "git_log": Row(lambda path: {"paths": [path]}),
    "git_push": Row(lambda _: {}, slow=True),
    "git_restore": Row(lambda path: {"paths": [path]}, slow=True, writes=True, deletes=True),
    "git_status": Row(lambda _: {}, slow=True),
    "grep_search": Row(lambda path: {"pattern": "word", "path": path}),
    "install_dependencies": Row(lambda path: {"ecosystem": "python", "folder": path}, slow=True),
    "list_directory": Row(lambda path: {"path": path}),
    "npm_command": Row(lambda path: {"action": "list", "folder": path}, slow=True),
    "parse_code": Row(lambda path: {"path": path}),
    "prettier_format": Row(lambda path: {"paths": [path], "check": True}, slow=True),
    "read_file": Row(lambda path: {"path": path}),
    "read_output": Row(lambda path: {"step": 1, "pattern": path}),
    "run_tests": Row(lambda path: {"paths": [path]}, slow=True),
    "search_files": Row(lambda path: {"query": "word", "path": path}),
    "semantic_search": Row(lambda path: {"query": "word", "path": path}, slow=True),
    "suggest_improvements": Row(lambda path: {"path": path}, slow=True),
    "summarize_codebase": Row(lambda path: {"path": path}, slow=True),
    "typescript_check": Row(lambda path: {"paths": [path]}, slow=True),
    "validate_syntax": Row(lambda path: {"path": path}, slow=True),
    "write_file": Row(lambda path: {"path": path, "content": "text\n"}, writes=True),
}


def test_every_tool_has_a_row(registry: Registry) -> None:
    assert sorted(ROWS) == sorted(registry.names)


@pytest.fixture
def hostile(bench: Bench) -> tuple[Hostile, ...]:
    """All of them, in the bench's workspace; what belongs to the sandbox's user is theirs."""
    paths = build_hostile(bench.copy.root)
    owner = bench.context.sandbox.owner
    for place in bench.copy.root.rglob("*"):
        if place.is_symlink() or place.lstat().st_nlink == 1 or place.is_dir():
            os.chown(place, owner.uid, owner.gid, follow_symlinks=False)
    return paths


def seen_outside(root: Path) -> dict[str, tuple[int, int, str]]:
    """What stands beside the workspace."""
    folder = outside_of(root)
    return {
        each.name: (each.lstat().st_mode, each.lstat().st_mtime_ns, each.read_text())
        for each in folder.iterdir()
    }


def seen_at(root: Path, path: str) -> tuple[Any, ...] | None:
    """Kind, mode, size and content of what a path names in the workspace; None for nothing."""
    if not path or "\0" in path or len(path) > 255 or not os.path.lexists(root / path):
        return None
    facts = (root / path).lstat()
    if (root / path).is_symlink() or not (root / path).is_file() or facts.st_size >= HUGE_BYTES:
        return facts.st_mode, facts.st_size
    return facts.st_mode, facts.st_size, (root / path).read_bytes()


async def answered(bench: Bench, tool: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """Whether the tool did something, and its words; fails for any other exception than a refusal."""
    try:
        async with asyncio.timeout(CALL_S):
            output = await bench.run(tool, **arguments)
    except ToolRejected as refusal:
        return False, f"{refusal.message} {refusal.hint}"
    return output.ok, output.content


@pytest.mark.parametrize("tool", sorted(ROWS))
async def test_answers_by_a_sentence_and_leaves_what_was_there(
    bench: Bench, hostile: tuple[Hostile, ...], tool: str
) -> None:
    row, root = ROWS[tool], bench.copy.root
    outside = seen_outside(root)
    for each in hostile:
        if row.slow and not each.few:
            continue
        before = seen_at(root, each.path)
        done, said = await answered(bench, tool, row.arguments(each.path))
        told = f"{tool} on {each.name}: {said[:400]!r}"
        assert said.strip(), told
        assert "Traceback (most recent call last)" not in said, told
        assert "[Errno" not in said, told
        assert OUTSIDE_TEXT not in said, told
        assert seen_outside(root) == outside, told
        after = seen_at(root, each.path)
        if not done:
            assert after == before, told
        elif before is not None and not row.deletes:
            assert after is not None, told
            assert row.writes or after == before, told
