"""Which frameworks run for a call, in the order of their commands."""

import asyncio
from collections.abc import Sequence

from tools.test_frameworks.commands import Command, Selection, Unable
from tools.test_frameworks.compiled_tests import OF_COMPILED, CompiledTests
from tools.test_frameworks.javascript_tests import JavaScriptTests, refuse_without_tests
from tools.test_frameworks.python_tests import PythonTests
from tools.test_frameworks.tree import file_of, present, walked
from tools.tool_schemas import ToolContext

OF_PYTHON = ("pytest", "unittest")


async def planned(
    context: ToolContext, *, framework: str, paths: Sequence[str], pattern: str
) -> list[Command | Unable]:
    """A command, or why there is none, for every framework with tests in the paths; ToolRejected where none has.

    ``framework`` is ``auto`` or the one that the caller wants.
    """
    files = context.copy.files
    given = [present(files, path) for path in paths]
    selection = Selection(
        paths=tuple(path for path in given if "::" not in path),
        ids=tuple(path for path in given if "::" in path),
        pattern=pattern,
    )
    found = await asyncio.to_thread(walked, files, list(map(file_of, given)) or ["."])
    wanted = "" if framework == "auto" else framework
    commands: list[Command | Unable] = []
    if not wanted or wanted in OF_PYTHON:
        commands += await PythonTests(context).commands(found, selection, wanted)
    if not wanted or wanted in OF_COMPILED:
        compiled = CompiledTests(files, context.toolchain)
        commands += await asyncio.to_thread(compiled.commands, found, selection, wanted)
    if wanted not in (*OF_PYTHON, *OF_COMPILED):
        tests = JavaScriptTests(files, context.toolchain)
        commands += await asyncio.to_thread(tests.commands, found, selection, wanted)
    if not commands:
        raise refuse_without_tests(selection)
    return commands
