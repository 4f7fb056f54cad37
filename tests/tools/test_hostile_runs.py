"""Programs that print or fork without end, or ignore every signal, and tools whose programs are missing: a sentence, in time."""

import json
from dataclasses import replace
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

PYTHON = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
except OSError:
    pass
while True:
    os.write(2, b"x" * 65536)
"""
SHELL = "trap '' TERM HUP INT; for i in 1 2 3; do sleep 600 & done; yes"
SCRIPT = """
process.on("SIGTERM", () => {});
for (;;) require("fs").writeSync(1, "x".repeat(65536));
"""


@pytest.fixture
def hostile(bench: Bench) -> Bench:
    """A project whose tests, scripts and own programs are all of that kind."""
    bench.put("tests/test_it.py", f"def test_it():\n{PYTHON.replace(chr(10), chr(10) + '    ')}")
    bench.put("package.json", json.dumps({"name": "x", "version": "1.0.0", "scripts": {"it": SHELL}}))
    bench.put("tsconfig.json", '{"compilerOptions": {"types": []}}')
    bench.put("eslint.config.mjs", "export default [];\n")
    bench.put("a.ts", "export const a = 1;\n")
    for package, program in (("typescript", "tsc"), ("eslint", "eslint"), ("prettier", "prettier")):
        manifest = {"name": package, "version": "9.0.0", "bin": {program: "it.js"}}
        bench.put(f"node_modules/{package}/package.json", json.dumps(manifest))
        bench.put(f"node_modules/{package}/it.js", SCRIPT)
    return bench


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("run_tests", {"framework": "pytest", "timeout_s": 3}, "no tests ran, killed after "),
        ("npm_command", {"action": "run", "args": ["it"], "timeout_s": 30}, "by its output limit of "),
        ("benchmark_code", {"code": PYTHON, "rounds": 2, "timeout_s": 3}, "killed after "),
        ("execute_command", {"command": SHELL, "timeout_s": 30}, "by its output limit of "),
        ("typescript_check", {}, "The programs were stopped before they could answer"),
        ("eslint_check", {}, "The programs were stopped before they could answer"),
        ("prettier_format", {"check": True}, "The programs were stopped before they could answer"),
    ],
)
async def test_a_run_that_never_ends_by_itself_is_ended(
    hostile: Bench, tool: str, arguments: dict[str, Any], said: str
) -> None:
    try:
        output = await hostile.run(tool, **arguments)
        told = "" if output.ok else output.content
    except ToolRejected as refusal:
        told = refusal.message
    assert said in told, told[-1_000:]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("npm_command", {"action": "run", "args": ["it"]}),
        ("benchmark_code", {"code": "1", "language": "javascript"}),
        ("typescript_check", {}),
        ("eslint_check", {}),
        ("prettier_format", {"check": True}),
    ],
)
async def test_without_node_what_needs_it_says_so(
    hostile: Bench, tool: str, arguments: dict[str, Any]
) -> None:
    context = replace(hostile.context, toolchain=replace(hostile.context.toolchain, node=None))
    with pytest.raises(ToolRejected, match="Node is not installed"):
        await replace(hostile, context=context).run(tool, **arguments)


async def test_without_our_own_programs_a_project_without_its_own_is_told_to_install(bench: Bench) -> None:
    toolchain = replace(bench.context.toolchain, node_modules=None)
    lesser = replace(bench, context=replace(bench.context, toolchain=toolchain))
    bench.put("package.json", "{}")
    bench.put("tsconfig.json", "{}")
    for tool in ("typescript_check", "eslint_check", "prettier_format"):
        with pytest.raises(ToolRejected, match="has not installed this program"):
            await lesser.run(tool)
