"""Starts Node's own test runner."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from tools.test_frameworks.commands import HELPER, REPORT, Command, Selection
from tools.test_frameworks.lines import cases_of
from tools.tool_schemas import Toolchain

REPORTER = Path(__file__).with_name("node_reporter.mjs")


def node_command(selection: Selection, toolchain: Toolchain, files: Sequence[str]) -> Command:
    """``node --test`` on the given test files."""
    if toolchain.node is None:
        raise ToolRejected("Node is not installed on this worker, so its tests cannot run.")
    argv = [str(toolchain.node), "--test"]
    argv += [f"--test-reporter={HELPER}", f"--test-reporter-destination={REPORT}"]
    argv += ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    # Whether a pattern means a test's own name or all names on the way to it differs between Node's releases, so
    # for ids the whole of their files runs.
    argv += [f"--test-name-pattern={selection.pattern}"] if selection.pattern else []
    # Which folders Node searches differs between its releases, so it is given files.
    argv += [f"./{path}" for path in files]
    return Command(
        "node",
        ".",
        tuple(argv),
        partial(cases_of, folder="."),
        helper=REPORTER.read_text(),
        ids=selection.ids,
    )
